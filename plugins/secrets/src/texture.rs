//! What a text is made of: the difference between a key and a word, a placeholder, or a piece of something longer.

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
}
