//! What a running process has in memory.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

const PAGE: usize = 4096;
/// How much is read at once.
const STRIDE: usize = 1 << 20;

/// Reads all that a process has written to memory; `None` if this user may not. Pages of zeros are left out: an
/// allocator sets a gigabyte aside and uses little of it.
pub fn written(pid: u32) -> Option<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let (mut all, mut part) = (Vec::new(), vec![0; STRIDE]);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        let path = words.nth(3).unwrap_or_default();
        // The program's own text and its libraries hold nothing that has come in.
        if !rights.starts_with("rw") || path.starts_with("/dev") {
            continue;
        }
        let (start, end) = range.split_once('-')?;
        let (mut at, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        while at < end {
            let most = usize::try_from(end - at).unwrap_or(STRIDE).min(STRIDE);
            // It may have been given back meanwhile.
            let Ok(read @ 1..) = memory.read_at(&mut part[..most], at) else { break };
            let pages = part[..read].chunks(PAGE).filter(|page| page.iter().any(|byte| *byte != 0));
            pages.for_each(|page| all.extend_from_slice(page));
            at += read as u64;
        }
    }
    Some(all)
}
