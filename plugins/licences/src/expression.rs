//! Licence expressions: `MIT OR Apache-2.0`, as SPDX defines them (<https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/>),
//! and the lists and loose names that cards and metadata hold instead.

use spdx::expression::{ExprNode, Operator};
use spdx::{Expression, ParseMode};

use crate::class::{Class, conflict};
use crate::identifiers::{Known, by_id, by_name, unknown};

/// Licences in one expression; longer ones are cut.
const MOST: usize = 64;
/// Bytes of an expression that are read.
const LONGEST: usize = 1024;

/// The terms that somebody declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// As an SPDX expression.
    pub expression: String,
    /// Its licences, in order.
    pub licences: Vec<Known>,
    /// The class of the freest choice.
    pub class: Class,
    /// True if all of them have to be met.
    pub all: bool,
}

impl Terms {
    /// One licence.
    pub fn one(known: Known) -> Self {
        Self { expression: known.id.clone(), class: known.class, licences: vec![known], all: true }
    }

    /// Several that have to be met together.
    pub fn together(parts: Vec<Terms>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut terms = parts.next()?;
        for part in parts {
            if terms.licences.len() + part.licences.len() > MOST || terms.expression == part.expression {
                continue;
            }
            let wrap = |t: &Terms| if t.all { t.expression.clone() } else { format!("({})", t.expression) };
            terms.expression = format!("{} AND {}", wrap(&terms), wrap(&part));
            terms.all &= part.all;
            terms.class = terms.class.max(part.class);
            terms.licences.extend(part.licences);
        }
        Some(terms)
    }

    /// Two licences of it that can't be met together, and why.
    pub fn contradiction(&self) -> Option<(&Known, &Known, &'static str)> {
        if !self.all {
            return None;
        }
        let pairs =
            self.licences.iter().enumerate().flat_map(|(i, a)| self.licences.iter().skip(i + 1).map(move |b| (a, b)));
        pairs.filter_map(|(a, b)| conflict(a, b).map(|why| (a, b, why))).next()
    }

    /// The licences that no choice avoids.
    pub fn binding(&self) -> impl Iterator<Item = &Known> {
        self.licences.iter().filter(|known| known.class <= self.class)
    }
}

/// Reads a declared value. None for an empty one.
pub fn parse(value: &str) -> Option<Terms> {
    let value = value.trim().trim_matches(['"', '\'']).trim();
    if value.is_empty() || value.len() > LONGEST {
        return None;
    }
    if let Some(known) = by_name(value) {
        return Some(Terms::one(known));
    }
    expression(value).or_else(|| list(value)).or_else(|| Some(Terms::one(unknown(value))))
}

/// `a, b and c` of identifiers that are all known.
fn list(value: &str) -> Option<Terms> {
    let parts: Option<Vec<Terms>> = value.split([',', ';']).map(|part| by_name(part).map(Terms::one)).collect();
    Terms::together(parts.filter(|p| p.len() > 1)?)
}

fn expression(value: &str) -> Option<Terms> {
    let spaced = value.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut canonical: Vec<String> = Vec::new();
    let mut licences = Vec::new();
    let mut exception = false;
    let mut operators = 0;
    for token in spaced.split_whitespace() {
        let upper = token.to_ascii_uppercase();
        match upper.as_str() {
            "AND" | "OR" | "WITH" => {
                operators += 1;
                exception = upper == "WITH";
                canonical.push(upper);
            }
            "(" | ")" => canonical.push(upper),
            _ if exception => {
                exception = false;
                let known = spdx::identifiers::EXCEPTIONS.iter().find(|e| e.name.eq_ignore_ascii_case(token))?;
                canonical.push(known.name.to_owned());
            }
            _ => {
                let (base, later) = match (by_id(token), token.strip_suffix('+')) {
                    (Some(known), _) => (known, ""),
                    (None, Some(base)) => (by_id(base)?, "+"),
                    (None, None) => (by_name(token)?, ""),
                };
                canonical.push(format!("{}{later}", base.id));
                licences.push(base);
            }
        }
    }
    if operators == 0 || licences.len() > MOST {
        return None;
    }
    let mode = ParseMode { allow_deprecated: true, allow_postfix_plus_on_gpl: true, ..ParseMode::STRICT };
    let text = canonical.join(" ").replace("( ", "(").replace(" )", ")");
    let parsed = Expression::parse_mode(&text, mode).ok()?;
    // Postfix order keeps the order of the operands.
    let mut next = licences.iter();
    let mut stack: Vec<Class> = Vec::new();
    let mut all = true;
    for node in parsed.iter() {
        match node {
            ExprNode::Req(_) => stack.push(next.next()?.class),
            ExprNode::Op(operator) => {
                let (b, a) = (stack.pop()?, stack.pop()?);
                all &= *operator == Operator::And;
                stack.push(if *operator == Operator::And { a.max(b) } else { a.min(b) });
            }
        }
    }
    Some(Terms { expression: text, class: stack.pop()?, licences, all })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> (String, Class) {
        let terms = parse(value).unwrap();
        (terms.expression, terms.class)
    }

    #[test]
    fn expressions_take_the_freest_choice_and_the_strictest_duty() {
        for (value, expression, class) in [
            ("MIT OR GPL-3.0-only", "MIT OR GPL-3.0-only", Class::Permissive),
            ("mit and gpl-3.0-only", "MIT AND GPL-3.0-only", Class::StrongCopyleft),
            ("MIT/Apache-2.0", "MIT OR Apache-2.0", Class::Permissive),
            (
                "(MIT OR AGPL-3.0-only) AND CC-BY-NC-4.0",
                "(MIT OR AGPL-3.0-only) AND CC-BY-NC-4.0",
                Class::NonCommercial,
            ),
            ("GPL-2.0+", "GPL-2.0+", Class::StrongCopyleft),
            (
                "GPL-2.0-or-later WITH classpath-exception-2.0",
                "GPL-2.0-or-later WITH Classpath-exception-2.0",
                Class::StrongCopyleft,
            ),
            ("apache-2.0, cc-by-nc-4.0", "Apache-2.0 AND CC-BY-NC-4.0", Class::NonCommercial),
            ("other", "LicenseRef-other", Class::Unknown),
            ("AND OR (", "LicenseRef-AND-OR", Class::Unknown),
            ("MIT OR", "LicenseRef-MIT-OR", Class::Unknown),
        ] {
            assert_eq!(read(value), (expression.to_owned(), class), "{value}");
        }
        assert_eq!(parse("  "), None);
        assert_eq!(parse(&"(".repeat(5000)), None);
        assert_eq!(read(&"(".repeat(1000)).1, Class::Unknown);
    }

    #[test]
    fn contradictions_need_both_licences_to_bind() {
        let contradicts = |value: &str| parse(value).unwrap().contradiction().is_some();
        for value in [
            "GPL-3.0-only AND CC-BY-NC-4.0",
            "apache-2.0 AND gpl-2.0",
            "llama2 AND GPL-3.0-or-later",
            "CC-BY-SA-4.0 AND CC-BY-NC-4.0",
        ] {
            assert!(contradicts(value), "{value}");
        }
        for value in [
            "GPL-3.0-only OR CC-BY-NC-4.0",
            "Apache-2.0 AND GPL-3.0-only",
            "MIT AND GPL-2.0-only",
            "apache-2.0 AND llama2",
            "EPL-2.0 AND GPL-2.0-only",
        ] {
            assert!(!contradicts(value), "{value}");
        }
    }
}
