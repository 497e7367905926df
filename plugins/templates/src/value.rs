//! What is known of a value before rendering.
//!
//! Payloads spell forbidden names in pieces (`'__cla' ~ 'ss__'`, `'%c%c'|format(95, 95)`, `dict(__class__=x)|first`), so
//! constants are followed as far as that goes. Every value is small and shallow by construction: beyond the caps it is unknown.

use crate::lexer::HOLE;

/// Bytes kept of a text; no name of an attribute comes near it.
const LONGEST: usize = 1024;
/// Items kept of a list or a map.
pub(crate) const MOST_ITEMS: usize = 64;
/// Nesting kept.
const DEEPEST: usize = 4;
/// Alternatives followed for one value.
const MOST_CHOICES: usize = 16;
/// Values that one value may consist of; a text counts as one for each 16 bytes.
const MOST_NODES: usize = 256;

/// A value, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing is known.
    Unknown,
    /// `none`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A text. Unknown pieces of it are [`HOLE`]s.
    Text(String),
    /// A list or a tuple.
    List(Vec<Value>),
    /// A dictionary or a namespace.
    Map(Vec<(Value, Value)>),
    /// One of these, depending on what happens at rendering.
    OneOf(Vec<Value>),
    /// A function or class of the engine by its name, which has a known text form.
    Global(&'static str),
    /// What `select` and its like return.
    Generator,
}

/// Text forms of objects that payloads cut single characters from; the address that follows is unknown.
const TEXT_FORMS: &[(&str, &str)] = &[
    ("lipsum", "<function generate_lorem_ipsum at 0x"),
    ("dict", "<class 'dict'>"),
    ("range", "<class 'range'>"),
    ("cycler", "<class 'jinja2.utils.Cycler'>"),
    ("joiner", "<class 'jinja2.utils.Joiner'>"),
    ("namespace", "<class 'jinja2.utils.Namespace'>"),
];
const GENERATOR_FORM: &str = "<generator object select_or_reject at 0x";

impl Value {
    /// A text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into()).capped()
    }

    /// A text of which nothing is known.
    pub(crate) fn hole() -> Self {
        Self::Text(HOLE.to_string())
    }

    /// The value, or unknown if it is larger than what is followed.
    pub(crate) fn capped(self) -> Self {
        match &self {
            Self::Text(text) if text.len() > LONGEST => {
                // What matters of a long text is whether a special name may be cut from it.
                if text.contains("__") { Self::Text(format!("{HOLE}__{HOLE}")) } else { Self::hole() }
            }
            Self::List(_) | Self::Map(_) | Self::OneOf(_) => {
                let mut budget = MOST_NODES;
                if self.fits(DEEPEST, &mut budget) { self } else { Self::Unknown }
            }
            _ => self,
        }
    }

    fn fits(&self, depth: usize, budget: &mut usize) -> bool {
        let size = if let Self::Text(text) = self { 1 + text.len() / 16 } else { 1 };
        let Some(left) = budget.checked_sub(size) else { return false };
        *budget = left;
        if depth == 0 {
            return !matches!(self, Self::List(_) | Self::Map(_) | Self::OneOf(_));
        }
        match self {
            Self::List(items) | Self::OneOf(items) => {
                items.len() <= MOST_ITEMS && items.iter().all(|v| v.fits(depth - 1, budget))
            }
            Self::Map(pairs) => {
                pairs.len() <= MOST_ITEMS
                    && pairs.iter().all(|(k, v)| k.fits(depth - 1, budget) && v.fits(depth - 1, budget))
            }
            _ => true,
        }
    }

    /// The alternatives of a value; itself if it is one.
    pub(crate) fn choices(&self) -> &[Self] {
        match self {
            Self::OneOf(choices) => choices,
            other => std::slice::from_ref(other),
        }
    }

    /// Either of two values.
    pub(crate) fn either(self, other: Self) -> Self {
        let mut choices: Vec<Self> = Vec::new();
        for choice in self.choices().iter().chain(other.choices()) {
            if !choices.contains(choice) {
                choices.push(choice.clone());
            }
        }
        match choices.len() {
            1 => choices.swap_remove(0),
            n if n <= MOST_CHOICES => Self::OneOf(choices).capped(),
            _ => Self::Unknown,
        }
    }

    /// The function on every alternative.
    pub(crate) fn map(&self, f: impl Fn(&Self) -> Self) -> Self {
        match self {
            Self::OneOf(choices) => choices.iter().map(f).reduce(Self::either).unwrap_or(Self::Unknown),
            one => f(one).capped(),
        }
    }

    /// The function on every pair of alternatives.
    pub(crate) fn zip(&self, other: &Self, f: impl Fn(&Self, &Self) -> Self) -> Self {
        self.map(|a| other.map(|b| f(a, b)))
    }

    /// What `str()` makes of it; unknown pieces are holes.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(n) => n.to_string(),
            Self::None => "None".to_owned(),
            Self::Bool(b) => if *b { "True" } else { "False" }.to_owned(),
            Self::Generator => format!("{GENERATOR_FORM}{HOLE}"),
            Self::Global(name) => match TEXT_FORMS.iter().find(|row| row.0 == *name) {
                Some((_, form)) => format!("{form}{HOLE}"),
                None => HOLE.to_string(),
            },
            Self::List(_) | Self::Map(_) if self.mentions_special() => format!("{HOLE}__{HOLE}"),
            _ => HOLE.to_string(),
        }
    }

    /// Whether a text inside holds a special name's mark.
    fn mentions_special(&self) -> bool {
        match self {
            Self::Text(text) => text.contains("__"),
            Self::List(items) | Self::OneOf(items) => items.iter().any(Self::mentions_special),
            Self::Map(pairs) => pairs.iter().any(|(k, v)| k.mentions_special() || v.mentions_special()),
            _ => false,
        }
    }

    /// The items that iterating yields, if they are all known.
    pub(crate) fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) => Some(items.clone()),
            Self::Text(text) if !text.contains(HOLE) && text.chars().count() <= MOST_ITEMS => {
                Some(text.chars().map(|c| Self::Text(c.to_string())).collect())
            }
            Self::Map(pairs) => Some(pairs.iter().map(|(k, _)| k.clone()).collect()),
            _ => None,
        }
    }

    /// The item under a key, as far as it is known.
    pub(crate) fn item(&self, key: &Self) -> Self {
        match (self, key) {
            (Self::List(items), Self::Int(n)) => index(items.len(), *n).and_then(|i| items.get(i)).cloned(),
            (Self::Text(text), Self::Int(n)) => letter(text, *n),
            (Self::Map(pairs), key) => pairs.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.clone()),
            _ => None,
        }
        .unwrap_or(Self::Unknown)
    }

    /// A slice, as far as it is known.
    pub(crate) fn slice(&self, bounds: [Option<&Self>; 3]) -> Self {
        let mut numbers = [None; 3];
        for (number, bound) in numbers.iter_mut().zip(bounds) {
            match bound {
                Some(Self::Int(n)) => *number = Some(*n),
                Some(Self::None) | None => {}
                Some(_) => return self.unknown_part(),
            }
        }
        match self {
            Self::List(items) => {
                Self::List(positions(items.len(), numbers).filter_map(|i| items.get(i).cloned()).collect())
            }
            Self::Text(text) if !text.contains(HOLE) => {
                let chars: Vec<char> = text.chars().collect();
                Self::Text(positions(chars.len(), numbers).filter_map(|i| chars.get(i)).collect())
            }
            other => other.unknown_part(),
        }
    }

    /// A value that was made of this one in a way that is not followed.
    pub(crate) fn unknown_part(&self) -> Self {
        match self {
            Self::Text(text) if text.contains("__") => Self::Text(format!("{HOLE}__{HOLE}")),
            Self::Text(_) => Self::hole(),
            _ => Self::Unknown,
        }
    }
}

/// An index from the front for one that may count from the end.
fn index(length: usize, n: i64) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let n = if n < 0 { n.checked_add(length)? } else { n };
    usize::try_from(n).ok().filter(|_| n < length)
}

/// One character of a text. Holes have no known width: positions are right before the first, and from the end after the last.
fn letter(text: &str, n: i64) -> Option<Value> {
    let chars: Vec<char> = text.chars().collect();
    let hole = chars.iter().position(|c| *c == HOLE);
    let at = index(chars.len(), n)?;
    let sure = match hole {
        None => true,
        Some(first) => n >= 0 && at < first,
    };
    Some(if sure { Value::Text(chars.get(at)?.to_string()) } else { Value::hole() })
}

/// The positions of a Python slice.
fn positions(length: usize, [start, stop, step]: [Option<i64>; 3]) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let step = step.unwrap_or(1).clamp(-(1 << 20), 1 << 20);
    let clamp = |n: i64, low: i64, high: i64| if n < 0 { n.saturating_add(length) } else { n }.clamp(low, high);
    let (mut at, end) = if step < 0 {
        (start.map_or(length - 1, |n| clamp(n, -1, length - 1)), stop.map_or(-1, |n| clamp(n, -1, length - 1)))
    } else {
        (start.map_or(0, |n| clamp(n, 0, length)), stop.map_or(length, |n| clamp(n, 0, length)))
    };
    std::iter::from_fn(move || {
        let more = if step > 0 { at < end } else { step < 0 && at > end };
        let here = usize::try_from(at).ok().filter(|_| more)?;
        at += step;
        Some(here)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_python_s() {
        let text = Value::text("__ssalc__");
        let int = Value::Int(-1);
        assert_eq!(text.slice([None, None, Some(&int)]), Value::text("__class__"));
        assert_eq!(text.slice([Some(&Value::Int(2)), Some(&Value::Int(-2)), None]), Value::text("ssalc"));
        assert_eq!(
            text.slice([Some(&Value::Int(i64::MAX)), Some(&Value::Int(i64::MIN)), Some(&Value::Int(i64::MIN))])
                .to_text()
                .len(),
            1
        );
        assert_eq!(text.slice([None, None, Some(&Value::Int(0))]), Value::text(""));
        assert_eq!(text.item(&Value::Int(-9)), Value::text("_"));
        assert_eq!(text.item(&Value::Int(i64::MIN)), Value::Unknown);
    }

    #[test]
    fn values_stay_small() {
        let mut value = Value::List(vec![]);
        for _ in 0..10_000 {
            value = Value::List(vec![value.clone(), value]).capped();
        }
        let mut budget = MOST_NODES;
        assert!(value.fits(DEEPEST + 1, &mut budget));
        assert_eq!(Value::text("A".repeat(5000)), Value::hole());
    }

    #[test]
    fn forms_of_globals_are_known() {
        assert_eq!(Value::text(Value::Global("lipsum").to_text()).item(&Value::Int(18)), Value::text("_"));
        assert_eq!(Value::text(Value::Generator.to_text()).item(&Value::Int(24)), Value::text("_"));
    }
}
