//! Digests, as clients read them: `algorithm:encoded`.

/// What a digest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest<'t> {
    /// SHA-256 as 64 lower-case hexadecimal digits.
    Sha256(&'t str),
    /// Another algorithm, well written.
    Other,
    /// Against the specification: how.
    Malformed(&'static str),
}

/// Reads a digest. Source: "Digests" in the image specification's descriptor.md.
pub fn parse(text: &str) -> Digest<'_> {
    let Some((algorithm, encoded)) = text.split_once(':') else {
        return Digest::Malformed("it has no algorithm");
    };
    let hexadecimal = |length: usize| {
        encoded.len() == length && encoded.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let well_named = algorithm
        .split(['+', '.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    match algorithm {
        "sha256" if hexadecimal(64) => Digest::Sha256(encoded),
        "sha512" if hexadecimal(128) => Digest::Other,
        "sha256" => Digest::Malformed("it is not 64 lower-case hexadecimal digits"),
        "sha512" => Digest::Malformed("it is not 128 lower-case hexadecimal digits"),
        _ if !well_named => Digest::Malformed("its algorithm is no name"),
        _ if encoded.is_empty() => Digest::Malformed("it is empty"),
        _ if encoded.bytes().any(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'_' | b'-'))) => {
            Digest::Malformed("it holds characters that no digest has")
        }
        _ => Digest::Other,
    }
}

/// True for a text that would be a path in the folder of blobs.
pub fn is_path(text: &str) -> bool {
    text.contains('/') || text.contains('\\') || text.contains("..")
}

/// The SHA-256 that a file's name says it has: `<hex>`, `sha256-<hex>` (Ollama) or `sha256:<hex>`.
pub fn of_name(name: &str) -> Option<&str> {
    let name = name.rsplit('/').next()?;
    let name = name.strip_prefix("sha256-").or(name.strip_prefix("sha256:")).unwrap_or(name);
    (name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()))
        .then_some(name)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_as_the_specification_says() {
        let hex = "0123456789abcdef".repeat(4);
        assert_eq!(parse(&format!("sha256:{hex}")), Digest::Sha256(&hex));
        assert_eq!(parse("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8"), Digest::Other);
        for wrong in [
            "",
            "sha256",
            "sha256:",
            "sha256:../../x",
            "SHA256:00",
            "sha256:ABC",
            "x y:z",
            "md5:",
            "a:b c",
            "sha512:00",
        ] {
            assert!(matches!(parse(wrong), Digest::Malformed(_)), "{wrong}");
        }
        assert_eq!(of_name(&format!("blobs/sha256-{hex}")), Some(hex.as_str()));
        assert_eq!(of_name("index.json"), None);
    }
}
