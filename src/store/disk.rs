use super::StoreError;
use rustix::{
    fs::{FallocateFlags, FlockOperation},
    io::Errno,
};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Does all file work of the journal, in one flat directory (DESIGN §10).
///
/// What was written is only certain to outlive a power cut after `sync`; a removed or renamed entry
/// only after `sync_dir`.
pub trait Disk: Send + Sync {
    /// Names the files, in no particular order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes a new empty file and syncs its directory entry; fails if the name is taken.
    fn create(&self, name: &str) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`, growing the file where needed; after an error any part may be there.
    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Fills all of `buf` from `offset`, or fails.
    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> io::Result<()>;
    /// Returns the file's length in bytes.
    fn len(&self, name: &str) -> io::Result<u64>;
    /// Cuts or zero-fills the file to `len` bytes.
    fn truncate(&self, name: &str, len: u64) -> io::Result<()>;
    /// Makes the file's bytes and length durable (fdatasync).
    fn sync(&self, name: &str) -> io::Result<()>;
    /// Makes removed and renamed entries durable.
    fn sync_dir(&self) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Renames a file, replacing a file of the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Returns how many bytes can still be written.
    fn free_space(&self) -> io::Result<u64>;

    /// Makes a new file of these parts, durable with its entry when it returns; fails if the name is taken.
    fn put(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        self.create(name)?;
        let mut offset = 0;
        for part in parts {
            self.write_at(name, offset, part)?;
            offset += part.len() as u64;
        }
        self.sync(name)
    }

    /// Lets bytes within a file read as zero, and gives their room back where the file system can. A power cut may
    /// bring them back.
    fn erase(&self, name: &str, offset: u64, length: u64) -> io::Result<()> {
        blank(offset, length, |at, zeros| self.write_at(name, at, zeros))
    }
}

/// Writes zeros.
fn blank(offset: u64, length: u64, mut write: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let end = offset.saturating_add(length);
    (offset..end).step_by(ZEROS.len()).try_for_each(|at| {
        let part = usize::try_from(end - at).unwrap_or(usize::MAX).min(ZEROS.len());
        write(at, &ZEROS[..part])
    })
}

/// A directory of the operating system, held by one process at a time.
pub struct RealDisk {
    root: PathBuf,
    directory: File,
    handles: Mutex<BTreeMap<String, Handle>>,
    lock: File,
}

struct Handle {
    file: Arc<File>,
    unsynced: bool,
}

const LOCK: &str = "lock";
const OPEN_HANDLES: usize = 64;
/// How many bytes of short parts are written at once.
const GATHERED: usize = 256 << 10;

impl RealDisk {
    /// Opens the directory, made with mode 0700 where it is missing, and locks it.
    ///
    /// # Errors
    /// `Locked` if another process holds it, `Io` for everything the operating system refuses.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let shown = root.display().to_string();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(StoreError::io("create directory", &shown))?;
        let directory = File::open(root).map_err(StoreError::io("open directory", &shown))?;
        // The new directory's own entry lives in its parent.
        if let Some(parent) = root.canonicalize().ok().as_deref().and_then(Path::parent) {
            File::open(parent)
                .and_then(|p| p.sync_all())
                .map_err(StoreError::io("sync the parent directory of", &shown))?;
        }
        let lock = options()
            .create(true)
            .truncate(false)
            .open(root.join(LOCK))
            .map_err(StoreError::io("open", LOCK))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(StoreError::Locked { path: shown }),
            Err(errno) => return Err(StoreError::io("lock", LOCK)(errno.into())),
        }
        Ok(Self { root: root.to_owned(), directory, handles: Mutex::default(), lock })
    }

    fn handles(&self) -> MutexGuard<'_, BTreeMap<String, Handle>> {
        // The map is whole at every step, so a panic elsewhere cannot have left it half changed.
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, name: &str, writes: bool) -> io::Result<Arc<File>> {
        let mut handles = self.handles();
        if let Some(handle) = handles.get_mut(name) {
            handle.unsynced |= writes;
            return Ok(Arc::clone(&handle.file));
        }
        let file = Arc::new(options().open(self.root.join(name))?);
        Self::keep(&mut handles, name, Arc::clone(&file), writes);
        Ok(file)
    }

    /// Keeps a handle; one with unsynced bytes stays open, since only it is sure to hear of their loss.
    fn keep(handles: &mut BTreeMap<String, Handle>, name: &str, file: Arc<File>, unsynced: bool) {
        if handles.len() >= OPEN_HANDLES {
            handles.retain(|_, handle| handle.unsynced);
        }
        handles.insert(name.to_owned(), Handle { file, unsynced });
    }
}

impl Drop for RealDisk {
    /// Lets go of the lock itself: a child that was forked meanwhile and has not yet become its program shares the
    /// descriptor, and closing ours alone would leave the directory locked until then.
    fn drop(&mut self) {
        // Where that fails, the lock goes with the last descriptor.
        let _ = rustix::fs::flock(&self.lock, FlockOperation::Unlock);
    }
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        names(&self.root)
    }

    fn create(&self, name: &str) -> io::Result<()> {
        let file = Arc::new(options().create_new(true).open(self.root.join(name))?);
        Self::keep(&mut self.handles(), name, file, true);
        self.sync_dir()
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.handle(name, true)?.write_all_at(bytes, offset)
    }

    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.handle(name, false)?.read_exact_at(buf, offset)
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.handle(name, false)?.metadata()?.len())
    }

    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        self.handle(name, true)?.set_len(len)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.handle(name, true)?.sync_data()?;
        if let Some(handle) = self.handles().get_mut(name) {
            handle.unsynced = false;
        }
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.handles().remove(name);
        fs::remove_file(self.root.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut handles = self.handles();
        fs::rename(self.root.join(from), self.root.join(to))?;
        handles.remove(to);
        if let Some(handle) = handles.remove(from) {
            handles.insert(to.to_owned(), handle);
        }
        Ok(())
    }

    fn put(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let file = options().create_new(true).open(self.root.join(name))?;
        // Short parts go together, and long ones are not copied.
        let mut out = BufWriter::with_capacity(GATHERED, &file);
        parts.iter().try_for_each(|part| out.write_all(part))?;
        out.flush()?;
        drop(out);
        file.sync_data()?;
        Self::keep(&mut self.handles(), name, Arc::new(file), false);
        self.sync_dir()
    }

    fn erase(&self, name: &str, offset: u64, length: u64) -> io::Result<()> {
        // Linux has no hole without bytes.
        if length == 0 {
            return Ok(());
        }
        // Whoever erases does not wait until it is durable, so that the handle need not stay open.
        let file = self.handle(name, false)?;
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&file, hole, offset, length) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                blank(offset, length, |at, zeros| file.write_all_at(zeros, at))
            }
            other => Ok(other?),
        }
    }

    fn free_space(&self) -> io::Result<u64> {
        let space = rustix::fs::fstatvfs(&self.directory)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

/// A directory that is only read, whoever holds it: nothing is locked, nothing is written.
pub struct SightedDisk(PathBuf);

impl SightedDisk {
    /// Looks at a directory.
    pub fn at(root: &Path) -> Self {
        Self(root.to_owned())
    }
}

impl Disk for SightedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        names(&self.0)
    }

    fn create(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn write_at(&self, _: &str, _: u64, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        File::open(self.0.join(name))?.read_exact_at(buf, offset)
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.0.join(name))?.len())
    }

    fn truncate(&self, _: &str, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn free_space(&self) -> io::Result<u64> {
        Ok(0)
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    Ok(names)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_whoever_is_done_leaves_no_lock_behind() {
        let home = tempfile::tempdir().expect("a folder");
        let first = RealDisk::open(home.path()).expect("nobody holds it");
        assert!(matches!(RealDisk::open(home.path()), Err(StoreError::Locked { .. })));
        // As a child has it between fork and exec.
        let inherited = first.lock.try_clone().expect("a second descriptor");
        drop(first);
        let second = RealDisk::open(home.path()).map(drop);
        assert!(second.is_ok(), "{second:?}");
        drop(inherited);
    }
}
