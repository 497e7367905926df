//! Services that exist to receive what somebody sends out, to reach a machine that hides, or to serve text to anybody.
//!
//! None is evil by itself: developers test webhooks and share tunnels. But no model needs one, and attackers use them because
//! they need no server of their own. A name alone proves nothing (vocabularies and block lists hold them): there must be an
//! address at the service, with what makes it somebody's: a subdomain or a path.

use modelaudit_plugin::Rule;
use modelaudit_rules::network::{S310, S311, S312, S313, S314, S315};

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

/// Webhooks of chats and automation services: a complete path receives what is posted to it.
const fn webhook(anchor: &'static [u8], domains: &'static [&'static str], needs: Needs) -> Service {
    Service { anchor, domains, what: "webhook that receives messages", rule: &S310, needs }
}

const fn dynamic(anchor: &'static [u8], domains: &'static [&'static str]) -> Service {
    Service { anchor, domains, what: "host name that a dynamic DNS service gave out", rule: &S314, needs: Subdomain }
}

const fn short(anchor: &'static [u8], domains: &'static [&'static str]) -> Service {
    Service { anchor, domains, what: "shortened address", rule: &S315, needs: Path }
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
    tunnel(b".loclx.io", &["loclx.io"]),
    tunnel(b".telebit.", &["telebit.io", "telebit.cloud"]),
    tunnel(b".ply.gg", &["ply.gg"]),
    tunnel(b".packetriot.net", &["packetriot.net"]),
    tunnel(b".cfargotunnel.com", &["cfargotunnel.com"]),
    dynamic(b".duckdns.org", &["duckdns.org"]),
    dynamic(b".ddns.net", &["ddns.net"]),
    dynamic(b".hopto.org", &["hopto.org"]),
    dynamic(b".zapto.org", &["zapto.org"]),
    dynamic(b".sytes.net", &["sytes.net"]),
    dynamic(b".serveftp.com", &["serveftp.com"]),
    dynamic(b".freedns.afraid.org", &["freedns.afraid.org"]),
    dynamic(b".dynu.net", &["dynu.net"]),
    Service {
        anchor: b".b32.i2p",
        domains: &["b32.i2p"],
        what: "hidden service of I2P",
        rule: &S313,
        needs: Subdomain,
    },
    webhook(b"webhook.office.com/", &["webhook.office.com"], Raw(&["/webhookb2/", "/webhook/"])),
    webhook(b"chat.googleapis.com/v1/spaces/", &["chat.googleapis.com"], Raw(&["/messages"])),
    webhook(b"hooks.zapier.com/hooks/", &["hooks.zapier.com"], Raw(&["/hooks/catch/"])),
    webhook(b"maker.ifttt.com/", &["maker.ifttt.com"], Raw(&["/trigger/"])),
    webhook(b".make.com/", &["hook.eu1.make.com", "hook.eu2.make.com", "hook.us1.make.com", "hook.us2.make.com"], Path),
    catcher(b"grabify.link", &["grabify.link"]),
    catcher(b"iplogger.", &["iplogger.org", "iplogger.com", "iplogger.co"]),
    short(b"//bit.ly/", &["bit.ly"]),
    short(b"//tinyurl.com/", &["tinyurl.com"]),
    short(b"//goo.gl/", &["goo.gl"]),
    short(b"//is.gd/", &["is.gd"]),
    short(b"//rb.gy/", &["rb.gy"]),
    short(b"//ow.ly/", &["ow.ly"]),
    short(b"//cutt.ly/", &["cutt.ly"]),
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
    paste(b"gofile.io/", &["gofile.io"], Raw(&["/d/", "/download/"])),
    paste(b"catbox.moe/", &["files.catbox.moe", "litter.catbox.moe"], Path),
    paste(b"//temp.sh/", &["temp.sh"], Path),
    paste(b"//oshi.at/", &["oshi.at"], Path),
    paste(b"bashupload.com/", &["bashupload.com"], Path),
    paste(b"//dpaste.", &["dpaste.com", "dpaste.org"], Path),
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
