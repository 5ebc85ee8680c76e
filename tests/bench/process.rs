//! What processes cost, from the kernel's files: memory, and time on a processor of a process with everything it started.

use std::{collections::HashMap, fs, time::Duration};

/// The kernel counts in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Time on processors.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    /// The process itself.
    pub(crate) own: Duration,
    /// Its living descendants: the private Postgres.
    pub(crate) others: Duration,
}

impl Cpu {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            own: self.own.saturating_sub(before.own),
            others: self.others.saturating_sub(before.others),
        }
    }

    pub(crate) fn all(self) -> Duration {
        self.own + self.others
    }
}

/// Time of `pid` and of all that descends from it.
pub(crate) fn cpu(pid: u32) -> Cpu {
    let stats: HashMap<u32, Stat> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect();
    let mut cpu = Cpu::default();
    for (other, found) in &stats {
        if *other == pid {
            // What ended and was waited for counts as the parent's.
            cpu.own = TICK * found.ticks;
            cpu.others += TICK * found.waited_ticks;
        } else if descends(*other, pid, &stats) {
            cpu.others += TICK * (found.ticks + found.waited_ticks);
        }
    }
    cpu
}

fn descends(mut pid: u32, ancestor: u32, stats: &HashMap<u32, Stat>) -> bool {
    while let Some(found) = stats.get(&pid) {
        if found.parent == ancestor {
            return true;
        }
        pid = found.parent;
    }
    false
}

struct Stat {
    parent: u32,
    ticks: u32,
    waited_ticks: u32,
}

/// Behind the name, which may hold blanks and brackets, come state, parent, …; times are the fields 14 to 17 (proc(5)).
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(Stat {
        parent: number(1)?,
        ticks: number(11)? + number(12)?,
        waited_ticks: number(13)? + number(14)?,
    })
}

/// Resident memory in megabytes (10^6).
#[expect(clippy::cast_precision_loss, reason = "kilobytes of a process")]
pub(crate) fn memory_mb(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((kilobytes * 1024) as f64 / 1e6)
}

/// Time this thread has spent on a processor, to the nanosecond.
pub(crate) fn thread_time() -> Duration {
    fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .map_or(Duration::ZERO, Duration::from_nanos)
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
