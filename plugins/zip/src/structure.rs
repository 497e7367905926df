//! Judges the archive as a whole: directories, overlaps, number of members, bytes outside the structure.

use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span};
use modelaudit_rules::files::S410;
use modelaudit_rules::structure::{S902, S910, S911};
use modelaudit_zip_directory::{Archive, Place, Summary};

use crate::members::is_text;

/// More members than this make tools that list them slow; checkpoints of the largest models have some 10,000.
const MANY: u64 = 50_000;

/// Gaps that are handed over.
const MOST_GAPS: usize = 100;

/// Fewer bytes than this between two structures are somebody's alignment.
const SLACK: u64 = 8;

/// Reports what is wrong with the archive; the bytes that nothing accounts for are handed over.
pub(crate) fn report(artifact: &dyn Artifact, archive: &Archive<'_>, summary: &Summary, sink: &mut dyn Sink) {
    directories(artifact, archive, summary, sink);
    if summary.truncated {
        sink.incomplete(&format!("only the first {} members were looked at", summary.entries));
    }
    if summary.entries > MANY {
        let message = format!("the archive has {} members", summary.entries);
        sink.finding(Finding::new(&S410, message).detail("members", summary.entries.to_string()));
    }
    if let Some(first) = summary.first_overlap {
        let count = summary.overlapping;
        let message = match count {
            1 => "a member uses bytes that another part of the archive uses, too".to_owned(),
            count => format!("{count} members use bytes that other parts of the archive use, too"),
        };
        let finding = Finding::new(&S410, message).at(first.offset, first.length).detail("members", count.to_string());
        sink.finding(finding);
    }
    comments(artifact, archive, sink);
    gaps(artifact, archive, summary, sink);
}

fn directories(artifact: &dyn Artifact, archive: &Archive<'_>, summary: &Summary, sink: &mut dyn Sink) {
    let size = artifact.size();
    match archive.directories() {
        [] => {
            let broken =
                summary.gaps.last().filter(|gap| gap.at.end() == size && artifact.read(gap.at.offset, 2) == b"PK");
            if let Some(gap) = broken {
                sink.incomplete(&format!("the central directory breaks off at offset {}", gap.at.offset));
            } else if summary.cut {
                sink.incomplete(&format!("the archive breaks off inside its last member, at offset {size}"));
            } else {
                let message =
                    "the central directory is missing or has no end record: only stream readers see the members";
                sink.finding(Finding::new(&S902, message).at(size, 0).detail("members", summary.entries.to_string()));
            }
            return;
        }
        [_] => {}
        [first, second, ..] => {
            let count = archive.directories().len();
            let message = format!("{count} central directories: readers disagree which one counts");
            let finding = Finding::new(&S910, message)
                .at(first.start, first.limit.saturating_sub(first.start))
                .detail("first_at", first.start.to_string())
                .detail("second_at", second.start.to_string());
            sink.finding(finding);
            return;
        }
    }
    for (directory, listing) in archive.directories().iter().zip(&summary.listings) {
        let at = Span::new(directory.start, directory.limit.saturating_sub(directory.start)).within(size);
        if listing.declared != listing.found {
            let message = format!(
                "the end record gives {} as the number of members, the central directory lists {}",
                listing.declared, listing.found
            );
            let finding = Finding::new(&S910, message).at(at.offset, at.length);
            sink.finding(
                finding.detail("declared", listing.declared.to_string()).detail("found", listing.found.to_string()),
            );
        } else if !listing.length_fits {
            let message =
                format!("the central directory is not {} bytes long, as the end record says", directory.length);
            sink.finding(Finding::new(&S910, message).at(at.offset, at.length));
        }
    }
    if let Some(end) = archive.ends().iter().find(|end| !matches!(end.disk, 0 | u16::MAX)) {
        let message = format!("the end record says that this is part {} of a split archive", u32::from(end.disk) + 1);
        sink.finding(Finding::new(&S902, message).at(end.at.offset, end.at.length));
    }
}

fn comments(artifact: &dyn Artifact, archive: &Archive<'_>, sink: &mut dyn Sink) {
    for end in archive.ends() {
        let at = end.comment;
        if at.length < SLACK {
            continue;
        }
        sink.embed("(archive comment)", at, "");
        if !is_text(&artifact.read(at.offset, u32::try_from(at.length).unwrap_or(u32::MAX))) {
            let message = format!("the archive comment is {} bytes that are not text", at.length);
            sink.finding(Finding::new(&S911, message).at(at.offset, at.length));
        }
    }
}

fn gaps(artifact: &dyn Artifact, archive: &Archive<'_>, summary: &Summary, sink: &mut dyn Sink) {
    let torn = |at: Span| {
        // The rest of a directory that was cut off; already said.
        archive.directories().is_empty() && at.end() == artifact.size() && artifact.read(at.offset, 2) == b"PK"
    };
    let gaps: Vec<_> = summary.gaps.iter().filter(|gap| !torn(gap.at)).collect();
    for gap in gaps.iter().take(MOST_GAPS) {
        sink.embed(&format!("(bytes at {})", gap.at.offset), gap.at, "");
    }
    if gaps.len() > MOST_GAPS || summary.more_gaps > 0 {
        let rest = gaps.len().saturating_sub(MOST_GAPS) as u64 + summary.more_gaps;
        sink.incomplete(&format!("{rest} stretches of bytes between the members were not looked at"));
    }
    let Some(largest) = gaps.iter().max_by_key(|gap| (gap.at.length, u64::MAX - gap.at.offset)) else { return };
    let total: u64 = gaps.iter().map(|gap| gap.at.length).sum();
    let place = match largest.place {
        Place::Start => "before the first member",
        Place::Between => "between the members",
        Place::End => "behind the end of the archive",
    };
    let severity = if largest.at.length < SLACK { Severity::Info } else { Severity::Warning };
    let message = match gaps.len() {
        1 => format!("{total} bytes {place} belong to no part of the archive"),
        count => format!("{total} bytes in {count} places belong to no part of the archive, the largest {place}"),
    };
    sink.finding(
        Finding::new(&S911, message)
            .severity(severity)
            .at(largest.at.offset, largest.at.length)
            .detail("places", (gaps.len() as u64 + summary.more_gaps).to_string()),
    );
}
