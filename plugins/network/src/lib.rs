//! Addresses that a model has no business with: tunnels, call-back recorders, bots and webhooks, paste sites, hidden services, dynamic
//! and shortened names, bare IP addresses, cloud metadata services, and hosts that are named after what they are for.
//!
//! Stolen data has to go somewhere, and a second stage has to come from somewhere; the address is often the only part of an
//! attack that stands in the file in clear text. Half of the real models hold links, too (papers, licences, data sets), so this
//! analyser asks for complete addresses of listed kinds (`services`, `judge`), and says nothing of words: a classifier's
//! vocabulary knows "onion" and "pastebin". Where the address stands grades it (`place`).
//!
//! Not here: commands (reverse shells, download-and-run), which `executables` finds; complete webhooks and bot tokens, which `secrets`
//! reports; calls in code.

mod address;
#[path = "../../secrets/src/borders.rs"]
#[allow(dead_code, reason = "shared with plugins/secrets, which uses all of it")]
mod borders;
mod judge;
#[path = "../../secrets/src/place.rs"]
mod place;
mod scan;
mod services;
#[path = "../../secrets/src/windows.rs"]
mod windows;

use modelaudit_plugin::{Artifact, Manifest, Plugin, Rule, Sink};
use modelaudit_rules::network;

/// The analyser.
pub struct Network;

/// Who looks at the place of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looks {
    /// A service, by its index in [`services::SERVICES`].
    Service(usize),
    /// A URL with a numeric host, or a host with a port.
    Ip,
    /// A hidden service.
    Onion,
    /// A host with a telling name.
    Label,
    /// A telling name beside an address.
    Key,
}

/// Anchors besides those of the services.
const OTHERS: &[(&[u8], Looks)] = &[
    (b"://0", Looks::Ip),
    (b"://1", Looks::Ip),
    (b"://2", Looks::Ip),
    (b"://3", Looks::Ip),
    (b"://4", Looks::Ip),
    (b"://5", Looks::Ip),
    (b"://6", Looks::Ip),
    (b"://7", Looks::Ip),
    (b"://8", Looks::Ip),
    (b"://9", Looks::Ip),
    (b"://[", Looks::Ip),
    (b":4444", Looks::Ip),
    (b":4445", Looks::Ip),
    (b":1337", Looks::Ip),
    (b":31337", Looks::Ip),
    (b":6666", Looks::Ip),
    (b":4443", Looks::Ip),
    (b":5555", Looks::Ip),
    (b":6667", Looks::Ip),
    (b":7777", Looks::Ip),
    (b":8888", Looks::Ip),
    (b":9001", Looks::Ip),
    (b":9999", Looks::Ip),
    (b":8080", Looks::Ip),
    (b":8443", Looks::Ip),
    (b":12345", Looks::Ip),
    (b":50050", Looks::Ip),
    (b"169.254.169.254", Looks::Ip),
    (b"169.254.170.2", Looks::Ip),
    (b".onion", Looks::Onion),
    (b"c2.", Looks::Label),
    (b"tunnel.", Looks::Label),
    (b"exfil", Looks::Key),
    (b"c2_", Looks::Key),
    (b"C2_", Looks::Key),
    (b"beacon_", Looks::Key),
    (b"LHOST", Looks::Key),
    (b"payload_url", Looks::Key),
    (b"stager_", Looks::Key),
    (b"attacker_", Looks::Key),
];

/// Every rule that is reported.
const RULES: &[Rule] = &[
    network::S308,
    network::S309,
    network::S310,
    network::S311,
    network::S312,
    network::S313,
    network::S314,
    network::S315,
];

/// All anchors in the manifest's order.
fn anchors() -> Vec<(&'static [u8], Looks)> {
    let services = services::SERVICES.iter().enumerate();
    services.map(|(index, service)| (service.anchor, Looks::Service(index))).chain(OTHERS.iter().copied()).collect()
}

impl Plugin for Network {
    fn describe() -> Manifest {
        Manifest {
            name: "network",
            version: env!("CARGO_PKG_VERSION"),
            summary: "finds tunnels, call-back services, paste sites, onion and bare IP addresses",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: Vec::new(),
            anchors: anchors().into_iter().map(|(literal, _)| literal.to_vec()).collect(),
            rules: RULES.to_vec(),
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        scan::scan(artifact, sink);
        Ok(())
    }
}

modelaudit_plugin::export!(Network);
