//! The rules as docs/rules.md shows them. Their texts come from plugins, so everything that Markdown would act on is escaped.

use std::collections::BTreeMap;
use std::io::{self, Write};

use modelaudit_report::place::printable;

use super::Entry;

/// What the hundreds are about, after the field's numbering.
const HUNDREDS: [(u64, &str); 11] = [
    (100, "Python code"),
    (200, "Pickle"),
    (300, "Network"),
    (400, "Files, archives and paths"),
    (500, "Embedded programs and scripts"),
    (600, "Encodings and disguises"),
    (700, "Secrets"),
    (800, "Weights, layers and templates"),
    (900, "Structure of files"),
    (1000, "Policy: names, configurations, licences"),
    (1100, "Frameworks"),
];

/// Writes all entries, by hundreds.
pub fn write(entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    let mut groups: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        groups.entry(hundred_of(&entry.rule.id)).or_default().push(entry);
    }
    for (hundred, entries) in groups {
        let title = HUNDREDS.iter().find(|(h, _)| *h == hundred).map(|(_, title)| *title);
        match title {
            Some(title) => writeln!(out, "## S{hundred}: {title}\n")?,
            None if hundred == u64::MAX => writeln!(out, "## Other rules\n")?,
            None => writeln!(out, "## S{hundred}\n")?,
        }
        writeln!(out, "| rule | title | usually | plugins |\n| --- | --- | --- | --- |")?;
        for entry in &entries {
            let (id, title, plugins) = (cell(&entry.rule.id), cell(&entry.rule.title), cell(&entry.plugins.join(", ")));
            let anchor = entry.rule.id.to_lowercase();
            writeln!(out, "| [{id}](#{anchor}) | {title} | {} | {plugins} |", entry.rule.severity.word())?;
        }
        for entry in entries {
            let rule = &entry.rule;
            // The heading is the id alone, so that a link to a rule never changes.
            writeln!(out, "\n### {}\n\n**{}** ({})", cell(&rule.id), cell(&rule.title), rule.severity.word())?;
            writeln!(out, "\n{}", sentence(&rule.why))?;
            writeln!(out, "\nWhat to do: {}", cell(&rule.remedy))?;
            if !rule.references.is_empty() {
                let references: Vec<_> = rule.references.iter().map(|r| reference(r)).collect();
                writeln!(out, "\nSee {}", references.join(", "))?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

fn hundred_of(id: &str) -> u64 {
    let number = id.strip_prefix('S').and_then(|digits| digits.parse::<u64>().ok());
    number.map_or(u64::MAX, |n| n - n % 100)
}

fn sentence(text: &str) -> String {
    let text = cell(text);
    if text.ends_with('.') { text } else { text + "." }
}

/// A text on one line, with what Markdown acts on escaped.
fn cell(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut escaped = String::with_capacity(text.len());
    for c in printable(&text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn reference(text: &str) -> String {
    let link = |url: String| format!("[{}]({url})", cell(text));
    if let Some(number) = text.strip_prefix("CWE-").filter(|n| n.chars().all(|c| c.is_ascii_digit())) {
        link(format!("https://cwe.mitre.org/data/definitions/{number}.html"))
    } else if text.starts_with("CVE-") && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        link(format!("https://nvd.nist.gov/vuln/detail/{text}"))
    } else if let Some(number) = text.strip_prefix("RFC ").filter(|n| n.chars().all(|c| c.is_ascii_digit())) {
        link(format!("https://www.rfc-editor.org/rfc/rfc{number}"))
    } else if text.starts_with("https://") && !text.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>')) {
        format!("<{text}>")
    } else {
        cell(text)
    }
}

#[cfg(test)]
mod tests {
    use modelaudit_engine::model::{Rule, Severity};

    use super::*;

    #[test]
    fn texts_of_plugins_are_escaped_and_ids_make_anchors() {
        let rule = Rule {
            id: "S201".to_owned(),
            title: "a|b <script>".to_owned(),
            severity: Severity::Critical,
            why: "calls __reduce__\n   and more".to_owned(),
            remedy: "[do](x)".to_owned(),
            references: ["CWE-502", "CVE-2024-1", "https://e.example/x", "javascript:x"].map(str::to_owned).to_vec(),
        };
        let entries = [Entry { rule, plugins: vec!["pickle".to_owned()] }];
        let mut out = Vec::new();
        write(&entries, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for part in [
            "## S200: Pickle\n",
            "| [S201](#s201) | a\\|b \\<script\\> | critical | pickle |",
            "\n### S201\n",
            "calls \\_\\_reduce\\_\\_ and more.\n",
            "What to do: \\[do\\](x)",
            "[CWE-502](https://cwe.mitre.org/data/definitions/502.html), [CVE-2024-1](https://nvd.nist.gov/vuln/detail/CVE-2024-1), \
             <https://e.example/x>, javascript:x",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
