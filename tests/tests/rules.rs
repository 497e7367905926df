//! What the plugins say of their rules: whole, long enough to help, the same in every plugin; and docs/rules.md is made of it
//! (`UPDATE=1 cargo test --release --workspace --test rules` writes it anew).

use std::collections::BTreeMap;
use std::process::Command;

use modelaudit_engine::Options;
use modelaudit_engine::model::Rule;
use modelaudit_tests::{binary, root, scanner};

const BEGIN: &str = "<!-- rules: begin -->\n";
const END: &str = "<!-- rules: end -->\n";

/// Shorter ones say that something fires, not what fires it and what does not.
const WHY: usize = 40;
/// "delete it" is no help.
const REMEDY: usize = 20;
/// Titles stand in tables.
const TITLE: usize = 60;

fn rules() -> Vec<(Rule, String)> {
    let rules = scanner(Options::default()).rules();
    assert!(rules.len() > 100, "the plugins declare rules");
    rules
}

#[test]
fn every_rule_explains_itself() {
    let mut wrong = Vec::new();
    for (rule, plugin) in rules() {
        let mut complain = |what: &str| wrong.push(format!("{plugin}: {}: {what}", rule.id));
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        if one_line(&rule.why).len() < WHY {
            complain(&format!("why is shorter than {WHY}: {}", rule.why));
        }
        if one_line(&rule.remedy).len() < REMEDY {
            complain(&format!("remedy is shorter than {REMEDY}: {}", rule.remedy));
        }
        if rule.title.is_empty() || rule.title.len() > TITLE || rule.title.ends_with('.') {
            complain(&format!("title is not a few words: {}", rule.title));
        }
        for reference in &rule.references {
            let known = ["CWE-", "CVE-", "RFC ", "https://"].iter().any(|start| reference.starts_with(start));
            if !known {
                complain(&format!("{reference} is neither a CWE, a CVE, an RFC nor an address"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn ids_are_of_one_form_and_mean_one_thing() {
    let mut seen: BTreeMap<String, (Rule, String)> = BTreeMap::new();
    for (rule, plugin) in rules() {
        let number = rule.id.strip_prefix('S').and_then(|digits| digits.parse::<u32>().ok());
        assert!(number.is_some_and(|n| (100..2000).contains(&n)), "{plugin}: {} is not S and a number", rule.id);
        if let Some((other, first)) = seen.get(&rule.id) {
            assert_eq!(&rule, other, "{plugin} and {first} say different things of {}", rule.id);
        } else {
            seen.insert(rule.id.clone(), (rule, plugin));
        }
    }
}

#[test]
fn the_page_of_rules_is_that_of_the_manifests() {
    let path = root().join("docs/rules.md");
    let page = std::fs::read_to_string(&path).expect("docs/rules.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the begin of the rules is marked");
    let (old, after) = rest.split_once(END).expect("the end of the rules is marked");
    let output = Command::new(binary()).args(["rules", "--format", "markdown"]).output().expect("the binary runs");
    assert!(output.status.success());
    let new = String::from_utf8(output.stdout).expect("the page is UTF-8");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{new}{END}{after}")).expect("docs/rules.md can be written");
        return;
    }
    let differs = old.lines().zip(new.lines()).find(|(a, b)| a != b);
    assert_eq!(differs, None, "docs/rules.md is behind the manifests: run this test with UPDATE=1");
    assert_eq!(old.len(), new.len(), "docs/rules.md is behind the manifests: run this test with UPDATE=1");
}
