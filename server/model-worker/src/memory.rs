//! How much memory a model takes and how much there is, from the kernel's files; no guess when they are absent.

use std::{fs, path::Path};

use crate::model::file::LoadError;

/// The runtime around the weights: tokens, trie, template, threads.
const AROUND: u64 = 300 * 1024 * 1024;

/// Bytes a model will take: weights with their packed copies, keys and values, and what is around them.
pub fn estimate(weight_bytes: u64, kv_bytes: u64) -> u64 {
    weight_bytes.saturating_add(kv_bytes).saturating_add(AROUND)
}

/// Refuses a model that would not fit, with the numbers.
pub fn check(needed: u64, available: Option<u64>) -> Result<(), LoadError> {
    match available {
        Some(available) if available < needed => Err(LoadError::Memory {
            needed: size(needed),
            free: size(available),
        }),
        _ => Ok(()),
    }
}

/// Bytes that this process may still take: the smaller of what the machine and its control group leave.
pub fn available() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| kilobytes(&text, "MemAvailable:"));
    let group = Path::new("/sys/fs/cgroup");
    // Cached file pages count as used, but are given back when memory is asked for.
    let cached = ["memory.stat", "memory/memory.stat"]
        .iter()
        .find_map(|file| stat(&fs::read_to_string(group.join(file)).ok()?, "inactive_file"))
        .unwrap_or(0);
    let left = |limit: &str, used: &str| {
        let number = |file: &str| {
            fs::read_to_string(group.join(file))
                .ok()?
                .trim()
                .parse::<u64>()
                .ok()
        };
        Some(number(limit)?.saturating_sub(number(used)?.saturating_sub(cached)))
    };
    let group = left("memory.max", "memory.current").or_else(|| {
        left(
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
        )
    });
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

/// Bytes this process has in memory now.
pub fn used() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// `1.2 GB`, `340 MB`.
pub fn size(bytes: u64) -> String {
    if bytes >= 1_000_000_000 {
        format!(
            "{}.{} GB",
            bytes / 1_000_000_000,
            bytes % 1_000_000_000 / 100_000_000
        )
    } else {
        format!("{} MB", bytes / 1_000_000)
    }
}

fn stat(text: &str, key: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?
        .parse()
        .ok()
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    let number = line[key.len()..].trim().split(' ').next()?;
    number.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_does_not_fit_is_refused_with_numbers() {
        assert!(check(2_000_000_000, Some(3_000_000_000)).is_ok());
        assert!(check(2_000_000_000, None).is_ok());
        let error = check(2_940_000_000, Some(512_000_000)).expect_err("too big");
        let why = error.to_string();
        assert!(why.contains("2.9 GB") && why.contains("512 MB"), "{why}");
    }

    #[test]
    fn kernel_files_are_read() {
        assert_eq!(
            kilobytes(
                "MemTotal: 5 kB\nMemAvailable:    2048 kB\n",
                "MemAvailable:"
            ),
            Some(2_097_152)
        );
        assert_eq!(
            stat("anon 1\ninactive_file 77\n", "inactive_file"),
            Some(77)
        );
        assert_eq!(kilobytes("nothing", "MemAvailable:"), None);
        assert!(used().is_some_and(|bytes| bytes > 0));
    }
}
