//! What one run of the line may do: the part of the configuration that decides about files, and the run's own wishes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::album::Albums;
use super::discover::Selection;
use super::ending::surroundings_of;
use super::members::LineError;
use crate::config::{self, Config, Tags};
use crate::genre::{GenreError, Naming, Verdict};
use crate::tagging::{SymbolicLinks, TagPolicy, Verify, WriteOptions};

/// Policy and wishes of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) dry_run: bool,
    pub(super) force: bool,
    pub(super) settle: Duration,
    /// Outside of the folders below.
    elsewhere: TagSettings,
    /// Folders with settings of their own, outer ones before the ones in them.
    folders: Vec<(PathBuf, TagSettings)>,
    /// Where the tracks of an album vote together.
    pub(super) albums: Option<Arc<Albums>>,
}

/// What may be written into the files of one folder.
#[derive(Debug, Clone)]
pub(super) struct TagSettings {
    pub(super) policy: TagPolicy,
    pub(super) naming: Naming,
    tags: Tags,
    /// Program, ensemble and settings in one word: what a settled file was settled by. Another word asks for another look.
    pub(super) fingerprint: String,
}

impl TagSettings {
    fn new(tags: Tags) -> Result<Self, GenreError> {
        let policy = TagPolicy { policy: tags.policy, own_fields: tags.own_fields };
        Ok(Self { policy, naming: tags.naming()?, tags, fingerprint: String::new() })
    }

    pub(super) fn min_confidence(&self) -> f32 {
        self.tags.min_confidence
    }

    /// The words to write for a verdict; empty where the first genre is not on the whitelist.
    pub(super) fn words(&self, verdict: &Verdict) -> Vec<String> {
        self.naming.words(&verdict.ranking, self.tags.max_genres, self.tags.min_confidence_further)
    }

    /// How a file is written. `verify` is used unless it was switched off.
    pub(super) fn write_options<'a>(&self, verify: &'a Verify<'a>) -> WriteOptions<'a> {
        WriteOptions {
            preserve_mtime: self.tags.preserve_mtime,
            hard_links: self.tags.hard_links,
            symbolic_links: SymbolicLinks::Follow,
            id3_version_for_new_tags: self.tags.id3_version,
            verify: self.tags.verify.then_some(verify),
        }
    }
}

impl Settings {
    /// What the configuration says.
    ///
    /// # Errors
    /// [`LineError`] for a name, a whitelist or a pattern that cannot be used; a configuration that was loaded from a file has none.
    pub fn new(config: &Config) -> Result<Self, LineError> {
        // Files are known by their canonical paths; a folder that is not there yet keeps the name it was given.
        let canonical = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folders = config.tags.by_folder_as(canonical).into_iter();
        let folders = folders.map(|(path, tags)| Ok((path, TagSettings::new(tags)?)));
        let albums = config.ensemble.album.then(|| Selection::new(&config.library)).transpose()?;
        Ok(Self {
            dry_run: false,
            force: false,
            settle: Duration::from_secs(config.library.settle_seconds.into()),
            elsewhere: TagSettings::new(config.tags.everywhere_else())?,
            folders: folders.collect::<Result<_, GenreError>>()?,
            albums: albums.map(|selection| Arc::new(Albums::new(selection))),
        })
    }

    /// Whether no file is written.
    pub fn dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }

    /// Whether known audio is analysed again.
    pub fn force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// The settings for a file.
    pub(super) fn at(&self, path: &Path) -> &TagSettings {
        config::innermost(&self.folders, path).unwrap_or(&self.elsewhere)
    }

    /// What a file is settled by, as far as it is not the file's own: settings, program, models, and which files its album may have.
    pub(super) fn fingerprint(&self, path: &Path) -> String {
        let fingerprint = &self.at(path).fingerprint;
        match &self.albums {
            Some(albums) => format!("{fingerprint}/{}", albums.digest(path)),
            None => fingerprint.clone(),
        }
    }

    /// Whether what settled a file still holds for it: settings, program and models, and where they matter its surroundings.
    pub fn settles(&self, path: &Path, settled_by: Option<&str>) -> bool {
        let fingerprint = self.fingerprint(path);
        match settled_by.map(|by| by.strip_prefix(fingerprint.as_str())) {
            Some(Some("")) => true,
            Some(Some(surroundings)) => surroundings_of(path).as_deref() == Some(surroundings),
            _ => false,
        }
    }

    /// The settings for verdicts of that ensemble.
    pub(super) fn for_ensemble(mut self, ensemble: &str) -> Self {
        for settings in std::iter::once(&mut self.elsewhere).chain(self.folders.iter_mut().map(|(_, s)| s)) {
            let text = format!("{}\n{ensemble}\n{:?}", env!("CARGO_PKG_VERSION"), settings.tags);
            settings.fingerprint = blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
        }
        self
    }
}
