//! What a scan found so far, before it becomes findings.

use std::collections::BTreeMap;

use modelaudit_plugin::{Finding, Rule, Severity};

/// Calls of one chain that are listed as evidence.
const CHAIN: usize = 8;

/// One thing that is wrong. Its number + 1 is the mark that travels with the result of the call, so that an outer call
/// takes it over: one payload, one finding.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    pub(crate) rule: &'static Rule,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    /// Offset and length of the opcode.
    pub(crate) at: Option<(u64, u64)>,
    pub(crate) details: Vec<(&'static str, String)>,
    /// How the alert reads as a link of a longer chain.
    pub(crate) link: String,
    /// What a pickle with this alert does, from the verb on: for the message of a finding around it.
    pub(crate) phrase: String,
    /// Links that were merged into this one, innermost first.
    pub(crate) chain: Vec<String>,
    /// The alert that took this one over, or 0.
    pub(crate) parent: u32,
    pub(crate) stream: u32,
    /// Same thing again.
    pub(crate) count: u32,
}

impl Alert {
    /// The finding.
    pub(crate) fn finding(&self, element: Option<&str>) -> Finding {
        let mut finding = Finding::new(self.rule, self.message.clone()).severity(self.severity);
        if let Some((offset, length)) = self.at {
            finding = finding.at(offset, length);
        }
        if let Some(element) = element {
            finding = finding.element(element);
        }
        for (key, value) in &self.details {
            finding = finding.detail(key, value.clone());
        }
        if !self.chain.is_empty() {
            finding = finding.detail("chain", self.chain.join("; "));
        }
        if self.count > 1 {
            finding = finding.detail("times", self.count.to_string());
        }
        finding
    }
}

/// All alerts of a file.
#[derive(Default)]
pub(crate) struct Alerts {
    list: Vec<Alert>,
    /// Same rule, same text: one finding with a count.
    seen: BTreeMap<(&'static str, String, u32), u32>,
    /// Alerts that found no place.
    pub(crate) lost: u32,
    /// The bytes are read another time: repetitions are none.
    pub(crate) again: bool,
}

/// Alerts that are kept; beyond it they are counted.
const LIMIT: usize = 2000;

impl Alerts {
    /// Adds an alert that takes over the ones whose marks are given; returns its mark.
    pub(crate) fn add(&mut self, mut alert: Alert, inner: &[u32]) -> u32 {
        for &mark in inner {
            let mark = self.root(mark);
            if let Some(child) = self.get_mut(mark) {
                let links = child.chain.iter().cloned().chain([child.link.clone()]);
                let links: Vec<String> = links.filter(|l| !alert.chain.contains(l)).collect();
                alert.chain.extend(links.into_iter().take(CHAIN.saturating_sub(alert.chain.len())));
                alert.severity = alert.severity.max(child.severity);
            }
        }
        let has_inner = inner.iter().any(|&m| m != 0);
        let key = (alert.rule.id, alert.message.clone(), alert.stream);
        if !has_inner && let Some(&mark) = self.seen.get(&key) {
            let again = self.again;
            if let Some(first) = self.get_mut(mark).filter(|_| !again) {
                first.count = first.count.saturating_add(1);
            }
            return mark;
        }
        if self.list.len() >= LIMIT {
            self.lost = self.lost.saturating_add(1);
            // Whatever it is merged into is one of those that are kept.
            return inner.iter().copied().find(|&m| m != 0).unwrap_or(1);
        }
        self.list.push(alert);
        let mark = self.list.len() as u32;
        for &child in inner {
            let child = self.root(child);
            if child != mark
                && let Some(child) = self.get_mut(child)
            {
                child.parent = mark;
            }
        }
        self.seen.entry(key).or_insert(mark);
        mark
    }

    /// The outermost alert of a chain.
    pub(crate) fn root(&self, mut mark: u32) -> u32 {
        // A parent is always newer, so this ends.
        while let Some(alert) = self.get(mark) {
            if alert.parent <= mark || alert.parent == u32::MAX {
                break;
            }
            mark = alert.parent;
        }
        mark
    }

    pub(crate) fn get(&self, mark: u32) -> Option<&Alert> {
        self.list.get(mark.checked_sub(1)? as usize)
    }

    pub(crate) fn get_mut(&mut self, mark: u32) -> Option<&mut Alert> {
        self.list.get_mut(mark.checked_sub(1)? as usize)
    }

    /// The outermost alerts, in order.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &Alert> {
        self.list.iter().filter(|a| a.parent == 0)
    }

    /// No more alerts are kept; whoever makes one may save the work and count it as lost.
    pub(crate) fn full(&mut self) -> bool {
        let full = self.list.len() >= LIMIT;
        self.lost = self.lost.saturating_add(u32::from(full));
        full
    }

    /// Number of alerts, merged ones included.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// After another reading of the same bytes: of the alerts from number `first` on, only calls that the readings before did
    /// not see stay, and they say how they come about.
    pub(crate) fn keep_new_only(&mut self, first: usize, how: &'static str) {
        let known: Vec<(&'static str, Option<(u64, u64)>)> =
            self.list.iter().take(first).map(|a| (a.rule.id, a.at)).collect();
        // Alerts of the new reading refer to each other by number, so none may go away in the middle.
        for alert in self.list.iter_mut().skip(first) {
            if alert.severity < Severity::Critical || known.contains(&(alert.rule.id, alert.at)) {
                alert.parent = u32::MAX;
            } else {
                alert.details.push(("reading", how.to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelaudit_rules::pickle::S201;

    fn alert(message: &str, severity: Severity) -> Alert {
        Alert {
            rule: &S201,
            severity,
            message: message.to_owned(),
            at: None,
            details: Vec::new(),
            link: message.to_owned(),
            phrase: message.to_owned(),
            chain: Vec::new(),
            parent: 0,
            stream: 0,
            count: 1,
        }
    }

    #[test]
    fn an_outer_call_takes_over() {
        let mut alerts = Alerts::default();
        let inner = alerts.add(alert("import_module('os')", Severity::Critical), &[]);
        let middle = alerts.add(alert("getattr(os, 'system')", Severity::Warning), &[inner, 0]);
        let outer = alerts.add(alert("os.system('id')", Severity::Warning), &[middle, inner]);
        assert_eq!(alerts.roots().count(), 1);
        let root = alerts.get(alerts.root(inner)).unwrap();
        assert_eq!(alerts.root(inner), outer);
        assert_eq!(root.severity, Severity::Critical);
        assert_eq!(root.chain, ["import_module('os')", "getattr(os, 'system')"]);
    }

    #[test]
    fn repetitions_are_counted() {
        let mut alerts = Alerts::default();
        let first = alerts.add(alert("x", Severity::Critical), &[]);
        assert_eq!(alerts.add(alert("x", Severity::Critical), &[]), first);
        assert_eq!(alerts.roots().map(|a| a.count).collect::<Vec<_>>(), [2]);
    }
}
