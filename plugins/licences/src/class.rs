//! What a licence asks of whoever uses the work, in seven classes.

use crate::identifiers::Known;

/// A class of licences, from the freest to the least known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Attribution at most.
    Permissive,
    /// Changes to its own files come under the same terms.
    WeakCopyleft,
    /// Works that contain it come under the same terms.
    StrongCopyleft,
    /// So does what is offered over a network.
    NetworkCopyleft,
    /// Use, field, number of users, change or competition is limited.
    UseRestricted,
    /// Commercial use is forbidden or limited.
    NonCommercial,
    /// Nobody knows.
    Unknown,
}

impl Class {
    /// The word for it in details.
    pub fn word(self) -> &'static str {
        match self {
            Self::Permissive => "permissive",
            Self::WeakCopyleft => "weak-copyleft",
            Self::StrongCopyleft => "strong-copyleft",
            Self::NetworkCopyleft => "network-copyleft",
            Self::UseRestricted => "use-restricted",
            Self::NonCommercial => "non-commercial",
            Self::Unknown => "unknown",
        }
    }

    /// True for terms that free licences forbid to add.
    pub fn is_restricted(self) -> bool {
        matches!(self, Self::UseRestricted | Self::NonCommercial)
    }
}

/// Why two licences can't be met together; None if they can, as far as is known.
///
/// The GPL family forbids further restrictions (GPL-2.0 section 6, GPL-3.0 section 10), which limits on commerce and use are; the FSF
/// holds the patent clause of Apache-2.0 and the file-based copyleft of CDDL, EPL and MPL-1.x to be such for GPL-2.0
/// (<https://www.gnu.org/licenses/license-list.html>).
pub fn conflict(a: &Known, b: &Known) -> Option<&'static str> {
    one_way(a, b).or_else(|| one_way(b, a))
}

fn one_way(a: &Known, b: &Known) -> Option<&'static str> {
    let base = |known: &Known, name: &str| known.id.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    let is_gpl = base(a, "GPL") || base(a, "AGPL");
    let only_2 = matches!(a.id.as_str(), "GPL-2.0" | "GPL-2.0-only");
    if is_gpl && b.class.is_restricted() {
        return Some("the GPL forbids the further restrictions of the other");
    }
    if only_2 && b.id == "Apache-2.0" {
        return Some("version 2 of the GPL alone does not allow the patent terms of Apache-2.0");
    }
    if is_gpl
        && !a.id.contains("exception")
        && ["CDDL", "CPL", "EPL", "MPL-1"].iter().any(|name| b.id.starts_with(name))
    {
        // EPL-2.0 and MPL-2.0 can name the GPL as a secondary licence; EPL-2.0 does so only on request.
        return (b.id != "EPL-2.0").then_some("two copyleft licences each want the whole under their own terms");
    }
    // Share-alike wants derivatives under the same licence, and another one wants them under its own.
    let share_alike = |known: &Known| known.id.starts_with("CC-BY-SA-");
    (share_alike(a) && b.class == Class::NonCommercial).then_some("share-alike terms forbid the limits of the other")
}
