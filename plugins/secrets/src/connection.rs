//! Connection strings of databases: `Server=db;User Id=sa;Password=...` (ADO.NET, ODBC), `host=db user=x password=...` (libpq), and the
//! parameters of a JDBC address.

use crate::texture::{is_placeholder, is_weak};
use crate::windows::Window;

/// A password in a connection string.
pub struct Connection {
    /// First byte of the password.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
    /// The server, which may be shown.
    pub server: String,
}

/// Keys of the server, in lower case. Sources: documentation of SqlClient, Npgsql, ODBC and libpq.
const SERVERS: &[&str] = &["server=", "data source=", "host=", "hostaddr=", "address=", "addr=", "network address="];

/// Servers of examples, and the own machine.
const HARMLESS: &[&str] = &[
    "",
    ".",
    "localhost",
    "127.0.0.1",
    "(local)",
    "(localdb)",
    "host",
    "server",
    "myserver",
    "myserveraddress",
    "db",
    "example.com",
];

/// Characters of a string that are looked at on either side.
const REACH: usize = 400;
const LONGEST: usize = 128;

/// The password whose key holds the anchor.
pub fn at(window: &Window) -> Option<Connection> {
    let key = |byte: &&u8| byte.is_ascii_alphabetic();
    let left = window.before(window.at).iter().rev().take(8).take_while(key).count();
    let right = window.from(window.at).iter().take(12).take_while(key).count();
    let (first, sign) = (window.at - left, window.at + right);
    let name = window.slice(first, sign).to_ascii_lowercase();
    if !(name == b"password" || name == b"pwd") || window.get(sign)? != b'=' {
        return None;
    }
    // The string around it: one line, between quotes.
    let outside = |byte: &u8| *byte < b' ' || *byte >= 0x7f || b"\"'`<>".contains(byte);
    let from = first - window.before(first).iter().rev().take(REACH).take_while(|byte| !outside(byte)).count();
    let start = sign + 1;
    let to = start + window.from(start).iter().take(REACH).take_while(|byte| !outside(byte)).count();
    let before = String::from_utf8_lossy(window.slice(from, first)).to_lowercase();
    let rest = window.slice(start, to);
    let separator = *before.as_bytes().last()?;
    let server = match separator {
        b';' | b' ' => {
            let after = String::from_utf8_lossy(rest).to_lowercase();
            let ends = |c: char| c == ';' || (separator == b' ' && c == ' ');
            [before.as_str(), after.as_str()].iter().find_map(|text| value(text, ends))?
        }
        b'&' | b'?' if before.contains("jdbc:") => {
            let host = before.split_once("://")?.1.split(['/', '?', ';']).next()?;
            host.split(':').next()?.to_owned()
        }
        _ => return None,
    };
    let ends = |byte: &u8| if separator == b' ' { *byte == b' ' } else { *byte == separator || *byte == b';' };
    let ends = |byte: &u8| ends(byte) || (separator == b'?' && *byte == b'&');
    let length = rest.iter().take(LONGEST + 1).take_while(|byte| !ends(byte)).count();
    let password = rest.get(..length)?;
    let harmless = HARMLESS.contains(&server.as_str()) || server.ends_with(".example.com");
    let digits = password.iter().all(u8::is_ascii_digit);
    let text = password.contains(&b' ') || !(5..=LONGEST).contains(&length);
    if harmless || digits || text || is_weak(password) || is_placeholder(password) || password.starts_with(b"%") {
        return None;
    }
    Some(Connection { start, end: start + length, server })
}

/// The server of a connection string in lower case, without protocol and port.
fn value(text: &str, ends: impl Fn(char) -> bool) -> Option<String> {
    SERVERS.iter().find_map(|key| {
        let at = text.match_indices(key).map(|(at, _)| at).find(|at| {
            text.get(..*at).unwrap_or_default().chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric())
        })?;
        let value = text.get(at + key.len()..)?.split(&ends).next()?;
        let value = value.trim().trim_start_matches("tcp:");
        Some(value.split([',', '\\', ':']).next().unwrap_or(value).to_owned())
    })
}
