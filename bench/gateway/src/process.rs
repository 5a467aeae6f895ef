//! What a process and its descendants have used, from /proc.

use std::fs;

/// USER_HZ on every Linux that this runs on. The kernel scales these ticks to the exact run time, so a figure
/// over seconds is good to 10 ms in all.
const TICKS_PER_S: u64 = 100;

/// CPU time in microseconds and resident memory in KiB, of one process tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu_us: u64,
    pub rss_kib: u64,
}

struct Stat {
    parent: u32,
    ticks: u64,
    rss_pages: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name may hold spaces and parentheses; what follows the last one is plain.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |i: usize| fields.get(i)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        // utime, stime; cutime and cstime keep what ended children have used.
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
        rss_pages: number(21)?,
    })
}

/// Sums over `root` and everything below it; `None` when `root` is gone.
pub fn usage(root: u32) -> Option<Usage> {
    stat(root)?;
    let all: Vec<(u32, Stat)> = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect();
    let mut tree = vec![root];
    let mut sum = Usage::default();
    let mut next = 0;
    while let Some(&pid) = tree.get(next) {
        next += 1;
        for (child, stat) in &all {
            if *child == pid {
                sum.cpu_us += stat.ticks * 1_000_000 / TICKS_PER_S;
                sum.rss_kib += stat.rss_pages * 4;
            }
            if stat.parent == pid {
                tree.push(*child);
            }
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::usage;

    #[test]
    fn own_process_uses_memory_and_time() {
        let before = usage(std::process::id()).unwrap();
        let mut x = 1u64;
        let started = std::time::Instant::now();
        while started.elapsed().as_millis() < 200 {
            x = std::hint::black_box(x.wrapping_mul(31));
        }
        let after = usage(std::process::id()).unwrap();
        assert!(after.cpu_us >= before.cpu_us + 50_000, "{before:?} {after:?} {x}");
        assert!(after.rss_kib > 500);
    }

    #[test]
    fn a_process_that_is_gone_has_no_usage() {
        assert!(usage(u32::MAX - 1).is_none());
    }
}
