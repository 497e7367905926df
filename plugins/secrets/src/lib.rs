//! Secrets in model files: keys, tokens, passwords and private keys that a training script left in metadata, configurations and
//! pickled objects, or that an attacker's code needs to send data out.
//!
//! This analyser is given every artifact in which one of its `anchors` stands (the host finds them natively) and looks at a
//! small window around each: `tokens` in their issuers' shapes, JSON web tokens (`jwt`), private keys (`private_key`), webhooks
//! (`webhook`), signed URLs (`signed_url`), URLs with passwords (`url`), connection strings (`connection`), headers (`header`), and values
//! beside telling names (`assignment`).
//! A secret has borders, so one inside a longer run of base64 is none; it looks random, so a vocabulary has none; and what is shown
//! of it is redacted, in messages, details and logs alike.

mod assignment;
mod borders;
mod connection;
mod header;
mod jwt;
mod place;
mod private_key;
mod scan;
mod signed_url;
mod texture;
mod tokens;
mod url;
mod webhook;
mod windows;

use modelaudit_plugin::{Artifact, Manifest, Plugin, Sink};
use modelaudit_rules::secrets;

/// The analyser.
pub struct Secrets;

/// Who looks at the place of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looks {
    /// The tokens of [`tokens::TOKENS`] with this anchor.
    Token(&'static [u8]),
    /// A JSON web token.
    Jwt,
    /// A PEM private key.
    Pem,
    /// A PEM private key in base64.
    EncodedPem,
    /// A PuTTY private key.
    Putty,
    /// A header of HTTP.
    Authorization,
    /// A registry of Docker's configuration.
    DockerAuth,
    /// A connection string.
    Connection,
    /// A URL with a password.
    Url,
    /// A shared access signature.
    SignedUrl,
    /// A Discord webhook.
    Discord,
    /// A Slack webhook.
    Slack,
    /// A Telegram bot's token.
    Telegram,
    /// A value beside a name.
    Assignment,
}

/// Anchors besides those of the tokens. Names are here in the spellings that configurations use; three bytes are the least, for
/// a chance hit in random bytes costs a call.
const OTHERS: &[(&[u8], Looks)] = &[
    (b"eyJ", Looks::Jwt),
    (b"-----BEGIN", Looks::Pem),
    (b"LS0tLS1CRUdJTi", Looks::EncodedPem),
    (b"PuTTY-User-Key-File", Looks::Putty),
    (b"uthorization", Looks::Authorization),
    (b"\"auth\"", Looks::DockerAuth),
    (b"Pwd=", Looks::Connection),
    (b"PWD=", Looks::Connection),
    (b"pwd=", Looks::Connection),
    (b"://", Looks::Url),
    (b"sig=", Looks::SignedUrl),
    (b"/api/webhooks/", Looks::Discord),
    (b"hooks.slack.com/", Looks::Slack),
    (b":AA", Looks::Telegram),
    (b"assw", Looks::Assignment),
    (b"ASSW", Looks::Assignment),
    (b"passphrase", Looks::Assignment),
    (b"ecret", Looks::Assignment),
    (b"SECRET", Looks::Assignment),
    (b"api_key", Looks::Assignment),
    (b"API_KEY", Looks::Assignment),
    (b"apikey", Looks::Assignment),
    (b"_token", Looks::Assignment),
    (b"_TOKEN", Looks::Assignment),
    (b"ssToken", Looks::Assignment),
    (b"thToken", Looks::Assignment),
];

/// All anchors in the manifest's order, each once.
fn anchors() -> Vec<(&'static [u8], Looks)> {
    let mut anchors: Vec<(&[u8], Looks)> = Vec::with_capacity(80);
    for token in tokens::TOKENS {
        if anchors.last().is_none_or(|(literal, _)| *literal != token.anchor) {
            anchors.push((token.anchor, Looks::Token(token.anchor)));
        }
    }
    anchors.extend_from_slice(OTHERS);
    anchors
}

impl Plugin for Secrets {
    fn describe() -> Manifest {
        Manifest {
            name: "secrets",
            version: env!("CARGO_PKG_VERSION"),
            summary: "finds keys, tokens, passwords and private keys",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: Vec::new(),
            anchors: anchors().into_iter().map(|(literal, _)| literal.to_vec()).collect(),
            rules: secrets::ALL.to_vec(),
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        scan::scan(artifact, sink);
        Ok(())
    }
}

modelaudit_plugin::export!(Secrets);
