//! Where an artifact's bytes are: a file, memory, or a window on another artifact. Read by position, never mapped: a
//! file that shrinks while it is mapped kills the process.

use std::fs::File;
use std::io;
use std::sync::Arc;

/// Bytes that can be read at any position, from several threads at once.
pub trait Bytes: Send + Sync {
    /// Number of bytes. It does not change while the artifact is scanned.
    fn size(&self) -> u64;

    /// Fills the whole buffer from `offset`.
    ///
    /// # Errors
    /// The source can't be read, or ends before the buffer is full (it shrank).
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Reads the whole of `length` bytes from `offset` into a new buffer. The caller has checked both against the size.
    ///
    /// # Errors
    /// As [`Self::read_exact_at`].
    fn read_vec(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; length];
        self.read_exact_at(offset, &mut buffer)?;
        Ok(buffer)
    }
}

/// A file on disk, as long as it was when it was opened.
pub struct FileBytes {
    file: File,
    size: u64,
}

impl FileBytes {
    /// Wraps an open regular file.
    ///
    /// # Errors
    /// Its size can't be asked for.
    pub fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl Bytes for FileBytes {
    fn size(&self) -> u64 {
        self.size
    }

    #[cfg(unix)]
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => {
                    buffer = &mut buffer[n..];
                    offset += n as u64;
                }
            }
        }
        Ok(())
    }
}

/// Bytes in memory.
pub struct MemoryBytes(pub Vec<u8>);

impl Bytes for MemoryBytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let window = usize::try_from(offset)
            .ok()
            .and_then(|start| self.0.get(start..start.checked_add(buffer.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(window);
        Ok(())
    }
}

/// A range of other bytes: no copy.
pub struct Window {
    parent: Arc<dyn Bytes>,
    offset: u64,
    size: u64,
}

impl Window {
    /// A window on `size` bytes from `offset`; None if they are not all there.
    pub fn new(parent: Arc<dyn Bytes>, offset: u64, size: u64) -> Option<Self> {
        (offset.checked_add(size)? <= parent.size()).then_some(Self { parent, offset, size })
    }
}

impl Bytes for Window {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.parent.read_exact_at(self.offset + offset, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_where_it_ends() {
        let parent: Arc<dyn Bytes> = Arc::new(MemoryBytes(b"0123456789".to_vec()));
        let window = Window::new(Arc::clone(&parent), 2, 4).unwrap();
        assert_eq!(window.read_vec(1, 3).unwrap(), b"345");
        assert!(window.read_vec(2, 3).is_err());
        assert!(window.read_vec(u64::MAX, 1).is_err());
        assert!(Window::new(Arc::clone(&parent), 8, 3).is_none());
        assert!(Window::new(parent, u64::MAX, 2).is_none());
    }

    #[test]
    fn a_file_that_shrank_is_an_error_and_no_crash() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(100).unwrap();
        let bytes = FileBytes::new(file.try_clone().unwrap()).unwrap();
        file.set_len(10).unwrap();
        assert_eq!(bytes.size(), 100);
        assert!(bytes.read_vec(5, 10).is_err());
    }
}
