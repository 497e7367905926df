//! What is said of each class: the rule, and how loudly. This is the default policy; a host that was asked to be strict raises rules or
//! classes (every finding has its class in its details).

use modelaudit_plugin::{Rule, Severity};
use modelaudit_rules::licences::{S1009, S1020, S1021, S1023};

use crate::class::Class;

/// A row of the policy.
pub struct Row {
    /// For licences of this class ...
    pub class: Class,
    /// ... this rule fires, if any ...
    pub rule: Option<Rule>,
    /// ... with this severity.
    pub severity: Severity,
    /// What the message says of it.
    pub what: &'static str,
}

/// One row for each class. None is above info: a licence is a fact, and only the user knows whether it suits.
pub const POLICY: &[Row] = &[
    Row { class: Class::Permissive, rule: None, severity: Severity::Debug, what: "permissive" },
    Row {
        class: Class::WeakCopyleft,
        rule: Some(S1009),
        severity: Severity::Debug,
        what: "copyleft for its own files: changes to them come under the same terms",
    },
    Row {
        class: Class::StrongCopyleft,
        rule: Some(S1009),
        severity: Severity::Info,
        what: "copyleft: works that contain it come under the same terms",
    },
    Row {
        class: Class::NetworkCopyleft,
        rule: Some(S1009),
        severity: Severity::Info,
        what: "network copyleft: offering it as a service counts as passing it on",
    },
    Row {
        class: Class::UseRestricted,
        rule: Some(S1021),
        severity: Severity::Info,
        what: "a licence with limits on use",
    },
    Row {
        class: Class::NonCommercial,
        rule: Some(S1020),
        severity: Severity::Info,
        what: "a licence that forbids or limits commercial use",
    },
    Row { class: Class::Unknown, rule: Some(S1023), severity: Severity::Info, what: "no licence that is known here" },
];

/// The row of a class.
pub fn row(class: Class) -> &'static Row {
    POLICY.iter().find(|row| row.class == class).unwrap_or(&POLICY[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_row() {
        let classes: Vec<Class> = POLICY.iter().map(|row| row.class).collect();
        let all = [
            Class::Permissive,
            Class::WeakCopyleft,
            Class::StrongCopyleft,
            Class::NetworkCopyleft,
            Class::UseRestricted,
            Class::NonCommercial,
            Class::Unknown,
        ];
        assert_eq!(classes, all);
        assert!(POLICY.iter().all(|r| r.severity <= Severity::Info));
        assert_eq!(row(Class::NonCommercial).rule.unwrap().id, "S1020");
    }
}
