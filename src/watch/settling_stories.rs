//! What happens to files, second by second, and what the watch makes of it. The same stories are told to the whole service, with real
//! files, in `tests/watch.rs`.
//!
//! A line is `SECOND what happens`, or `SECOND => what has to come out`. Files of `SECOND write` are as long as the second.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::*;

/// A disk without files, and a database without rows.
#[derive(Default)]
struct World {
    files: RefCell<HashMap<PathBuf, FileStamp>>,
    folders: RefCell<HashSet<PathBuf>>,
    settled: RefCell<HashSet<(PathBuf, FileStamp)>>,
    /// Links by name, and what they lead to.
    links: RefCell<HashMap<PathBuf, PathBuf>>,
}

impl World {
    fn behind_links(&self, path: &Path) -> PathBuf {
        self.links.borrow().get(path).cloned().unwrap_or_else(|| path.to_owned())
    }
}

impl Surroundings for World {
    fn look(&self, path: &Path) -> Sight {
        let path = self.behind_links(path);
        match self.files.borrow().get(&path) {
            Some(stamp) => Sight::File(*stamp),
            None if self.folders.borrow().contains(&path) => Sight::Folder,
            None => Sight::Missing,
        }
    }

    fn knows(&self, path: &Path, stamp: &FileStamp) -> bool {
        self.settled.borrow().contains(&(self.behind_links(path), *stamp))
    }

    fn takes(&self, path: &Path) -> bool {
        path.extension().is_some_and(|ending| ending == "mp3")
    }

    fn takes_folder(&self, path: &Path) -> bool {
        !path.ends_with("podcasts")
    }

    fn knows_below(&self, path: &Path) -> bool {
        self.settled.borrow().iter().any(|(known, _)| known != path && known.starts_with(path))
    }
}

fn stamp(size: u64, inode: u64) -> FileStamp {
    FileStamp { size, mtime_seconds: size as i64, mtime_nanoseconds: 0, inode, device: 1 }
}

struct Teller {
    world: World,
    settling: Settling,
    start: Instant,
    told: Vec<String>,
}

impl Teller {
    fn new(most: usize) -> Self {
        let settling = Settling::new(Duration::from_secs(5), most);
        Self { world: World::default(), settling, start: Instant::now(), told: Vec::new() }
    }

    fn hear(&mut self, hint: Hint, second: u64) {
        let work = self.settling.hear(hint, self.start + Duration::from_secs(second), &self.world);
        self.told.extend(work.map(|work| said(second, &work)));
    }

    fn happen(&mut self, second: u64, what: &str) {
        let words: Vec<&str> = what.split(' ').collect();
        let path = |at: usize| PathBuf::from("/m").join(words[at]);
        let file = |at: usize| Hint::Path(path(at));
        match words[0] {
            "write" => {
                let inode = self.world.files.borrow().get(&path(1)).map_or(second, |stamp| stamp.inode);
                self.world.files.borrow_mut().insert(path(1), stamp(second, inode));
                self.hear(file(1), second);
            }
            "rename" => {
                let moved = self.world.files.borrow_mut().remove(&path(1)).unwrap();
                self.world.files.borrow_mut().insert(path(2), moved);
                self.hear(file(1), second);
                self.hear(file(2), second);
            }
            "remove" => {
                self.world.files.borrow_mut().remove(&path(1));
                self.hear(file(1), second);
            }
            "touch" => self.hear(file(1), second),
            "make-folder" => {
                self.world.folders.borrow_mut().insert(path(1));
                self.hear(file(1), second);
            }
            "remove-folder" => {
                self.world.folders.borrow_mut().remove(&path(1));
                self.world.files.borrow_mut().retain(|file, _| !file.starts_with(path(1)));
                self.hear(file(1), second);
            }
            // An event of a link is that of a file, whatever it leads to, and also where it takes the place of another.
            "link" => {
                self.world.links.borrow_mut().insert(path(1), path(2));
                self.hear(file(1), second);
            }
            "unlink" => {
                self.world.links.borrow_mut().remove(&path(1));
                self.hear(file(1), second);
            }
            // Somewhere else, where nobody listens.
            "unseen-folder" => drop(self.world.folders.borrow_mut().insert(path(1))),
            // The line is done with it, and its row says so.
            "settle" => {
                let stamp = self.world.files.borrow()[&path(1)];
                self.world.settled.borrow_mut().insert((path(1), stamp));
            }
            "found" => {
                let stamp = self.world.files.borrow()[&path(1)];
                self.hear(Hint::Found(path(1), stamp), second);
            }
            "unseen-write" => {
                self.world.files.borrow_mut().insert(path(1), stamp(second, 1));
            }
            "again" => {
                let tries = words[2].parse().unwrap();
                self.hear(Hint::Again(Candidate { path: path(1), origin: Origin::Event, tries }), second);
            }
            "lost" => self.hear(Hint::Rescan(path(1)), second),
            other => panic!("no such thing happens: {other}"),
        }
    }
}

fn said(second: u64, work: &Work) -> String {
    let name = |path: &Path| path.strip_prefix("/m").unwrap().display().to_string();
    match work {
        Work::Analyse(candidate) if candidate.origin == Origin::Walk => {
            format!("{second} => analyse later {}", name(&candidate.path))
        }
        Work::Analyse(candidate) => format!("{second} => analyse {}", name(&candidate.path)),
        Work::Gone(path) => format!("{second} => gone {}", name(path)),
        Work::List(path) => format!("{second} => list {}", name(path)),
        Work::Compare(path) => format!("{second} => compare {}", name(path)),
    }
}

#[track_caller]
fn tell(title: &str, most: usize, room: usize, story: &str) {
    let mut teller = Teller::new(most);
    let lines: Vec<&str> = story.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for second in 0..200 {
        for line in &lines {
            let (when, what) = line.split_once(' ').unwrap();
            if when.parse() == Ok(second) && !what.starts_with("=>") {
                teller.happen(second, what);
            }
        }
        let now = teller.start + Duration::from_secs(second);
        if teller.settling.next_due(|_| room).is_some_and(|due| due <= now) {
            let work = teller.settling.ripen(now, &teller.world, |_| room);
            teller.told.extend(work.iter().map(|work| said(second, work)));
        }
    }
    let expected: Vec<&str> = lines.into_iter().filter(|line| line.contains("=>")).collect();
    assert_eq!(teller.told, expected, "{title}");
    assert!(teller.settling.is_empty(), "{title}: something waits for ever");
}

#[test]
fn stories_of_single_files_end_as_their_owners_expect() {
    let stories = [
        (
            "a small file is copied",
            "0 write a.mp3
                                    5 => analyse a.mp3",
        ),
        (
            "a big file is copied slowly",
            "0 write a.mp3
                                         3 write a.mp3
                                         7 write a.mp3
                                         11 write a.mp3
                                         16 => analyse a.mp3",
        ),
        (
            "a copy that nothing is heard of grows on",
            "0 write a.mp3
                                                      3 unseen-write a.mp3
                                                      9 unseen-write a.mp3
                                                      15 => analyse a.mp3",
        ),
        (
            "an editor writes a temporary file and renames it",
            "0 write .a.mp3.swp
                                                              1 write a.mp3
                                                              2 write a.tmp
                                                              3 rename a.tmp a.mp3
                                                              8 => analyse a.mp3",
        ),
        (
            "a torrent client renames its .part when it is done",
            "0 write a.mp3.part
                                                                50 write a.mp3.part
                                                                60 rename a.mp3.part a.mp3
                                                                65 => analyse a.mp3",
        ),
        (
            "rsync writes a hidden file and renames it",
            "0 write .a.mp3.Xq2
                                                       9 rename .a.mp3.Xq2 a.mp3
                                                       14 => analyse a.mp3",
        ),
        (
            "our own write is recognised",
            "0 write a.mp3
                                         5 => analyse a.mp3
                                         6 write a.mp3
                                         6 settle a.mp3",
        ),
        (
            "a retag by another program is looked at",
            "0 write a.mp3
                                                     0 settle a.mp3
                                                     20 write a.mp3
                                                     25 => analyse a.mp3",
        ),
        (
            "a file is touched and stays the same",
            "0 write a.mp3
                                                  1 settle a.mp3
                                                  30 touch a.mp3",
        ),
        (
            "a file is renamed",
            "0 write a.mp3
                               1 settle a.mp3
                               20 rename a.mp3 b.mp3
                               25 => gone a.mp3
                               25 => analyse b.mp3",
        ),
        (
            "a file is deleted",
            "0 write a.mp3
                               1 settle a.mp3
                               20 remove a.mp3
                               25 => gone a.mp3",
        ),
        (
            "a file is deleted and comes back",
            "0 write a.mp3
                                              0 settle a.mp3
                                              20 remove a.mp3
                                              22 write a.mp3
                                              27 => analyse a.mp3",
        ),
        (
            "a cover is no music",
            "0 write cover.jpg
                                 9 remove cover.jpg",
        ),
        (
            "a file that could not be written now is tried again, later and later",
            "0 write a.mp3
                                                                                  5 => analyse a.mp3
                                                                                  6 again a.mp3 0
                                                                                  11 => analyse a.mp3
                                                                                  12 again a.mp3 1
                                                                                  22 => analyse a.mp3
                                                                                  23 again a.mp3 8",
        ),
        (
            "what happens to a file ends its waiting for another try",
            "0 write a.mp3
                                                                     5 => analyse a.mp3
                                                                     6 again a.mp3 5
                                                                     8 write a.mp3
                                                                     13 => analyse a.mp3",
        ),
    ];
    for (title, story) in stories {
        tell(title, 100, 10, story);
    }
}

#[test]
fn stories_of_folders_and_walks_end_as_their_owners_expect() {
    let stories = [
        (
            "a new folder is listed at once",
            "0 make-folder album
                                            0 => list album",
        ),
        (
            "a folder is moved away",
            "0 make-folder album
                                    0 => list album
                                    1 unseen-write album/1.mp3
                                    1 settle album/1.mp3
                                    9 remove-folder album
                                    14 => gone album",
        ),
        (
            "a folder is replaced within the moment",
            "0 make-folder album
                                                    0 => list album
                                                    9 remove-folder album
                                                    10 make-folder album
                                                    10 => list album",
        ),
        (
            "a folder that nothing is known of is moved away",
            "0 make-folder album
                                                               0 => list album
                                                               9 remove-folder album",
        ),
        ("a folder that does not count", "0 make-folder podcasts"),
        (
            "a folder in the making is a folder all the same",
            "0 make-folder rip.part
                                                             0 => list rip.part",
        ),
        (
            "a link to a folder, whatever its name",
            "0 unseen-folder disk/x
                                                   1 link x disk/x
                                                   1 => list x
                                                   2 link y.mp3 disk/x
                                                   2 => list y.mp3",
        ),
        (
            "a link that leads to another folder",
            "0 unseen-folder disk/x
                                                 0 unseen-folder disk/y
                                                 1 link album disk/x
                                                 1 => list album
                                                 9 link album disk/y
                                                 9 => list album",
        ),
        (
            "a link to a folder that comes later, and is touched then",
            "0 link album disk/x
                                                                      1 unseen-folder disk/x
                                                                      2 touch album
                                                                      2 => list album",
        ),
        (
            "a link to a file that leads to another file",
            "0 unseen-write disk/1.mp3
                                                         0 settle disk/1.mp3
                                                         1 link a.mp3 disk/1.mp3
                                                         2 unseen-write disk/2.mp3
                                                         9 link a.mp3 disk/2.mp3
                                                         14 => analyse a.mp3",
        ),
        (
            "a link to a folder is removed, and what it led to is still there",
            "0 unseen-folder disk/x
                                                                              1 link x disk/x
                                                                              1 => list x
                                                                              9 unlink x",
        ),
        (
            "a walk found a new file",
            "0 unseen-write a.mp3
                                     3 found a.mp3
                                     8 => analyse later a.mp3",
        ),
        (
            "a walk found a file that is still growing",
            "0 unseen-write a.mp3
                                                       3 found a.mp3
                                                       4 unseen-write a.mp3
                                                       13 => analyse later a.mp3",
        ),
        (
            "what happens to a file that a walk found makes it urgent",
            "0 unseen-write a.mp3
                                                                      3 found a.mp3
                                                                      4 touch a.mp3
                                                                      9 => analyse a.mp3",
        ),
        (
            "hints were lost",
            "0 lost x
                             2 lost x/y
                             7 => compare x",
        ),
    ];
    for (title, story) in stories {
        tell(title, 100, 10, story);
    }
}

#[test]
fn beyond_the_bound_folders_are_noted_and_nothing_is_lost() {
    tell(
        "more files than may wait",
        3,
        10,
        "0 write x/1.mp3
         0 write x/2.mp3
         0 write x/3.mp3
         1 write x/4.mp3
         2 write y/5.mp3
         5 => analyse x/1.mp3
         5 => analyse x/2.mp3
         5 => analyse x/3.mp3
         7 => compare x
         7 => compare y",
    );
}

#[test]
fn fifty_thousand_events_take_bounded_memory() {
    let mut teller = Teller::new(1000);
    for number in 0..50_000 {
        let path = PathBuf::from(format!("/m/{}/{number}.mp3", number % 50));
        teller.world.files.borrow_mut().insert(path.clone(), stamp(1, number));
        teller.hear(Hint::Path(path), 0);
    }
    assert_eq!(teller.settling.len(), 1000);
    let later = teller.start + Duration::from_secs(6);
    let work = teller.settling.ripen(later, &teller.world, |_| usize::MAX);
    let compared: Vec<&Path> = work
        .iter()
        .filter_map(|work| if let Work::Compare(folder) = work { Some(folder.as_path()) } else { None })
        .collect();
    let analysed = work.iter().filter(|work| matches!(work, Work::Analyse(_))).count();
    assert_eq!((analysed, compared.len()), (1000, 50), "the rest is found by looking through 50 folders");
}

#[test]
fn what_is_ripe_keeps_its_place_until_there_is_room() {
    let mut teller = Teller::new(100);
    for name in ["1.mp3", "2.mp3", "3.mp3"] {
        teller.happen(0, &format!("write {name}"));
    }
    let later = teller.start + Duration::from_secs(5);
    let ripe = |teller: &mut Teller, room| {
        let work = teller.settling.ripen(later, &teller.world, |_| room);
        work.iter().map(|work| said(5, work)).collect::<Vec<_>>()
    };
    assert_eq!(teller.settling.next_due(|_| 0), None, "nobody is woken for what there is no room for");
    assert_eq!(ripe(&mut teller, 0), Vec::<String>::new());
    assert_eq!(ripe(&mut teller, 2), ["5 => analyse 1.mp3", "5 => analyse 2.mp3"]);
    assert_eq!(ripe(&mut teller, 2), ["5 => analyse 3.mp3"]);
}
