//! The pass over an artifact: what it is as a whole, then what the anchors announce inside.

use modelaudit_executable_headers::{Executable, Kind, Language, SEARCH_BACK, find_pe_start, identify_at, text_length};
use modelaudit_plugin::{Artifact, Finding, Rule, Severity, Sink, quote};
use modelaudit_rules::embedded;

use crate::place::{Place, Promise, base};
use crate::start::is_start;
use crate::text::{self, Script};
use crate::{ANCHORS, Announces, before_anchor};
use modelaudit_command_lines::{self as commands, Grade, Match};

/// Findings of one rule and severity before the rest is summed up in one.
const FINDINGS_MAX: usize = 20;
/// Places that are looked at in one artifact: at a microsecond each, a second. Weights of 100 GB announce a few hundred.
const PLACES_MAX: u64 = 500_000;
/// Hits asked for at a time.
const HITS_AT_A_TIME: u32 = 4096;
/// Bytes that may be read in search of `MZ`s further back than linkers put them.
const BACK_BUDGET: u64 = 64 << 20;
/// How much text around a PowerShell or reverse shell word is looked at, on each side.
const COMMAND_REACH: u64 = 2048;

/// Scans one artifact.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) {
    let place = Place::of(artifact);
    let mut pass = Pass { artifact, place, reported: Reported::default(), covered: 0, back_budget: BACK_BUDGET };
    if pass.expected() {
        // That it holds programs is one fact, not a list.
        pass.reported.limit = 1;
    }
    if pass.whole(sink) == Next::Stop {
        return;
    }
    pass.inside(sink);
    pass.reported.sum_up(sink);
}

#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    Stop,
}

struct Pass<'a> {
    artifact: &'a dyn Artifact,
    place: Place,
    reported: Reported,
    /// Everything before this offset belongs to something that was reported.
    covered: u64,
    back_budget: u64,
}

impl Pass<'_> {
    /// Judges the artifact as a whole; Stop if there is nothing more to look for inside.
    fn whole(&mut self, sink: &mut dyn Sink) -> Next {
        if let Some(found) = identify_at(self.artifact, 0) {
            if let Kind::Script(_) = found.kind {
                return self.whole_script(script_of(found.kind), found.extent, sink);
            }
            let severity = self.whole_severity(&found);
            // A portable executable that is named as a program is the llamafile plugin's to speak of.
            if !(severity == Severity::Info && found.kind == Kind::Ape) {
                self.report(&found, 0, severity, sink);
            }
            // What a program holds inside is its own affair, if the user knows that it is one.
            return if severity == Severity::Info && !found.kind.is_accelerator() {
                Next::Stop
            } else {
                Next::Continue
            };
        }
        match text::whole(self.artifact, &self.place) {
            Some((script, length)) => self.whole_script(script, length, sink),
            None => Next::Continue,
        }
    }

    fn whole_severity(&self, found: &Executable) -> Severity {
        if found.kind.is_accelerator() || self.place.is_part_of_program() {
            return Severity::Info;
        }
        // Machine code, and what Windows starts at a click; the rest needs an interpreter that somebody calls.
        let at_worst = match found.kind {
            Kind::Msi | Kind::Shortcut => Severity::Critical,
            kind if kind.is_native() => Severity::Critical,
            _ => Severity::Warning,
        };
        if self.place.is_member() {
            return if self.place.is_packaged() { Severity::Warning } else { at_worst };
        }
        match self.place.promise {
            Promise::Program | Promise::Package | Promise::Source | Promise::Nothing => Severity::Info,
            Promise::Unknown => Severity::Warning,
            Promise::Data | Promise::Prose | Promise::Config => at_worst,
        }
    }

    /// A script that is the whole artifact. What follows its text (a self-extracting script's data) is scanned on.
    fn whole_script(&mut self, script: Script, length: u64, sink: &mut dyn Sink) -> Next {
        let command = script.worst_command(self.artifact, 0);
        let grade = command.as_ref().map(|found| found.command.grade);
        if let Some(severity) = self.whole_script_severity(script, grade) {
            let title = script.title();
            let message = self.whole_message(&title, severity);
            self.report_script(script.rule(), message, command, 0, length, severity, sink);
        }
        self.covered = length;
        if length >= self.artifact.size() { Next::Stop } else { Next::Continue }
    }

    /// None: an ordinary source file, which other analysers read.
    fn whole_script_severity(&self, script: Script, grade: Option<Grade>) -> Option<Severity> {
        let foreign = matches!(
            script,
            Script::Shebang { language: Language::Python | Language::JavaScript | Language::Other, .. }
        );
        if foreign && self.place.promise == Promise::Source {
            return None;
        }
        // The user's own scripts and texts: only an attack is more than a fact.
        let known = if grade == Some(Grade::Hostile) { Severity::Warning } else { Severity::Info };
        if self.place.is_part_of_program() {
            return Some(known);
        }
        if self.place.is_member() {
            return Some(match grade {
                _ if self.place.is_packaged() => known,
                Some(_) => Severity::Critical,
                None => Severity::Warning,
            });
        }
        Some(match self.place.promise {
            Promise::Data => Severity::Critical,
            _ => known,
        })
    }

    fn whole_message(&self, title: &str, severity: Severity) -> String {
        let name = quote(base(&self.place.name));
        match &self.place.parent {
            Some(parent) => format!("{title}: {name}, a file inside {}", quote(base(parent))),
            None if severity > Severity::Info => format!("{title}: the whole file, although it is named {name}"),
            None => format!("{title}: the whole file {name}"),
        }
    }

    /// Follows the anchors through the artifact.
    fn inside(&mut self, sink: &mut dyn Sink) {
        let (mut from, mut places) = (0u64, 0u64);
        loop {
            let hits = self.artifact.hits(from, HITS_AT_A_TIME);
            for hit in &hits {
                // No anchor is a prefix of another, so no two stand at one offset.
                from = hit.offset.saturating_add(1);
                let Some((literal, announces)) = ANCHORS.get(hit.anchor as usize) else { continue };
                if hit.offset < self.covered {
                    continue;
                }
                if places == PLACES_MAX {
                    sink.incomplete(&format!(
                        "more than {PLACES_MAX} places look like the start of an executable; those from offset {} on were \
                         not looked at",
                        hit.offset
                    ));
                    return;
                }
                places += 1;
                match announces {
                    Announces::Header => self.header(hit.offset.saturating_sub(before_anchor(literal)), sink),
                    Announces::PeSignature => self.pe_signature(hit.offset, sink),
                    Announces::Shebang => self.shebang(hit.offset, sink),
                    Announces::Batch => self.batch(hit.offset, sink),
                    Announces::PowerShell => self.command(hit.offset, &embedded::S506, commands::POWERSHELL, sink),
                    Announces::ReverseShell => {
                        self.command(hit.offset, &embedded::S516, commands::REVERSE_SHELLS, sink)
                    }
                }
            }
            if hits.len() < HITS_AT_A_TIME as usize {
                return;
            }
        }
    }

    fn header(&mut self, offset: u64, sink: &mut dyn Sink) {
        // Offset 0 was judged as a whole.
        if offset > 0
            && let Some(found) = identify_at(self.artifact, offset)
        {
            self.embedded(&found, offset, sink);
        }
    }

    fn pe_signature(&mut self, signature: u64, sink: &mut dyn Sink) {
        let [near, far] = SEARCH_BACK;
        let mut start = find_pe_start(self.artifact, signature, near);
        if start.is_none() && far <= self.back_budget {
            self.back_budget -= far;
            start = find_pe_start(self.artifact, signature, far);
        } else if start.is_none() && self.back_budget > 0 {
            self.back_budget = 0;
            sink.incomplete(&format!(
                "too many PE signatures without an MZ nearby; from offset {signature} on it is searched for {near} bytes back only"
            ));
        }
        if let Some(start) = start.filter(|start| *start > 0 && *start >= self.covered) {
            self.header(start, sink);
        }
    }

    /// The user named a program or a package.
    fn expected(&self) -> bool {
        !self.place.is_member() && matches!(self.place.promise, Promise::Program | Promise::Package)
    }

    fn embedded(&mut self, found: &Executable, offset: u64, sink: &mut dyn Sink) {
        // A static library or an installer that the user names as one holds programs; so does a package, whose members are
        // scanned by themselves.
        let severity = if self.expected() || found.kind.is_accelerator() { Severity::Info } else { Severity::Warning };
        self.report(found, offset, severity, sink);
    }

    fn shebang(&mut self, offset: u64, sink: &mut dyn Sink) {
        if offset == 0 {
            return;
        }
        let Some(found) = identify_at(self.artifact, offset) else { return };
        if is_start(self.artifact, offset, found.extent) {
            self.embedded_script(script_of(found.kind), offset, found.extent, sink);
        }
    }

    fn batch(&mut self, offset: u64, sink: &mut dyn Sink) {
        if let Some(length) = text::batch_at(&self.artifact.read(offset, 2048))
            && is_start(self.artifact, offset, length)
        {
            self.embedded_script(Script::Batch, offset, length, sink);
        }
    }

    fn embedded_script(&mut self, script: Script, offset: u64, length: u64, sink: &mut dyn Sink) {
        // A member of an archive is scanned by itself, under its own name.
        if offset == 0 || follows_member_header(self.artifact, offset) {
            return;
        }
        let command = script.worst_command(self.artifact, offset);
        let message = format!("{} embedded in the data at offset {offset}", script.title());
        self.report_script(script.rule(), message, command, offset, length, Severity::Warning, sink);
        self.covered = self.covered.max(offset.saturating_add(length));
    }

    /// A word that may be part of an attack command: looks at the text around it.
    fn command(&mut self, offset: u64, rule: &'static Rule, table: &'static [commands::Command], sink: &mut dyn Sink) {
        let data = matches!(self.place.promise, Promise::Data | Promise::Config | Promise::Unknown | Promise::Nothing);
        if !data || speaks_for_itself(self.artifact) {
            return;
        }
        let start = offset.saturating_sub(COMMAND_REACH);
        let bytes = self.artifact.read(start, 2 * COMMAND_REACH as u32);
        let at = usize::try_from(offset - start).unwrap_or(usize::MAX);
        let (Some(before), Some(after)) = (bytes.get(..at), bytes.get(at..)) else { return };
        // Only the line that the word stands in, as far as it is printable; of JSON, only the string: a vocabulary on one
        // line holds every word of every attack.
        let json = self.place.promise == Promise::Config;
        let is_end = |bytes: &[u8], at: usize| match bytes.get(at) {
            Some(b'"') if json => at == 0 || bytes.get(at - 1) != Some(&b'\\'),
            Some(byte) => *byte < 0x20 && *byte != b'\t',
            None => true,
        };
        let from = (0..before.len()).rev().find(|at| is_end(before, *at)).map_or(0, |at| at + 1);
        let to = at + (0..after.len()).find(|at| is_end(after, *at)).unwrap_or(after.len());
        let line = String::from_utf8_lossy(bytes.get(from..to).unwrap_or_default());
        let Some(found) = commands::worst(&line, &[table]) else { return };
        // Text that is neither configuration nor inside binary data is documentation, whatever its name.
        if self.place.promise != Promise::Config && self.is_text() {
            return;
        }
        let message = format!("a command that {}: {}", found.command.what, quote(found.line.as_bytes()));
        let finding = Finding::new(rule, message).at(start + from as u64, (to - from) as u64);
        self.reported.push(finding, sink);
        self.covered = self.covered.max(start + to as u64);
    }

    fn is_text(&self) -> bool {
        let head = self.artifact.read(0, 4096);
        text_length(&head).saturating_add(3) >= head.len()
    }

    fn report(&mut self, found: &Executable, offset: u64, severity: Severity, sink: &mut dyn Sink) {
        let title = found.kind.title();
        let message = if offset == 0 {
            self.whole_message(&title, severity)
        } else {
            format!("{title} embedded in the data at offset {offset}")
        };
        let mut finding = Finding::new(rule_of(found.kind), message)
            .at(offset, found.extent)
            .severity(severity)
            .detail("kind", title)
            .detail("length", found.extent.to_string());
        if found.truncated {
            finding = finding.detail("truncated", "true");
        }
        self.reported.push(finding, sink);
        // Code for accelerators covers nothing: it may claim any length, and a program inside it is worse.
        if !found.kind.is_accelerator() {
            self.covered = self.covered.max(offset.saturating_add(found.extent.max(1)));
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call builds the finding, there is nothing to group")]
    fn report_script(
        &mut self,
        rule: &'static Rule,
        message: String,
        command: Option<Match>,
        offset: u64,
        length: u64,
        severity: Severity,
        sink: &mut dyn Sink,
    ) {
        let mut message = message;
        if let Some(found) = &command {
            message = format!("{message}; it {}", found.command.what);
        }
        let mut finding = Finding::new(rule, message).at(offset, length).severity(severity);
        if let Some(found) = &command {
            finding = finding.detail("command", quote(found.line.as_bytes()));
        }
        self.reported.push(finding, sink);
    }
}

/// The rule of a recognised executable.
fn rule_of(kind: Kind) -> &'static Rule {
    match kind {
        Kind::Pe { .. } | Kind::Ape => &embedded::S501,
        Kind::Elf { .. } => &embedded::S502,
        Kind::MachO { .. } | Kind::MachOFat { .. } => &embedded::S503,
        Kind::WebAssembly { .. } => &embedded::S509,
        Kind::JavaClass { .. } | Kind::Dex => &embedded::S511,
        Kind::Lua { .. } | Kind::LuaJit => &embedded::S512,
        Kind::Shortcut => &embedded::S513,
        Kind::Msi => &embedded::S514,
        Kind::PythonBytecode { .. } => &embedded::S515,
        Kind::Script(_) => script_of(kind).rule(),
    }
}

fn script_of(kind: Kind) -> Script {
    match kind {
        Kind::Script(found) => Script::Shebang { name: found.interpreter.name, language: found.interpreter.language },
        // Not reached: only scripts are asked about. An unknown interpreter is the honest answer.
        _ => Script::Shebang { name: "unknown", language: Language::Other },
    }
}

/// Files whose strings others judge better: members of zip and tar archives are scanned by themselves, and what a pickle does
/// with a string is the pickle plugin's to say (a string that nothing evaluates is data).
fn speaks_for_itself(artifact: &dyn Artifact) -> bool {
    let Some(head) = artifact.array::<4>(0) else { return false };
    matches!(head, [b'P', b'K', 3, 4] | [0x80, 2..=5, ..]) || artifact.array::<5>(257).as_ref() == Some(b"ustar")
}

/// Whether an archive member's header ends at the offset: a zip local header, or a tar header block.
fn follows_member_header(artifact: &dyn Artifact, offset: u64) -> bool {
    if let Some(block) = offset.checked_sub(512)
        && artifact.array::<5>(block + 257).as_ref() == Some(b"ustar")
    {
        return true;
    }
    // Names and extra fields of real members are shorter than this (PyTorch pads with up to 63 bytes).
    let from = offset.saturating_sub(1024);
    let Some(before) = artifact.read_exact(from, (offset - from) as u32) else { return false };
    (0..before.len()).rev().any(|at| {
        let Some(header) = before.get(at..).and_then(|tail| tail.first_chunk::<30>()) else { return false };
        let variable = u64::from(u16::from_le_bytes([header[26], header[27]]))
            + u64::from(u16::from_le_bytes([header[28], header[29]]));
        header.starts_with(b"PK\x03\x04") && at as u64 + 30 + variable == before.len() as u64
    })
}

/// What was reported, to stop before the report drowns.
struct Reported {
    /// Findings of one rule and severity.
    limit: usize,
    /// Rule, severity, how many, and the offset of the first one that was held back.
    counts: Vec<(&'static str, Severity, usize, u64)>,
}

impl Default for Reported {
    fn default() -> Self {
        Self { limit: FINDINGS_MAX, counts: Vec::new() }
    }
}

impl Reported {
    fn push(&mut self, finding: Finding, sink: &mut dyn Sink) {
        let offset = finding.at.map_or(0, |at| at.offset);
        let known =
            self.counts.iter_mut().find(|(rule, severity, ..)| *rule == finding.rule && *severity == finding.severity);
        match known {
            Some((_, _, count, first)) => {
                *count += 1;
                if *count == self.limit + 1 {
                    *first = offset;
                }
                if *count > self.limit {
                    return;
                }
            }
            None => self.counts.push((finding.rule, finding.severity, 1, offset)),
        }
        sink.finding(finding);
    }

    fn sum_up(&self, sink: &mut dyn Sink) {
        for (id, severity, count, first) in &self.counts {
            let Some(rule) = crate::RULES.iter().find(|rule| rule.id == *id) else { continue };
            if let Some(more) = count.checked_sub(self.limit).filter(|more| *more > 0) {
                let message =
                    format!("{more} more of the same kind as the {} above, the first at offset {first}", self.limit);
                sink.finding(
                    Finding::new(rule, message).at(*first, 1).severity(*severity).detail("count", more.to_string()),
                );
            }
        }
    }
}
