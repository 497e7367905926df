//! What a text is made of: the difference between a key and a word, a placeholder, or a piece of something longer.

/// Letters, digits, `_` and `-`: what tokens and identifiers are made of.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Shannon entropy in bits per byte.
pub fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    text.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let total = text.len().max(1) as f64;
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total).map(|p| -p * p.log2()).sum()
}

/// The entropy that random text of the same length over the same kind of alphabet hardly falls below: a quarter less than
/// the smaller of what the alphabet and the length allow.
pub fn looks_random(text: &[u8]) -> bool {
    let hexadecimal = text.iter().all(u8::is_ascii_hexdigit);
    let alphabet: f64 = if text.iter().all(u8::is_ascii_digit) {
        10.0
    } else if hexadecimal {
        16.0
    } else if text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase) {
        62.0
    } else {
        36.0
    };
    entropy(text) >= 0.75 * alphabet.min(text.len().max(1) as f64).log2()
}

/// Words that people write where a secret belongs. Sources: documentation of the issuers in [`crate::tokens`], `.env.example` files.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "redacted",
    "dummy",
    "sample",
    "xxxx",
    "your",
    "insert",
    "replace",
    "goes_here",
    "goeshere",
    "-here",
    "_here",
    "notreal",
    "not-real",
    "fake",
    "todo",
    "****",
    "....",
    "abcdef",
    "123456",
    "secret_key",
    "api_key",
    "apikey",
    "deadbeef",
];

/// True for what stands for a secret: known words, templates (`${X}`, `<key>`, `{{ x }}`, `%s`), and rows of equal or
/// ascending characters.
pub fn is_placeholder(text: &[u8]) -> bool {
    if text.iter().any(|byte| b"<>{}$".contains(byte)) || text.first() == Some(&b'%') {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    let has = |word: &&str| lower.windows(word.len()).any(|window| window == word.as_bytes());
    if PLACEHOLDERS.iter().any(has) {
        return true;
    }
    // A third of the steps goes to the same or the next character: nobody draws that.
    let steps = lower.windows(2).filter(|w| matches!(w, [a, b] if b == a || *b == a.wrapping_add(1))).count();
    steps * 3 > lower.len().saturating_sub(1)
}

/// Passwords that are words: defaults of servers and examples in manuals. Compared without digits and signs at the end.
const WEAK: &[&str] = &[
    "",
    "password",
    "passwd",
    "pass",
    "passw",
    "pwd",
    "pw",
    "secret",
    "admin",
    "administrator",
    "root",
    "user",
    "username",
    "guest",
    "postgres",
    "mysql",
    "mongo",
    "mongodb",
    "redis",
    "rabbitmq",
    "test",
    "testing",
    "demo",
    "foo",
    "bar",
    "baz",
    "token",
    "none",
    "null",
    "true",
    "false",
    "empty",
    "default",
    "login",
    "key",
    "qwerty",
    "welcome",
    "letmein",
    "yourpassword",
    "mypassword",
    "somepassword",
    "hunter",
    "pass_word",
    "pswd",
    "credential",
    "credentials",
    "auth",
    "value",
    "string",
    "optional",
    "required",
    "local",
];

/// True for a password that is a word of [`WEAK`], with any digits and signs behind it.
pub fn is_weak(text: &[u8]) -> bool {
    let end = text.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |last| last + 1);
    let word = text.get(..end).unwrap_or_default().to_ascii_lowercase();
    WEAK.iter().any(|weak| weak.as_bytes() == word)
}

/// How many of lower case, upper case, digits and signs a text has.
pub fn kinds(text: &[u8]) -> usize {
    let tests: [fn(&u8) -> bool; 4] =
        [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit, u8::is_ascii_punctuation];
    tests.iter().filter(|test| text.iter().any(*test)).count()
}

/// True if nothing of the token's alphabet goes on before it. The letter of an escape (`\n`) is no part of it, and neither is a
/// length byte ([`is_framed`]); `+` and `/` are base64's, but a URL's `//` is none of it.
pub fn starts_clean(before: &[u8]) -> bool {
    match before {
        [.., b'\\', b'n' | b't' | b'r'] | [.., b'/', b'/'] => true,
        [.., last] => !is_word(*last) && *last != b'+' && *last != b'/',
        [] => true,
    }
}

/// True if nothing of the token's alphabet goes on behind it. A single letter before a control character is an opcode of a
/// pickle (`q\x01`, `u.`) or the next length, and no text.
pub fn ends_clean(after: &[u8]) -> bool {
    match after {
        [] => true,
        [first, ..] if !is_word(*first) && *first != b'+' => true,
        [b'u' | b's' | b'e' | b't', b'.'] => true,
        [first, next, ..] => {
            first.is_ascii_alphabetic() && (*next >= 0x80 || (*next < 0x20 && !next.is_ascii_whitespace()))
        }
        _ => false,
    }
}

/// True if the binary length that formats write before a string stands before it: one byte (pickle's short strings, msgpack,
/// protobuf), 16 bits big-endian, 32 or 64 bits little-endian (pickle, GGUF), or a two-byte varint (protobuf).
pub fn is_framed(before: &[u8], length: usize) -> bool {
    let little = (length as u64).to_le_bytes();
    match before {
        [.., last] if length < 0x80 && usize::from(*last) == length => true,
        [.., high, low] if length < 0x1_0000 && [*high, *low] == (length as u16).to_be_bytes() => true,
        [.., low, high]
            if length < 0x4000
                && usize::from(low & 0x7f) | usize::from(*high) << 7 == length
                && *low >= 0x80
                && *high < 0x80 =>
        {
            true
        }
        _ => length > 0 && (before.ends_with(&little) || before.ends_with(&little[..4])),
    }
}

/// FNV-1a, 64 bits: tells values apart without keeping them.
pub fn fnv(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_secrets() {
        for text in
            ["AKIAIOSFODNN7EXAMPLE", "sk-xxxxxxxxxxxxxxxxxxxx", "abcdefghijklmnop", "1111111111111111", "${TOKEN}"]
        {
            assert!(is_placeholder(text.as_bytes()), "{text}");
        }
        for text in ["ysqrZoOFDPrtIjJIUryMlJCmafGwBUQIld", "6GQDWGk2JU5q2dnMdWsy", "Ntd5yzLHikweobcuuzJH8"] {
            assert!(!is_placeholder(text.as_bytes()) && looks_random(text.as_bytes()), "{text}");
        }
        assert!(is_weak(b"password123!") && is_weak(b"Admin") && !is_weak(b"tr0ub4dor&3x"));
        assert!(!looks_random(b"aaaaaaaaaaaaaaaabbbb"));
    }

    #[test]
    fn borders_of_text_and_of_binary_strings() {
        assert!(starts_clean(b"\"") && starts_clean(b"x\\n") && starts_clean(b"https://") && !starts_clean(b"AB/"));
        assert!(ends_clean(b"q\x01") && ends_clean(b"\"") && !ends_clean(b"qX") && !ends_clean(b"+"));
        assert!(is_framed(b"\x8c\x33", 51) && is_framed(b"X\x28\0\0\0", 40) && is_framed(b"\x12\x96\x01", 150));
        assert!(is_framed(b"\x28\0\0\0\0\0\0\0", 40) && !is_framed(b"ab", 40) && is_framed(b"\xda\x01\x00", 256));
    }
}
