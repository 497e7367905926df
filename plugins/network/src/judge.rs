//! Decides what an address is, and how bad it is where it stands.

use std::net::Ipv4Addr;

use modelaudit_plugin::{Rule, Severity};
use modelaudit_rules::network::{S308, S310, S312, S313};

use crate::address::Address;
use crate::place::Place;
use crate::services::{Needs, Service};

/// What an address is.
#[derive(Clone, Copy)]
pub struct Verdict {
    /// What is reported.
    pub rule: &'static Rule,
    /// How bad.
    pub severity: Severity,
    /// What it is, for the message.
    pub what: &'static str,
}

/// Ends of paths that are fetched to be run.
const PROGRAMS: &[&str] = &[
    ".sh", ".bash", ".py", ".pl", ".rb", ".php", ".ps1", ".bat", ".cmd", ".vbs", ".js", ".jse", ".hta", ".wsf", ".exe",
    ".dll", ".scr", ".msi", ".elf", ".so", ".dylib", ".jar", ".class", ".apk", ".lnk", ".bin", ".out", ".run", ".x86",
    ".x86_64", ".mips", ".arm", ".arm7", ".pkl", ".pickle", ".zip", ".tar", ".gz", ".tgz",
];

/// Words in the path of a URL to a bare address that say what is fetched. Names that pen-testers' and bots' tools use.
const PAYLOADS: &[&str] = &[
    "shell",
    "payload",
    "exploit",
    "reverse",
    "backdoor",
    "beacon",
    "stage",
    "implant",
    "meterpreter",
    "loot",
    "exfil",
    "c2",
];

/// Ports that listeners of attack tools have by default (Metasploit and its kin, netcat tutorials).
pub const ATTACK_PORTS: &[u16] = &[4444, 4445, 1337, 31337, 6666];

/// Ports of what people run beside models: web servers, MLflow, Jupyter, Gradio, Streamlit, TensorBoard, Triton, Ollama, MinIO,
/// Ray, databases.
const SERVICE_PORTS: &[u16] = &[
    80, 443, 8080, 8000, 8001, 8002, 8443, 8081, 8008, 3000, 5000, 5001, 8888, 8889, 7860, 8501, 6006, 9000, 9001,
    9090, 9092, 11434, 8265, 10001, 5432, 3306, 6379, 27017, 9200, 6333, 19530, 22, 21, 1234, 7861, 8188, 30000, 50051,
];

/// Top-level domains that hosts in [`EVIL_LABELS`]' company have; a dotted name of a program has none.
const TOP_LEVEL: &[&str] = &[
    "com", "net", "org", "io", "co", "ru", "cn", "info", "biz", "xyz", "top", "site", "online", "tech", "dev", "app",
    "me", "us", "uk", "de", "fr", "nl", "eu", "in", "br", "ir", "kp", "su", "tk", "ml", "ga", "cf", "gq", "cc", "tv",
    "ws", "pw", "sh", "pro", "fun", "click", "link", "example", "test", "invalid", "local", "onion", "space",
    "website", "store", "club", "live", "cloud", "host",
];

/// Labels of host names that say what the host is for.
const EVIL_LABELS: &[&str] = &[
    "exfil",
    "exfiltrate",
    "exfiltration",
    "dnsexfil",
    "dns-exfil",
    "exfil-dns",
    "c2",
    "c2server",
    "c2-server",
    "dnstunnel",
    "dns-tunnel",
    "tunnel-dns",
    "malware-c2",
    "botnet",
    "beacon-c2",
];

/// An address of a service.
pub fn service(service: &Service, address: &Address, place: Place) -> Option<Verdict> {
    let domain = service.domains.iter().find(|domain| address.is_under(domain))?;
    let label = address.label_before(domain);
    let path = address.path.as_str();
    // A bare name under a service's domain may stand in a list of public suffixes (`eu.ngrok.io`): somebody's own label has a
    // digit or a hyphen, or there is a scheme, a port or a path.
    let own_label = label.is_some_and(|l| {
        l != "www"
            && l != "*"
            && (!address.scheme.is_empty()
                || address.port.is_some()
                || path.len() > 1
                || (l.len() >= 8 && l.bytes().any(|b| b.is_ascii_digit() || b == b'-')))
    });
    let own_path = path.len() >= 4 && !path.contains("...");
    let fits = match service.needs {
        Needs::Subdomain => own_label && !is_page(label),
        Needs::Account => {
            (own_label && !is_page(label)) || (own_path && !is_page(label) && path.bytes().any(|b| b.is_ascii_digit()))
        }
        Needs::Raw(marks) => own_path && marks.iter().any(|mark| path.contains(mark)),
        Needs::Path => own_path,
    };
    // A complete webhook or bot token is a secret, and the other analyser's business.
    if !fits || (service.rule.id == S310.id && service.what.contains("messages") && is_complete(path)) {
        return None;
    }
    let severity = match place {
        Place::Prose => Severity::Info,
        Place::Source if service.rule.id == S312.id => Severity::Info,
        Place::Source | Place::Data => service.rule.severity.min(Severity::Warning),
    };
    // A link in a text or a comment is nothing, a short one neither.
    if place != Place::Data && service.rule.severity == Severity::Info {
        return None;
    }
    Some(Verdict { rule: service.rule, severity, what: service.what })
}

/// True for hosts of a service's own pages.
fn is_page(label: Option<&str>) -> bool {
    label.is_some_and(|label| {
        ["www", "docs", "api", "dashboard", "blog", "status", "help", "app", "download", "static"].contains(&label)
    })
}

/// True for a path whose last long part is a token that the analyser of secrets reports.
fn is_complete(path: &str) -> bool {
    let telegram = path.strip_prefix("/bot").and_then(|rest| rest.split_once(":AA")).is_some_and(|(id, rest)| {
        id.len() >= 8
            && id.bytes().all(|b| b.is_ascii_digit())
            && rest.split('/').next().is_some_and(|token| token.len() >= 33)
    });
    let discord = path.contains("/webhooks/") && path.rsplit('/').next().is_some_and(|token| token.len() >= 60);
    let slack = path.starts_with("/services/T") && path.rsplit('/').next().is_some_and(|token| token.len() >= 20);
    telegram || discord || slack
}

/// A URL or a host with a bare address.
pub fn ip(address: &Address, place: Place) -> Option<Verdict> {
    let (local, private, hidden) = match (address.ipv4(), address.ipv6()) {
        (Some((ip, hidden)), _) => {
            if is_metadata(ip) {
                return metadata(place);
            }
            (
                ip.is_loopback() || ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast(),
                ip.is_private() || ip.is_link_local(),
                hidden,
            )
        }
        (None, Some(ip)) => (
            ip.is_loopback() || ip.is_unspecified() || ip.is_multicast(),
            ip.is_unique_local() || ip.is_unicast_link_local(),
            false,
        ),
        (None, None) => return None,
    };
    if local || place == Place::Prose {
        return None;
    }
    let path = address.path.split(['?', '#']).next().unwrap_or_default().to_lowercase();
    let bait = PROGRAMS.iter().any(|end| path.ends_with(end)) || PAYLOADS.iter().any(|word| path.contains(word));
    let attack = address.port.is_some_and(|port| ATTACK_PORTS.contains(&port));
    let odd = address.port.is_some_and(|port| !SERVICE_PORTS.contains(&port));
    let (severity, what) = if bait {
        (Severity::Warning, "program or script at a bare IP address")
    } else if attack {
        (Severity::Warning, "bare IP address with the port of an attack tool's listener")
    } else if hidden {
        (Severity::Warning, "IP address that is written as one number to hide it")
    } else if private {
        return None;
    } else if odd && (!address.scheme.is_empty() || (place == Place::Data && address.ipv4().is_some())) {
        (Severity::Warning, "bare IP address with an unusual port")
    } else {
        (Severity::Info, "bare IP address")
    };
    Some(Verdict { rule: &S308, severity, what })
}

/// Amazon's, Google's and Azure's address, that of containers at Amazon, Alibaba's and Oracle's.
fn is_metadata(ip: Ipv4Addr) -> bool {
    [[169, 254, 169, 254], [169, 254, 170, 2], [100, 100, 100, 200], [192, 0, 0, 192]].contains(&ip.octets())
}

fn metadata(place: Place) -> Option<Verdict> {
    let severity = match place {
        Place::Prose => return None,
        Place::Source => Severity::Info,
        Place::Data => Severity::Warning,
    };
    Some(Verdict { rule: &S312, severity, what: "cloud service that hands out the machine's credentials" })
}

/// A hidden service: 56 characters of base32 (version 3, which ends with `d`) or 16 (version 2, only in a URL).
pub fn onion(address: &Address, place: Place) -> Option<Verdict> {
    // Gateways lead there from the open network: `<56 characters>.onion.ly`.
    let name = address.host.strip_suffix(".onion").or_else(|| Some(address.host.split_once(".onion.")?.0))?;
    let label = name.rsplit('.').next()?;
    let base32 = label.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte));
    let mut different: Vec<u8> = label.bytes().collect();
    different.sort_unstable();
    different.dedup();
    let version3 = label.len() == 56 && label.ends_with('d') && different.len() >= 12;
    let version2 = label.len() == 16 && !address.scheme.is_empty() && different.len() >= 7;
    let severity = if place == Place::Prose { Severity::Info } else { Severity::Warning };
    (base32 && (version3 || version2)).then_some(Verdict {
        rule: &S313,
        severity,
        what: "hidden service of the Tor network",
    })
}

/// A host whose name says what it is for. A bare one needs three labels.
pub fn label(address: &Address, place: Place) -> Option<Verdict> {
    let labels: Vec<&str> = address.host.split('.').collect();
    let (top, rest) = labels.split_last()?;
    let well_formed = labels.iter().all(|label| !label.is_empty() && label.len() <= 63 && !label.contains('_'));
    let evil = rest.iter().enumerate().any(|(index, label)| {
        // Second-level names that are two characters long belong to somebody (c2.com is the first wiki).
        EVIL_LABELS.contains(label) && !(*label == "c2" && index + 1 == rest.len())
    });
    let enough = labels.len() >= if address.scheme.is_empty() { 3 } else { 2 };
    if !evil || !well_formed || !enough || !TOP_LEVEL.contains(top) || place == Place::Prose {
        return None;
    }
    Some(Verdict {
        rule: &S310,
        severity: Severity::Warning,
        what: "host that is named after receiving stolen data or giving commands",
    })
}

/// Names under which command-and-control clients keep their server. Whole identifiers; the value beside them must be an address.
const KEYS: &[&str] = &[
    "c2",
    "c2_server",
    "c2_url",
    "c2_host",
    "c2_ip",
    "c2_address",
    "c2_endpoint",
    "c2_domain",
    "c2_uri",
    "beacon_url",
    "beacon_host",
    "beacon_server",
    "beacon_endpoint",
    "exfil_url",
    "exfil_endpoint",
    "exfil_host",
    "exfil_server",
    "exfil_domain",
    "exfil_to",
    "exfil",
    "lhost",
    "payload_url",
    "stager_url",
    "stager_host",
    "attacker_host",
    "attacker_ip",
    "attacker_url",
    "attacker_server",
];

/// True if the identifier is one of [`KEYS`].
pub fn is_key(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    KEYS.iter().any(|key| key.as_bytes() == name)
}
