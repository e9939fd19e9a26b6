use crate::control::{ExitCode, Failure, MAX_FRAME};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Reads a file of any kind, up to a length that no message of ours reaches.
///
/// # Errors
/// It cannot be read, or is too long (65).
pub fn read_bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    read_large(file, MAX_FRAME)
}

/// Reads a file of any kind, up to `limit` bytes.
///
/// # Errors
/// As for [`read_bytes`].
pub fn read_large(file: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let fail = |cause: io::Error| {
        Failure::new(ExitCode::BadData, "file.unreadable", format_args!("cannot read {}", file.display()))
            .hint("name a readable file, or - for stdin")
            .cause(cause)
    };
    let mut bytes = Vec::new();
    let limit = limit as u64 + 1;
    if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(fail)?;
    } else {
        File::open(file).and_then(|f| f.take(limit).read_to_end(&mut bytes)).map_err(fail)?;
    }
    if bytes.len() as u64 >= limit {
        let message = format!("{} is over {} bytes", file.display(), limit - 1);
        return Err(Failure::new(ExitCode::BadData, "file.too_long", message).hint("no such file is so long"));
    }
    Ok(bytes)
}

/// Reads a text file, or stdin for `-`.
///
/// # Errors
/// It cannot be read (65), is over [`MAX_FRAME`] bytes, or is not UTF-8.
pub fn read_text(file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    let fail = |cause: io::Error| {
        Failure::new(ExitCode::BadData, "file.unreadable", format_args!("cannot read {shown}"))
            .hint("name a readable UTF-8 file, or - for stdin")
            .cause(cause)
    };
    let limit = MAX_FRAME as u64 + 1;
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(fail)?;
    } else {
        File::open(file).and_then(|f| f.take(limit).read_to_end(&mut bytes)).map_err(fail)?;
    }
    // Looked at first: the cut at the limit may have split a letter.
    if bytes.len() > MAX_FRAME {
        let message = format!("{shown} is over {MAX_FRAME} bytes");
        return Err(Failure::new(ExitCode::BadData, "file.too_long", message)
            .hint("a request or response is text; photographs are named by digest"));
    }
    String::from_utf8(bytes).map_err(|cause| fail(io::Error::new(ErrorKind::InvalidData, cause.utf8_error())))
}

/// Writes a text file that only its owner may read; never over another one unless `force`.
///
/// # Errors
/// It exists (1), or cannot be written (1).
pub fn write_text(file: &Path, text: &str, force: bool) -> Result<(), Failure> {
    write_bytes(file, text.as_bytes(), force)
}

/// Writes a file of any kind, as [`write_text`] does.
///
/// # Errors
/// As for [`write_text`].
pub fn write_bytes(file: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(file).and_then(|mut f| f.write_all(bytes));
    written.map_err(|cause| unwritten(file, cause))
}

fn unwritten(file: &Path, cause: io::Error) -> Failure {
    if cause.kind() == ErrorKind::AlreadyExists {
        return is_there(file);
    }
    Failure::new(ExitCode::Finding, "file.unwritable", format_args!("cannot write {}", file.display()))
        .hint("choose a folder that you may write to")
        .cause(cause)
}

/// A new file that is there before anything is done that cannot be done again; it goes if nothing is written.
#[derive(Debug)]
pub struct Reserved {
    path: PathBuf,
    file: File,
    written: bool,
}

impl Reserved {
    /// Makes the file, which only its owner may read.
    ///
    /// # Errors
    /// As for [`write_text`].
    pub fn new(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(path).map_err(|cause| unwritten(path, cause))?;
        Ok(Self { path: path.to_owned(), file, written: false })
    }

    /// Writes what belongs into it.
    ///
    /// # Errors
    /// The disk fails; what was written so far goes.
    pub fn write(mut self, text: &str) -> Result<(), Failure> {
        self.file.write_all(text.as_bytes()).map_err(|cause| unwritten(&self.path, cause))?;
        self.written = true;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.written {
            // An empty file that stays only stands in the way of the next try.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Makes sure that nothing is in the way of a new file.
///
/// # Errors
/// Something is (1).
pub fn is_free(file: &Path) -> Result<(), Failure> {
    if file.symlink_metadata().is_ok() { Err(is_there(file)) } else { Ok(()) }
}

fn is_there(file: &Path) -> Failure {
    Failure::new(ExitCode::Finding, "file.exists", format_args!("{} is there already", file.display()))
        .hint("choose another name, or replace it with --force")
}
