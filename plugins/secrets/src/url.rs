//! Passwords inside URLs (RFC 3986, userinfo): `scheme://user:password@host`.

use crate::place::Place;
use crate::texture::{entropy, is_placeholder, is_weak, kinds};
use crate::windows::Window;

/// A URL with a password.
pub struct Url {
    /// First byte of the scheme.
    pub start: usize,
    /// The byte behind the host and port.
    pub end: usize,
    /// Scheme, lower case.
    pub scheme: String,
    /// User and host, which may be shown.
    pub user: String,
    /// Host and port.
    pub host: String,
    /// True for a database or message queue.
    pub database: bool,
}

/// Schemes of databases and message queues, without `+driver`. Sources: SQLAlchemy's dialects, MongoDB, Redis, RabbitMQ and
/// Celery documentation.
const DATABASES: &[&str] = &[
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongodb",
    "redis",
    "rediss",
    "amqp",
    "amqps",
    "mssql",
    "sqlserver",
    "oracle",
    "clickhouse",
    "cockroachdb",
    "snowflake",
    "redshift",
    "couchdb",
    "cassandra",
    "neo4j",
    "bolt",
    "influxdb",
    "kafka",
    "nats",
    "elasticsearch",
    "jdbc",
    "db2",
    "mqtt",
    "mqtts",
    "pulsar",
    "trino",
    "presto",
    "vertica",
    "cockroach",
    "valkey",
];

/// Other schemes whose URLs carry passwords.
const OTHERS: &[&str] = &[
    "http", "https", "ftp", "ftps", "sftp", "ssh", "git", "svn", "smb", "ldap", "ldaps", "smtp", "smtps", "imap",
    "imaps", "socks4", "socks5", "socks5h", "rtsp", "rtmp", "s3", "webdav", "davs", "telnet", "vnc", "rdp", "wss",
    "ws",
];

/// Hosts of examples, and the own machine. Corporate names under `.example` are not among them: what is behind the `@` of a
/// real leak is often an internal name.
const HARMLESS_HOSTS: &[&str] = &[
    "localhost",
    "127.0.0.1",
    "0.0.0.0",
    "::1",
    "host",
    "hostname",
    "server",
    "servername",
    "domain",
    "address",
    "ip",
    "example.com",
    "example.org",
    "example.net",
    "www.example.com",
    "db",
    "database",
    "postgres",
    "mysql",
    "redis",
    "mongo",
    "mongodb",
    "rabbitmq",
    "proxy",
    "proxyhost",
    "proxy.example.com",
    "host.com",
    "some-host",
    "my-host",
    "foo.com",
    "domain.com",
    "host.docker.internal",
];

/// The most characters of userinfo and of host that are looked at.
const LONGEST: usize = 256;

/// The URL with a password whose `://` the anchor is.
pub fn at(window: &Window, place: Place) -> Option<Url> {
    let rest = window.from(window.at + 3);
    let ends = |byte: &u8| *byte <= b' ' || *byte >= 0x7f || b"/?#\"'<>\\`(){}|,;[]".contains(byte);
    let authority = rest.iter().take(LONGEST).take_while(|byte| !ends(byte)).count();
    let authority = rest.get(..authority)?;
    let sign = authority.iter().rposition(|byte| *byte == b'@')?;
    let (userinfo, host) = (authority.get(..sign)?, authority.get(sign + 1..)?);
    let colon = userinfo.iter().position(|byte| *byte == b':')?;
    let (user, password) = (userinfo.get(..colon)?, userinfo.get(colon + 1..)?);

    let before = window.before(window.at);
    let part_of_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = before.iter().rev().take(24).take_while(|byte| part_of_scheme(byte)).count();
    let text = before.get(before.len() - length..)?.to_ascii_lowercase();
    // A length byte or an opcode may stand right before the scheme: the longest tail that is a known scheme counts.
    let (start, scheme, database) = (0..text.len()).find_map(|skip| {
        let scheme = std::str::from_utf8(text.get(skip..)?).ok()?;
        let base = scheme.split('+').next().unwrap_or_default();
        let database = DATABASES.contains(&base);
        (database || OTHERS.contains(&base)).then(|| (window.at - text.len() + skip, scheme.to_owned(), database))
    })?;

    let host: Vec<u8> = host.iter().copied().take_while(|b| b.is_ascii_alphanumeric() || b".-_:".contains(b)).collect();
    let host = String::from_utf8(host).ok()?;
    let name = host.split(':').next().unwrap_or_default().to_lowercase();
    if name.len() < 2 || HARMLESS_HOSTS.contains(&name.as_str()) || name.ends_with(".local") && !database {
        return None;
    }
    if !is_password(password, user, place) {
        return None;
    }
    let end = window.at + 3 + sign + 1 + host.len();
    let user = String::from_utf8_lossy(user).into_owned();
    Some(Url { start, end, scheme, user, host, database })
}

/// True for a password that somebody chose or drew, as opposed to a word of a manual. In prose and source code, where examples
/// stand, it must look drawn.
fn is_password(password: &[u8], user: &[u8], place: Place) -> bool {
    if password.len() < 5 || password == user || is_weak(password) || is_placeholder(password) {
        return false;
    }
    // Ports and numbers: `http://host:8080@...` is a trick of another kind.
    if password.iter().all(u8::is_ascii_digit) {
        return false;
    }
    match place {
        Place::Data => true,
        Place::Prose | Place::Source => password.len() >= 10 && kinds(password) >= 2 && entropy(password) >= 3.0,
    }
}
