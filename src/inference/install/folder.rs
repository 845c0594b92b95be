//! The folder of installed models: what is in it, whether it is as it was installed, and how something gets in and out
//! of it.
//!
//! A model appears in one step and disappears in one step: it is made beside its place under a hidden name, synced and
//! renamed. One process at a time changes the folder; readers need no lock, since a [`Model`] reads its graph once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::InstallError;
use crate::inference::manifest::is_model_name;
use crate::inference::model::sha256_hex;
use crate::inference::{InferenceError, Model};

/// How the names of unfinished things end.
const UNFINISHED: &str = ".reclassd-unfinished";
/// The digests of a model's files, as `sha256sum -c` reads them.
const DIGESTS: &str = "SHA256SUMS";

/// A folder of models, each a folder with a `model.toml` and a `model.onnx`. It need not exist; an empty path is no
/// folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelsFolder {
    path: PathBuf,
}

/// What [`ModelsFolder::verify`] looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The files whose SHA-256 is as it was when they were installed.
    pub files: Vec<String>,
}

impl ModelsFolder {
    /// The folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the models in it, sorted; none when there is no such folder.
    ///
    /// # Errors
    /// [`InstallError::Read`] when it is there and cannot be read.
    pub fn names(&self) -> Result<Vec<String>, InstallError> {
        let error = |source| InstallError::Read { path: self.path.clone(), source };
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(error)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(error)?.file_name();
            names.extend(name.to_str().filter(|name| self.contains(name)).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Whether there is a model of this name in it, whole or not.
    pub fn contains(&self, name: &str) -> bool {
        !self.path.as_os_str().is_empty() && is_visible(name) && self.path.join(name).join("model.toml").is_file()
    }

    /// The model of this name. Its graph is read when it is first needed.
    ///
    /// # Errors
    /// When there is none or its manifest cannot be read or is not valid.
    pub fn open(&self, name: &str) -> Result<Model, InferenceError> {
        let folder = self.path.join(name);
        let model = Model::open(&folder)?;
        let inside = &model.manifest().name;
        if inside != name {
            let origin = folder.join("model.toml").display().to_string();
            let reason = format!("must be the folder's, `{name}`, found `{inside}`");
            return Err(InferenceError::Value { origin, key: "name", reason });
        }
        Ok(model)
    }

    /// Compares every file of a model with the digest that was written when it was installed, and loads the graph.
    ///
    /// # Errors
    /// [`InstallError::NotInstalled`]; [`InstallError::Changed`] for the first file that is another one now; when a
    /// file is missing or the model does not load.
    pub fn verify(&self, name: &str) -> Result<Verified, InstallError> {
        let folder = self.require(name)?;
        let read = |path: PathBuf| match fs::read(&path) {
            Ok(bytes) => Ok((path, bytes)),
            Err(source) => Err(InstallError::Read { path, source }),
        };
        let mut files = Vec::new();
        // A folder that someone put there by hand has no list; its manifest still knows the graph's digest.
        if folder.join(DIGESTS).exists() {
            let (path, list) = read(folder.join(DIGESTS))?;
            for line in String::from_utf8_lossy(&list).lines() {
                let entry = line.split_once("  ").filter(|(_, file)| is_visible(file));
                let Some((expected, file)) = entry else {
                    let reason = "a line is no digest and file name".into();
                    return Err(InstallError::Damaged { path, member: DIGESTS.into(), reason });
                };
                let (path, bytes) = read(folder.join(file))?;
                let found = sha256_hex(&bytes);
                if found != expected {
                    return Err(InstallError::Changed { path, expected: expected.into(), found });
                }
                files.push(file.to_owned());
            }
        } else {
            files.push("model.onnx".into());
        }
        // Compares the graph with its manifest on the way.
        self.open(name).and_then(|model| model.load()).map_err(InstallError::Unusable)?;
        Ok(Verified { files })
    }

    /// Removes a model.
    ///
    /// # Errors
    /// [`InstallError::NotInstalled`], or [`InstallError::Write`] when it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), InstallError> {
        let folder = self.require(name)?;
        let locked = self.locked()?;
        let aside = locked.hidden(name, "removed");
        fs::rename(&folder, &aside).and_then(|()| remove_all(&aside)).map_err(write_error(&folder))
    }

    fn require(&self, name: &str) -> Result<PathBuf, InstallError> {
        if self.contains(name) {
            return Ok(self.path.join(name));
        }
        Err(InstallError::NotInstalled { name: name.into(), folder: self.path.clone() })
    }

    /// Creates the folder if need be, and keeps other processes from changing it for as long as the result lives.
    pub(super) fn locked(&self) -> Result<Locked<'_>, InstallError> {
        let error = write_error(&self.path);
        fs::create_dir_all(&self.path).map_err(&error)?;
        let lock = File::open(&self.path).map_err(&error)?;
        // Where the file system has no locks, two installations at once are the user's to avoid.
        let _ = lock.lock();
        let locked = Locked { folder: self, _lock: lock };
        locked.clean_up().map_err(error)?;
        Ok(locked)
    }
}

/// The folder, with nobody else changing it.
pub(super) struct Locked<'a> {
    folder: &'a ModelsFolder,
    _lock: File,
}

impl Locked<'_> {
    /// An empty hidden folder that is removed when dropped.
    pub(super) fn scratch(&self, purpose: &str) -> Result<Scratch, InstallError> {
        let path = self.hidden(purpose, "scratch");
        fs::create_dir(&path).map_err(write_error(&path))?;
        Ok(Scratch { path })
    }

    /// Writes a model's files and their digests beside its place, and loads it to see that it can be.
    pub(super) fn stage(&self, name: &str, files: &[(&str, &[u8])]) -> Result<Staged<'_>, InstallError> {
        let scratch = self.scratch(name)?;
        let digests: String = files.iter().map(|(file, bytes)| format!("{}  {file}\n", sha256_hex(bytes))).collect();
        for (file, bytes) in files.iter().chain([&(DIGESTS, digests.as_bytes())]) {
            let path = scratch.path().join(file);
            let written = File::create_new(&path).and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            });
            written.map_err(write_error(&path))?;
        }
        sync_folder(scratch.path()).map_err(write_error(scratch.path()))?;
        Model::open(scratch.path()).and_then(|model| model.load()).map_err(InstallError::Unusable)?;
        Ok(Staged { locked: self, name: name.into(), scratch })
    }

    fn hidden(&self, name: &str, purpose: &str) -> PathBuf {
        self.folder.path.join(format!(".{name}-{purpose}{UNFINISHED}"))
    }

    /// Removes what a crash left: nobody else is at it now.
    fn clean_up(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder.path)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(UNFINISHED)) {
                remove_all(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// A hidden folder that is removed when dropped.
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match remove_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("{}: cannot be removed: {error}", self.path.display());
            }
            _ => {}
        }
    }
}

/// A model that is whole, beside its place.
pub(super) struct Staged<'a> {
    locked: &'a Locked<'a>,
    name: String,
    scratch: Scratch,
}

impl Staged<'_> {
    /// Moves the model to its place; one that is there is removed.
    pub(super) fn put_in_place(self) -> Result<(), InstallError> {
        let (from, to) = (self.scratch.path(), self.locked.folder.path.join(&self.name));
        let error = write_error(&to);
        if to.symlink_metadata().is_ok() {
            // They change places in one step; then the old one is where the drop removes it.
            if renameat_with(CWD, from, CWD, &to, RenameFlags::EXCHANGE).is_err() {
                // Not every file system can do that.
                let aside = self.locked.hidden(&self.name, "replaced");
                fs::rename(&to, &aside).and_then(|()| fs::rename(from, &to)).map_err(&error)?;
                remove_all(&aside).map_err(&error)?;
            }
        } else {
            fs::rename(from, &to).map_err(&error)?;
        }
        sync_folder(&self.locked.folder.path).map_err(error)
    }
}

/// Whether something of this name may be a model, or a model's file: hidden things and paths are not.
fn is_visible(name: &str) -> bool {
    is_model_name(name) && !name.starts_with('.')
}

/// Removes a folder with all that is in it; of a link, the link.
fn remove_all(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // Not every file system has something to sync about a folder.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

pub(super) fn write_error(path: &Path) -> impl Fn(io::Error) -> InstallError {
    move |source| InstallError::Write { path: path.into(), source }
}
