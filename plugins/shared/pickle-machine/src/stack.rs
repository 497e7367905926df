//! Opcodes that move values between the stack, the marks and the memo, and frames.

use crate::constant;
use crate::machine::{Fault, Machine, view};
use crate::memo::Entry;
use crate::store::Holds;
use crate::value::{Kind, Value};
use crate::view::{Observer, Oddity};

/// Values on the stack that are kept; picklers flush every thousand items, so a deep stack is one huge tuple or an attack.
const STACK: usize = 3 << 20;
/// Marks that are kept.
const MARKS: usize = 1 << 20;
/// The C loader allocates sixteen bytes per unit of the largest memo index: from here on a gigabyte.
const HUGE_INDEX: u64 = 1 << 26;

impl Machine<'_> {
    // -- stack

    #[inline]
    pub(crate) fn push(&mut self, value: Value) -> Result<(), Fault> {
        if self.stack.len() >= STACK {
            // The items of a huge tuple need not be kept; something that does harm later must not vanish silently.
            self.dropped += 1;
            let harmless = value.is_constant() || value.is_container() || value.kind() == Kind::Object;
            self.stack_lost |= !harmless || (!value.is_constant() && self.store.holds(value).is_dangerous());
            return Ok(());
        }
        self.stack.push(value);
        Ok(())
    }

    /// Takes the top. Below a mark there is nothing to take (the C loader says "unexpected MARK found").
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Value> {
        if self.dropped > 0 {
            self.dropped -= 1;
            return Some(Value::UNKNOWN);
        }
        if self.marks.last().is_some_and(|&mark| mark as usize >= self.stack.len()) {
            // The permissive way on: the mark is in the way, take it out.
            self.marks.pop();
            return None;
        }
        self.stack.pop()
    }

    pub(crate) fn mark(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        if self.marks.len() >= MARKS {
            self.odd(Oddity::DeepStack, 3, observer);
            return Err(Fault::Soft("more marks than are kept"));
        }
        self.marks.push(self.stack.len() as u32);
        Ok(())
    }

    /// Where the items above the last mark begin; removes the mark.
    pub(crate) fn pop_mark(&mut self) -> Result<usize, Fault> {
        let dropped = std::mem::take(&mut self.dropped);
        match self.marks.pop() {
            Some(mark) => {
                let _ = dropped;
                let mark = (mark as usize).min(self.stack.len());
                Ok(mark)
            }
            None => Err(Fault::Soft("no mark on the stack")),
        }
    }

    /// The items above the last mark, taken off.
    pub(crate) fn above_mark(&mut self) -> Result<Vec<Value>, Fault> {
        let mark = self.pop_mark()?;
        Ok(self.stack.split_off(mark))
    }

    pub(crate) fn discard(&mut self) -> Result<(), Fault> {
        if self.dropped == 0 && self.marks.last().is_some_and(|&mark| mark as usize == self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(|_| ()).ok_or(Fault::Soft("POP on an empty stack"))
    }

    #[inline]
    pub(crate) fn empty(&mut self, kind: Kind) -> Result<(), Fault> {
        let value = self.store.container(kind, &[], self.at, Holds::NOTHING);
        self.push(value)
    }

    /// What the values hold together. Constants are by far the most and cost a comparison.
    #[inline]
    pub(crate) fn holds_of(&self, values: &[Value]) -> Holds {
        let mut holds = Holds { weight: values.len() as u64, ..Holds::NOTHING };
        for value in values {
            if !value.is_constant() {
                holds.add(view!(self).holds(*value));
            }
        }
        holds
    }

    #[inline]
    pub(crate) fn small_tuple(&mut self, length: usize) -> Result<(), Fault> {
        let floor = self.marks.last().map_or(0, |&m| m as usize);
        if self.dropped == 0
            && let Some(begin) = self.stack.len().checked_sub(length)
            && begin >= floor
        {
            let holds = self.holds_of(self.stack.get(begin..).unwrap_or_default());
            let items = self.stack.get(begin..).unwrap_or_default();
            let tuple = self.store.container(Kind::Tuple, items, self.at, holds);
            self.stack.truncate(begin);
            return self.push(tuple);
        }
        let mut items: Vec<Value> = (0..length).map(|_| self.pop().unwrap_or(Value::UNKNOWN)).collect();
        items.reverse();
        let holds = self.holds_of(&items);
        let tuple = self.store.container(Kind::Tuple, &items, self.at, holds);
        self.push(tuple)?;
        Err(Fault::Soft("fewer values on the stack than the tuple takes"))
    }

    pub(crate) fn collect(&mut self, kind: Kind) -> Result<(), Fault> {
        let mark = match self.pop_mark() {
            Ok(mark) => mark,
            Err(fault) => {
                self.empty(kind)?;
                return Err(fault);
            }
        };
        let holds = self.holds_of(self.stack.get(mark..).unwrap_or_default());
        let items = self.stack.get(mark..).unwrap_or_default();
        let value = if items.is_empty() && kind == Kind::Tuple {
            Value::EMPTY_TUPLE
        } else {
            self.store.container(kind, items, self.at, holds)
        };
        self.stack.truncate(mark);
        self.push(value)
    }

    // -- memo

    #[inline]
    pub(crate) fn memoize(&mut self) -> Result<(), Fault> {
        let index = self.memo.len();
        self.remember(index)
    }

    #[inline]
    pub(crate) fn binput(&mut self) -> Result<(), Fault> {
        let [index] = self.input.array()?;
        self.remember(u64::from(index))
    }

    #[inline]
    pub(crate) fn remember(&mut self, index: u64) -> Result<(), Fault> {
        let top = match self.stack.last() {
            Some(&top) if self.dropped == 0 => top,
            _ => {
                self.memo.put(index, Value::UNKNOWN);
                return if self.dropped > 0 { Ok(()) } else { Err(Fault::Soft("nothing on the stack to memoize")) };
            }
        };
        self.memo.put(index, top);
        if top.kind() == Kind::Str {
            self.recent.add(index, top);
        }
        Ok(())
    }

    pub(crate) fn line_index(&mut self) -> Result<u64, Fault> {
        let (begin, length) = self.input.line()?;
        let line = self.input.read_at(begin, length.min(64));
        let index = constant::integer(&line).and_then(|n| u64::try_from(n).ok());
        index.ok_or(Fault::Soft("the memo index is no natural number"))
    }

    pub(crate) fn put(&mut self, index: u64, observer: &mut dyn Observer) -> Result<(), Fault> {
        if index >= HUGE_INDEX && index / 8 > self.memo.len() {
            self.odd(Oddity::HugeMemoIndex(index), 4, observer);
        }
        self.remember(index)
    }

    #[inline]
    pub(crate) fn binget(&mut self) -> Result<(), Fault> {
        let [index] = self.input.array()?;
        self.get(u64::from(index))
    }

    #[inline]
    pub(crate) fn get(&mut self, index: u64) -> Result<(), Fault> {
        match self.memo.get(index) {
            Entry::Value(value) => self.push(value),
            Entry::Forgotten(kind @ (Kind::Tuple | Kind::List | Kind::Dict | Kind::Set)) => {
                // Without its contents it is still a container, and no object whose `append` would be called.
                let value = self.store.container(kind, &[], self.at, Holds::NOTHING);
                self.push(value)
            }
            Entry::Forgotten(_) => self.push(Value::FORGOTTEN),
            Entry::Missing => {
                self.push(Value::UNKNOWN)?;
                Err(Fault::Soft("the memo has no such entry"))
            }
        }
    }

    // -- frames

    pub(crate) fn frame(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let length = u64::from_le_bytes(self.input.array()?);
        let begin = self.input.position();
        let end = begin.saturating_add(length);
        if self.frame_end != u64::MAX && self.frame_end > begin {
            // A frame inside a frame: the Python loader refuses it, the C loader keeps its buffer, or fetches another one
            // from behind it.
            self.frame_crossed = true;
            self.odd(Oddity::FrameCrossed, 6, observer);
            if self.reading.frames {
                if end > self.frame_end {
                    self.input.seek(self.frame_end);
                    self.frame_end = self.frame_end.saturating_add(length);
                    self.input.honour_frame(self.frame_end);
                }
                return Ok(());
            }
        }
        if end > self.input.end() {
            self.odd(Oddity::FrameBeyondEnd(length), 5, observer);
            self.frame_end = u64::MAX;
            self.input.honour_frame(0);
            return Ok(());
        }
        self.frame_end = end;
        if self.reading.frames {
            self.input.honour_frame(end);
        }
        Ok(())
    }

    /// The position reached the end of the frame, or went past it.
    pub(crate) fn leave_frame(&mut self, observer: &mut dyn Observer) {
        if self.at > self.frame_end && !self.reading.frames {
            self.frame_crossed = true;
            self.odd(Oddity::FrameCrossed, 6, observer);
        }
        self.forget_frame();
    }

    /// What follows is outside of any frame.
    pub(crate) fn forget_frame(&mut self) {
        self.frame_end = u64::MAX;
        self.input.honour_frame(0);
    }

    pub(crate) fn check_frame_at_stop(&mut self, observer: &mut dyn Observer) {
        let end = self.input.position();
        if self.frame_end != u64::MAX && self.frame_end > end {
            let length = self.frame_end - end;
            // On a file without `peek` the rest of the frame is gone: the next load begins behind it.
            if self.frame_end <= self.input.end() && !self.reading.frames {
                self.frame_crossed = true;
            }
            self.odd(Oddity::FrameBeyondEnd(length), 5, observer);
        }
    }
}
