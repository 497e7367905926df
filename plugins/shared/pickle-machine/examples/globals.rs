//! Lists the globals that the machine resolves, for comparison with what a loader asks for (`find_class`).
//!
//! Input: a file of records, each a little-endian u32 length and a pickle. Output: one line a record, the globals as
//! `module\tname` joined by a mark of control characters, in the order of their first import; a computed name counts, too.

use std::io::Write;

use modelaudit_pickle_machine::{ComputedImport, Import, Observer, Reading, Slice, View, walk};
use modelaudit_plugin::Span;

#[derive(Default)]
struct Names(Vec<String>);

impl Observer for Names {
    fn import(&mut self, view: &View<'_, '_>, event: &Import) {
        self.0.extend(view.global(event.value).map(|g| g.resolved.written.clone()));
    }
    fn computed_import(&mut self, view: &View<'_, '_>, event: &ComputedImport) -> u32 {
        self.0.push(view.global(event.value).map_or("?".to_owned(), |g| g.resolved.written.clone()));
        1
    }
}

fn main() {
    let path = std::env::args().nth(1).expect("a file of records");
    let data = std::fs::read(path).expect("readable");
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut rest = data.as_slice();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (pickle, tail) = tail.split_at(u32::from_le_bytes(*length) as usize);
        rest = tail;
        let mut names = Names::default();
        for frames in [false, true] {
            let reading = Reading { frames, ..Reading::USUAL };
            walk(&Slice(pickle), Span::new(0, pickle.len() as u64), reading, 1, &mut names);
        }
        writeln!(out, "{}", names.0.join("\u{1e}\u{1f}\u{1e}").replace('\n', "\\n")).expect("writable");
    }
}
