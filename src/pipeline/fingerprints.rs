//! What files are settled by, in one word each: program, models and settings, and where the tracks of an album vote together the
//! names of its folder's files. As long as the word stays, a file that has not changed need not be looked at.

use std::path::Path;
use std::sync::Arc;

use super::album::Albums;
use super::file_outcome::surroundings_of;
use super::settings::Settings;

/// The words for the files of one line. Cheap to clone; needs no models.
#[derive(Clone)]
pub struct Fingerprints {
    settings: Settings,
    albums: Option<Arc<Albums>>,
}

impl Fingerprints {
    pub(super) fn new(settings: Settings, albums: Option<Arc<Albums>>) -> Self {
        Self { settings, albums }
    }

    /// The word for a file.
    pub(super) fn of(&self, path: &Path) -> String {
        let fingerprint = &self.settings.at(path).fingerprint;
        match &self.albums {
            Some(albums) => format!("{fingerprint}/{}", albums.digest(path)),
            None => fingerprint.clone(),
        }
    }

    /// Whether what settled a file still holds for it. A word with surroundings behind it holds as long as they stay.
    pub fn hold(&self, path: &Path, settled_by: Option<&str>) -> bool {
        let Some(settled_by) = settled_by else { return false };
        // Most often it needs no word made up.
        let fingerprint = self.settings.at(path).fingerprint.as_str();
        let Some(mut rest) = settled_by.strip_prefix(fingerprint) else { return false };
        if let Some(albums) = &self.albums {
            match rest.strip_prefix('/').and_then(|rest| rest.strip_prefix(albums.digest(path).as_str())) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        rest.is_empty() || surroundings_of(path).as_deref() == Some(rest)
    }

    /// Whether a file's word depends on the files beside it.
    pub fn depend_on_neighbours(&self) -> bool {
        self.albums.is_some()
    }
}
