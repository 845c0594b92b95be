//! A library beside the database: what is new, changed or gone, at the price of one `stat` a file.
//!
//! The walk and the rows come in the same order and are merged, so that no file costs a query and memory holds one page of rows,
//! whatever the size of the library. No file is opened. What to do about a difference is the caller's.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::cancel::Cancel;
use super::super::fingerprints::Fingerprints;
use super::discover::{Found, Obstacle, Selection};
use crate::store::{KnownFile, Store, StoreError};
use crate::tagging::FileStamp;

/// Rows read at a time.
const PAGE: usize = 2000;

/// Where the disk and the database differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A file to look at.
    Look {
        /// The file.
        path: PathBuf,
        /// As it is now.
        stamp: FileStamp,
        /// How long ago anything about it changed; `None` for a time in the future.
        age: Option<Duration>,
        /// Why it has to be looked at.
        why: Why,
    },
    /// A row whose file is not there.
    Missing(PathBuf),
    /// A place that cannot be looked at.
    Obstacle {
        /// The folder or link.
        path: PathBuf,
        /// What is the matter.
        obstacle: Obstacle,
    },
}

/// Why a file has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The database does not know it.
    New,
    /// It is another one than the database knows.
    Changed,
    /// It is the one that the database knows, and was not settled, or under other settings.
    Unsettled,
}

/// What a comparison came upon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Files that are as the database knows them.
    pub unchanged: u64,
    /// Files to look at.
    pub different: u64,
    /// Rows without a file.
    pub missing: u64,
}

/// Compares folders with the database.
pub struct Comparison<'a> {
    /// The database.
    pub store: &'a Store,
    /// Under which a file counts as settled.
    pub fingerprints: &'a Fingerprints,
    /// Which files count.
    pub selection: &'a Selection,
}

impl Comparison<'_> {
    /// Walks a folder of the library that begins at `base`, and hands on every difference. Ends early when cancelled.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn of(
        &self,
        base: &Path,
        folder: &Path,
        cancel: &Cancel,
        mut each: impl FnMut(Difference),
    ) -> Result<Compared, StoreError> {
        let mut rows = Rows::below(self.store, folder)?;
        let mut compared = Compared::default();
        for found in self.selection.walk_in_order_of_paths(base, folder) {
            if cancel.is_requested() {
                return Ok(compared);
            }
            match found {
                Found::Obstacle { path, obstacle } => each(Difference::Obstacle { path, obstacle }),
                Found::Candidate(path) => {
                    let known = rows.find(&path, |unseen| missing(unseen, &mut compared, &mut each))?;
                    // Gone since it was listed: the next comparison sees that.
                    let Ok(metadata) = path.metadata() else { continue };
                    let stamp = FileStamp::from(&metadata);
                    match self.why(&path, &stamp, known)? {
                        None => compared.unchanged += 1,
                        Some(why) => {
                            compared.different += 1;
                            each(Difference::Look { path, stamp, age: age(&metadata), why });
                        }
                    }
                }
            }
        }
        rows.rest(|unseen| missing(unseen, &mut compared, &mut each))?;
        Ok(compared)
    }

    /// Why a file has to be looked at, if it has to be.
    fn why(&self, path: &Path, stamp: &FileStamp, known: Known) -> Result<Option<Why>, StoreError> {
        let row = match known {
            Known::Row(row) => Some((row.stamp, row.settled_by)),
            Known::Nothing => None,
            Known::OutOfOrder => self.store.track(path)?.map(|track| (track.stamp, track.settled_by)),
        };
        let row = match row {
            // By another name: the row is that of the one name that the file has without links.
            None => match std::fs::canonicalize(path) {
                Ok(target) if target != path => self.store.track(&target)?.map(|track| (track.stamp, track.settled_by)),
                _ => None,
            },
            row => row,
        };
        Ok(match row {
            None => Some(Why::New),
            Some((known, _)) if known != *stamp => Some(Why::Changed),
            Some((_, settled_by)) => (!self.fingerprints.hold(path, settled_by.as_deref())).then_some(Why::Unsettled),
        })
    }
}

/// Whether the file of a row that the walk did not come to is missing; one that is only left out of the walk is not.
fn missing(row: KnownFile, compared: &mut Compared, each: &mut impl FnMut(Difference)) {
    if row.is_gone {
        return;
    }
    if row.path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        compared.missing += 1;
        each(Difference::Missing(row.path));
    }
}

fn age(metadata: &std::fs::Metadata) -> Option<Duration> {
    let time = |seconds: i64, nanos: i64| {
        let (seconds, nanos) = (u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0));
        UNIX_EPOCH + Duration::new(seconds, nanos)
    };
    let changed = time(metadata.mtime(), metadata.mtime_nsec()).max(time(metadata.ctime(), metadata.ctime_nsec()));
    SystemTime::now().duration_since(changed).ok()
}

enum Known {
    Row(KnownFile),
    Nothing,
    /// The rows have passed it: it takes a query.
    OutOfOrder,
}

/// The rows of a folder in the order of their paths, a page at a time.
struct Rows<'a> {
    store: &'a Store,
    folder: &'a Path,
    page: VecDeque<KnownFile>,
    /// The last row that was read, behind which the next page begins.
    last: Option<PathBuf>,
    /// The last path that was asked for.
    passed: Option<PathBuf>,
    done: bool,
}

impl<'a> Rows<'a> {
    fn below(store: &'a Store, folder: &'a Path) -> Result<Self, StoreError> {
        let mut rows = Self { store, folder, page: VecDeque::new(), last: None, passed: None, done: false };
        rows.fill()?;
        Ok(rows)
    }

    fn fill(&mut self) -> Result<(), StoreError> {
        if self.page.is_empty() && !self.done {
            self.page = self.store.known_files(self.folder, self.last.as_deref(), PAGE)?.into();
            match self.page.back() {
                Some(row) => self.last = Some(row.path.clone()),
                None => self.done = true,
            }
        }
        Ok(())
    }

    /// The row of a path; the rows before it, which the walk did not come to, are handed on.
    fn find(&mut self, path: &Path, mut unseen: impl FnMut(KnownFile)) -> Result<Known, StoreError> {
        let wanted = path.as_os_str().as_bytes();
        if self.passed.as_ref().is_some_and(|passed| passed.as_os_str().as_bytes() >= wanted) {
            return Ok(Known::OutOfOrder);
        }
        self.passed = Some(path.to_owned());
        loop {
            self.fill()?;
            let Some(row) = self.page.pop_front() else { return Ok(Known::Nothing) };
            match row.path.as_os_str().as_bytes().cmp(wanted) {
                Ordering::Less => unseen(row),
                Ordering::Equal => return Ok(Known::Row(row)),
                Ordering::Greater => {
                    self.page.push_front(row);
                    return Ok(Known::Nothing);
                }
            }
        }
    }

    fn rest(&mut self, mut unseen: impl FnMut(KnownFile)) -> Result<(), StoreError> {
        loop {
            self.fill()?;
            match self.page.pop_front() {
                Some(row) => unseen(row),
                None => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Library};
    use crate::pipeline::settings::Settings;
    use crate::store::tests::fresh;
    use crate::store::{TrackStatus, TrackUpdate};

    fn fingerprints(ensemble: &str) -> Fingerprints {
        Fingerprints::new(Settings::new(&Config::default()).unwrap().for_ensemble(ensemble), None)
    }

    struct Scene {
        folder: tempfile::TempDir,
        store: Store,
        fingerprints: Fingerprints,
    }

    impl Scene {
        fn of(names: &[&str]) -> Self {
            let (folder, store) = fresh();
            let scene = Self { folder, store, fingerprints: fingerprints("test") };
            std::fs::create_dir(scene.music()).unwrap();
            for name in names {
                let path = scene.music().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, name).unwrap();
                scene.record(&path);
            }
            scene
        }

        fn music(&self) -> PathBuf {
            self.folder.path().join("music")
        }

        fn record(&self, path: &Path) {
            let settled_by = self.fingerprints.of(path);
            self.store
                .record_track(&TrackUpdate {
                    path,
                    audio: None,
                    stamp: FileStamp::of(path).unwrap(),
                    status: TrackStatus::Kept,
                    genre: None,
                    confidence: None,
                    ranking: &[],
                    reason: None,
                    settled_by: Some(&settled_by),
                })
                .unwrap();
        }

        /// Lines such as `New a.mp3`, and the sum.
        fn differences(&self) -> (Vec<String>, Compared) {
            let selection = Selection::new(&Library::default()).unwrap();
            let comparison = Comparison { store: &self.store, fingerprints: &self.fingerprints, selection: &selection };
            let music = self.music();
            let name = |path: &Path| path.strip_prefix(&music).unwrap().display().to_string();
            let mut lines = Vec::new();
            let compared = comparison
                .of(&music, &music, &Cancel::default(), |difference| {
                    lines.push(match difference {
                        Difference::Look { path, why, .. } => format!("{why:?} {}", name(&path)),
                        Difference::Missing(path) => format!("Missing {}", name(&path)),
                        Difference::Obstacle { path, .. } => format!("Obstacle {}", name(&path)),
                    });
                })
                .unwrap();
            (lines, compared)
        }
    }

    /// Names whose order differs between "by name, folder by folder" and "by path".
    const TRICKY: [&str; 8] = ["a.mp3", "a/1.mp3", "a b/1.mp3", "a-b.mp3", "a/b/2.mp3", "a0.mp3", "B.mp3", "ä/1.mp3"];

    #[test]
    fn an_unchanged_library_has_no_differences_whatever_its_names() {
        let (lines, compared) = Scene::of(&TRICKY).differences();
        assert_eq!((lines, compared.unchanged), (vec![], TRICKY.len() as u64));
    }

    #[test]
    fn new_changed_unsettled_and_missing_files_are_told_apart() {
        let scene = Scene::of(&TRICKY);
        let path = |name: &str| scene.music().join(name);
        std::fs::write(path("a.jpg"), "x").unwrap();
        std::fs::write(path("a/0.mp3"), "x").unwrap();
        std::fs::write(path("a0.mp3"), "another").unwrap();
        std::fs::remove_dir_all(path("a/b")).unwrap();
        std::fs::remove_file(path("ä/1.mp3")).unwrap();
        let other = fingerprints("another");
        let (mut lines, _) = scene.differences();
        lines.sort();
        assert_eq!(lines, ["Changed a0.mp3", "Missing a/b/2.mp3", "Missing ä/1.mp3", "New a/0.mp3"]);
        let (lines, compared) = Scene { fingerprints: other, ..scene }.differences();
        assert_eq!((lines.iter().filter(|l| l.starts_with("Unsettled")).count(), compared.unchanged), (5, 0));
    }

    #[test]
    fn files_behind_links_to_folders_are_known_by_their_one_name() {
        let scene = Scene::of(&["b/1.mp3", "b.mp3", "c.mp3"]);
        std::os::unix::fs::symlink(scene.music().join("b"), scene.music().join("a link")).unwrap();
        std::os::unix::fs::symlink(scene.music().join("b"), scene.music().join("b0")).unwrap();
        assert_eq!(scene.differences(), (vec![], Compared { unchanged: 5, ..Compared::default() }));
    }

    #[test]
    fn a_library_of_many_pages_is_compared_whole() {
        let names: Vec<String> = (0..PAGE + 10).map(|n| format!("{}/{n}.mp3", n % 7)).collect();
        let scene = Scene::of(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for n in [0, PAGE / 2, PAGE + 9] {
            std::fs::remove_file(scene.music().join(&names[n])).unwrap();
        }
        let (lines, compared) = scene.differences();
        assert_eq!((lines.len(), compared.missing, compared.unchanged), (3, 3, PAGE as u64 + 7));
    }
}
