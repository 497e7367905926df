//! Goes from block to block, and judges the archive as a whole.

use modelaudit_plugin::{Artifact, Finding, Reader, Sink, Span};
use modelaudit_rules::structure::{S901, S902, S910, S911, S912};

use crate::entry::{Block, Content};
use crate::members::Members;
use crate::{quick_open, rar4, rar5};

/// The signature of RAR 1.4, of 1993.
pub const ANCIENT: &[u8; 4] = b"RE~^";

/// Blocks that are read.
const BLOCK_LIMIT: u64 = 500_000;

/// Extensions that promise a model which no loader reads out of a RAR archive. Such a file is unpacked by hand, past every
/// scanner that goes by the name, as was done with 7z (nullifAI).
const MODEL_EXTENSIONS: &[&str] = &[
    "bin",
    "ckpt",
    "gguf",
    "h5",
    "hdf5",
    "joblib",
    "keras",
    "mar",
    "model",
    "npy",
    "npz",
    "onnx",
    "pb",
    "pickle",
    "pkl",
    "pt",
    "pt2",
    "pth",
    "safetensors",
    "tflite",
];

/// Scans the archive.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let head = artifact.read(0, 8);
    let (start, is_five) = if head.starts_with(rar5::SIGNATURE) {
        (rar5::SIGNATURE.len() as u64, true)
    } else if head.starts_with(rar4::SIGNATURE) {
        (rar4::SIGNATURE.len() as u64, false)
    } else if head.starts_with(ANCIENT) {
        return Err(
            "an archive of RAR 1.4, which is not read: unpack it in a sandbox and scan what comes out".to_owned()
        );
    } else {
        return Err("the file does not start with a RAR signature".to_owned());
    };
    mismatched_name(artifact, sink);
    sink.fact_text("rar_version", if is_five { "5" } else { "4" });
    let mut members = Members::new(artifact);
    let mut walk = Walk { artifact, is_five, quick_open: None, seen_quick_open: false, seen_main: false };
    let end = walk.blocks(start, &mut members, sink);
    members.finish(sink);
    if let Some(end) = end {
        behind(artifact, end, sink);
    }
    Ok(())
}

/// One pass over the blocks.
struct Walk<'a> {
    artifact: &'a dyn Artifact,
    is_five: bool,
    /// Where a quick open record should stand.
    quick_open: Option<u64>,
    seen_quick_open: bool,
    seen_main: bool,
}

impl Walk<'_> {
    /// Goes through the blocks; the offset behind the last, or None if nothing more can be said about what follows.
    fn blocks(&mut self, start: u64, members: &mut Members<'_>, sink: &mut dyn Sink) -> Option<u64> {
        let mut offset = start;
        for _ in 0..BLOCK_LIMIT {
            // Old archives have no block at the end.
            if offset == self.artifact.size() && !self.is_five && self.seen_main {
                return Some(offset);
            }
            let block =
                if self.is_five { rar5::block(self.artifact, offset) } else { rar4::block(self.artifact, offset) };
            let block = match block {
                Ok(block) => block,
                Err(reason) => return self.stop(offset, &reason, sink),
            };
            if self.block(&block, members, sink) {
                return None;
            }
            // The last block of RAR5 has no data, but says how many it has all the same.
            offset = block.data.end();
            if block.content == Content::End {
                self.missing_quick_open(sink);
                return Some(offset);
            }
            if offset > self.artifact.size() {
                if !matches!(block.content, Content::Member(_)) {
                    sink.incomplete(&format!("the file ends inside the block at offset {}", block.header.offset));
                }
                return None;
            }
            sink.progress(offset);
        }
        sink.incomplete(&format!(
            "the archive has more than {BLOCK_LIMIT} blocks, those from offset {offset} on were not read"
        ));
        None
    }

    /// Handles one block; true if nothing behind it can be read.
    fn block(&mut self, block: &Block, members: &mut Members<'_>, sink: &mut dyn Sink) -> bool {
        if block.checksum == Some(false) {
            let name = match &block.content {
                Content::Member(entry) => entry.name.as_slice(),
                Content::Main { .. } => b"(archive header)",
                _ => b"(block)",
            };
            members.wrong_checksum(name, block.header);
        }
        match &block.content {
            Content::Main { solid, volume, encrypted, quick_open } => {
                self.seen_main = true;
                members.solid |= *solid;
                self.quick_open = self.quick_open.or(*quick_open);
                for (set, fact) in [(*solid, "rar_solid"), (*volume, "rar_volume")] {
                    if set {
                        sink.fact(fact, "true");
                    }
                }
                if *encrypted {
                    return encrypted_headers(block.header, sink);
                }
            }
            Content::Encryption => return encrypted_headers(block.header, sink),
            Content::Member(entry) => members.visit(entry, sink),
            Content::QuickOpen => {
                self.seen_quick_open |= self.quick_open.is_none_or(|place| place == block.header.offset);
                quick_open::check(self.artifact, block.header, block.data, sink);
            }
            Content::Unread(what) => {
                sink.incomplete(&format!("{what}, at offset {}", block.header.offset));
                let data = block.data.within(self.artifact.size());
                sink.embed(&format!("block at {}", block.header.offset), data, "");
            }
            Content::Other | Content::End => {}
        }
        false
    }

    /// The main header points at a record that was not met on the way: readers who follow it see another archive.
    fn missing_quick_open(&self, sink: &mut dyn Sink) {
        let Some(place) = self.quick_open.filter(|_| !self.seen_quick_open) else { return };
        let message =
            format!("the main header says that copies of the headers stand at offset {place}, where no block begins");
        let at = Span::new(place, 1).within(self.artifact.size());
        sink.finding(Finding::new(&S910, message).at(at.offset, at.length));
    }

    /// There is no block where one should be.
    fn stop(&self, offset: u64, reason: &str, sink: &mut dyn Sink) -> Option<u64> {
        let size = self.artifact.size();
        sink.incomplete(reason);
        // A download that was cut ends here; anything else was put here, or overwritten.
        if offset < size && !reason.starts_with("the file ends") {
            sink.finding(Finding::new(&S902, reason).at(offset, size - offset));
            sink.embed(&format!("bytes at {offset}"), Span::new(offset, size - offset), "");
        }
        None
    }
}

fn encrypted_headers(at: Span, sink: &mut dyn Sink) -> bool {
    let message = "the headers are encrypted, so not even the members' names can be read";
    sink.finding(Finding::new(&S912, message).at(at.offset, at.length));
    sink.incomplete(message);
    true
}

fn mismatched_name(artifact: &dyn Artifact, sink: &mut dyn Sink) {
    let name = artifact.name().to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if MODEL_EXTENSIONS.contains(&extension) {
        let message = format!(
            "the file is called '.{extension}' and is a RAR archive: no loader reads it, it is made to be unpacked by hand"
        );
        sink.finding(Finding::new(&S901, message).at(0, 7));
    }
}

/// Shows what follows the end of the archive.
fn behind(artifact: &dyn Artifact, end: u64, sink: &mut dyn Sink) {
    let size = artifact.size();
    let mut reader = Reader::over(artifact, Span::new(end.min(size), size.saturating_sub(end)));
    // Padding does not count.
    loop {
        let block = reader.buffered();
        let (length, zeros) = (block.len(), block.iter().take_while(|byte| **byte == 0).count());
        if reader.skip(zeros as u64).is_err() || length == 0 {
            return;
        }
        if zeros < length {
            break;
        }
    }
    let rest = Span::new(reader.position(), reader.remaining());
    let message = format!("{} bytes follow the end of the archive, from offset {} on", rest.length, rest.offset);
    sink.finding(Finding::new(&S911, message).at(rest.offset, rest.length));
    sink.embed(&format!("bytes at {}", rest.offset), rest, "");
}
