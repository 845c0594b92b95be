//! The heart of the watch: hints go in, work comes out when it is ripe. No clock, no thread, no disk: all three are handed in.
//!
//! A hint only says where to look; what counts is what is there when it is looked. A file is ripe when it was the same at two looks
//! that are the settling time apart, with no hint between them. Memory is bounded: beyond so many waiting files their folders are
//! noted instead.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::candidates::{Candidate, Origin};
use super::rescans::Rescans;
use super::unfinished_names::{is_hidden, is_unfinished};
use crate::tagging::FileStamp;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// A file that could not be settled is tried again this often, and then left to the next comparison.
const MOST_TRIES: u32 = 8;
const ORIGINS: [Origin; 2] = [Origin::Event, Origin::Walk];

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Something happened there: to a file, a folder, a link to either, or to what was one.
    Path(PathBuf),
    /// A walk found a file that differs from the database, and how it was then.
    Found(PathBuf, FileStamp),
    /// A worker could not settle this file now.
    Again(Candidate),
    /// Hints about this folder were lost.
    Rescan(PathBuf),
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// A file, as it is now.
    File(FileStamp),
    /// A folder.
    Folder,
    /// Nothing.
    Missing,
    /// It cannot be told.
    Unclear,
}

/// What is known and seen outside.
pub trait Surroundings {
    /// What is at a path now.
    fn look(&self, path: &Path) -> Sight;
    /// Whether this very file is settled: nothing is to be done about it. Our own writes are told by this.
    fn knows(&self, path: &Path, stamp: &FileStamp) -> bool;
    /// Whether a file of this path counts at all.
    fn takes(&self, path: &Path) -> bool;
    /// Whether what is in a folder of this path counts.
    fn takes_folder(&self, path: &Path) -> bool;
    /// Whether any file is known below this path.
    fn knows_below(&self, path: &Path) -> bool;
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A ripe file to take down the line.
    Analyse(Candidate),
    /// Nothing is at this path any more, nor below it.
    Gone(PathBuf),
    /// A folder that turned up: watch it, and hint at what is in it.
    List(PathBuf),
    /// A folder to compare with the database.
    Compare(PathBuf),
}

#[derive(Debug)]
struct Waiting {
    due: (Instant, u64),
    /// How the file was when it was last looked at.
    seen: Option<FileStamp>,
    origin: Origin,
    tries: u32,
}

/// Files that wait for stillness.
#[derive(Debug)]
pub struct Settling {
    quiet: Duration,
    most: usize,
    waiting: HashMap<PathBuf, Waiting>,
    /// When each is due: one agenda an origin, since either may have to wait for room.
    due: [BTreeMap<(Instant, u64), PathBuf>; 2],
    number: u64,
    rescans: Rescans,
    /// When the noted folders may be looked through: their burst is over.
    rescans_due: Option<Instant>,
}

impl Settling {
    /// Files are ripe after being still for `quiet`; at most `most` of them wait.
    pub fn new(quiet: Duration, most: usize) -> Self {
        Self {
            quiet,
            most: most.max(1),
            waiting: HashMap::new(),
            due: Default::default(),
            number: 0,
            rescans: Rescans::default(),
            rescans_due: None,
        }
    }

    /// How many files wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether there is nothing to wait for.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.rescans.is_empty()
    }

    /// How many files a walk may still add: it leaves half the room to events.
    pub fn room_for_walks(&self) -> usize {
        (self.most / 2).saturating_sub(self.waiting.len())
    }

    /// When to call [`Settling::ripen`] next, unless a hint comes first; files that there is no room for do not count.
    pub fn next_due(&self, room: impl Fn(Origin) -> usize) -> Option<Instant> {
        let with_room = ORIGINS.into_iter().filter(|&origin| room(origin) > 0);
        let file = with_room.filter_map(|origin| self.due[origin as usize].first_key_value().map(|((due, _), _)| *due));
        file.chain(self.rescans_due).min()
    }

    /// Takes a hint. What needs no waiting comes back at once.
    pub fn hear(&mut self, hint: Hint, now: Instant, surroundings: &impl Surroundings) -> Option<Work> {
        match hint {
            Hint::Path(path) => {
                if is_hidden(&path) {
                    return None;
                }
                // Neither what the event said of it nor the ending of its name tells what it is: a link is made like a file.
                let sight = surroundings.look(&path);
                let is_music = || !is_unfinished(&path) && surroundings.takes(&path);
                let counts = match sight {
                    Sight::Folder => surroundings.takes_folder(&path),
                    Sight::File(_) | Sight::Unclear => is_music(),
                    Sight::Missing => is_music() || surroundings.knows_below(&path),
                };
                if counts { self.wait(path, sight, Origin::Event, now) } else { None }
            }
            Hint::Found(path, stamp) => {
                if is_unfinished(&path) || self.waiting.contains_key(&path) {
                    return None;
                }
                self.wait(path, Sight::File(stamp), Origin::Walk, now)
            }
            Hint::Again(candidate) => {
                self.try_again(candidate, now, surroundings);
                None
            }
            Hint::Rescan(folder) => {
                self.note(&folder, now);
                None
            }
        }
    }

    fn wait(&mut self, path: PathBuf, sight: Sight, origin: Origin, now: Instant) -> Option<Work> {
        let seen = match sight {
            Sight::Folder => {
                self.forget(&path);
                return Some(Work::List(path));
            }
            Sight::File(stamp) => Some(stamp),
            Sight::Missing | Sight::Unclear => None,
        };
        if self.waiting.len() >= self.most && !self.waiting.contains_key(&path) {
            let folder = path.parent().unwrap_or(&path).to_owned();
            self.note(&folder, now);
            return None;
        }
        // What just happened to a file that a walk had found makes it urgent; its tries begin anew.
        let origin = self.waiting.get(&path).map_or(origin, |waiting| waiting.origin.min(origin));
        self.schedule(path, now + self.quiet, seen, origin, 0);
        None
    }

    fn try_again(&mut self, candidate: Candidate, now: Instant, surroundings: &impl Surroundings) {
        let Candidate { path, origin, tries } = candidate;
        if tries >= MOST_TRIES || self.waiting.contains_key(&path) || self.waiting.len() >= self.most {
            return;
        }
        let pause = self.quiet.max(Duration::from_secs(1)).saturating_mul(1 << tries).min(LONGEST_PAUSE);
        let seen = match surroundings.look(&path) {
            Sight::File(stamp) => Some(stamp),
            _ => None,
        };
        self.schedule(path, now + pause, seen, origin, tries + 1);
    }

    fn note(&mut self, folder: &Path, now: Instant) {
        self.rescans.add(folder);
        self.rescans_due = Some(now + self.quiet);
    }

    fn schedule(&mut self, path: PathBuf, due: Instant, seen: Option<FileStamp>, origin: Origin, tries: u32) {
        self.forget(&path);
        self.number += 1;
        let due = (due, self.number);
        self.due[origin as usize].insert(due, path.clone());
        self.waiting.insert(path, Waiting { due, seen, origin, tries });
    }

    fn forget(&mut self, path: &Path) -> Option<Waiting> {
        let waiting = self.waiting.remove(path)?;
        self.due[waiting.origin as usize].remove(&waiting.due);
        Some(waiting)
    }

    /// Looks at what is due, and hands on what is ripe: at most `room` files of each origin. The rest keeps its place; whoever
    /// makes room calls again.
    pub fn ripen(
        &mut self,
        now: Instant,
        surroundings: &impl Surroundings,
        room: impl Fn(Origin) -> usize,
    ) -> Vec<Work> {
        let mut work = Vec::new();
        for origin in ORIGINS {
            let mut room = room(origin);
            while room > 0 {
                let first = self.due[origin as usize].first_key_value().filter(|((due, _), _)| *due <= now);
                let Some(path) = first.map(|(_, path)| path.clone()) else { break };
                let Some(waiting) = self.forget(&path) else { break };
                let ripe = self.look(path, waiting, now, surroundings);
                room -= usize::from(matches!(ripe, Some(Work::Analyse(_))));
                work.extend(ripe);
            }
        }
        if self.rescans_due.is_some_and(|due| due <= now) {
            self.rescans_due = None;
            work.extend(self.rescans.take().into_iter().map(Work::Compare));
        }
        work
    }

    /// What is to be done about a path whose time has come.
    fn look(
        &mut self,
        path: PathBuf,
        waiting: Waiting,
        now: Instant,
        surroundings: &impl Surroundings,
    ) -> Option<Work> {
        let Waiting { seen, origin, tries, .. } = waiting;
        match surroundings.look(&path) {
            Sight::File(_) if !surroundings.takes(&path) => None,
            Sight::File(stamp) if seen == Some(stamp) => {
                (!surroundings.knows(&path, &stamp)).then_some(Work::Analyse(Candidate { path, origin, tries }))
            }
            Sight::File(stamp) => {
                self.schedule(path, now + self.quiet, Some(stamp), origin, tries);
                None
            }
            Sight::Missing => Some(Work::Gone(path)),
            Sight::Folder => surroundings.takes_folder(&path).then_some(Work::List(path)),
            Sight::Unclear => None,
        }
    }
}

#[cfg(test)]
#[path = "settling_stories.rs"]
mod stories;
