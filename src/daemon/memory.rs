//! Gives memory back to the system that an idle service has no use for: what the allocator keeps for later, and the
//! pages of the program itself that only work needs, the built-in models among them.
#![allow(unsafe_code)] // malloc_trim and madvise have no safe wrappers among our dependencies; see each use

use std::ops::Range;

/// After much was freed at once, such as models.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes no pointer and locks the allocator itself.
    unsafe {
        libc::malloc_trim(0);
    }
    for range in clean_pages_of_the_program() {
        // SAFETY: these are mappings of the program's file that nobody can write and nobody has written: what is
        // dropped is read from the file again when it is next touched, the same bytes.
        unsafe {
            libc::madvise(range.start as *mut libc::c_void, range.len(), libc::MADV_DONTNEED);
        }
    }
}

/// The mappings of our own file that are not writable and hold no page of our own (such as a relocated one).
fn clean_pages_of_the_program() -> Vec<Range<usize>> {
    let program = std::env::current_exe().ok();
    let smaps = std::fs::read_to_string("/proc/self/smaps").ok();
    match (program.as_deref().and_then(|path| path.to_str()), smaps) {
        (Some(program), Some(smaps)) => clean_mappings(&smaps, program),
        _ => Vec::new(),
    }
}

/// Parses `/proc/PID/smaps` (proc(5)): a line with range, permissions and file, and lines of figures.
fn clean_mappings(smaps: &str, file: &str) -> Vec<Range<usize>> {
    let mut clean = Vec::new();
    let mut current: Option<Range<usize>> = None;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some((from, to)) = first.split_once('-').filter(|_| !first.ends_with(':')) {
            let address = |text| usize::from_str_radix(text, 16).ok();
            let permissions = words.next().unwrap_or_default();
            let is_ours = line.ends_with(file) && words.nth(3) == Some(file);
            let range = address(from).zip(address(to)).map(|(from, to)| from..to);
            current = range.filter(|_| is_ours && permissions.as_bytes().get(1) == Some(&b'-'));
        } else if first == "Anonymous:" {
            clean.extend(current.take().filter(|_| words.next() == Some("0")));
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
1000-2000 r--p 00000000 08:01 42                         /usr/bin/reclassd
Rss:                   4 kB
Anonymous:             0 kB
2000-5000 r-xp 00001000 08:01 42                         /usr/bin/reclassd
Anonymous:             0 kB
5000-6000 r--p 00004000 08:01 42                         /usr/bin/reclassd
Anonymous:             4 kB
6000-7000 rw-p 00005000 08:01 42                         /usr/bin/reclassd
Anonymous:             0 kB
7000-9000 rw-p 00000000 00:00 0                          [heap]
Anonymous:             8 kB
a000-b000 r-xp 00000000 08:01 43                         /usr/lib/libc.so.6
Anonymous:             0 kB
";

    #[test]
    fn only_pages_that_are_the_file_s_own_are_given_back() {
        assert_eq!(clean_mappings(SMAPS, "/usr/bin/reclassd"), [0x1000..0x2000, 0x2000..0x5000]);
    }

    #[test]
    fn the_program_goes_on_after_giving_back() {
        assert!(!clean_pages_of_the_program().is_empty());
        give_back();
        assert_eq!("still".to_owned() + " here", "still here");
    }
}
