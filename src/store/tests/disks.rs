//! Do both disks do the same?

use super::*;

fn read(disk: &dyn Disk, name: &str) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(disk.len(name).unwrap()).unwrap()];
    disk.read_at(name, 0, &mut bytes).unwrap();
    bytes
}

fn exercise(disk: &dyn Disk) {
    disk.create("a").unwrap();
    assert!(disk.create("a").is_err(), "a name is made once");
    disk.write_at("a", 0, b"hello").unwrap();
    disk.write_at("a", 7, b"world").unwrap();
    assert_eq!(read(disk, "a"), b"hello\0\0world");
    disk.write_at("a", 5, b", ").unwrap();
    disk.sync("a").unwrap();
    assert_eq!(read(disk, "a"), b"hello, world");
    let mut beyond = [0; 6];
    assert!(disk.read_at("a", 7, &mut beyond).is_err(), "a read is exact");
    assert!(disk.read_at("a", 99, &mut beyond).is_err());
    disk.truncate("a", 5).unwrap();
    assert_eq!(read(disk, "a"), b"hello");
    disk.create("b").unwrap();
    disk.rename("a", "b").unwrap();
    disk.write_at("b", 5, b"!").unwrap();
    disk.sync("b").unwrap();
    assert_eq!(read(disk, "b"), b"hello!");
    assert!(disk.len("a").is_err() && disk.read_at("a", 0, &mut beyond).is_err());
    disk.remove("b").unwrap();
    disk.sync_dir().unwrap();
    assert!(disk.remove("b").is_err() && disk.sync("b").is_err());
    (0..200).for_each(|n| disk.create(&format!("many-{n:03}")).unwrap());
    (0..200).for_each(|n| disk.write_at(&format!("many-{n:03}"), 0, &[n]).unwrap());
    (0..200).for_each(|n| disk.sync(&format!("many-{n:03}")).unwrap());
    assert!((0..200).all(|n| read(disk, &format!("many-{n:03}")) == [n]));
    let many = disk.list().unwrap().into_iter().filter(|name| name.starts_with("many-"));
    assert_eq!(many.count(), 200);
    assert!(disk.free_space().unwrap() > 0);
    // More than is gathered in one write, between two that are less.
    let long: Vec<u8> = (0..300_000_u32).map(|n| n.to_be_bytes()[3] | 1).collect();
    disk.put("parts", &[b"before", &long, b"", b"after"]).unwrap();
    let whole = [b"before".as_slice(), &long, b"after"].concat();
    assert_eq!(read(disk, "parts"), whole);
    assert!(disk.put("parts", &[b"instead"]).is_err(), "a name that is taken");
    for (from, length) in [(3, 0), (3, 2), (100, 20_000), (150_000, 150_011)] {
        disk.erase("parts", from, length).unwrap();
    }
    let erased = |at: usize| (3..5).contains(&at) || (100..20_100).contains(&at) || at >= 150_000;
    let left = read(disk, "parts");
    assert_eq!(left.len(), whole.len(), "what is erased leaves a hole, and no shorter file");
    assert!(left.iter().enumerate().all(|(at, byte)| *byte == if erased(at) { 0 } else { whole[at] }));
    assert!(disk.erase("missing", 0, 1).is_err());
}

#[test]
fn the_disk_in_memory() {
    exercise(&MemDisk::new());
}

#[test]
fn the_real_disk() {
    let root = tempfile::tempdir().unwrap();
    exercise(&RealDisk::open(&root.path().join("made/on/the/way")).unwrap());
}

#[test]
fn a_directory_is_open_once() {
    let root = tempfile::tempdir().unwrap();
    let first = RealDisk::open(root.path()).unwrap();
    let second = RealDisk::open(root.path()).map(|_| ());
    assert_eq!(second, Err(StoreError::Locked { path: root.path().display().to_string() }));
    drop(first);
    assert!(RealDisk::open(root.path()).is_ok());
}

#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let home = root.path().join("store");
    RealDisk::open(&home).unwrap().create("file").unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&home), mode(&home.join("file")), mode(&home.join("lock"))), (0o700, 0o600, 0o600));
}

#[test]
fn a_crash_keeps_what_was_synced_and_the_chosen_part_of_the_rest() {
    let disk = MemDisk::new();
    disk.create("a").unwrap();
    disk.write_at("a", 0, b"synced").unwrap();
    disk.sync("a").unwrap();
    disk.write_at("a", 6, b" torn away").unwrap();
    disk.rename("a", "b").unwrap();
    disk.crash(|name, unsynced| if name == "a" && unsynced == 10 { 5 } else { 0 });
    assert_eq!(read(&disk, "a"), b"synced torn");
    assert!(disk.len("b").is_err(), "a rename needs a sync of the directory");
}
