//! Bytes to objects, with a stack of its own instead of recursion.

use std::fmt;

use crate::code::Code;
use crate::layout::{Field, Layout};
use crate::object::{Index, Marshal, Object};

/// Objects in all. The function of a Lambda layer has some dozens, a module some ten thousands.
pub const MAX_NODES: usize = 200_000;
/// Levels of nesting. CPython stops at 2,000; code that people write has about ten.
pub const MAX_DEPTH: usize = 200;

/// Set on a type byte: the object gets the next number in the table of references.
const FLAG_REF: u8 = 0x80;

/// Why the data could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Offset in the data where no layout went on: that of the one which came furthest.
    pub offset: usize,
    /// What was wrong there.
    pub reason: &'static str,
    /// The texts that were read up to there: an older or newer interpreter may read on.
    pub texts: Vec<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {} of the marshal data", self.reason, self.offset)
    }
}

impl std::error::Error for Error {}

/// Reads marshal data of any release.
///
/// # Errors
/// No layout fits; see [`Error`].
pub fn read(bytes: &[u8]) -> Result<Marshal, Error> {
    let mut loose: Option<Marshal> = None;
    let mut furthest: Option<Error> = None;
    for layout in Layout::ALL {
        match Parser::new(bytes, layout).run() {
            Ok(marshal) if marshal.consumed == bytes.len() => return Ok(marshal),
            Ok(marshal) => {
                loose.get_or_insert(marshal);
            }
            Err(error) => {
                if furthest.as_ref().is_none_or(|f| error.offset > f.offset) {
                    furthest = Some(error);
                }
            }
        }
    }
    let nothing = Error { offset: 0, reason: "nothing could be read", texts: Vec::new() };
    loose.ok_or_else(|| furthest.unwrap_or(nothing))
}

/// An object whose parts are being read.
enum Open {
    /// So many more items.
    Items { index: Index, left: u32 },
    /// Keys and values until a NULL.
    Dictionary { index: Index },
    /// A code object: the next field of its layout.
    Code { index: Index, field: usize },
}

struct Parser<'b> {
    bytes: &'b [u8],
    position: usize,
    layout: Layout,
    objects: Vec<Object>,
    references: Vec<Index>,
    /// Python 2's table of interned strings.
    interned: Vec<Index>,
    open: Vec<Open>,
}

impl<'b> Parser<'b> {
    fn new(bytes: &'b [u8], layout: Layout) -> Self {
        let (objects, references, interned, open) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { bytes, position: 0, layout, objects, references, interned, open }
    }

    fn run(mut self) -> Result<Marshal, Error> {
        match self.parse() {
            Ok(()) => {
                let marshal = Marshal { objects: self.objects, layout: self.layout, consumed: self.position };
                if marshal.codes().all(|code: Code<'_>| code.is_sound()) {
                    return Ok(marshal);
                }
                let texts = marshal.texts().map(str::to_owned).collect();
                Err(Error { offset: 0, reason: "a code object's fields have the wrong types", texts })
            }
            Err(reason) => {
                let marshal = Marshal { objects: self.objects, layout: self.layout, consumed: 0 };
                let texts = marshal.texts().map(str::to_owned).collect();
                Err(Error { offset: self.position, reason, texts })
            }
        }
    }

    fn parse(&mut self) -> Result<(), &'static str> {
        if self.object()?.is_none() {
            return Err("NULL instead of an object");
        }
        while let Some(top) = self.open.last_mut() {
            let parent = match top {
                Open::Items { left: 0, .. } => {
                    self.open.pop();
                    continue;
                }
                Open::Items { index, left } => {
                    *left -= 1;
                    *index
                }
                Open::Dictionary { index } => *index,
                Open::Code { index, field } => match self.layout.fields().get(*field) {
                    None => {
                        self.open.pop();
                        continue;
                    }
                    Some(Field::Number) => {
                        *field += 1;
                        self.array::<4>()?;
                        continue;
                    }
                    Some(_) => {
                        *field += 1;
                        *index
                    }
                },
            };
            let in_dictionary = matches!(top, Open::Dictionary { .. });
            let depth = self.open.len();
            match self.object()? {
                Some(child) => match self.objects.get_mut(parent as usize) {
                    Some(Object::Items(items) | Object::Code(items)) => items.push(child),
                    _ => return Err("an object without a parent"),
                },
                // A value may not be missing, but CPython ends the dictionary then, too.
                None if in_dictionary => {
                    self.open.truncate(depth.saturating_sub(1));
                }
                None => return Err("NULL instead of an object"),
            }
        }
        Ok(())
    }

    /// Reads the head of the next object and opens it if it has parts. None for NULL.
    fn object(&mut self) -> Result<Option<Index>, &'static str> {
        let [kind] = self.array::<1>()?;
        let referenced = kind & FLAG_REF != 0;
        let kind = kind & !FLAG_REF;
        let index = Index::try_from(self.objects.len()).map_err(|_| "too many objects")?;
        if self.objects.len() >= MAX_NODES {
            return Err("too many objects");
        }
        let object = match kind {
            b'0' => return Ok(None),
            b'N' | b'F' | b'T' | b'S' | b'.' => Object::Singleton,
            b'i' => Object::Integer(i64::from(i32::from_le_bytes(self.array()?))),
            b'I' => Object::Integer(i64::from_le_bytes(self.array()?)),
            b'l' => {
                let digits = i32::from_le_bytes(self.array()?).unsigned_abs();
                self.take(u64::from(digits) * 2)?;
                Object::Number
            }
            b'g' => {
                self.take(8)?;
                Object::Number
            }
            b'y' => {
                self.take(16)?;
                Object::Number
            }
            b'f' => {
                self.short()?;
                Object::Number
            }
            b'x' => {
                self.short()?;
                self.short()?;
                Object::Number
            }
            b's' => {
                let length = self.u32()?;
                Object::Bytes(self.take(u64::from(length))?.to_vec())
            }
            b't' | b'u' | b'a' | b'A' => {
                let length = self.u32()?;
                text(self.take(u64::from(length))?)
            }
            b'z' | b'Z' => text(self.short()?),
            b'r' => {
                let number = self.u32()?;
                let same = self.references.get(number as usize);
                Object::Same(*same.ok_or("a reference to an object that is not there")?)
            }
            b'R' => {
                let number = self.u32()?;
                let same = self.interned.get(number as usize);
                Object::Same(*same.ok_or("a reference to a string that is not there")?)
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.u32()?;
                self.items(index, count)?
            }
            b')' => {
                let [count] = self.array::<1>()?;
                self.items(index, u32::from(count))?
            }
            b':' => self.items(index, 3)?,
            b'{' => {
                self.push(Open::Dictionary { index })?;
                Object::Items(Vec::new())
            }
            b'c' => {
                self.push(Open::Code { index, field: 0 })?;
                Object::Code(Vec::new())
            }
            _ => return Err("an unknown type byte"),
        };
        // CPython numbers containers before their parts, too.
        if referenced {
            self.references.push(index);
        }
        if kind == b't' {
            self.interned.push(index);
        }
        self.objects.push(object);
        Ok(Some(index))
    }

    fn items(&mut self, index: Index, count: u32) -> Result<Object, &'static str> {
        // Every item takes at least a byte.
        if u64::from(count) > (self.bytes.len() - self.position) as u64 {
            return Err("more items than bytes");
        }
        self.push(Open::Items { index, left: count })?;
        Ok(Object::Items(Vec::new()))
    }

    fn push(&mut self, open: Open) -> Result<(), &'static str> {
        if self.open.len() >= MAX_DEPTH {
            return Err("nested too deeply");
        }
        self.open.push(open);
        Ok(())
    }

    fn take(&mut self, length: u64) -> Result<&'b [u8], &'static str> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let length = usize::try_from(length).map_err(|_| "a length beyond the end")?;
        let taken = rest.get(..length).ok_or("a length beyond the end")?;
        self.position += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let bytes = rest.first_chunk::<N>().ok_or("the data end early")?;
        self.position += N;
        Ok(*bytes)
    }

    fn u32(&mut self) -> Result<u32, &'static str> {
        self.array().map(u32::from_le_bytes)
    }

    fn short(&mut self) -> Result<&'b [u8], &'static str> {
        let [length] = self.array::<1>()?;
        self.take(u64::from(length))
    }
}

fn text(bytes: &[u8]) -> Object {
    Object::Text(String::from_utf8_lossy(bytes).into_owned())
}
