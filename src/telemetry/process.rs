//! What a process costs, as `/proc` tells it (proc(5)); nothing where there is no `/proc`, or no such process.

use std::fs;
use std::time::Duration;

/// Ticks of `/proc/PID/stat` a second: the kernel's interface says 100 on every architecture that is in use,
/// whatever its own clock is (`USER_HZ`).
const TICKS: u32 = 100;

/// A process, or a thread of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This process.
    Own,
    /// The one of this id.
    Pid(u32),
    /// The thread of this process with this id.
    Thread(u32),
}

/// User and system time that it has used, to the hundredth of a second.
#[must_use]
pub fn processor_time(which: Which) -> Option<Duration> {
    let ticks = ticks(&read(which, "stat")?)?;
    Some(Duration::from_secs(ticks) / TICKS)
}

/// Its memory that is resident, in bytes.
#[must_use]
pub fn resident(which: Which) -> Option<u64> {
    resident_in(&read(which, "status")?)
}

/// The ids of the threads of this process.
#[must_use]
pub fn threads() -> Vec<u32> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let names = tasks.filter_map(|task| task.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).collect()
}

/// The process of this id and all that it has started, directly or not: the workers of an nginx, the children of a
/// Node.js cluster.
#[must_use]
pub fn family(pid: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let names = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pids = names.filter_map(|name| name.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids
        .filter_map(|pid| Some((pid, parent(&read(Which::Pid(pid), "stat")?)?)))
        .collect();
    let mut family = vec![pid];
    let mut at = 0;
    while let Some(&of) = family.get(at) {
        let children = parents.iter().filter(|(_, parent)| *parent == of);
        family.extend(children.map(|(child, _)| *child));
        at += 1;
    }
    family
}

fn read(which: Which, name: &str) -> Option<String> {
    let path = match which {
        Which::Own => format!("/proc/self/{name}"),
        Which::Pid(pid) => format!("/proc/{pid}/{name}"),
        Which::Thread(id) => format!("/proc/self/task/{id}/{name}"),
    };
    fs::read_to_string(path).ok()
}

/// The fields of `stat` from the third on. The second is the command in parentheses, in which anything may stand.
fn fields(stat: &str) -> Option<impl Iterator<Item = &str>> {
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_ascii_whitespace())
}

fn parent(stat: &str) -> Option<u32> {
    fields(stat)?.nth(1)?.parse().ok()
}

fn ticks(stat: &str) -> Option<u64> {
    let mut fields = fields(stat)?.skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_a_command_with_parentheses_and_spaces() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 90 0 1 0 250 17 0 0 20 0 3 0 5 6 7";
        assert_eq!((ticks(stat), parent(stat)), (Some(267), Some(1)));
        assert_eq!((ticks("7 (a"), parent("7 (a")), (None, None));
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        let status = "Name:\tgatecast\nVmHWM:\t    9 kB\nVmRSS:\t    2048 kB\nThreads:\t3\n";
        assert_eq!(resident_in(status), Some(2 << 20));
    }

    #[test]
    fn a_process_that_is_not_there_costs_nothing_that_could_be_told() {
        // Above the largest id that Linux gives out.
        let nobody = Which::Pid(u32::MAX);
        assert_eq!((processor_time(nobody), resident(nobody)), (None, None));
        assert_eq!(family(u32::MAX), [u32::MAX]);
    }
}
