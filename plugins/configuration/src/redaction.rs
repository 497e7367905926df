//! What a finding shows of a file goes without the secrets in it: an index's address holds its user's token more often than not.

use std::borrow::Cow;

/// How services begin their tokens; the analyser of secrets knows their whole shapes.
const TOKENS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "hf_",
    "sk-",
    "sk_live_",
    "rk_live_",
    "xox",
    "npm_",
    "pypi-",
    "dckr_",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "eyJ",
];

/// Characters of a token that may be shown, and the least that follow them in one.
const SHOWN: usize = 4;
const SHORTEST: usize = 16;

/// The text without passwords in addresses and without tokens.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    let mut from = 0;
    while let Some(at) = out.get(from..).and_then(|rest| rest.find("://")).map(|at| from + at + 3) {
        from = at;
        let rest = out.get(at..).unwrap_or_default();
        let authority = rest.find(['/', '?', '#', ' ', '"', '\'']).unwrap_or(rest.len());
        if let Some(sign) = rest.get(..authority).and_then(|authority| authority.rfind('@')) {
            // A user without a password may be a token itself; `git` is the one that everybody has.
            if rest.get(..sign) != Some("git") {
                out.to_mut().replace_range(at..at + sign, "***");
            }
        }
    }
    for start in TOKENS {
        let mut from = 0;
        while let Some(at) = out.get(from..).and_then(|rest| rest.find(start)).map(|at| from + at) {
            from = at + start.len();
            let rest = out.get(at..).unwrap_or_default();
            let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b)).count();
            let whole = out.get(..at).is_none_or(|before| !before.ends_with(|c: char| c.is_ascii_alphanumeric()));
            if whole && length >= start.len() + SHORTEST {
                out.to_mut().replace_range(at + SHOWN.min(start.len())..at + length, "...");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn secrets_are_left_out() {
        assert_eq!(
            redacted("--index-url https://me:hunter2@evil.example/simple and ssh://git@x.example/y"),
            "--index-url https://***@evil.example/simple and ssh://git@x.example/y"
        );
        let token =
            format!("curl -H 'Authorization: Bearer {}' https://a.example", "hf_".to_owned() + &"aB3".repeat(11));
        assert_eq!(redacted(&token), "curl -H 'Authorization: Bearer hf_...' https://a.example");
        for plain in ["torch==2.1", "task-specific sk-learn", "https://a.example/x@2", "eyJ"] {
            assert_eq!(redacted(plain), plain);
        }
    }
}
