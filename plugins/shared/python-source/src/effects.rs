//! Attacks that are spread over several calls: a connection, then a shell on it; memory, then machine code in it.

use modelaudit_rules::code::S110;
use modelaudit_rules::network::{S301, S310};

use crate::evidence::{Evidence, Reach, Weight};

/// What was done in a function, its callees, or the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// A socket was connected, or one waits for a connection.
    pub(crate) connected: Option<Place>,
    /// A descriptor was put in the place of standard input or output.
    pub(crate) redirected: Option<Place>,
    /// A shell was started.
    pub(crate) shell: Option<Place>,
    /// Functions that put machine code into memory and run it, by name.
    pub(crate) injection: Vec<(&'static str, Place)>,
    /// Credentials or the environment went out; used up by the verdict.
    pub(crate) sent: Option<Place>,
}

/// Where something was done, and when.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) offset: usize,
    pub(crate) reach: Reach,
    pub(crate) call: String,
}

impl Flags {
    /// Adds what another scope did.
    pub(crate) fn absorb(&mut self, other: &Flags) {
        let take = |mine: &mut Option<Place>, theirs: &Option<Place>| {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        };
        take(&mut self.connected, &other.connected);
        take(&mut self.redirected, &other.redirected);
        take(&mut self.shell, &other.shell);
        for (name, place) in &other.injection {
            self.inject(name, place.clone());
        }
    }

    /// Notes a function that puts machine code into memory.
    pub(crate) fn inject(&mut self, name: &'static str, place: Place) {
        if !self.injection.iter().any(|(known, _)| *known == name) {
            self.injection.push((name, place));
        }
    }

    /// What it amounts to.
    pub(crate) fn verdict(&self) -> Option<Evidence> {
        if let (Some(connected), Some(shell)) = (&self.connected, &self.shell) {
            let reach = connected.reach.min(shell.reach);
            return Some(Evidence {
                rule: &S301,
                reach,
                weight: Weight::Attack,
                call: shell.call.clone(),
                what: format!("gives a shell to whoever is at the other end of {}", connected.call),
                decoded: None,
                offset: shell.offset,
            });
        }
        if let Some(sent) = &self.sent {
            return Some(Evidence {
                rule: &S310,
                reach: sent.reach,
                weight: Weight::Attack,
                call: sent.call.clone(),
                what: "sends credentials or the environment away".to_owned(),
                decoded: None,
                offset: sent.offset,
            });
        }
        let (_, place) = self.injection.get(1)?;
        let names: Vec<&str> = self.injection.iter().map(|(name, _)| *name).collect();
        Some(Evidence {
            rule: &S110,
            reach: place.reach,
            weight: Weight::Attack,
            call: place.call.clone(),
            what: format!("puts machine code into memory and runs it ({})", names.join(", ")),
            decoded: None,
            offset: place.offset,
        })
    }
}

/// Whether the dotted name is a function whose result matters though a call of it does nothing.
pub(crate) fn is_source(path: &str) -> bool {
    const SOURCES: &[&str] =
        &["base64.", "binascii.", "zlib.", "codecs.", "gzip.", "bz2.", "lzma.", "importlib.", "os.", "socket."];
    SOURCES.iter().any(|module| path.starts_with(module))
}
