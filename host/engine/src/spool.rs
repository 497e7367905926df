//! Where unpacked children are kept until they are scanned: memory up to a budget, then an unlinked temporary file,
//! which the system removes even if we are killed.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bytes::{Bytes, FileBytes, MemoryBytes};

/// Memory that the spools of one top-level file share.
#[derive(Debug)]
pub struct SpoolMemory(AtomicU64);

impl SpoolMemory {
    /// A budget in bytes.
    pub fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(bytes)))
    }

    fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A child that is being unpacked.
pub struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    written: u64,
    reserved: u64,
    budget: Arc<SpoolMemory>,
}

/// Memory is asked for in steps of this size.
const STEP: u64 = 64 << 10;

impl Spool {
    /// An empty spool.
    pub fn new(budget: Arc<SpoolMemory>) -> Self {
        Self { memory: Vec::new(), file: None, written: 0, reserved: 0, budget }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The temporary file can't be made or written.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            let needed = self.written + bytes.len() as u64;
            if needed > self.reserved {
                let step = (needed - self.reserved).next_multiple_of(STEP);
                if self.budget.take(step) {
                    self.reserved += step;
                } else {
                    let mut file = tempfile::tempfile()?;
                    file.write_all(&self.memory)?;
                    self.memory = Vec::new();
                    self.budget.give_back(std::mem::take(&mut self.reserved));
                    self.file = Some(file);
                }
            }
        }
        match &mut self.file {
            Some(file) => file.write_all(bytes)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// The bytes, ready to be read. Their memory returns to the budget when they are dropped.
    ///
    /// # Errors
    /// The temporary file's size can't be asked for.
    pub fn finish(mut self) -> io::Result<Arc<dyn Bytes>> {
        if let Some(file) = self.file.take() {
            return Ok(Arc::new(FileBytes::new(file)?));
        }
        let bytes = MemoryBytes(std::mem::take(&mut self.memory));
        let reserved = std::mem::take(&mut self.reserved);
        Ok(Arc::new(Spooled { bytes, reserved, budget: Arc::clone(&self.budget) }))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.budget.give_back(self.reserved);
    }
}

struct Spooled {
    bytes: MemoryBytes,
    reserved: u64,
    budget: Arc<SpoolMemory>,
}

impl Bytes for Spooled {
    fn size(&self) -> u64 {
        self.bytes.size()
    }
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.bytes.read_exact_at(offset, buffer)
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        self.budget.give_back(self.reserved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_in_memory_goes_to_a_file_and_the_memory_comes_back() {
        let budget = SpoolMemory::new(3 * STEP);
        let content: Vec<u8> = (0..2 * STEP).map(|n| n as u8).collect();
        let mut first = Spool::new(Arc::clone(&budget));
        first.write(&content).unwrap();
        let mut second = Spool::new(Arc::clone(&budget));
        second.write(&content[..100]).unwrap();
        second.write(&content[100..]).unwrap();
        assert!(second.file.is_some() && first.file.is_none());
        let (first, second) = (first.finish().unwrap(), second.finish().unwrap());
        assert_eq!(first.read_vec(0, content.len()).unwrap(), content);
        assert_eq!(second.read_vec(0, content.len()).unwrap(), content);
        drop((first, second));
        assert_eq!(budget.0.load(Ordering::Relaxed), 3 * STEP);
    }
}
