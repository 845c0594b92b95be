//! What one run of the line may do: the part of the configuration that decides about files, and the run's own wishes.

use std::time::Duration;

use crate::config::{Config, Tags};
use crate::tagging::{TagPolicy, Verify, WriteOptions};

/// Policy and wishes of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) dry_run: bool,
    pub(super) force: bool,
    pub(super) min_confidence: f32,
    pub(super) tag_policy: TagPolicy,
    pub(super) settle: Duration,
    tags: Tags,
}

impl Settings {
    /// What the configuration says.
    pub fn new(config: &Config) -> Self {
        let tags = config.tags.clone();
        let tag_policy = TagPolicy { policy: tags.policy, own_fields: tags.own_fields };
        let settle = Duration::from_secs(config.library.settle_seconds.into());
        Self { dry_run: false, force: false, min_confidence: tags.min_confidence, tag_policy, settle, tags }
    }

    /// Whether no file is written.
    pub fn dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }

    /// Whether known audio is analysed again.
    pub fn force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    pub(super) fn write_options<'a>(&self, verify: &'a Verify<'a>) -> WriteOptions<'a> {
        WriteOptions {
            preserve_mtime: self.tags.preserve_mtime,
            hard_links: self.tags.hard_links,
            id3_version_for_new_tags: self.tags.id3_version,
            verify: Some(verify),
        }
    }

    /// One word for all that decides what becomes of a file: another word asks for another look at it.
    pub(super) fn fingerprint(&self, ensemble: &str) -> String {
        let text = format!("{}\n{ensemble}\n{:?}", env!("CARGO_PKG_VERSION"), self.tags);
        blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
    }
}
