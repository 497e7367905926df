//! Where a report goes: standard output, or a file that is there whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The place for a report.
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file, and the folder it is in.
    File { path: PathBuf, folder: PathBuf },
}

impl Output {
    /// Checks the place before any work is done. Refuses what a report would destroy or be led astray by: a folder, a link, a
    /// device, one of the files to scan.
    pub fn new(path: Option<&Path>, inputs: &[PathBuf]) -> Result<Self> {
        let Some(path) = path.filter(|p| *p != Path::new("-")) else { return Ok(Self::Stdout) };
        let place = || format!("can't write the report to {}", path.display());
        match path.symlink_metadata() {
            Ok(meta) if meta.is_symlink() => bail!("{}: it is a symbolic link", place()),
            Ok(meta) if meta.is_dir() => bail!("{}: it is a folder", place()),
            Ok(meta) if !meta.is_file() => bail!("{}: it is not a regular file", place()),
            Ok(_) => {
                let target = path.canonicalize().with_context(place)?;
                if inputs.iter().any(|i| i.canonicalize().is_ok_and(|i| i == target)) {
                    bail!("{}: it is to be scanned", place());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(place),
        }
        if path.file_name().is_none() || path.as_os_str().to_string_lossy().ends_with(std::path::is_separator) {
            bail!("{}: it names no file", place());
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        if !folder.is_dir() {
            bail!("{}: there is no folder {}", place(), folder.display());
        }
        Ok(Self::File { path: path.to_owned(), folder })
    }

    /// True if both are the same file.
    pub fn is_same_file(&self, other: &Self) -> bool {
        let place = |output: &Self| match output {
            Self::Stdout => None,
            Self::File { path, folder } => Some((folder.canonicalize().ok()?, path.file_name()?.to_owned())),
        };
        place(self).is_some_and(|a| place(other).is_some_and(|b| a == b))
    }

    /// Hands `fill` a buffered writer; a file appears under its name when it is complete and on the disk.
    pub fn write(&self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        match self {
            Self::Stdout => {
                let mut out = BufWriter::new(anstream::AutoStream::auto(io::stdout().lock()));
                fill(&mut out)?;
                out.flush()?;
            }
            Self::File { path, folder } => {
                let place = || format!("can't write the report to {}", path.display());
                let file = temporary(folder).with_context(place)?;
                let mut out = BufWriter::new(file);
                fill(&mut out).with_context(place)?;
                let file = out.into_inner().map_err(io::IntoInnerError::into_error).with_context(place)?;
                file.as_file().sync_all().with_context(place)?;
                file.persist(path).map_err(|e| e.error).with_context(place)?;
            }
        }
        Ok(())
    }
}

/// A temporary file beside the target, with the permissions of any new file (its name alone can't be guessed).
fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".modelaudit-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path, inputs: &[PathBuf]) -> String {
        match Output::new(Some(path), inputs) {
            Ok(_) => panic!("{} was taken", path.display()),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        std::fs::write(&path, "old").unwrap();
        let output = Output::new(Some(&path), &[]).unwrap();
        let failed = output.write(|out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert!(format!("{:#}", failed.unwrap_err()).ends_with("disk full"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        output.write(|out| out.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "a temporary file was left");
    }

    #[test]
    fn places_that_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("model.pkl");
        std::fs::write(&model, "x").unwrap();
        assert!(refused(dir.path(), &[]).contains("is a folder"));
        assert!(refused(&dir.path().join("none/report"), &[]).contains("there is no folder"));
        assert!(refused(&dir.path().join("report/"), &[]).contains("names no file"));
        assert!(refused(&model, std::slice::from_ref(&model)).contains("to be scanned"));
        #[cfg(unix)]
        {
            let link = dir.path().join("link");
            std::os::unix::fs::symlink(&model, &link).unwrap();
            assert!(refused(&link, &[]).contains("symbolic link"));
            assert!(refused(Path::new("/dev/null"), &[]).contains("not a regular file"));
        }
        assert!(matches!(Output::new(Some(Path::new("-")), &[]), Ok(Output::Stdout)));
        assert!(matches!(Output::new(None, &[]), Ok(Output::Stdout)));
    }
}
