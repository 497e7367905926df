//! What a rule refers to: CVE and CWE ids, pages.

/// One reference of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// `CVE-2025-32434`.
    Cve(&'a str),
    /// The number of `CWE-502`.
    Cwe(u32),
    /// An address with http or https.
    Url(&'a str),
    /// Anything else, to be shown as text.
    Other(&'a str),
}

impl<'a> Reference<'a> {
    /// Tells which it is. A manifest is a stranger's text, too: only what has exactly the form of an id or an address becomes a link.
    pub fn of(text: &'a str) -> Self {
        let digits = |s: &str| !s.is_empty() && s.len() <= 9 && s.bytes().all(|b| b.is_ascii_digit());
        if let Some((year, number)) = text.strip_prefix("CVE-").and_then(|id| id.split_once('-'))
            && year.len() == 4
            && digits(year)
            && digits(number)
        {
            return Self::Cve(text);
        }
        if let Some(number) = text.strip_prefix("CWE-").filter(|n| digits(n)).and_then(|n| n.parse().ok()) {
            return Self::Cwe(number);
        }
        let address = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&+,;=%".contains(&b);
        match text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) {
            Some(rest) if !rest.is_empty() && rest.bytes().all(address) => Self::Url(text),
            _ => Self::Other(text),
        }
    }

    /// Where to read about it.
    pub fn link(self) -> Option<String> {
        match self {
            Self::Cve(id) => Some(format!("https://nvd.nist.gov/vuln/detail/{id}")),
            Self::Cwe(number) => Some(format!("https://cwe.mitre.org/data/definitions/{number}.html")),
            Self::Url(url) => Some(url.to_owned()),
            Self::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_form_is_taken_for_it() {
        assert_eq!(Reference::of("CVE-2025-32434"), Reference::Cve("CVE-2025-32434"));
        assert_eq!(Reference::of("CWE-502"), Reference::Cwe(502));
        assert_eq!(Reference::of("https://a.example/x?y=1#z"), Reference::Url("https://a.example/x?y=1#z"));
        for other in [
            "CVE-25-1",
            "CVE-2025-",
            "CVE-2025-1\"",
            "CWE-",
            "CWE-5x",
            "javascript:alert(1)",
            "https://a b",
            "https://",
            "https://a\">",
            "https://a)b",
        ] {
            assert_eq!(Reference::of(other), Reference::Other(other));
            assert_eq!(Reference::of(other).link(), None);
        }
        assert_eq!(Reference::Cwe(502).link().unwrap(), "https://cwe.mitre.org/data/definitions/502.html");
    }
}
