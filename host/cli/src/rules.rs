//! `modelaudit rules`: what the ids in a report mean, out of the plugins' manifests.

mod markdown;

use std::io::{self, Write};

use anyhow::Result;
use modelaudit_engine::Scanner;
use modelaudit_engine::model::Rule;
use modelaudit_engine::policy::RulePattern;
use modelaudit_report::place::printable;
use modelaudit_report::{json, text};
use serde::Serialize;

use crate::args::{ListFormat, RulesArgs};
use crate::output::Output;
use crate::{complain, terminal};

/// A rule with its plugins.
#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    rule: Rule,
    /// Plugins that report it.
    plugins: Vec<String>,
}

/// Lists the rules or explains one. The exit code is 1 if there is none of that id or in that range.
pub fn run(args: &RulesArgs) -> Result<u8> {
    let scanner = Scanner::new(args.plugins.options(), modelaudit_builtin::PLUGINS)?;
    for failure in scanner.failures() {
        complain(&format!("{}: {}", failure.plugin, failure.reason));
    }
    let mut entries = entries(scanner.rules());
    let known: Vec<String> = entries.iter().map(|e| e.rule.id.clone()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let wanted = match (&args.id, &args.category) {
        (Some(id), _) => Some(RulePattern::new(id, &known)),
        (None, Some(category)) => Some(hundred(category, &known)),
        (None, None) => None,
    };
    let pattern = match wanted.transpose() {
        Ok(pattern) => pattern,
        Err(why) => {
            complain(&why);
            return Ok(1);
        }
    };
    if let Some(pattern) = &pattern {
        entries.retain(|e| pattern.matches(&e.rule.id));
    }
    let one = matches!(pattern, Some(RulePattern::One(_)));
    let format = if args.json { ListFormat::Json } else { args.format };
    Output::Stdout.write(|out| match (format, one) {
        (ListFormat::Json, false) => json::pretty(&entries, out),
        (ListFormat::Json, true) => entries.iter().try_for_each(|e| json::pretty(e, out)),
        (ListFormat::Table, false) => list(&entries, out),
        (ListFormat::Table, true) => entries.iter().try_for_each(|e| explain(e, out)),
        (ListFormat::Markdown, _) => markdown::write(&entries, out),
    })?;
    Ok(0)
}

/// `200` is S200 to S299, `1000` S1000 to S1099; a range is what it says.
fn hundred(category: &str, known: &[&str]) -> Result<RulePattern, String> {
    let digits = category.trim().trim_start_matches(['S', 's']);
    match digits.parse::<u64>() {
        Ok(first) if first % 100 == 0 => RulePattern::new(&format!("S{first}-S{}", first.saturating_add(99)), known),
        Ok(_) => Err(format!("{category} is no hundred; write 200, or a range: S200-S299")),
        Err(_) => match RulePattern::range(category)? {
            Some(_) => RulePattern::new(category, known),
            None => Err(format!("{category} is neither a hundred nor a range; write 200, or S200-S299")),
        },
    }
}

/// One entry an id: several plugins may report the same rule. The first plugin's words are taken. `rules` is sorted by id.
fn entries(rules: Vec<(Rule, String)>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (rule, plugin) in rules {
        match entries.last_mut().filter(|last| last.rule.id == rule.id) {
            Some(last) => last.plugins.push(plugin),
            None => entries.push(Entry { rule, plugins: vec![plugin] }),
        }
    }
    entries
}

fn list(entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    let width = entries.iter().map(|e| e.rule.id.chars().count()).max().unwrap_or_default();
    for entry in entries {
        let rule = &entry.rule;
        let (id, title, plugins) = (printable(&rule.id), printable(&rule.title), entry.plugins.join(", "));
        writeln!(out, "{id:<width$}  {:<8}  {title} ({})", rule.severity.word(), printable(&plugins))?;
    }
    Ok(())
}

fn explain(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    text::explain(&entry.rule, &entry.plugins, terminal::color(), terminal::width(), out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelaudit_engine::model::Severity;

    fn rule(id: &str) -> Rule {
        Rule {
            id: id.to_owned(),
            title: "t".to_owned(),
            severity: Severity::Info,
            why: String::new(),
            remedy: String::new(),
            references: vec![],
        }
    }

    #[test]
    fn a_rule_of_several_plugins_is_one_entry() {
        let ids = ["ACME-1", "S201", "S201", "S1001"];
        let entries = entries(ids.iter().enumerate().map(|(i, id)| (rule(id), format!("p{i}"))).collect());
        let shown: Vec<_> = entries.iter().map(|e| e.rule.id.as_str()).collect();
        assert_eq!(shown, ["ACME-1", "S201", "S1001"]);
        assert_eq!(entries[1].plugins, ["p1", "p2"]);
    }

    #[test]
    fn hundreds_and_ranges() {
        let known = ["S201", "S299", "S300", "S1001"];
        let of = |category: &str| {
            let pattern = hundred(category, &known)?;
            Ok::<_, String>(known.into_iter().filter(|id| pattern.matches(id)).collect::<Vec<_>>())
        };
        assert_eq!(of("200").unwrap(), ["S201", "S299"]);
        assert_eq!(of("S1000").unwrap(), ["S1001"]);
        assert_eq!(of("S299-S300").unwrap(), ["S299", "S300"]);
        for wrong in ["201", "S201", "pickle", "", "400", "S500-S599", "S299-S201"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
