//! The shapes in which services issue keys and tokens: a table, and a matcher that knows no service.
//!
//! Sources are the issuers' documentation and their entries in GitHub's secret-scanning partner programme. Lengths are taken
//! as documented, with room where an issuer reserves it. What is random in a token has to look random, too.

use modelaudit_plugin::{Rule, Severity};
use modelaudit_rules::secrets::{S701, S703, S704, S705, S708};

use crate::borders::{ends_clean, is_framed, starts_clean};
use crate::texture::{is_placeholder, kinds, looks_random};
use crate::windows::Window;

/// Characters of a part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// `0-9`.
    Digits,
    /// `0-9a-f`.
    Hex,
    /// `A-Z0-9`.
    Upper,
    /// `A-Za-z0-9`.
    Alnum,
    /// `A-Za-z0-9_-`.
    Word,
    /// `A-Za-z0-9+/`.
    Base64,
    /// `A-Za-z0-9_-.~`.
    Graph,
}

impl Alphabet {
    /// True if the byte belongs to it.
    pub fn has(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Upper => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-',
            Self::Base64 => byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/',
            Self::Graph => byte.is_ascii_alphanumeric() || b"_-.~".contains(&byte),
        }
    }
}

/// One part of a token's shape.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// This text.
    Text(&'static [u8]),
    /// Any of these texts; the first that fits is taken.
    Any(&'static [&'static [u8]]),
    /// As many characters as there are of an alphabet, at least and at most.
    Run(Alphabet, usize, usize),
}

use Alphabet::{Alnum, Base64, Digits, Graph, Hex, Upper, Word};
use Part::{Any, Run, Text};

/// The checksum that an issuer puts into its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// None that is known.
    Unknown,
    /// The last six of 36 characters are the CRC-32 of the others in base 62. GitHub has put it into every token with a prefix
    /// (since 2021): one that it does not fit was never issued.
    GitHub,
    /// The same, as evidence only: npm took the scheme over, but does not promise it.
    Npm,
}

/// The shape of a kind of token.
pub struct Token {
    /// What it is, with its issuer.
    pub name: &'static str,
    /// What is reported.
    pub rule: &'static Rule,
    /// How bad.
    pub severity: Severity,
    /// The literal that the host finds.
    pub anchor: &'static [u8],
    /// How many characters of the token stand before the anchor.
    pub before: usize,
    /// What follows the anchor.
    pub parts: &'static [Part],
    /// Whether it can be verified.
    pub checksum: Checksum,
}

const fn token(name: &'static str, rule: &'static Rule, anchor: &'static [u8], parts: &'static [Part]) -> Token {
    Token { name, rule, severity: Severity::Warning, anchor, before: 0, parts, checksum: Checksum::Unknown }
}

const fn github(name: &'static str, anchor: &'static [u8]) -> Token {
    Token { checksum: Checksum::GitHub, ..token(name, &S708, anchor, &[Run(Alnum, 36, 255)]) }
}

const fn aws(anchor: &'static [u8]) -> Token {
    token("AWS access key id", &S704, anchor, &[Run(Upper, 16, 16)])
}

const fn stripe(name: &'static str, anchor: &'static [u8], severity: Severity) -> Token {
    Token { severity, ..token(name, &S701, anchor, &[Run(Alnum, 16, 247)]) }
}

/// Twilio's API key has a prefix of two letters; what formats write before a string makes an anchor of it.
const fn twilio(anchor: &'static [u8]) -> Token {
    token("Twilio API key", &S701, anchor, &[Run(Hex, 32, 32)])
}

/// All shapes. Where several share an anchor, the first that fits is taken.
pub const TOKENS: &[Token] = &[
    github("GitHub personal access token", b"ghp_"),
    github("GitHub OAuth token", b"gho_"),
    github("GitHub user token of an app", b"ghu_"),
    github("GitHub server token of an app", b"ghs_"),
    github("GitHub refresh token", b"ghr_"),
    token("GitHub fine-grained token", &S708, b"github_pat_", &[Run(Word, 59, 255)]),
    token("GitLab personal access token", &S708, b"glpat-", &[Run(Graph, 20, 300)]),
    token("GitLab deploy token", &S708, b"gldt-", &[Run(Graph, 20, 300)]),
    token("GitLab runner token", &S708, b"glrt-", &[Run(Graph, 20, 300)]),
    token("GitLab job token", &S708, b"glcbt-", &[Run(Graph, 20, 300)]),
    token("GitLab pipeline trigger token", &S708, b"glptt-", &[Run(Graph, 20, 300)]),
    token("GitLab agent token", &S708, b"glagent-", &[Run(Graph, 50, 300)]),
    token("GitLab OAuth secret", &S708, b"gloas-", &[Run(Graph, 40, 300)]),
    token("Hugging Face token", &S708, b"hf_", &[Run(Alnum, 34, 40)]),
    token("Hugging Face organisation token", &S708, b"api_org_", &[Run(Alnum, 34, 40)]),
    token("Anthropic API key", &S701, b"sk-", &[Text(b"ant-"), Run(Word, 32, 220)]),
    token(
        "OpenAI project key",
        &S701,
        b"sk-",
        &[Any(&[b"proj-", b"svcacct-", b"admin-", b"None-"]), Run(Word, 20, 220)],
    ),
    token("OpenRouter API key", &S701, b"sk-", &[Text(b"or-v1-"), Run(Hex, 64, 64)]),
    token("OpenAI API key", &S701, b"sk-", &[Run(Alnum, 48, 51)]),
    token("API key of an OpenAI-compatible service", &S701, b"sk-", &[Run(Hex, 32, 32)]),
    stripe("Stripe live key", b"sk_live_", Severity::Warning),
    stripe("Stripe live restricted key", b"rk_live_", Severity::Warning),
    stripe("Stripe test key", b"sk_test_", Severity::Info),
    stripe("Stripe test restricted key", b"rk_test_", Severity::Info),
    token("webhook signing secret", &S701, b"whsec_", &[Run(Base64, 32, 88)]),
    token(
        "Slack token",
        &S708,
        b"xox",
        &[Any(&[b"b-", b"p-", b"a-", b"r-", b"s-", b"o-", b"e-", b"e.xoxb-", b"e.xoxp-"]), Run(Word, 24, 250)],
    ),
    token("Slack app token", &S708, b"xapp-", &[Run(Digits, 1, 2), Text(b"-"), Run(Word, 40, 200)]),
    token("Google API key", &S701, b"AIza", &[Run(Word, 35, 35)]),
    token("Google OAuth client secret", &S705, b"GOCSPX-", &[Run(Word, 28, 28)]),
    token("Google OAuth access token", &S705, b"ya29.", &[Run(Graph, 40, 512)]),
    aws(b"AKIA"),
    aws(b"ASIA"),
    token("Amazon Bedrock API key", &S704, b"ABSKQmVkcm9ja0FQSUtleS", &[Run(Base64, 60, 300)]),
    token("Azure storage account key", &S705, b"AccountKey=", &[Run(Base64, 86, 86), Text(b"==")]),
    token("Azure shared access key", &S705, b"SharedAccessKey=", &[Run(Base64, 43, 43), Text(b"=")]),
    // Keys with Microsoft's signature inside: where it stands, and how much follows, says whose they are.
    Token { before: 76, ..token("Azure storage account key", &S705, b"+ASt", &[Run(Base64, 6, 6), Text(b"==")]) },
    Token { before: 76, ..token("Azure Cosmos DB key", &S705, b"ACDb", &[Run(Base64, 6, 6), Text(b"==")]) },
    Token { before: 42, ..token("Azure AI Search key", &S705, b"AzSe", &[Run(Alnum, 6, 6)]) },
    Token { before: 52, ..token("Azure AI service key", &S705, b"JQQJ9", &[Run(Alnum, 27, 27)]) },
    Token { before: 76, ..token("Azure DevOps token", &S708, b"AZDO", &[Run(Alnum, 4, 4)]) },
    Token { before: 3, ..token("Azure client secret", &S705, b"8Q~", &[Run(Graph, 31, 34)]) },
    token("SendGrid API key", &S701, b"SG.", &[Run(Word, 16, 32), Text(b"."), Run(Word, 32, 64)]),
    Token { checksum: Checksum::Npm, ..token("npm access token", &S708, b"npm_", &[Run(Alnum, 36, 36)]) },
    token("PyPI upload token", &S708, b"pypi-AgE", &[Run(Word, 50, 300)]),
    token("Docker access token", &S708, b"dckr_", &[Any(&[b"pat_", b"oat_"]), Run(Word, 20, 64)]),
    twilio(b"\"SK"),
    twilio(b"'SK"),
    twilio(b"\0SK"),
    twilio(b"=SK"),
    token("Mailgun API key", &S701, b"key-", &[Run(Hex, 32, 32)]),
    token("Databricks access token", &S708, b"dapi", &[Run(Hex, 32, 32)]),
    token("DigitalOcean access token", &S708, b"dop_v1_", &[Run(Hex, 64, 64)]),
    token("Shopify access token", &S708, b"shpat_", &[Run(Hex, 32, 32)]),
    token("Grafana service account token", &S708, b"glsa_", &[Run(Alnum, 32, 32), Text(b"_"), Run(Alnum, 8, 8)]),
    token("HashiCorp Vault token", &S708, b"hvs.", &[Run(Word, 80, 200)]),
    token("Replicate API token", &S708, b"r8_", &[Run(Alnum, 37, 37)]),
    token("Groq API key", &S701, b"gsk_", &[Run(Alnum, 48, 60)]),
    token("xAI API key", &S701, b"xai-", &[Run(Alnum, 70, 90)]),
    token("Perplexity API key", &S701, b"pplx-", &[Run(Alnum, 40, 64)]),
    token("NVIDIA API key", &S701, b"nvapi-", &[Run(Word, 55, 80)]),
    token("Postman API key", &S701, b"PMAK-", &[Run(Hex, 24, 24), Text(b"-"), Run(Hex, 34, 34)]),
    token("Square OAuth secret", &S701, b"sq0csp-", &[Run(Word, 43, 43)]),
    token("Pinecone API key", &S701, b"pcsk_", &[Run(Word, 50, 90)]),
    token(
        "LangSmith API key",
        &S701,
        b"lsv2_",
        &[Any(&[b"pt_", b"sk_"]), Run(Hex, 32, 32), Text(b"_"), Run(Hex, 10, 10)],
    ),
    token("Tavily API key", &S701, b"tvly-", &[Run(Word, 32, 60)]),
    token("Linear API key", &S701, b"lin_api_", &[Run(Alnum, 40, 40)]),
    token("Supabase access token", &S708, b"sbp_", &[Run(Hex, 40, 40)]),
    token("Terraform Cloud token", &S708, b".atlasv1.", &[Run(Word, 60, 70)]),
    token("Tailscale key", &S708, b"tskey-", &[Any(&[b"auth-", b"api-", b"client-"]), Run(Word, 30, 80)]),
    token("New Relic user key", &S701, b"NRAK-", &[Run(Upper, 27, 27)]),
    token("Atlassian API token", &S708, b"ATATT3xFfGF0", &[Run(Word, 150, 250)]),
    token("RubyGems API key", &S708, b"rubygems_", &[Run(Hex, 48, 48)]),
    token("age private key", &S703, b"AGE-SECRET-KEY-1", &[Run(Upper, 58, 58)]),
];

/// Where a token stands in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
    /// Where what is random in it starts.
    pub body: usize,
}

impl Token {
    /// The token at the window's anchor, if all of it fits: shape, borders, randomness.
    pub fn at(&self, window: &Window) -> Option<Match> {
        // A quote or a zero byte that makes an anchor longer is no part of the token.
        let skip = usize::from(self.before == 0 && !self.anchor.first()?.is_ascii_alphanumeric());
        let start = (window.at + skip).checked_sub(self.before)?;
        let body = window.at + self.anchor.len();
        if !window.slice(start, window.at).iter().all(|byte| Graph.has(*byte) || Base64.has(*byte)) {
            return None;
        }
        let before = window.before(start);
        let mut end = body;
        for part in self.parts {
            let rest = window.from(end);
            end += match part {
                Text(text) => rest.starts_with(text).then_some(text.len())?,
                Any(texts) => texts.iter().find(|text| rest.starts_with(text)).map(|text| text.len())?,
                Run(alphabet, least, most) => {
                    let run = rest.iter().take(*most).take_while(|byte| alphabet.has(**byte)).count();
                    (run >= *least).then_some(run)?
                }
            };
        }
        // A sentence's full stop is no part of a token, and neither is an opcode behind a string whose length is known.
        while window.slice(body, end).ends_with(b".") {
            end -= 1;
        }
        if let Some(Run(_, least, _)) = self.parts.last()
            && let Some(framed) = (0..3).map(|less| end - less).find(|end| is_framed(before, end - start))
            && framed >= body + least
        {
            end = framed;
        }
        let bordered = starts_clean(before) && ends_clean(window.from(end));
        if !bordered && !is_framed(before, end - start) {
            return None;
        }
        // Of a key whose signature stands near its end, what is random stands before that.
        let text = if self.before > end - body { window.slice(start, window.at) } else { window.slice(body, end) };
        // Slack's tokens start with decimal ids; what follows the last hyphen is drawn, where that is long enough to tell.
        let drawn = text.rsplit(|byte| *byte == b'-').next().filter(|last| last.len() >= 20).unwrap_or(text);
        (looks_random(drawn) && kinds(text) >= 2 && !is_placeholder(text)).then_some(Match { start, end, body })
    }

    /// Whether the issuer's checksum fits; None if there is none.
    pub fn verify(&self, window: &Window, found: Match) -> Option<bool> {
        if self.checksum == Checksum::Unknown || found.end - found.body != 36 {
            return None;
        }
        let (random, checksum) = window.slice(found.body, found.end).split_last_chunk::<6>()?;
        Some(base62(crc32(random)) == *checksum)
    }
}

/// Six digits in base 62, `0-9A-Za-z`.
fn base62(mut value: u32) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = [b'0'; 6];
    for digit in out.iter_mut().rev() {
        *digit = DIGITS[(value % 62) as usize];
        value /= 62;
    }
    out
}

/// CRC-32 (IEEE) of a few dozen bytes.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_field() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(base62(0), *b"000000");
        assert_eq!(base62(u32::MAX), *b"4gfFC3");
    }

    #[test]
    fn anchors_are_few_and_long_enough() {
        assert!(TOKENS.iter().all(|token| token.anchor.len() >= 3 && !token.parts.is_empty()));
    }
}
