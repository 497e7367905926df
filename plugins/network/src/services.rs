//! Services that exist to receive what somebody sends out, to reach a machine that hides, or to serve text to anybody.
//!
//! None is evil by itself: developers test webhooks and share tunnels. But no model needs one, and attackers use them because
//! they need no server of their own. A name alone proves nothing (vocabularies and block lists hold them): there must be an
//! address at the service, with what makes it somebody's: a subdomain or a path.

use modelaudit_plugin::Rule;
use modelaudit_rules::network::{S310, S311, S312};

/// What makes an address of a service somebody's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A subdomain that was given out.
    Subdomain,
    /// A subdomain or a path.
    Account,
    /// A path with one of these texts: the raw text of a paste, which a program reads.
    Raw(&'static [&'static str]),
    /// Any path.
    Path,
}

/// A service.
pub struct Service {
    /// The literal that the host finds.
    pub anchor: &'static [u8],
    /// Domains that hold the anchor.
    pub domains: &'static [&'static str],
    /// What it is, for the message.
    pub what: &'static str,
    /// What is reported.
    pub rule: &'static Rule,
    /// What must be there besides.
    pub needs: Needs,
}

use Needs::{Account, Path, Raw, Subdomain};

const fn tunnel(anchor: &'static [u8], domains: &'static [&'static str]) -> Service {
    Service { anchor, domains, what: "tunnel to a hidden machine", rule: &S310, needs: Subdomain }
}

const fn catcher(anchor: &'static [u8], domains: &'static [&'static str]) -> Service {
    Service { anchor, domains, what: "service that records call-backs", rule: &S310, needs: Account }
}

/// Name servers that record lookups: what is looked up is the data.
const fn lookup(anchor: &'static [u8], domains: &'static [&'static str]) -> Service {
    Service { anchor, domains, what: "service that records name lookups and call-backs", rule: &S310, needs: Subdomain }
}

const fn paste(anchor: &'static [u8], domains: &'static [&'static str], needs: Needs) -> Service {
    Service { anchor, domains, what: "text or file that anybody can put there and change", rule: &S311, needs }
}

/// The services. Sources: MITRE ATT&CK T1572 (tunnels), T1102 and T1567 (web services, exfiltration), the LOTS project's list of
/// sites that attackers live off, ProjectDiscovery's and PortSwigger's documentation.
pub const SERVICES: &[Service] = &[
    tunnel(b".ngrok", &["ngrok.io", "ngrok-free.app", "ngrok-free.dev", "ngrok.app", "ngrok.dev", "ngrok.pizza"]),
    tunnel(b".trycloudflare.com", &["trycloudflare.com"]),
    tunnel(b".serveo", &["serveo.net", "serveousercontent.com"]),
    tunnel(b".localhost.run", &["localhost.run"]),
    tunnel(b".lhr.", &["lhr.life", "lhr.rocks", "lhr.pro"]),
    tunnel(b".loca.lt", &["loca.lt"]),
    tunnel(b".localtunnel.me", &["localtunnel.me"]),
    tunnel(b".pinggy", &["pinggy.link", "pinggy.io", "pinggy-free.link"]),
    tunnel(b".portmap.", &["portmap.io", "portmap.host"]),
    tunnel(b".zrok.io", &["zrok.io"]),
    tunnel(b".devtunnels.ms", &["devtunnels.ms"]),
    tunnel(b".tunnelto.dev", &["tunnelto.dev"]),
    tunnel(b".bore.", &["bore.digital"]),
    catcher(b"webhook.site", &["webhook.site"]),
    catcher(b"requestbin", &["requestbin.com", "requestbin.net", "requestbin.io", "requestbin.fullcontact.com"]),
    catcher(b".pipedream.net", &["pipedream.net"]),
    catcher(b"beeceptor.com", &["beeceptor.com"]),
    catcher(b"requestcatcher.com", &["requestcatcher.com"]),
    catcher(b"hookbin.com", &["hookbin.com"]),
    catcher(b"canarytokens", &["canarytokens.com", "canarytokens.org", "canarytokens.net"]),
    catcher(b"postb.in", &["postb.in"]),
    lookup(b"interact.sh", &["interact.sh"]),
    lookup(b".oast", &["oast.pro", "oast.live", "oast.site", "oast.online", "oast.fun", "oast.me", "oastify.com"]),
    lookup(b".burpcollaborator", &["burpcollaborator.net"]),
    lookup(b".dnslog.", &["dnslog.cn", "dnslog.link", "dnslog.pw"]),
    lookup(b".ceye.io", &["ceye.io"]),
    lookup(b".dnsbin.", &["dnsbin.zhack.ca"]),
    lookup(b".xss.ht", &["xss.ht"]),
    lookup(b".eyes.sh", &["eyes.sh"]),
    paste(b"pastebin.com/", &["pastebin.com"], Raw(&["/raw/", "/raw.php", "/dl/"])),
    paste(b"paste.ee/", &["paste.ee"], Raw(&["/r/", "/d/"])),
    paste(b"rentry.", &["rentry.co", "rentry.org"], Raw(&["/raw"])),
    paste(b"hastebin", &["hastebin.com", "hastebin.skyra.pw"], Raw(&["/raw/"])),
    paste(b"ghostbin", &["ghostbin.com", "ghostbin.me"], Raw(&["/raw"])),
    paste(b"controlc.com/", &["controlc.com"], Path),
    paste(b"termbin.com/", &["termbin.com"], Path),
    paste(b"//0x0.st/", &["0x0.st"], Path),
    paste(b"transfer.sh/", &["transfer.sh"], Path),
    paste(b"//ix.io/", &["ix.io"], Path),
    paste(b"//paste.rs/", &["paste.rs"], Path),
    Service {
        anchor: b"api.telegram.org/bot",
        domains: &["api.telegram.org"],
        what: "Telegram bot that receives messages",
        rule: &S310,
        needs: Raw(&["/bot"]),
    },
    Service {
        anchor: b"/api/webhooks/",
        domains: &["discord.com", "discordapp.com"],
        what: "Discord webhook that receives messages",
        rule: &S310,
        needs: Raw(&["/api/webhooks/"]),
    },
    Service {
        anchor: b"hooks.slack.com/",
        domains: &["hooks.slack.com"],
        what: "Slack webhook that receives messages",
        rule: &S310,
        needs: Raw(&["/services/", "/workflows/", "/triggers/"]),
    },
    Service {
        anchor: b"metadata.google.internal",
        domains: &["metadata.google.internal"],
        what: "cloud service that hands out the machine's credentials",
        rule: &S312,
        needs: Path,
    },
];
