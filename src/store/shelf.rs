use super::Disk;
use std::io;
use std::sync::Arc;

/// A few whole files that are replaced as a whole: after a crash there is the old one or the new one.
#[derive(Clone)]
pub struct Shelf(Arc<dyn Disk>);

impl Shelf {
    /// Keeps the files on a disk of their own.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self(disk)
    }

    /// Reads a file; `None` if it was never put there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        if !self.0.list()?.iter().any(|known| known == name) {
            return Ok(None);
        }
        let length = usize::try_from(self.0.len(name)?).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; length];
        self.0.read_at(name, 0, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Puts a file in the place of the one before; it is durable when this returns.
    ///
    /// # Errors
    /// What the disk says; the one before is then still there.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let next = format!("{name}.next");
        // What a crash left half written was never put in place.
        if self.0.list()?.contains(&next) {
            self.0.remove(&next)?;
        }
        self.0.create(&next)?;
        self.0.write_at(&next, 0, bytes)?;
        self.0.sync(&next)?;
        self.0.rename(&next, name)?;
        self.0.sync_dir()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemDisk;

    #[test]
    fn a_crash_leaves_the_old_file_or_the_new_one() {
        let disk = MemDisk::new();
        let shelf = Shelf::new(Arc::new(disk.clone()));
        assert_eq!(shelf.read("directory").unwrap(), None);
        shelf.replace("directory", b"one").unwrap();
        for nth in 1..4 {
            disk.fail_sync(nth);
            let replaced = shelf.replace("directory", b"two").is_ok();
            disk.crash(|_, _| 0);
            let found = Shelf::new(Arc::new(disk.clone())).read("directory").unwrap();
            let found = found.expect("it was there before");
            assert!(found == b"one" || found == b"two", "{found:?}");
            assert!(!replaced || found == b"two");
            shelf.replace("directory", b"one").unwrap();
        }
    }
}
