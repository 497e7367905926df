//! Looks at every place where an anchor stands, and reports each address once.

use std::collections::BTreeSet;

use modelaudit_plugin::{Artifact, Finding, Rule, Severity, Sink, Span, quote};
use modelaudit_rules::network::{S309, S310};

use crate::address::{self, Address};
use crate::judge::{self, Verdict};
use crate::place::Place;
use crate::services::SERVICES;
use crate::windows::{self, Window};
use crate::{Looks, anchors};

/// What a place sees: a URL before and behind its anchor, and the length that a format writes before it.
const BACK: u64 = 272;
const AHEAD: u64 = 512;

/// Addresses reported one by one; a file with more of them is a list, and one sentence says so.
const REPORTED: usize = 50;

/// How far behind a telling name its value may start.
const BESIDE: usize = 24;

struct Found {
    rule: &'static Rule,
    severity: Severity,
    message: String,
    span: Span,
    /// What tells it from others.
    value: String,
    details: Vec<(&'static str, String)>,
    /// Known by the name beside it only; gives way to what knows the address itself.
    generic: bool,
}

/// Scans one artifact.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) {
    let anchors = anchors();
    let place = Place::of(artifact);
    let mut found: Vec<Found> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut more = (0u64, Severity::Info);
    windows::each(artifact, BACK, AHEAD, |window| {
        let Some((_, looks)) = anchors.get(window.anchor as usize) else { return };
        let Some(new) = look(*looks, window, place) else { return };
        let overlaps = |old: &&mut Found| old.span.offset < new.span.end() && new.span.offset < old.span.end();
        if let Some(old) = found.iter_mut().rev().take(8).find(overlaps) {
            if old.generic && !new.generic && seen.insert(new.value.clone()) {
                *old = new;
            }
        } else if !seen.contains(&new.value) {
            if found.len() < REPORTED {
                seen.insert(new.value.clone());
                found.push(new);
            } else {
                more = (more.0 + 1, more.1.max(new.severity));
            }
        }
    });
    for address in found {
        let mut finding = Finding::new(address.rule, address.message)
            .severity(address.severity)
            .at(address.span.offset, address.span.length);
        finding.details = address.details;
        sink.finding(finding);
    }
    if more.0 > 0 {
        let message =
            format!("{} more places with addresses of such kinds; the first {REPORTED} addresses are listed", more.0);
        sink.finding(Finding::new(&S309, message).severity(more.1).detail("more", more.0.to_string()));
    }
}

fn look(looks: Looks, window: &Window, place: Place) -> Option<Found> {
    if looks == Looks::Key {
        return beside_key(window, place);
    }
    address::around(window).iter().find_map(|address| {
        let verdict = match looks {
            Looks::Service(index) => judge::service(SERVICES.get(index)?, address, place),
            Looks::Ip => judge::ip(address, place),
            Looks::Onion => judge::onion(address, place),
            Looks::Label => judge::label(address, place),
            Looks::Key => None,
        }?;
        Some(report(window, address, verdict))
    })
}

fn report(window: &Window, address: &Address, verdict: Verdict) -> Found {
    let shown = address.shown();
    let mut details = vec![("host", address.host.clone())];
    details.extend(address.port.map(|port| ("port", port.to_string())));
    Found {
        rule: verdict.rule,
        severity: verdict.severity,
        message: format!("{}: {}", verdict.what, quote(&shown)),
        span: window.span(address.start, address.end),
        value: shown,
        details,
        generic: false,
    }
}

/// A telling name with an address right behind it, or a host that is named like that.
fn beside_key(window: &Window, place: Place) -> Option<Found> {
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte == b'.';
    let left = window.before(window.at).iter().rev().take(32).take_while(part).count();
    let right = window.from(window.at).iter().take(32).take_while(part).count();
    let (start, end) = (window.at - left, window.at + right);
    if !judge::is_key(window.slice(start, end)) || place != Place::Data {
        return address::around(window)
            .iter()
            .find_map(|address| Some(report(window, address, judge::label(address, place)?)));
    }
    let behind = window.slice(end, window.bytes.len().min(end + BESIDE + 8));
    let sign = behind.windows(3).position(|text| text == b"://");
    let number = behind.windows(4).position(|text| {
        matches!(text, [a, b, c, d] if a.is_ascii_digit() && [b, c, d].contains(&&b'.')
        && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
    });
    let at = end + sign.or(number)?;
    let address = address::around(&Window { at, ..*window }).into_iter().next()?;
    let name = quote(window.slice(start, end));
    let message = format!("address of a command server, by its name {name}: {}", quote(address.shown()));
    Some(Found {
        rule: &S310,
        severity: Severity::Warning,
        message,
        span: window.span(start, address.end),
        value: address.shown(),
        details: vec![("host", address.host.clone())],
        generic: true,
    })
}
