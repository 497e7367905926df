//! Makes the report of a file out of its tree: findings ordered and each payload told once, gaps, facts.

use std::collections::BTreeMap;

use crate::file_scan::{Node, Tree};
use crate::fingerprint;
use crate::model::{ArtifactReport, FileReport, Finding, Gap, Ruling, Span};
use crate::sandbox::Plugin;

/// How rules and plugins are numbered in a report: the host's own come first.
pub struct Numbering {
    /// Index of each plugin's first rule.
    pub first_rule: Vec<usize>,
}

/// A finding as the plugin made it, with the node it is in.
struct Located {
    finding: Finding,
    analyser: bool,
    dropped: bool,
}

/// Turns a tree into a report.
pub fn report(tree: Tree, path: String, named: bool, plugins: &[Plugin], numbering: &Numbering) -> FileReport {
    let mut findings: Vec<Vec<Located>> = tree.nodes.iter().map(|node| located(node, plugins, numbering)).collect();
    drop_what_parts_tell(&tree, &mut findings);
    let order = depth_first(&tree);
    let mut artifacts: Vec<ArtifactReport> = Vec::with_capacity(order.len());
    for index in order {
        let mut names = tree.path(index);
        names[0].clone_from(&path);
        artifacts.push(artifact(&tree.nodes[index], names, std::mem::take(&mut findings[index]), plugins, numbering));
    }
    tree.secrets.hide(&mut artifacts);
    FileReport { path, named, size: tree.nodes[0].size, artifacts, duplicate_of: None }
}

fn located(node: &Node, plugins: &[Plugin], numbering: &Numbering) -> Vec<Located> {
    let mut all: Vec<Located> = Vec::new();
    let host = node.findings.iter().map(|f| Located {
        finding: Finding {
            rule: f.rule,
            message: f.message.clone(),
            severity: crate::rules::rules()[f.rule].severity,
            at: f.at,
            element: f.element.clone(),
            details: f.details.clone(),
            plugin: 0,
            fingerprint: String::new(),
            ruling: Ruling::default(),
        },
        analyser: false,
        dropped: false,
    });
    all.extend(host);
    for (claim, outcome) in &node.tasks {
        let Some(outcome) = outcome else { continue };
        let manifest = &plugins[claim.plugin].manifest;
        let analyser = manifest.formats.is_empty();
        all.extend(outcome.findings.iter().map(|f| Located {
            finding: Finding {
                rule: numbering.first_rule[claim.plugin] + f.rule,
                message: f.message.clone(),
                severity: f.severity,
                at: f.at,
                element: f.element.clone(),
                details: f.details.clone(),
                plugin: claim.plugin + 1,
                fingerprint: String::new(),
                ruling: Ruling::default(),
            },
            analyser,
            dropped: false,
        }));
    }
    all
}

/// An analyser sees an embedded part twice: as bytes of the parent and as an artifact of its own. The part's own scan knows
/// more (its format, its start), so what the analyser said of the parent inside that range is dropped, if it looked at the
/// part, too, and either said the same there or the part is of a known format, whose scanner has the word.
fn drop_what_parts_tell(tree: &Tree, findings: &mut [Vec<Located>]) {
    for index in 0..tree.nodes.len() {
        let mut views: Vec<(Span, usize)> =
            tree.nodes[index].children.iter().filter_map(|&c| Some((tree.nodes[c].view?, c))).collect();
        if views.is_empty() {
            continue;
        }
        views.sort();
        let longest = views.iter().map(|(v, _)| v.length).max().unwrap_or(0);
        let mut drop = Vec::new();
        for (number, located) in findings[index].iter().enumerate() {
            let Some(at) = located.finding.at.filter(|_| located.analyser) else { continue };
            let last = views.partition_point(|(v, _)| v.offset <= at.offset);
            let covered = views[..last]
                .iter()
                .rev()
                .take_while(|(v, _)| v.offset.saturating_add(longest) > at.offset)
                .filter(|(v, _)| at.offset < v.end() && at.end() <= v.end());
            if covered.into_iter().any(|(view, child)| {
                let inside = at.offset - view.offset;
                // What an analyser says of a part that it found itself is about the parent, not about the part.
                tree.nodes[*child].finder.map(|plugin| plugin + 1) != Some(located.finding.plugin)
                    && (told_below(tree, findings, *child, inside, &located.finding)
                        || known(tree, *child, located.finding.plugin))
            }) {
                drop.push(number);
            }
        }
        for number in drop {
            findings[index][number].dropped = true;
        }
    }
}

/// True if the part, or a part of it, has a finding of the same rule at the place.
fn told_below(tree: &Tree, findings: &[Vec<Located>], node: usize, offset: u64, finding: &Finding) -> bool {
    let mut todo = vec![(node, offset)];
    while let Some((node, offset)) = todo.pop() {
        let here = |l: &Located| {
            l.finding.plugin == finding.plugin
                && l.finding.rule == finding.rule
                && l.finding.at.is_some_and(|at| at.offset <= offset && offset < at.end().max(at.offset + 1))
        };
        if findings[node].iter().any(here) {
            return true;
        }
        for &child in &tree.nodes[node].children {
            if let Some(view) = tree.nodes[child].view
                && view.offset <= offset
                && offset < view.end()
            {
                todo.push((child, offset - view.offset));
            }
        }
    }
    false
}

/// True if a format claims the part by its content and nothing kept it from being scanned.
fn known(tree: &Tree, node: usize, plugin: usize) -> bool {
    let node = &tree.nodes[node];
    let analyser_ran = node
        .tasks
        .iter()
        .filter(|(claim, _)| claim.plugin + 1 == plugin)
        .all(|(_, outcome)| outcome.as_ref().is_some_and(|o| o.incomplete.is_empty()));
    let claimed = node.tasks.iter().any(|(claim, outcome)| {
        !claim.format.is_empty() && !claim.by_name && outcome.as_ref().is_some_and(|o| o.incomplete.is_empty())
    });
    analyser_ran && claimed && node.pass.is_some()
}

fn depth_first(tree: &Tree) -> Vec<usize> {
    let mut order = Vec::with_capacity(tree.nodes.len());
    let mut todo = vec![0];
    while let Some(index) = todo.pop() {
        order.push(index);
        todo.extend(tree.nodes[index].children.iter().rev());
    }
    order
}

/// Puts findings in the order of a report: worst first, then by place.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let place = |f: &Finding| f.at.map_or((u64::MAX, 0), |at| (at.offset, at.length));
        (b.severity, place(a), a.rule, &a.message, a.plugin).cmp(&(a.severity, place(b), b.rule, &b.message, b.plugin))
    });
}

fn artifact(
    node: &Node,
    path: Vec<String>,
    located: Vec<Located>,
    plugins: &[Plugin],
    numbering: &Numbering,
) -> ArtifactReport {
    let mut findings: Vec<Finding> = located.into_iter().filter(|l| !l.dropped).map(|l| l.finding).collect();
    sort(&mut findings);
    findings
        .dedup_by(|a, b| a.message == b.message && a.at == b.at && a.element == b.element && a.severity == b.severity);

    let sha256 = node.pass.as_ref().map(|p| p.sha256);
    let rule_id = |rule: usize| match numbering.first_rule.partition_point(|first| *first <= rule) {
        0 => crate::rules::rules()[rule].id.clone(),
        plugin => plugins[plugin - 1].manifest.rules[rule - numbering.first_rule[plugin - 1]].id.clone(),
    };
    fingerprint::assign(&mut findings, &path, sha256, &rule_id);

    let mut gaps = node.gaps.clone();
    let mut facts = BTreeMap::new();
    let mut tensors = Vec::new();
    let mut log = Vec::new();
    let mut formats: Vec<String> = Vec::new();
    let mut scanners: Vec<String> = Vec::new();
    let (mut bytes_read, mut fuel) = (0, 0);
    for (claim, outcome) in &node.tasks {
        let name = &plugins[claim.plugin].manifest.name;
        if !claim.format.is_empty() {
            formats.push(claim.format.clone());
        }
        if !plugins[claim.plugin].off {
            scanners.push(name.clone());
        }
        let Some(outcome) = outcome else { continue };
        gaps.extend(outcome.incomplete.iter().map(|reason| Gap { plugin: name.clone(), reason: reason.clone() }));
        for (key, value) in &outcome.facts {
            facts.entry(key.clone()).or_insert_with(|| value.clone());
        }
        tensors.extend(outcome.tensors.iter().cloned());
        log.extend(outcome.log.iter().map(|line| (name.clone(), line.clone())));
        bytes_read += outcome.bytes_read;
        fuel += outcome.fuel;
    }
    gaps.sort();
    gaps.dedup();
    scanners.sort();
    scanners.dedup();
    ArtifactReport {
        path,
        formats,
        scanners,
        size: node.size,
        sha256,
        view: node.view,
        findings,
        gaps,
        facts,
        tensors,
        log,
        bytes_read,
        fuel,
    }
}
