//! Lists the globals that the machine resolves, for comparison with what loaders ask for: the far side of `fuzz/differential/run.py`.
//!
//! Standard input: records, each a little-endian u32 length and that many bytes, a file of pickles. Standard output: an answer
//! a record: the u32 offset behind the last stream that every reading took for a pickle, a u32 number of names, and as many texts of a
//! u32 length and UTF-8. A text is `module.name` as written; `?` stands for an import whose name is computed and could not be
//! told. An answer is flushed before the next record is run, so that whoever waits knows at which record a process ended early.

use std::io::{self, Read, Write};

use modelaudit_pickle_machine::{ComputedImport, Import, Observer, Reading, Slice, View, walk};
use modelaudit_plugin::Span;

/// As many streams as a case may hold, and more.
const STREAMS: u32 = 64;

#[derive(Default)]
struct Names(Vec<String>);

impl Observer for Names {
    fn import(&mut self, view: &View<'_, '_>, event: &Import) {
        self.0.extend(view.global(event.value).map(|g| g.resolved.written.clone()));
    }

    fn computed_import(&mut self, view: &View<'_, '_>, event: &ComputedImport) -> u32 {
        self.0.push(view.global(event.value).map_or_else(|| "?".to_owned(), |g| g.resolved.written.clone()));
        1
    }
}

/// The readings that a scan makes, under the conditions under which it makes them (`scan::read_every_way`): more of them here
/// would hide what a scan misses. Gives the names of all, and the offset behind the last stream of the one that ended first.
fn read(pickle: &[u8]) -> (u64, Vec<String>) {
    let mut names = Names::default();
    let mut read = |reading| walk(&Slice(pickle), Span::new(0, pickle.len() as u64), reading, STREAMS, &mut names);
    let outcome = read(Reading::USUAL);
    let mut end = outcome.end;
    if outcome.arrays > 0 {
        end = end.min(read(Reading { arrays: false, frames: false, strict: true }).end);
    }
    if outcome.frame_crossed {
        end = end.min(read(Reading { arrays: true, frames: true, strict: true }).end);
    }
    (end, names.0)
}

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::BufWriter::new(io::stdout().lock()));
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut pickle = Vec::new();
        input.by_ref().take(u32::from_le_bytes(length).into()).read_to_end(&mut pickle)?;
        let (end, names) = read(&pickle);
        output.write_all(&(end as u32).to_le_bytes())?;
        output.write_all(&(names.len() as u32).to_le_bytes())?;
        for name in names {
            output.write_all(&(name.len() as u32).to_le_bytes())?;
            output.write_all(name.as_bytes())?;
        }
        output.flush()?;
    }
    Ok(())
}
