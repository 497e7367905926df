//! Finds the URL, or the bare host, in which an anchor stands.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::borders::is_framed;
use crate::windows::Window;

/// A URL or a host with what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// First byte in the window: of the scheme, or of the host.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
    /// Scheme in lower case; empty for a bare host.
    pub scheme: String,
    /// Host in lower case, without the brackets of IPv6.
    pub host: String,
    /// Port, if it is written and fits.
    pub port: Option<u16>,
    /// Path, query and fragment.
    pub path: String,
}

/// The most bytes of a URL that are looked at on either side of the anchor.
const LONGEST: usize = 250;

fn in_url(byte: u8) -> bool {
    byte > b' ' && byte < 0x7f && !b"\"'<>\\`{}|^,;()".contains(&byte)
}

fn in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-' || byte == b'_'
}

/// The address around the anchor. Two readings where a letter at the end may be an opcode or a length of the format around.
pub fn around(window: &Window) -> Vec<Address> {
    let left = window.before(window.at).iter().rev().take(LONGEST).take_while(|byte| in_url(**byte)).count();
    let text = window.slice(window.at - left, window.bytes.len().min(window.at + 3));
    // The nearest scheme before the anchor, or at it.
    let sign = text.windows(3).rposition(|text| text == b"://").map(|at| window.at - left + at);
    let (start, authority) = match sign {
        Some(sign) => {
            let letters = window.before(sign).iter().rev().take(12).take_while(|b| b.is_ascii_alphabetic()).count();
            (known_scheme(window, sign - letters, sign), sign + 3)
        }
        None => {
            let host = window.before(window.at).iter().rev().take(LONGEST).take_while(|byte| in_host(**byte)).count();
            (window.at - host, window.at - host)
        }
    };
    let length = window.from(window.at).iter().take(LONGEST).take_while(|byte| in_url(**byte)).count();
    let end = window.at + length;
    let before = window.before(start);
    let least = authority.max(window.at) + 1;
    let ends = match (0..3)
        .map(|less| end.saturating_sub(less))
        .find(|end| *end >= least && is_framed(before, *end - start))
    {
        Some(framed) => vec![framed],
        None => {
            let binary =
                window.get(end).is_some_and(|byte| byte >= 0x80 || (byte < b' ' && !byte.is_ascii_whitespace()));
            let letter = window.slice(end.saturating_sub(1), end).iter().all(u8::is_ascii_alphabetic);
            if binary && letter && end > least { vec![end, end - 1] } else { vec![end] }
        }
    };
    ends.into_iter().filter_map(|end| read(window, start, authority, end)).collect()
}

/// Where the scheme that ends at `sign` starts: a length byte before it may be a letter.
fn known_scheme(window: &Window, start: usize, sign: usize) -> usize {
    const SCHEMES: &[&[u8]] =
        &[b"https", b"http", b"ftps", b"ftp", b"wss", b"ws", b"tcp", b"udp", b"ldap", b"ldaps", b"rmi", b"ssh"];
    let text = window.slice(start, sign).to_ascii_lowercase();
    SCHEMES.iter().find(|scheme| text.ends_with(scheme)).map_or(start, |scheme| sign - scheme.len())
}

fn read(window: &Window, start: usize, authority: usize, end: usize) -> Option<Address> {
    let scheme = window.slice(start, authority.saturating_sub(3).max(start)).to_ascii_lowercase();
    let text = window.slice(authority, end);
    let length = text.iter().take_while(|byte| !b"/?#".contains(byte)).count();
    let (place, path) = text.split_at_checked(length)?;
    let place = place.rsplit(|byte| *byte == b'@').next()?;
    let (host, port) = match place {
        [b'[', rest @ ..] => {
            let close = rest.iter().position(|byte| *byte == b']')?;
            (rest.get(..close)?, rest.get(close + 1..)?.strip_prefix(b":"))
        }
        _ => match place.iter().position(|byte| *byte == b':') {
            Some(colon) => (place.get(..colon)?, place.get(colon + 1..)),
            None => (place, None),
        },
    };
    // A full stop behind a bare host ends a sentence.
    let host = host.strip_suffix(b".").unwrap_or(host);
    if host.is_empty() || host.len() > 253 || !host.iter().all(|byte| in_host(*byte) || *byte == b':') {
        return None;
    }
    // Letters behind the digits: no port, and what stands there no address.
    let port = match port {
        None | Some([]) => None,
        Some(digits) if digits.iter().all(u8::is_ascii_digit) => Some(std::str::from_utf8(digits).ok()?.parse().ok()?),
        Some(_) => return None,
    };
    Some(Address {
        start,
        end,
        scheme: String::from_utf8(scheme).ok()?,
        host: String::from_utf8(host.to_ascii_lowercase()).ok()?,
        port,
        path: String::from_utf8(path.to_vec()).ok()?,
    })
}

impl Address {
    /// True if the host is the domain or lies under it.
    pub fn is_under(&self, domain: &str) -> bool {
        self.host == domain || self.label_before(domain).is_some()
    }

    /// What stands before the domain and its dot.
    pub fn label_before(&self, domain: &str) -> Option<&str> {
        self.host.strip_suffix(domain)?.strip_suffix('.').filter(|label| !label.is_empty())
    }

    /// The host as an address of version 4, also in the notations that only hide it: one number, octal, hexadecimal.
    pub fn ipv4(&self) -> Option<(Ipv4Addr, bool)> {
        if let Ok(ip) = self.host.parse::<Ipv4Addr>() {
            return Some((ip, false));
        }
        let number = match self.host.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => self.host.parse::<u32>().ok()?,
        };
        // Below that it would be an address of 0.0.0.0/8: an identifier of something.
        (number >= 1 << 24 && self.scheme.starts_with("http")).then_some((Ipv4Addr::from(number), true))
    }

    /// The host as an address of version 6.
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.host.parse().ok()
    }

    /// For messages: without user, password, query and whatever is secret in a path.
    pub fn shown(&self) -> String {
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        let path = match path.find("/bot").or(path.find("/api/webhooks/")).or(path.find("/services/")) {
            Some(secret) => path.get(..secret + 4).unwrap_or_default(),
            None => path,
        };
        let scheme = if self.scheme.is_empty() { String::new() } else { format!("{}://", self.scheme) };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        if self.host.contains(':') {
            return format!("{scheme}[{}]{port}{path}", self.host);
        }
        format!("{scheme}{}{port}{path}", self.host)
    }
}
