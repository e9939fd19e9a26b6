//! Percentiles, and what the kernel tells of a process.

use crate::Failure;
use std::fs;

/// Ticks of CPU time in a second, the same on every Linux (`proc(5)`, `USER_HZ`).
const TICKS: f64 = 100.0;

/// Returns the value below which a share of them lies; they are sorted on the way.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = (last as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

/// Returns the CPU seconds that a process has used, both in user mode and in the kernel.
pub fn cpu(pid: u32) -> Result<f64, Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name stands in brackets and may hold anything; fields are counted behind it.
    let rest = stat.rsplit_once(')').ok_or("a stat line without a name")?.1;
    let field = |nth: usize| -> Result<f64, Failure> {
        Ok(rest.split_whitespace().nth(nth).ok_or("a short stat line")?.parse()?)
    };
    Ok((field(11)? + field(12)?) / TICKS)
}

/// Returns a line of `/proc/PID/status` in KiB, such as `VmRSS` or `VmHWM`.
pub fn memory(pid: u32, line: &str) -> Result<f64, Failure> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let found = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
    let words = found.ok_or_else(|| format!("no {line} in the status of {pid}"))?;
    Ok(words.split_whitespace().next().ok_or("an empty line")?.parse()?)
}

/// Begins to count the peak of a process anew.
pub fn forget_peak(pid: u32) -> Result<(), Failure> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}
