//! The walk over the objects, as `readObject` of torch7's `File.lua` does it, with a list of what is still to come instead of recursion.

use std::collections::HashSet;

use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, quote};
use modelaudit_rules::embedded::S512;
use modelaudit_rules::other_formats::S1162;
use modelaudit_rules::structure::{S902, S911};

use crate::input::{Input, Stop};
use crate::policy::{Body, WAYS_OUT, body};

/// Open objects.
const DEEPEST: usize = 1_000_000;
/// Objects that may be referred to later; each takes some ten bytes of memory.
const MOST_OBJECTS: usize = 8_000_000;
/// What is kept of a class name and of a function.
const NAME: u64 = 256;
const FUNCTION: u64 = 4 << 20;
/// Dimensions of a tensor; Torch7 has no limit, models have four or five.
const MOST_DIMENSIONS: u64 = 1024;
/// Findings of functions; a file full of them is told by the first.
const MOST_FINDINGS: usize = 50;

struct Walk<'w, 'a> {
    input: Input<'a>,
    sink: &'w mut dyn Sink,
    /// How many objects are still to be read at each level, last first.
    open: Vec<u64>,
    seen: HashSet<i32>,
    objects: u64,
    tensors: u64,
    functions: usize,
    classes: Vec<String>,
}

/// Scans the file.
///
/// # Errors
/// It is no Torch7 file although it is named like one.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut walk = Walk {
        input: Input::new(artifact),
        sink,
        open: vec![1],
        seen: HashSet::new(),
        objects: 0,
        tensors: 0,
        functions: 0,
        classes: Vec::new(),
    };
    let stop = walk.run().err();
    let name = artifact.name().to_ascii_lowercase();
    let named = name.ends_with(".t7") || name.ends_with(".th");
    // The magics are a few small integers: data of another format can begin like that.
    let sure = named || walk.functions > 0 || !walk.classes.is_empty() || walk.objects > 16;
    if stop.is_some() && !sure {
        if name.ends_with(".net") {
            return Err("the bytes are no Torch7 objects".to_owned());
        }
        walk.sink.log("the head is like that of a Torch7 file, what follows is not");
        return Ok(());
    }
    walk.sink.fact_number("objects", walk.objects);
    walk.sink.fact_number("tensors", walk.tensors);
    walk.sink.fact_list("classes", &walk.classes);
    match stop {
        Some(Stop::End(at)) => {
            walk.sink.incomplete(&format!("the Torch7 file is cut off: it ends in an object at offset {at}"))
        }
        Some(Stop::Bad(at, what)) => {
            walk.sink.finding(
                Finding::new(&S902, format!("the Torch7 file is malformed: {what}")).at(at.min(artifact.size()), 0),
            );
            walk.sink.incomplete(&format!("the Torch7 file was read to offset {at}: {what}"));
        }
        None => {
            walk.input.blank();
            let rest = Span::new(walk.input.position(), walk.input.remaining());
            if rest.length > 0 {
                let message = format!("{} bytes follow the Torch7 object", rest.length);
                walk.sink.finding(Finding::new(&S911, message).at(rest.offset, rest.length));
                walk.sink.embed("after the Torch7 object", rest, "");
            }
        }
    }
    Ok(())
}

impl Walk<'_, '_> {
    fn run(&mut self) -> Result<(), Stop> {
        while let Some(left) = self.open.last_mut() {
            if *left == 0 {
                self.open.pop();
                continue;
            }
            *left -= 1;
            if self.open.len() > DEEPEST {
                return Err(Stop::Bad(self.input.position(), format!("objects nest more than {DEEPEST} deep")));
            }
            self.object()?;
        }
        Ok(())
    }

    /// An object: its type, and what follows it.
    fn object(&mut self) -> Result<(), Stop> {
        let at = self.input.position();
        self.objects += 1;
        match self.input.int()? {
            0 => {}
            1 => self.input.double()?,
            2 => {
                self.input.bytes(0)?;
            }
            3 => {
                if self.is_new()? {
                    let entries = self.input.count(false)?;
                    self.open.push(entries.saturating_mul(2));
                }
            }
            4 => {
                if self.is_new()? {
                    self.instance(at)?;
                }
            }
            5 => {
                self.input.int()?;
            }
            6 => self.function()?,
            7 | 8 => {
                if self.is_new()? {
                    self.function()?;
                }
            }
            other => return Err(Stop::Bad(at, format!("object type {other}, which Torch7 does not have"))),
        }
        Ok(())
    }

    /// Reads the index of an object; false if it stood in the file before and only this reference is here.
    fn is_new(&mut self) -> Result<bool, Stop> {
        let at = self.input.position();
        let index = self.input.int()?;
        if self.seen.len() >= MOST_OBJECTS {
            return Err(Stop::Bad(at, format!("more than {MOST_OBJECTS} objects")));
        }
        Ok(self.seen.insert(index))
    }

    /// An object of a class: "V 1" and the name, or the name alone in files of old.
    fn instance(&mut self, at: u64) -> Result<(), Stop> {
        let (_, _, version) = self.input.bytes(NAME)?;
        let name = if version.starts_with(b"V ") { self.input.bytes(NAME)?.2 } else { version };
        let name = String::from_utf8_lossy(&name).into_owned();
        if name.is_empty() || name.chars().any(|c| c.is_control()) {
            return Err(Stop::Bad(at, format!("a class called {}", quote(&name))));
        }
        let body = body(&name);
        if self.classes.len() < 200 && !self.classes.contains(&name) {
            self.classes.push(name);
        }
        match body {
            Body::Tensor => {
                self.tensors += 1;
                let at = self.input.position();
                let dimensions = self.input.count(false)?;
                if dimensions > MOST_DIMENSIONS {
                    return Err(Stop::Bad(at, format!("a tensor of {dimensions} dimensions")));
                }
                // Sizes, strides, and the offset into the storage.
                for _ in 0..2 * dimensions + 1 {
                    self.input.long()?;
                }
                self.open.push(1);
            }
            Body::Storage(size) => {
                let count = self.input.count(true)?;
                self.input.elements(count, size)?;
                self.sink.progress(self.input.position());
            }
            Body::Objects(each) => {
                let count = self.input.count(true)?;
                self.open.push(count.saturating_mul(each));
            }
            Body::Object => self.open.push(1),
        }
        Ok(())
    }

    /// A dumped function; its upvalues follow as an object.
    fn function(&mut self) -> Result<(), Stop> {
        let (at, length, dump) = self.input.bytes(FUNCTION)?;
        self.open.push(1);
        self.functions += 1;
        if self.functions > MOST_FINDINGS {
            return Ok(());
        }
        let words = words(&dump);
        let has = |word: &str| word.is_empty() || words.contains(&word.as_bytes());
        // One that is a whole name (`os.execute`) may stand inside source text.
        let holds = |text: &str| text.contains('.') && memchr_text(&dump, text.as_bytes());
        let out = WAYS_OUT.iter().find(|(first, second, _)| (has(first) && has(second)) || holds(first));
        let bytecode = dump.starts_with(b"\x1bL");
        let kind = if bytecode { "Lua bytecode" } else { "Lua source" };
        let finding = match out {
            Some((first, second, does)) => {
                let name = if second.is_empty() { (*first).to_owned() } else { format!("{first}.{second}") };
                Finding::new(&S1162, format!("a stored function names {name}, which {does}"))
                    .detail("function", name)
                    .detail("commands", commands(&words))
            }
            None => Finding::new(&S512, format!("the file holds a function of {length} bytes as {kind}"))
                .severity(Severity::Warning),
        };
        self.sink.finding(finding.at(at, length).detail("kind", kind));
        Ok(())
    }
}

/// Runs of printable bytes in a dump; a string constant is followed by a zero in Lua 5.1 and by anything in LuaJIT.
fn words(dump: &[u8]) -> Vec<&[u8]> {
    dump.split(|b| !matches!(b, b' '..=b'~')).filter(|w| w.len() >= 2).take(10_000).collect()
}

/// The strings that may be what is run.
fn commands(words: &[&[u8]]) -> String {
    words.iter().filter(|w| w.contains(&b' ') || w.contains(&b'/')).take(4).map(quote).collect::<Vec<_>>().join(", ")
}

fn memchr_text(dump: &[u8], text: &[u8]) -> bool {
    dump.windows(text.len()).any(|w| w == text)
}
