//! `modelaudit rules`: what the ids in a report mean, out of the plugins' manifests.

use std::io::{self, Write};

use anyhow::Result;
use modelaudit_engine::Scanner;
use modelaudit_engine::model::Rule;
use modelaudit_report::place::printable;
use modelaudit_report::{json, text};
use serde::Serialize;

use crate::args::RulesArgs;
use crate::output::Output;
use crate::{complain, terminal};

/// How alike a name must be to be worth a hint, from 0 (nothing in common) to 1.
const ALIKE: f64 = 0.75;
/// Names in a hint.
const HINTS: usize = 3;

#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    rule: Rule,
    /// Plugins that report it.
    plugins: Vec<String>,
}

/// Lists the rules or explains one. The exit code is 1 if there is none of that id.
pub fn run(args: &RulesArgs) -> Result<u8> {
    let scanner = Scanner::new(args.plugins.options(), modelaudit_builtin::PLUGINS)?;
    for failure in scanner.failures() {
        complain(&format!("{}: {}", failure.plugin, failure.reason));
    }
    let mut entries = entries(scanner.rules());
    if let Some(id) = &args.id {
        let known: Vec<_> = entries.iter().map(|e| e.rule.id.clone()).collect();
        entries.retain(|e| e.rule.id.eq_ignore_ascii_case(id));
        if entries.is_empty() {
            complain(&format!("there is no rule {id}{}", hint(id, &known)));
            return Ok(1);
        }
    }
    Output::Stdout.write(|out| match (args.json, &args.id) {
        (true, None) => json::pretty(&entries, out),
        (true, Some(_)) => entries.iter().try_for_each(|e| json::pretty(e, out)),
        (false, None) => list(&entries, out),
        (false, Some(_)) => entries.iter().try_for_each(|e| explain(e, out)),
    })?;
    Ok(0)
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

fn hint(id: &str, known: &[String]) -> String {
    let id = id.to_ascii_uppercase();
    let mut near: Vec<_> = known.iter().map(|k| (strsim::jaro_winkler(&id, &k.to_ascii_uppercase()), k)).collect();
    near.retain(|(likeness, _)| *likeness >= ALIKE);
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<_> = near.into_iter().take(HINTS).map(|(_, k)| k.as_str()).collect();
    if near.is_empty() {
        "; modelaudit rules lists them".to_owned()
    } else {
        format!("; did you mean {}?", near.join(", "))
    }
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
    fn likely_mistakes_get_a_hint() {
        let known: Vec<_> = ["S201", "S210", "S902", "ACME-001"].map(str::to_owned).to_vec();
        assert_eq!(hint("S20", &known), "; did you mean S201, S210, S902?");
        assert_eq!(hint("acme-01", &known), "; did you mean ACME-001?");
        assert_eq!(hint("whatever", &known), "; modelaudit rules lists them");
    }
}
