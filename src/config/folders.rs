//! Folders whose files are tagged by other rules than the rest of the library: `[[tags.folders]]`.
//!
//! Only what a folder names differs; everything else it takes from `[tags]`, or from the folder around it that is
//! listed too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Tags, WriteHeard};
use crate::descriptors::KeyNotation;
use crate::genre::Casing;
use crate::tagging::{HardLinks, Id3Values, Id3Version, OwnFieldsPolicy, Policy};

/// The keys of [`Tags`] that a folder sets for itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the keys of `Tags`
pub struct FolderTags {
    /// The folder, as an absolute path. It and all below it.
    pub path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_confidence: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_genres: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_confidence_further: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whitelist: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub casing: Option<Casing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_fields: Option<OwnFieldsPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserve_mtime: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard_links: Option<HardLinks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id3_version: Option<Id3Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id3v23_values: Option<Id3Values>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_notation: Option<KeyNotation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<WriteHeard>,
}

impl FolderTags {
    /// The settings of the folder, where `around` holds around it.
    pub(super) fn applied_to(&self, around: &Tags) -> Tags {
        let folder = self.clone();
        Tags {
            policy: folder.policy.unwrap_or(around.policy),
            min_confidence: folder.min_confidence.unwrap_or(around.min_confidence),
            max_genres: folder.max_genres.unwrap_or(around.max_genres),
            min_confidence_further: folder.min_confidence_further.unwrap_or(around.min_confidence_further),
            whitelist: folder.whitelist.unwrap_or_else(|| around.whitelist.clone()),
            names: folder.names.unwrap_or_else(|| around.names.clone()),
            casing: folder.casing.unwrap_or(around.casing),
            own_fields: folder.own_fields.unwrap_or(around.own_fields),
            preserve_mtime: folder.preserve_mtime.unwrap_or(around.preserve_mtime),
            hard_links: folder.hard_links.unwrap_or(around.hard_links),
            id3_version: folder.id3_version.unwrap_or(around.id3_version),
            id3v23_values: folder.id3v23_values.unwrap_or(around.id3v23_values),
            verify: folder.verify.unwrap_or(around.verify),
            folders: Vec::new(),
            key_notation: folder.key_notation.unwrap_or(around.key_notation),
            write: folder.write.unwrap_or(around.write),
        }
    }
}

impl Tags {
    /// The settings outside of every listed folder.
    pub fn everywhere_else(&self) -> Tags {
        Tags { folders: Vec::new(), ..self.clone() }
    }

    /// Each listed folder with its settings, outer ones before the ones in them.
    pub fn by_folder(&self) -> Vec<(PathBuf, Tags)> {
        self.by_folder_as(Path::to_owned)
    }

    /// The same, with the folders by other names, such as the canonical ones, by which it is told which lies in which.
    pub fn by_folder_as(&self, name: impl Fn(&Path) -> PathBuf) -> Vec<(PathBuf, Tags)> {
        let mut folders: Vec<(PathBuf, &FolderTags)> = self.folders.iter().map(|f| (name(&f.path), f)).collect();
        folders.sort_by_key(|(path, _)| path.components().count());
        let mut resolved: Vec<(PathBuf, Tags)> = Vec::new();
        for (path, folder) in folders {
            let tags = folder.applied_to(innermost(&resolved, &path).unwrap_or(self));
            resolved.push((path, tags));
        }
        resolved
    }
}

/// What belongs to the innermost of the folders that hold `path`; `folders` come as from [`Tags::by_folder`].
pub fn innermost<'f, T>(folders: &'f [(PathBuf, T)], path: &Path) -> Option<&'f T> {
    folders.iter().rev().find(|(folder, _)| path.starts_with(folder)).map(|(_, value)| value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn tags(text: &str) -> Tags {
        toml::from_str::<super::super::Config>(text).unwrap().tags
    }

    #[test]
    fn a_folder_in_a_folder_takes_over_what_it_does_not_set() {
        let tags = tags(
            r#"
            [tags]
            min_confidence = 0.8
            [[tags.folders]]
            path = "/music/Classical/Opera"
            max_genres = 2
            [[tags.folders]]
            path = "/music/Classical"
            policy = "replace"
            "#,
        );
        let folders = tags.by_folder();
        let at = |path: &str| innermost(&folders, Path::new(path)).map(|t| (t.policy, t.min_confidence, t.max_genres));
        assert_eq!(at("/music/Classical/Opera/x.flac"), Some((Policy::Replace, 0.8, 2)));
        assert_eq!(at("/music/Classical/x.flac"), Some((Policy::Replace, 0.8, 1)));
        assert_eq!(at("/music/Classical Rock/x.flac"), None);
    }

    #[test]
    fn which_folder_lies_in_which_is_told_by_the_names_that_files_have() {
        let tags = tags(
            r#"
            [[tags.folders]]
            path = "/o"
            policy = "own-fields-only"
            [[tags.folders]]
            path = "/music/Classical"
            policy = "replace"
            "#,
        );
        // "/o" is a link to a folder in the other one.
        let real =
            |path: &Path| if path == Path::new("/o") { "/music/Classical/Opera".into() } else { path.to_owned() };
        let folders = tags.by_folder_as(real);
        let policy = innermost(&folders, Path::new("/music/Classical/Opera/x.flac")).map(|tags| tags.policy);
        assert_eq!(policy, Some(Policy::OwnFieldsOnly));
    }
}
