//! Looks at every place where an anchor stands, and reports each secret once, redacted.

use std::collections::BTreeSet;

use modelaudit_plugin::{Artifact, Finding, Rule, Severity, Sink, Span, quote};
use modelaudit_rules::secrets::{S702, S703, S705, S706, S707, S708, S709};

use crate::header::Credentials;
use crate::place::Place;
use crate::texture::fnv;
use crate::tokens::{Checksum, Match, TOKENS, Token};
use crate::windows::{self, Window};
use crate::{Looks, anchors, assignment, connection, header, jwt, private_key, signed_url, url, webhook};

/// What a place sees: enough before it for a name and a query, enough behind it for a key of 4096 bits.
const BACK: u64 = 512;
const AHEAD: u64 = 4096;

/// Secrets reported one by one; a file with more of them is a list, and one sentence says so.
const REPORTED: usize = 100;

/// How much of a secret may be shown.
const SHOWN: usize = 4;

/// A secret that was found.
struct Found {
    what: String,
    rule: &'static Rule,
    severity: Severity,
    span: Span,
    /// The characters that may be shown.
    shown: String,
    /// FNV-1a of the secret part.
    value: u64,
    /// Known by its surroundings only (a name beside it, a URL around it); gives way to what knows the secret itself.
    generic: bool,
    element: Option<String>,
    details: Vec<(&'static str, String)>,
}

impl Found {
    fn new(what: impl Into<String>, rule: &'static Rule, window: &Window, start: usize, end: usize) -> Self {
        let secret = window.slice(start, end);
        let head: Vec<u8> = secret.iter().copied().take(SHOWN).collect();
        Self {
            what: what.into(),
            rule,
            severity: rule.severity,
            span: window.span(start, end),
            shown: format!(" {}", quote([&head[..], b"..."].concat())),
            value: fnv(secret),
            generic: false,
            element: None,
            details: Vec::new(),
        }
    }

    /// Shows nothing of the secret: of a password, four characters are too many.
    fn hidden(mut self) -> Self {
        self.shown = String::new();
        self.generic = true;
        self
    }

    fn detail(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.details.push((key, value.into()));
        self
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.span.offset < other.span.end() && other.span.offset < self.span.end()
    }
}

/// Scans one artifact.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) {
    let anchors = anchors();
    let place = Place::of(artifact);
    let mut found: Vec<Found> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut more = 0u64;
    windows::each(artifact, BACK, AHEAD, |window| {
        let Some((_, looks)) = anchors.get(window.anchor as usize) else { return };
        let Some(secret) = look(*looks, window, place) else { return };
        // Neighbours overlap where a URL or an assignment holds a token: the token knows more.
        if let Some(other) = found.iter_mut().rev().take(8).find(|other| other.overlaps(&secret)) {
            if other.generic && !secret.generic && seen.insert(secret.value) {
                *other = secret;
            }
            return;
        }
        if !seen.contains(&secret.value) {
            if found.len() < REPORTED {
                seen.insert(secret.value);
                found.push(secret);
            } else {
                more += 1;
            }
        }
    });
    for secret in found {
        sink.finding(report(artifact, secret));
    }
    if more > 0 {
        let message = format!("{more} more places that look like secrets; the first {REPORTED} secrets are listed");
        sink.finding(Finding::new(&S708, message).detail("more", more.to_string()));
    }
}

fn look(looks: Looks, window: &Window, place: Place) -> Option<Found> {
    match looks {
        Looks::Token(anchor) => TOKENS
            .iter()
            .filter(|token| token.anchor == anchor)
            .find_map(|token| token.at(window).map(|at| issued(token, at, window, place))),
        Looks::Jwt => jwt::at(window).map(|(start, end)| {
            let mut found = Found::new("JSON web token", &S707, window, start, end);
            // Every library that reads tokens shows one in its manual.
            if place == Place::Prose {
                found.severity = Severity::Info;
            }
            found
        }),
        Looks::Pem => private_key::pem(window).map(|key| private(key, window)),
        Looks::EncodedPem => private_key::encoded(window).map(|key| private(key, window)),
        Looks::Authorization if place == Place::Data => {
            header::authorization(window).map(|found| credentials(found, window))
        }
        Looks::DockerAuth if place == Place::Data => header::docker(window).map(|found| credentials(found, window)),
        Looks::Connection if place == Place::Data => connection::at(window).map(|found| connected(found, window)),
        Looks::Putty => private_key::putty(window).map(|key| private(key, window)),
        Looks::Url => url::at(window, place).map(|url| in_url(url, window)),
        Looks::SignedUrl => signed_url::at(window)
            .map(|(start, end)| Found::new("Azure shared access signature", &S705, window, start, end)),
        Looks::Discord => webhook::discord(window)
            .map(|(start, end)| Found::new("Discord webhook", &S709, window, start, end).hidden_url()),
        Looks::Slack => webhook::slack(window)
            .map(|(start, end)| Found::new("Slack webhook", &S709, window, start, end).hidden_url()),
        Looks::Telegram => {
            webhook::telegram(window).map(|(start, end)| Found::new("Telegram bot token", &S708, window, start, end))
        }
        Looks::Assignment if place == Place::Data => {
            if let Some(found) = connection::at(window) {
                return Some(connected(found, window));
            }
            let found = assignment::at(window)?;
            let what = format!("secret value of {}", quote(&found.name));
            let mut secret = Found::new(what, found.rule, window, found.start, found.end);
            if found.rule.id == S702.id {
                secret = secret.hidden();
            }
            secret.generic = true;
            secret.element = Some(found.name);
            Some(secret)
        }
        Looks::Assignment | Looks::Authorization | Looks::DockerAuth | Looks::Connection => None,
    }
}

impl Found {
    /// The first characters of a webhook are `http`, which says nothing; the host is in its name.
    fn hidden_url(mut self) -> Self {
        self.shown = String::new();
        self
    }
}

fn issued(token: &'static Token, at: Match, window: &Window, place: Place) -> Found {
    let mut found = Found::new(token.name, token.rule, window, at.start, at.end);
    found.severity = token.severity;
    match token.verify(window, at) {
        Some(true) => found = found.detail("checksum", "fits"),
        Some(false) => {
            found = found.detail("checksum", "does not fit");
            if token.checksum == Checksum::GitHub {
                found.severity = Severity::Info;
            }
        }
        None => {}
    }
    if token.rule.id == modelaudit_rules::secrets::S704.id && token.anchor.len() == 4 {
        if secret_is_near(window) {
            found = found.detail("secret_key_nearby", "yes");
        } else if place == Place::Prose {
            // An id alone opens nothing, and manuals show those of signed addresses.
            found.severity = Severity::Info;
        }
    }
    found
}

/// True if a secret access key stands in the window of its id.
fn secret_is_near(window: &Window) -> bool {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+' || *byte == b'/';
    window.bytes.split(|byte| !base64(byte)).any(assignment::is_aws_secret)
}

fn private(key: private_key::Key, window: &Window) -> Found {
    let before = window.before(window.at);
    let of_google = [&b"private_key_id"[..], b"service_account"]
        .iter()
        .any(|name| before.windows(name.len()).any(|text| text == *name));
    let (what, rule) =
        if of_google { ("Google service account's private key".to_owned(), &S705) } else { (key.label, &S703) };
    let mut found = Found::new(what, rule, window, window.at, key.end);
    // The header is all that may be shown, and it is in the name.
    found.shown = String::new();
    found.value = fnv(&key.body);
    if key.encrypted { found.detail("encrypted", "yes") } else { found }
}

fn connected(found: connection::Connection, window: &Window) -> Found {
    let what = format!("connection string with a password for the server {}", quote(&found.server));
    Found::new(what, &S706, window, found.start, found.end).hidden().detail("host", found.server)
}

fn credentials(found: Credentials, window: &Window) -> Found {
    match found {
        Credentials::Basic(start, end, user) => {
            let what = format!("user {} with a password in base64", quote(user));
            Found::new(what, &S702, window, start, end).hidden()
        }
        Credentials::Bearer(start, end) => {
            let mut found = Found::new("token of an HTTP header", &S708, window, start, end);
            found.generic = true;
            found
        }
    }
}

fn in_url(url: url::Url, window: &Window) -> Found {
    let (what, rule) = if url.database { ("database", &S706) } else { (url.scheme.as_str(), &S702) };
    let what = format!("{what} URL with the password of {} at {}", quote(&url.user), quote(&url.host));
    let found = Found::new(what, rule, window, url.start, url.end).hidden();
    found.detail("scheme", url.scheme).detail("host", url.host)
}

/// The finding, with a fingerprint by which the owner can tell which secret it is: the start of its SHA-256.
fn report(artifact: &dyn Artifact, secret: Found) -> Finding {
    let fingerprint = match artifact.digest("sha256", secret.span) {
        Some(digest) => digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect(),
        None => format!("{:08x}", secret.value >> 32),
    };
    let message = format!("{}{} (fingerprint {fingerprint})", secret.what, secret.shown);
    let mut finding = Finding::new(secret.rule, message)
        .severity(secret.severity)
        .at(secret.span.offset, secret.span.length)
        .detail("fingerprint", fingerprint);
    if let Some(element) = secret.element {
        finding = finding.element(element);
    }
    finding.details.extend(secret.details);
    finding
}
