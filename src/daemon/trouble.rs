//! What keeps files back and is no fault of theirs: a database that cannot be written, models that cannot be had, a disk without room.
//!
//! Such a thing is said once, not once a file; the files wait here, and it is tried from time to time whether it is over. What concerns
//! everything stops all work. A full disk of music does not: what is on it is listened to all the same, and waits to be written. No
//! clock and no disk: both are handed in.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::watch::Candidate;

/// How often it is tried whether all is well again: with what was at work when it was not, or with one file a full disk.
const PAUSE: Duration = Duration::from_secs(10);
/// Files that wait for room, a disk; beyond them the next comparison finds them.
const HELD: usize = 100_000;

/// All that keeps files back now.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    everything: Option<Everything>,
    /// Full disks by device number.
    disks: BTreeMap<u64, FullDisk>,
}

/// What stops all work.
#[derive(Debug)]
struct Everything {
    why: String,
    held: Vec<Candidate>,
    /// When work begins again, to see; `None` while it does.
    try_at: Option<Instant>,
    /// Files that were held before: when one of them comes through, it is over.
    tried: HashSet<PathBuf>,
}

/// A disk without room.
#[derive(Debug)]
struct FullDisk {
    why: String,
    /// Files that are to be written, the smallest first.
    held: BTreeMap<(u64, PathBuf), Candidate>,
    try_at: Instant,
    /// The one that is being tried.
    trying: Option<PathBuf>,
}

/// What is known of a file that was kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is the first of this trouble.
    First,
    /// It is another one.
    Another,
    /// It was tried once more.
    Again,
}

/// A trouble that is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Over {
    /// What it was.
    pub(super) why: String,
    /// The files that waited for its end.
    pub(super) held: Vec<Candidate>,
}

impl Troubles {
    /// Keeps a file back that came upon something which stops all work.
    pub(super) fn stop_all(&mut self, candidate: Candidate, why: &str, now: Instant) -> Kept {
        let kept = match &self.everything {
            None => Kept::First,
            Some(known) if known.why != why => Kept::First,
            Some(known) if known.tried.contains(&candidate.path) => Kept::Again,
            Some(_) => Kept::Another,
        };
        let everything = self.everything.get_or_insert_with(|| Everything {
            why: String::new(),
            held: Vec::new(),
            try_at: None,
            tried: HashSet::new(),
        });
        why.clone_into(&mut everything.why);
        everything.try_at.get_or_insert(now + PAUSE);
        everything.held.push(candidate);
        kept
    }

    /// Keeps a file of this size back that there is no room for on a disk.
    pub(super) fn wait_for_room(
        &mut self,
        candidate: Candidate,
        (device, size): (u64, u64),
        why: &str,
        now: Instant,
    ) -> Kept {
        let mut kept = Kept::Another;
        let disk = self.disks.entry(device).or_insert_with(|| {
            kept = Kept::First;
            FullDisk { why: why.to_owned(), held: BTreeMap::new(), try_at: now + PAUSE, trying: None }
        });
        if disk.trying.as_ref() == Some(&candidate.path) {
            kept = Kept::Again;
            disk.trying = None;
            disk.try_at = now + PAUSE;
        }
        if disk.held.len() < HELD {
            disk.held.insert((size, candidate.path.clone()), candidate);
        }
        kept
    }

    /// A file came to the end of the line, and was written or not. What is over by that.
    pub(super) fn came_through(&mut self, path: &Path, was_written: bool, is_news: bool, now: Instant) -> Vec<Over> {
        let mut over = Vec::new();
        if let Some(everything) =
            self.everything.take_if(|known| known.try_at.is_none() && (is_news || known.tried.contains(path)))
        {
            over.push(Over { why: everything.why, held: everything.held });
        }
        let tried = self.disks.iter_mut().find(|(_, disk)| disk.trying.as_deref() == Some(path));
        if let Some((&device, disk)) = tried {
            disk.trying = None;
            // Of one that need not be written any more, nothing follows for the others.
            disk.try_at = now;
            if (was_written || disk.held.is_empty())
                && let Some(disk) = self.disks.remove(&device)
            {
                over.push(Over { why: disk.why, held: disk.held.into_values().collect() });
            }
        }
        over
    }

    /// Whether no file may be worked on.
    pub(super) fn stops_all(&self) -> bool {
        self.everything.as_ref().is_some_and(|everything| everything.try_at.is_some())
    }

    /// When to call [`Troubles::try_again`] next.
    pub(super) fn try_at(&self) -> Option<Instant> {
        let disks = self.disks.values().filter(|disk| disk.trying.is_none() && !disk.held.is_empty());
        let everything = self.everything.as_ref().and_then(|everything| everything.try_at);
        disks.map(|disk| disk.try_at).chain(everything).min()
    }

    /// The files to try it with, and no more of them: of a full disk the smallest.
    pub(super) fn try_again(&mut self, now: Instant) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        if let Some(everything) = self.everything.as_mut().filter(|known| known.try_at.is_some_and(|at| at <= now)) {
            everything.try_at = None;
            everything.tried = everything.held.iter().map(|candidate| candidate.path.clone()).collect();
            candidates.append(&mut everything.held);
        }
        for disk in self.disks.values_mut().filter(|disk| disk.trying.is_none() && disk.try_at <= now) {
            if let Some((_, candidate)) = disk.held.pop_first() {
                disk.trying = Some(candidate.path.clone());
                candidates.push(candidate);
            }
        }
        candidates
    }

    /// What there is, in words; `None` where all is well.
    pub(super) fn said(&self) -> Option<String> {
        let disks = self.disks.values().map(|FullDisk { why, held, trying, .. }| {
            let files = held.len() + usize::from(trying.is_some());
            format!("{files} file{} for room: {why}", if files == 1 { " waits" } else { "s wait" })
        });
        let all: Vec<String> = self.everything.iter().map(|everything| everything.why.clone()).chain(disks).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Origin;

    fn file(name: &str) -> Candidate {
        Candidate { path: name.into(), origin: Origin::Event, tries: 0 }
    }

    fn names(candidates: &[Candidate]) -> Vec<&str> {
        candidates.iter().map(|candidate| candidate.path.to_str().unwrap()).collect()
    }

    #[test]
    fn what_stops_everything_is_said_once_and_tried_until_it_is_over() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        let why = "the disk of the database is full";
        assert_eq!(troubles.stop_all(file("a"), why, start), Kept::First);
        assert_eq!(troubles.stop_all(file("b"), why, start), Kept::Another);
        assert!(troubles.stops_all());
        assert!(troubles.came_through(Path::new("c"), true, true, start).is_empty(), "it was begun before");
        assert_eq!(troubles.try_again(start), []);
        let later = start + PAUSE;
        assert_eq!(troubles.try_at(), Some(later));
        assert_eq!(names(&troubles.try_again(later)), ["a", "b"]);
        assert!(!troubles.stops_all());
        assert_eq!(troubles.stop_all(file("a"), why, later), Kept::Again);
        assert_eq!(troubles.stop_all(file("d"), why, later), Kept::Another);
        assert!(troubles.stops_all());
        let end = later + PAUSE;
        assert_eq!(names(&troubles.try_again(end)), ["a", "d"]);
        let over = troubles.came_through(Path::new("a"), false, false, end);
        assert_eq!(over, [Over { why: why.to_owned(), held: vec![] }]);
        assert_eq!((troubles.said(), troubles.try_at()), (None, None));
    }

    #[test]
    fn a_full_disk_keeps_its_own_files_back_and_is_tried_with_the_smallest() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        let why = "/m/big.flac: no room";
        assert_eq!(troubles.wait_for_room(file("big"), (1, 900), why, start), Kept::First);
        for (name, size) in [("small", 10), ("middle", 100)] {
            assert_eq!(troubles.wait_for_room(file(name), (1, size), "another", start), Kept::Another);
        }
        assert_eq!(troubles.wait_for_room(file("elsewhere"), (2, 5), "full", start), Kept::First);
        assert!(!troubles.stops_all(), "other disks are worked on");
        assert!(troubles.said().unwrap().contains("3 files wait for room: /m/big.flac"), "{:?}", troubles.said());
        let later = start + PAUSE;
        assert_eq!(names(&troubles.try_again(later)), ["small", "elsewhere"]);
        assert_eq!(troubles.try_again(later), [], "one a disk");
        assert_eq!(troubles.wait_for_room(file("small"), (1, 10), why, later), Kept::Again);
        assert!(troubles.came_through(Path::new("other"), true, true, later).is_empty(), "a smaller one may fit");
        // It was deleted meanwhile: that says nothing of the room.
        assert_eq!(troubles.came_through(Path::new("elsewhere"), false, true, later).len(), 1, "nobody waits any more");
        let end = later + PAUSE;
        assert_eq!(names(&troubles.try_again(end)), ["small"]);
        let over = troubles.came_through(Path::new("small"), true, true, end);
        assert_eq!(names(&over[0].held), ["middle", "big"]);
        assert_eq!(troubles.said(), None);
    }
}
