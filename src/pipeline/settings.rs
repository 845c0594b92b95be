//! What one run of the line may do: the part of the configuration that decides about files, and the run's own wishes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{self, Config, Tags};
use crate::descriptors::Descriptors;
use crate::genre::{Genre, GenreError, Naming, Verdict};
use crate::inference::Learned;
use crate::tagging::{HeardPolicy, SymbolicLinks, TagField, TagPolicy, Verify, WriteOptions};

/// Policy and wishes of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) dry_run: bool,
    pub(super) force: bool,
    pub(super) force_write: bool,
    pub(super) settle: Duration,
    /// Outside of the folders below.
    elsewhere: TagSettings,
    /// Folders with settings of their own, outer ones before the ones in them.
    folders: Vec<(PathBuf, TagSettings)>,
}

/// What may be written into the files of one folder.
#[derive(Debug, Clone)]
pub(super) struct TagSettings {
    pub(super) policy: TagPolicy,
    pub(super) naming: Naming,
    tags: Tags,
    /// Program, ensemble and settings in one word: what a settled file was settled by. Another word asks for another
    /// look.
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
        self.ranking_words(&verdict.ranking)
    }

    /// The same for a ranking.
    pub(super) fn ranking_words(&self, ranking: &[(Genre, f32)]) -> Vec<String> {
        self.naming.words(ranking, self.tags.max_genres, self.tags.min_confidence_further)
    }

    /// What of the sound is written, and how.
    pub(super) fn heard(&self, descriptors: &Descriptors) -> Vec<(TagField, String)> {
        let write = self.tags.write;
        let is_sure = |confidence: &f64| *confidence >= write.min_confidence;
        let tempo = descriptors.tempo.ok().filter(|tempo| is_sure(&tempo.confidence));
        let key = descriptors.key.ok().filter(|key| is_sure(&key.confidence));
        let mood = descriptors.mood.ok().filter(|mood| is_sure(&mood.confidence));
        let mood = mood.map(|mood| {
            let word = mood.quadrant.to_string();
            word[..1].to_uppercase() + &word[1..]
        });
        let wanted = [
            (TagField::Bpm, write.bpm, tempo.map(|tempo| format!("{:.0}", tempo.bpm))),
            (TagField::Key, write.key, key.map(|key| key.spelt(self.tags.key_notation))),
            (TagField::Mood, write.mood, mood),
        ];
        let filled = wanted.into_iter().filter(|(_, policy, _)| *policy == HeardPolicy::Fill);
        filled.filter_map(|(field, _, value)| Some((field, value?))).collect()
    }

    /// How a file is written. `verify` is used unless it was switched off.
    pub(super) fn write_options<'a>(&self, verify: &'a Verify<'a>) -> WriteOptions<'a> {
        WriteOptions {
            preserve_mtime: self.tags.preserve_mtime,
            hard_links: self.tags.hard_links,
            symbolic_links: SymbolicLinks::Follow,
            id3_version_for_new_tags: self.tags.id3_version,
            id3v23_values: self.tags.id3v23_values,
            verify: self.tags.verify.then_some(verify),
        }
    }
}

impl Settings {
    /// What the configuration says.
    ///
    /// # Errors
    /// [`GenreError`] for a name or a whitelist that cannot be used; a configuration that was loaded from a file has
    /// none.
    pub fn new(config: &Config) -> Result<Self, GenreError> {
        // Files are known by their canonical paths; a folder that is not there yet keeps the name it was given.
        let canonical = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        // The owner's words for our genres, as far as they were learned and not configured.
        let learned = Learned::current(&config.models.learned).ok().flatten();
        let words: BTreeMap<String, String> = learned.map(|learned| learned.vote.words).unwrap_or_default();
        let settings = |mut tags: Tags| {
            for (genre, word) in &words {
                tags.names.entry(genre.clone()).or_insert_with(|| word.clone());
            }
            TagSettings::new(tags)
        };
        let folders = config.tags.by_folder_as(canonical).into_iter();
        let folders = folders.map(|(path, tags)| Ok((path, settings(tags)?)));
        Ok(Self {
            dry_run: false,
            force: false,
            force_write: false,
            settle: Duration::from_secs(config.library.settle_seconds.into()),
            elsewhere: settings(config.tags.everywhere_else())?,
            folders: folders.collect::<Result<_, GenreError>>()?,
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

    /// Whether files are handed back to the line from which our genre was taken back or out.
    pub fn force_write(self, force_write: bool) -> Self {
        Self { force_write, ..self }
    }

    /// The settings for a file.
    pub(super) fn at(&self, path: &Path) -> &TagSettings {
        config::innermost(&self.folders, path).unwrap_or(&self.elsewhere)
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
