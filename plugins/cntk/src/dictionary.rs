//! Version 2: the `Dictionary` of a network, nested in itself.

use modelaudit_metadata_text::{finding, judge, label};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, clip, escape};
use modelaudit_protobuf::{Malformed, Message, Value, Walker};
use modelaudit_rules::structure::{S902, S911};

use crate::array::Array;
use crate::user_function::{Key, State};

/// What a file over 2 GiB begins with (Serialization.cpp: 0x636e746b, little-endian); the length of the message follows.
pub(crate) const LARGE: &[u8] = b"ktnc";
const LARGE_HEADER: u64 = 8;
/// Messages inside each other. Protobuf's readers stop at 100.
const DEEPEST: u32 = 100;
/// What is kept of a text; names have some dozen bytes.
const LONGEST_TEXT: u32 = 64 << 10;
const LONGEST_KEY: u32 = 256;
/// Findings of one model.
const MOST_FINDINGS: usize = 200;
/// Arrays that are named.
const MOST_ARRAYS: usize = 100_000;

/// Why a walk ended early.
enum Stop {
    /// Between the entries of the dictionary in hand.
    Malformed(Malformed),
    /// In one of its entries.
    Inside(Malformed),
    /// Messages in messages.
    Deep(u64),
}

impl From<Malformed> for Stop {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// What a dictionary says of itself, known when it ends.
#[derive(Default)]
struct Seen {
    name: String,
    uid: String,
    kind: String,
    state: State,
    arrays: Vec<Array>,
}

/// Scans a file that is one message.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut walk = Walk::new(artifact, false);
    let end = walk.run(walk.walker.root(), sink);
    walk.finish(sink);
    end
}

/// Scans a file of magic, length, message, and the values of all arrays.
pub(crate) fn scan_large(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let Some(length) = artifact.array::<4>(4).map(|bytes| u64::from(u32::from_le_bytes(bytes))) else {
        return Err(format!("the model is cut off: {size} bytes are less than its header"));
    };
    let message = Span::new(LARGE_HEADER, length);
    if message.end() > size {
        // The walk goes as far as there are bytes.
        sink.incomplete(&format!(
            "the model is cut off: its description takes {length} bytes, {} are there",
            size - LARGE_HEADER
        ));
    }
    let mut walk = Walk::new(artifact, true);
    walk.behind = message.end();
    let end = walk.run(Message::over(message), sink);
    let (behind, uncertain) = (walk.behind, walk.uncertain);
    walk.finish(sink);
    end?;
    if uncertain {
        return Err("the values of an array have a type or number that CNTK does not write".to_owned());
    }
    if behind > size && message.end() <= size {
        return Err(format!("the model is cut off: its arrays end at offset {behind}, the file at {size}"));
    }
    if message.end() <= size && behind < size {
        tail(Span::new(behind, size - behind), sink);
    }
    Ok(())
}

/// Bytes that follow the model.
fn tail(rest: Span, sink: &mut dyn Sink) {
    sink.finding(Finding::new(&S911, format!("{} bytes follow the model", rest.length)).at(rest.offset, rest.length));
    sink.embed("after the model", rest, "");
}

struct Walk<'a> {
    walker: Walker<'a>,
    size: u64,
    /// The values of arrays stand behind the message, from here on.
    large: bool,
    behind: u64,
    /// The length of an array behind the message is not known.
    uncertain: bool,
    findings: usize,
    functions: u64,
    user_functions: u64,
    arrays: usize,
    root: String,
}

impl<'a> Walk<'a> {
    fn new(artifact: &'a dyn Artifact, large: bool) -> Self {
        Self {
            walker: Walker::new(artifact),
            size: artifact.size(),
            large,
            behind: 0,
            uncertain: false,
            findings: 0,
            functions: 0,
            user_functions: 0,
            arrays: 0,
            root: String::new(),
        }
    }

    fn finish(&self, sink: &mut dyn Sink) {
        sink.fact_text("framework", "cntk");
        sink.fact_number("cntk_functions", self.functions);
        if self.user_functions > 0 {
            sink.fact_number("cntk_user_functions", self.user_functions);
        }
        if !self.root.is_empty() {
            sink.fact_text("cntk_root", &self.root);
        }
    }

    /// The outermost message, and what is wrong with it.
    fn run(&mut self, message: Message, sink: &mut dyn Sink) -> Result<(), String> {
        // Where the last entry ends. What follows may still look like fields, of numbers that a dictionary does not have.
        let start = message.position();
        let mut last = start;
        let end = message.end().min(self.size);
        let stop = match self.dictionary(message, 0, &mut last, sink) {
            Ok(()) if self.walker.is_cut() => {
                return Err("the model is cut off: its last message goes on beyond the end of the file".to_owned());
            }
            Ok(()) if last < end => {
                tail(Span::new(last, end - last), sink);
                return Ok(());
            }
            Ok(()) => return Ok(()),
            Err(stop) => stop,
        };
        match stop {
            Stop::Deep(at) => {
                let text =
                    format!("messages stand in each other more than {DEEPEST} deep, readers of protobuf refuse them");
                self.report(Finding::new(&S902, text).at(at.min(self.size), 0), sink);
                Err(format!("what is nested deeper than {DEEPEST} messages at offset {at} was not looked at"))
            }
            Stop::Malformed(malformed) | Stop::Inside(malformed) if malformed.budget => {
                Err(format!("the model has {malformed}"))
            }
            Stop::Malformed(_) if last > start && last < end => {
                tail(Span::new(last, end - last), sink);
                Ok(())
            }
            Stop::Malformed(malformed) | Stop::Inside(malformed) => {
                let at = malformed.at.min(self.size);
                self.report(Finding::new(&S902, format!("the dictionary is no protobuf: {malformed}")).at(at, 0), sink);
                Err(format!("the dictionary was read up to offset {at} only"))
            }
        }
    }

    /// A dictionary: its entries, and then what they mean together. `last` becomes the end of its last whole field.
    fn dictionary(
        &mut self,
        mut message: Message,
        depth: u32,
        last: &mut u64,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        if depth >= DEEPEST {
            return Err(Stop::Deep(message.position()));
        }
        let mut seen = Seen::default();
        let mut result = Ok(());
        while result.is_ok() {
            match self.walker.next(&mut message) {
                Ok(Some(field)) => {
                    if let (2, Value::Bytes(entry)) = (field.number, field.value) {
                        result = self.entry(entry, depth + 1, &mut seen, sink).map_err(|stop| match stop {
                            Stop::Malformed(malformed) => Stop::Inside(malformed),
                            stop => stop,
                        });
                    }
                    if matches!((field.number, field.value), (1, Value::Varint(_)) | (2, Value::Bytes(_))) {
                        *last = message.position();
                    }
                }
                Ok(None) => break,
                Err(malformed) => result = Err(malformed.into()),
            }
        }
        // A dictionary that breaks off is judged by what was there.
        self.judge(&seen, sink);
        result
    }

    /// An entry of the map: a name and a value, in any order; of a name the last counts, of values all.
    fn entry(&mut self, span: Span, depth: u32, seen: &mut Seen, sink: &mut dyn Sink) -> Result<(), Stop> {
        let mut key = String::new();
        let mut message = Message::over(span);
        while let Some(field) = self.walker.next(&mut message)? {
            if let (1, Value::Bytes(name)) = (field.number, field.value) {
                key = self.walker.text(name, LONGEST_KEY);
            }
        }
        let mut message = Message::over(span);
        while let Some(field) = self.walker.next(&mut message)? {
            if let (2, Value::Bytes(value)) = (field.number, field.value) {
                self.value(value, depth + 1, &key, seen, sink)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, span: Span, depth: u32, key: &str, seen: &mut Seen, sink: &mut dyn Sink) -> Result<(), Stop> {
        if depth >= DEEPEST {
            return Err(Stop::Deep(span.offset));
        }
        let mut message = Message::over(span);
        while let Some(field) = self.walker.next(&mut message)? {
            let Value::Bytes(part) = field.value else { continue };
            match field.number {
                8 => self.text(part, key, seen, sink),
                10 => {
                    let mut axis = Message::over(part);
                    while let Some(field) = self.walker.next(&mut axis)? {
                        if let (2, Value::Bytes(name)) = (field.number, field.value) {
                            self.text(name, "", seen, sink);
                        }
                    }
                }
                11 => {
                    let mut vector = Message::over(part);
                    while let Some(field) = self.walker.next(&mut vector)? {
                        if let (1, Value::Bytes(item)) = (field.number, field.value) {
                            // Texts in a list are names of inputs and the like, not the value of the key.
                            self.value(item, depth + 1, "", seen, sink)?;
                        }
                    }
                }
                12 => self.dictionary(Message::over(part), depth + 1, &mut 0, sink)?,
                13 => {
                    let array = Array::read(&mut self.walker, part)?;
                    self.arrays += 1;
                    if self.arrays <= MOST_ARRAYS {
                        seen.arrays.push(array);
                    } else if self.arrays == MOST_ARRAYS + 1 {
                        sink.incomplete(&format!("only the first {MOST_ARRAYS} arrays were measured"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn text(&mut self, span: Span, key: &str, seen: &mut Seen, sink: &mut dyn Sink) {
        let text = self.walker.text(span, LONGEST_TEXT);
        let at = span.within(self.size);
        match key {
            "name" => seen.name = label(&text),
            "uid" => seen.uid = label(&text),
            "type" => seen.kind = label(&text),
            "root" if self.root.is_empty() => self.root = clip(&escape(&text), 200),
            _ => {}
        }
        if let Some(key) = Key::of(key) {
            seen.state.add(key, text, at);
        } else if let Some(found) = judge(&text) {
            let place =
                if key.is_empty() { "a name of the model".to_owned() } else { format!("the value '{}'", label(key)) };
            self.report(finding(&place, &found).at(at.offset, at.length), sink);
        } else if span.length > u64::from(LONGEST_TEXT) {
            // The rest goes to the analysers and to whatever format it may be.
            sink.embed(&format!("{} (text at {})", label(key), at.offset), at, "");
        }
    }

    fn judge(&mut self, seen: &Seen, sink: &mut dyn Sink) {
        match seen.kind.as_str() {
            "PrimitiveFunction" => self.functions += 1,
            "UserDefinedFunction" => self.user_functions += 1,
            _ => {}
        }
        for finding in seen.state.judge() {
            self.report(finding, sink);
        }
        let own = if seen.name.is_empty() { &seen.uid } else { &seen.name };
        for (index, array) in seen.arrays.iter().enumerate() {
            let name = match (own.is_empty(), seen.arrays.len()) {
                (true, _) => format!("array at {}", array.at.offset),
                (false, 1) => own.clone(),
                (false, _) => format!("{own} ({index})"),
            };
            if self.large && !array.is_whole() {
                // Which array stands where behind the message depends on the writer's hash tables; all together are as long as all.
                match array.length_behind() {
                    Some(length) => self.behind = self.behind.saturating_add(length),
                    None => self.uncertain = true,
                }
            } else {
                array.report(&name, self.size, sink);
            }
        }
    }

    fn report(&mut self, finding: Finding, sink: &mut dyn Sink) {
        self.findings += 1;
        match self.findings {
            n if n <= MOST_FINDINGS => sink.finding(finding),
            n if n == MOST_FINDINGS + 1 => {
                sink.incomplete(&format!("more than {MOST_FINDINGS} findings, the others are not shown"));
            }
            _ => {}
        }
    }
}
