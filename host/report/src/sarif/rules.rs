//! The tool, its extensions and their rules.

use std::collections::BTreeMap;
use std::path::Path;

use modelaudit_engine::model::{FileReport, Finding, Origin, PluginReport, Rule, ScanReport, Severity};
use serde::Serialize;

use super::artifacts::Location;
use super::results::level;
use super::{Message, invocation};
use crate::markdown::{link, prose};
use crate::place::printable;
use crate::reference::Reference;

#[derive(Serialize)]
pub struct Tool<'a> {
    driver: Component<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extensions: Vec<Component<'a>>,
}

/// The tool itself with all built-in plugins, or a plugin of a third party.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    name: String,
    version: String,
    /// Only where it is one: a plugin may call its version anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    information_uri: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notifications: Vec<invocation::Descriptor>,
    /// The file of a plugin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    rules: Vec<Descriptor>,
}

/// A rule. All that it says comes out of the plugin's manifest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: String,
    name: String,
    short_description: Message,
    full_description: Message,
    help: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
    properties: Properties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Properties {
    tags: Vec<String>,
    /// GitHub's scale: above 9 critical, 7 high, 4 medium. A fact is no weakness and has no number.
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<&'static str>,
    #[serde(rename = "problem.severity")]
    problem_severity: &'static str,
}

/// Where the rules of the findings stand in the log.
pub struct Catalogue<'a> {
    /// With the rules that have a result.
    pub tool: Tool<'a>,
    /// (extension, rule of the report) to index in the component's rules.
    places: BTreeMap<(Option<usize>, usize), usize>,
    /// Plugin of the report to index in the extensions.
    extensions: BTreeMap<usize, usize>,
}

impl<'a> Catalogue<'a> {
    /// Lists the rules that have a result; the others would be most of the log.
    pub fn of(report: &'a ScanReport, verbose: bool, folder: Option<&Path>) -> Self {
        let third_party = |(_, plugin): &(usize, &PluginReport)| plugin.origin != Origin::Builtin;
        let strangers: Vec<_> = report.plugins.iter().enumerate().filter(third_party).collect();
        let extensions: BTreeMap<_, _> =
            strangers.iter().enumerate().map(|(index, (plugin, _))| (*plugin, index)).collect();
        let mut tool = Tool {
            driver: Component {
                name: "modelaudit".to_owned(),
                version: crate::VERSION.to_owned(),
                semantic_version: Some(crate::VERSION),
                information_uri: Some(env!("CARGO_PKG_HOMEPAGE")),
                notifications: invocation::descriptors(),
                locations: vec![],
                rules: vec![],
            },
            extensions: strangers.into_iter().map(|(_, plugin)| extension(plugin, folder)).collect(),
        };
        let shown = |(_, finding): &(_, &Finding)| verbose || finding.severity > Severity::Debug;
        let findings = report.files.iter().flat_map(FileReport::findings).filter(shown);
        let mut places: BTreeMap<_, _> =
            findings.map(|(_, f)| ((extensions.get(&f.plugin).copied(), f.rule), 0)).collect();
        for ((extension, rule), place) in &mut places {
            let rules = match extension {
                None => &mut tool.driver.rules,
                Some(index) => &mut tool.extensions[*index].rules,
            };
            // Several plugins report the same rule, each with an index of its own; in a component it stands once.
            let descriptor = descriptor(&report.rules[*rule]);
            *place = rules.iter().position(|known| known.id == descriptor.id).unwrap_or_else(|| {
                rules.push(descriptor);
                rules.len() - 1
            });
        }
        Self { tool, places, extensions }
    }

    /// Index of the extension and of the rule in its component.
    pub fn place(&self, finding: &Finding) -> (Option<usize>, usize) {
        let extension = self.extensions.get(&finding.plugin).copied();
        (extension, self.places.get(&(extension, finding.rule)).copied().unwrap_or_default())
    }
}

fn extension<'a>(plugin: &'a PluginReport, folder: Option<&Path>) -> Component<'a> {
    let Origin::File(path) = &plugin.origin else { unreachable!("only plugins of third parties are extensions") };
    Component {
        name: printable(&plugin.name).into_owned(),
        version: printable(&plugin.version).into_owned(),
        semantic_version: is_semantic(&plugin.version).then_some(plugin.version.as_str()),
        information_uri: None,
        notifications: vec![],
        locations: vec![Location::of(path, folder)],
        rules: vec![],
    }
}

/// Three numbers, then perhaps a pre-release or build part.
fn is_semantic(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let number = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    let parts: Vec<_> = core.split('.').collect();
    let rest = &version[core.len()..];
    parts.len() == 3
        && parts.into_iter().all(number)
        && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+.".contains(&b))
        && !rest.ends_with(['-', '+', '.'])
}

fn descriptor(rule: &Rule) -> Descriptor {
    let references: Vec<_> = rule.references.iter().map(|r| Reference::of(r)).collect();
    let mut tags = vec!["machine-learning".to_owned()];
    if rule.severity >= Severity::Warning {
        tags.insert(0, "security".to_owned());
    }
    for reference in &references {
        match reference {
            Reference::Cwe(number) => tags.push(format!("external/cwe/cwe-{number}")),
            Reference::Cve(id) => tags.push((*id).to_owned()),
            Reference::Url(_) | Reference::Other(_) => {}
        }
    }
    // Tags are a set; a manifest may say a thing twice. GitHub takes twenty.
    let mut seen = std::collections::BTreeSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    tags.truncate(20);
    let page = |r: &&Reference<'_>| matches!(r, Reference::Url(_));
    let help_uri = references.iter().find(page).or_else(|| references.first()).and_then(|r| r.link());
    Descriptor {
        id: printable(&rule.id).into_owned(),
        name: printable(&rule.title).into_owned(),
        short_description: Message::new(&rule.title),
        full_description: Message::new(&rule.why),
        help: help(rule, &references),
        help_uri,
        default_configuration: Configuration { level: level(rule.severity) },
        properties: Properties {
            tags,
            security_severity: match rule.severity {
                Severity::Critical => Some("9.5"),
                Severity::Warning => Some("5.5"),
                Severity::Info | Severity::Debug => None,
            },
            problem_severity: match rule.severity {
                Severity::Critical => "error",
                Severity::Warning => "warning",
                Severity::Info | Severity::Debug => "recommendation",
            },
        },
    }
}

fn help(rule: &Rule, references: &[Reference<'_>]) -> Message {
    let mut message = Message::new(&format!("Why: {} What to do: {}", rule.why, rule.remedy));
    let mut markdown = format!("**Why it matters:** {}\n\n**What to do:** {}\n", prose(&rule.why), prose(&rule.remedy));
    if !references.is_empty() {
        let links: Vec<_> = references.iter().copied().zip(&rule.references).map(|(r, text)| link(r, text)).collect();
        markdown += &format!("\n**See:** {}\n", links.join(", "));
    }
    message.markdown = Some(markdown);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semantic_versions() {
        for good in ["1.2.3", "0.1.0-rc.1", "1.0.0+build.5"] {
            assert!(is_semantic(good), "{good}");
        }
        for bad in ["1.2", "1.02.3", "v1.2.3", "1.2.3-", "1.2.3 x", "", "1.2.3-a\u{202e}"] {
            assert!(!is_semantic(bad), "{bad}");
        }
    }
}
