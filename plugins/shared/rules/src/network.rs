//! S3xx: network access, found as source text, as an address in data, or as a reference to a client's name.
//!
//! A model file needs no network. Yet half of the real ones hold links (licences, papers, data sets, model cards): an address in
//! prose or in a known metadata field is a fact, and only what a program would *do* with one is a finding.

use modelaudit_plugin::{Rule, Severity};

/// What to do about code that talks.
const CUT_OFF: &str = "read the code before running it, and load the model where it has no network";

/// Sockets.
pub const S301: Rule = Rule {
    id: "S301",
    title: "socket opened",
    severity: Severity::Critical,
    why: "the code opens a network connection of its own (socket, ssl, asyncio streams, websockets, zmq): a way out for data and a way in \
          for commands",
    remedy: CUT_OFF,
    references: &["CWE-506", "https://docs.python.org/3/library/socket.html"],
};

/// HTTP clients.
pub const S302: Rule = Rule {
    id: "S302",
    title: "HTTP request",
    severity: Severity::Warning,
    why: "the code fetches or sends something over HTTP (requests, urllib, httpx, aiohttp). An example in a model card does not fire it.",
    remedy: CUT_OFF,
    references: &["CWE-494", "CWE-829"],
};

/// `http.client` and `http.server`.
pub const S303: Rule = Rule {
    id: "S303",
    title: "HTTP protocol used directly",
    severity: Severity::Warning,
    why: "the code speaks HTTP itself (http.client) or opens a server on this machine (http.server, socketserver, xmlrpc)",
    remedy: CUT_OFF,
    references: &["CWE-829"],
};

/// `ftplib`.
pub const S304: Rule = Rule {
    id: "S304",
    title: "FTP used",
    severity: Severity::Warning,
    why: "the code moves files over FTP, which no model needs and which is neither encrypted nor authenticated",
    remedy: CUT_OFF,
    references: &["CWE-319"],
};

/// `telnetlib`.
pub const S305: Rule = Rule {
    id: "S305",
    title: "Telnet used",
    severity: Severity::Warning,
    why: "the code opens a terminal session on another machine over Telnet, in clear text",
    remedy: CUT_OFF,
    references: &["CWE-319"],
};

/// `smtplib`.
pub const S306: Rule = Rule {
    id: "S306",
    title: "mail sent or read",
    severity: Severity::Warning,
    why: "the code sends or reads mail (smtplib, imaplib, poplib, nntplib): a way out for data that many firewalls leave open",
    remedy: CUT_OFF,
    references: &["CWE-200"],
};

/// Name resolution.
pub const S307: Rule = Rule {
    id: "S307",
    title: "name lookup",
    severity: Severity::Warning,
    why: "the code resolves a host name that it puts together (socket.getaddrinfo, gethostbyname, dns): a lookup alone carries data out. \
          A domain in prose or in a licence field does not fire it.",
    remedy: CUT_OFF,
    references: &["CWE-200"],
};

/// An IP address.
pub const S308: Rule = Rule {
    id: "S308",
    title: "IP address in the file",
    severity: Severity::Info,
    why: "the file holds an address of a machine instead of a name; models have no reason to. Version numbers, private test addresses and \
          addresses in prose do not fire it.",
    remedy: "find out whose address it is and what reads it",
    references: &[],
};

/// A URL.
pub const S309: Rule = Rule {
    id: "S309",
    title: "URL in the file",
    severity: Severity::Info,
    why: "the file holds a link outside of the fields that are made for links; a program that follows it fetches what its owner likes",
    remedy: "find out what reads the link before using the model",
    references: &[],
};

/// Words and shapes of command-and-control and exfiltration.
pub const S310: Rule = Rule {
    id: "S310",
    title: "data sent out",
    severity: Severity::Critical,
    why: "the file joins an address with data of the machine (environment, keys, files) or uses a service made for call-backs and reverse \
          shells (webhook.site, /dev/tcp, tunnels, bots). A single word like 'backdoor' or 'beacon' in a text does not fire it.",
    remedy: "do not load the file; report it to the hub that serves it",
    references: &["CWE-200", "CWE-506"],
};

/// Paste sites and anonymous file hosts (ours; the field reports any URL as S309).
pub const S311: Rule = Rule {
    id: "S311",
    title: "raw text of a paste site",
    severity: Severity::Warning,
    why: "the file holds the address of a text or file on a site where anybody may put one and change it later (pastebin.com/raw, \
          transfer.sh): a common place for a second stage. The pages of such sites, and addresses in prose, do not fire it.",
    remedy: "find out what reads the address, and do not load the model before you know",
    references: &["CWE-829", "https://attack.mitre.org/techniques/T1102/"],
};

/// The metadata service of a cloud machine (ours).
pub const S312: Rule = Rule {
    id: "S312",
    title: "cloud metadata service",
    severity: Severity::Warning,
    why: "the file holds the address from which a cloud machine gets its own credentials (169.254.169.254): who makes the machine ask \
          there can steal them. In the source code of a cloud's client library it is a fact.",
    remedy: "find out what reads the address, and load the model where the metadata service is not reachable",
    references: &["CWE-918", "https://attack.mitre.org/techniques/T1552/005/"],
};

/// Hidden services of Tor (ours).
pub const S313: Rule = Rule {
    id: "S313",
    title: "onion address",
    severity: Severity::Warning,
    why: "the file holds the complete address of a hidden service of the Tor network, whose owner nobody can tell. The word and \
          addresses in prose do not fire it.",
    remedy: "find out what reads the address, and do not load the model before you know",
    references: &["https://attack.mitre.org/techniques/T1090/003/"],
};

/// Dynamic DNS (ours).
pub const S314: Rule = Rule {
    id: "S314",
    title: "host of a dynamic DNS service",
    severity: Severity::Warning,
    why: "the file holds a host name that a dynamic DNS service gave to somebody (duckdns.org, ddns.net): it points to a private machine, can \
          point elsewhere the next minute, and needs no name of its owner. The service's own pages, and addresses in prose, do not fire it.",
    remedy: "find out what reads the address, and do not load the model before you know",
    references: &["https://attack.mitre.org/techniques/T1568/"],
};

/// Shortened addresses (ours; the field reports any URL as S309).
pub const S315: Rule = Rule {
    id: "S315",
    title: "shortened address",
    severity: Severity::Info,
    why: "the file holds an address of a shortening service (bit.ly, tinyurl.com): where it leads is not in the file, and its owner may \
          change it. In prose and source code it does not fire.",
    remedy: "find out where the address leads before anything follows it",
    references: &["https://attack.mitre.org/techniques/T1608/"],
};

/// All rules of this hundred.
pub const ALL: &[Rule] = &[S301, S302, S303, S304, S305, S306, S307, S308, S309, S310, S311, S312, S313, S314, S315];

#[cfg(test)]
mod tests {
    #[test]
    fn ids_run_on_and_texts_are_there() {
        crate::network::ALL.iter().zip(301..).for_each(|(rule, number)| {
            assert_eq!(rule.id, format!("S{number}"));
            assert!(!rule.title.ends_with('.') && rule.why.len() > 40 && rule.remedy.len() > 20, "{}", rule.id);
        });
    }
}
