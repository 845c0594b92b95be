//! Generations on the disk: each is made beside its place, synced and renamed, and becomes the one in use in one more
//! step. Whatever stops a process in between leaves the one that was in use before. One process at a time changes them;
//! what reads them needs no lock.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::LearnError;
use crate::inference::{current_generation, generation_folder};

/// How the names of unfinished things end.
const UNFINISHED: &str = ".reclassd-unfinished";

/// What was learned from one library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generations {
    folder: PathBuf,
}

/// The same, with nobody else changing it.
pub struct Locked<'a> {
    generations: &'a Generations,
    _lock: File,
}

impl Generations {
    /// In this folder, which need not exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The numbers of all of them, in order.
    ///
    /// # Errors
    /// [`LearnError::Write`] when the folder is there and cannot be read.
    pub fn numbers(&self) -> Result<Vec<u32>, LearnError> {
        let path = self.folder.join("generations");
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(write_error(&path))?,
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(write_error(&path))?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The number of the one in use; none where nothing was learned. A word for it that cannot be read counts as none.
    pub fn current(&self) -> Option<u32> {
        current_generation(&self.folder).ok().flatten()
    }

    /// A file of a generation.
    pub fn file(&self, number: u32, name: &str) -> PathBuf {
        generation_folder(&self.folder, number).join(name)
    }

    /// Keeps other processes from changing anything for as long as the result lives.
    ///
    /// # Errors
    /// [`LearnError::Busy`] where another one is at it, [`LearnError::Write`] when the folder cannot be made.
    pub fn lock(&self) -> Result<Locked<'_>, LearnError> {
        let inside = self.folder.join("generations");
        fs::create_dir_all(&inside).map_err(write_error(&inside))?;
        let path = self.folder.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(write_error(&path))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(LearnError::Busy { folder: self.folder.clone() }),
            // Where the file system has no locks, two at once are the user's to avoid: each makes whole files.
            Err(TryLockError::Error(_)) | Ok(()) => {}
        }
        let locked = Locked { generations: self, _lock: lock };
        locked.clean_up()?;
        Ok(locked)
    }
}

impl Locked<'_> {
    /// The number of the next one.
    ///
    /// # Errors
    /// [`LearnError::Write`] when the folder cannot be read.
    pub fn next(&self) -> Result<u32, LearnError> {
        let last = self.generations.numbers()?.last().copied();
        Ok(last.max(self.generations.current()).unwrap_or(0) + 1)
    }

    /// Writes a generation and makes it the one in use.
    ///
    /// # Errors
    /// [`LearnError::Write`]; the one that was in use stays so.
    pub fn add(&self, number: u32, files: &[(&str, &[u8])]) -> Result<(), LearnError> {
        let folder = self.generations.folder.join("generations");
        let making = folder.join(format!(".{number}{UNFINISHED}"));
        fs::create_dir(&making).map_err(write_error(&making))?;
        for (name, bytes) in files {
            write_synced(&making.join(name), bytes)?;
        }
        sync(&making)?;
        let place = folder.join(number.to_string());
        fs::rename(&making, &place).map_err(write_error(&place))?;
        sync(&folder)?;
        self.use_generation(number)
    }

    fn use_generation(&self, number: u32) -> Result<(), LearnError> {
        self.replace("current", format!("{number}\n").as_bytes())
    }

    /// Puts a small file of the folder into its place in one step.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), LearnError> {
        let (making, place) = (self.path(&format!(".{name}{UNFINISHED}")), self.path(name));
        write_synced(&making, bytes)?;
        fs::rename(&making, &place).map_err(write_error(&place))?;
        sync(&self.generations.folder)
    }

    /// Goes back to the generation before the one in use, and says which that is.
    ///
    /// # Errors
    /// [`LearnError::NothingLearned`], [`LearnError::NothingBefore`], or [`LearnError::Write`].
    pub fn roll_back(&self) -> Result<u32, LearnError> {
        let numbers = self.generations.numbers()?;
        let last = numbers.last().copied().ok_or(LearnError::NothingLearned)?;
        let current = match current_generation(&self.generations.folder) {
            Ok(None) => return Err(LearnError::NothingLearned),
            Ok(Some(current)) => current,
            // Of a word that cannot be read the last generation is what it most likely was.
            Err(_) => last + 1,
        };
        let before =
            numbers.into_iter().rfind(|number| *number < current).ok_or(LearnError::NothingBefore { current })?;
        self.use_generation(before)?;
        Ok(before)
    }

    /// Does without what was learned, and removes it.
    ///
    /// # Errors
    /// [`LearnError::Write`] when something cannot be removed; none of it is in use any more then.
    pub fn forget(&self) -> Result<(), LearnError> {
        for path in [self.path("current"), self.path("auto")] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(write_error(&path)(error)),
                _ => {}
            }
        }
        sync(&self.generations.folder)?;
        let path = self.path("generations");
        fs::remove_dir_all(&path).map_err(write_error(&path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.generations.folder.join(name)
    }

    /// Removes what a crash left.
    fn clean_up(&self) -> Result<(), LearnError> {
        for folder in [self.generations.folder.clone(), self.path("generations")] {
            for entry in fs::read_dir(&folder).map_err(write_error(&folder))? {
                let entry = entry.map_err(write_error(&folder))?;
                let name = entry.file_name();
                if !name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(UNFINISHED)) {
                    continue;
                }
                let path = entry.path();
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(write_error(&path))?;
            }
        }
        Ok(())
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), LearnError> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(write_error(path))
}

fn sync(folder: &Path) -> Result<(), LearnError> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Not every file system has something to sync about a folder.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result.map_err(write_error(folder)),
    }
}

fn write_error(path: &Path) -> impl Fn(io::Error) -> LearnError {
    move |source| LearnError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn fresh() -> (tempfile::TempDir, Generations) {
        let folder = tempfile::tempdir().unwrap();
        let generations = Generations::new(folder.path().join("reclassd.db.learned"));
        (folder, generations)
    }

    #[test]
    fn a_generation_follows_another_and_the_one_before_comes_back() {
        let (_folder, generations) = fresh();
        let locked = generations.lock().unwrap();
        assert!(matches!(locked.roll_back(), Err(LearnError::NothingLearned)));
        for number in 1..=2 {
            assert_eq!(locked.next().unwrap(), number);
            locked.add(number, &[("model.toml", b"x")]).unwrap();
            assert_eq!(generations.current(), Some(number));
        }
        assert_eq!(locked.roll_back().unwrap(), 1);
        assert!(matches!(locked.roll_back(), Err(LearnError::NothingBefore { current: 1 })));
        assert_eq!(locked.next().unwrap(), 3, "a number is never used twice");
        locked.forget().unwrap();
        assert_eq!((generations.current(), generations.numbers().unwrap()), (None, vec![]));
    }

    #[test]
    fn two_at_once_are_told_and_what_a_crash_left_is_cleared_away() {
        let (_folder, generations) = fresh();
        let locked = generations.lock().unwrap();
        locked.add(1, &[("model.toml", b"x")]).unwrap();
        assert!(matches!(generations.lock(), Err(LearnError::Busy { .. })));
        drop(locked);
        let left = generations.folder().join("generations/.2.reclassd-unfinished");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("model.onnx"), "half").unwrap();
        fs::write(generations.folder().join(".current.reclassd-unfinished"), "2").unwrap();
        let locked = generations.lock().unwrap();
        assert!(!left.exists());
        assert_eq!((generations.current(), locked.next().unwrap()), (Some(1), 2));
    }
}
