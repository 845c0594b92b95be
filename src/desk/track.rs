//! One track in full: what its file says now, what was done to it, and what was decided about it.

use std::path::Path;

use super::Desk;
use crate::store::{PastCorrection, PastEntry, StoreError};
use crate::tagging::{self, Credits, OwnersChoice};

/// What the file of a track says now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileNow {
    /// Whether it is there.
    pub is_there: bool,
    /// Its genre, as players show it.
    pub genres: Vec<String>,
    /// Artist, title and album.
    pub credits: Credits,
    /// Why its tags cannot be read.
    pub error: Option<String>,
}

/// What was done to a track.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    /// Every write, the oldest first.
    pub writes: Vec<PastEntry>,
    /// What was decided about it and holds.
    pub choice: Option<OwnersChoice>,
    /// The decisions of the owner, the latest first.
    pub corrections: Vec<PastCorrection>,
}

impl Desk {
    /// Reads the tags of a file, and keeps who plays what with its row. `open` is a path to the same file that cannot
    /// lead elsewhere.
    pub fn file_now(&self, path: &Path, open: &Path) -> FileNow {
        let (genres, error) = match tagging::read(open) {
            Ok(state) => (state.genres, None),
            Err(error) => (Vec::new(), Some(error.reason())),
        };
        let credits = self.read_credits(path, open);
        FileNow { is_there: true, genres, credits, error }
    }

    /// Reads who plays what in a file, and keeps it with its row.
    pub fn read_credits(&self, path: &Path, open: &Path) -> Credits {
        // A parser of other people's may panic at a hostile file: the file then says nothing.
        let credits = std::panic::catch_unwind(|| tagging::credits_of(open)).unwrap_or_default();
        if let Err(error) = self.store().note_credits(path, &credits) {
            tracing::debug!("{}: what its tags say is not kept: {error}", path.display());
        }
        credits
    }

    /// What was done to the file at `path`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn past(&self, path: &Path) -> Result<Past, StoreError> {
        let store = self.store();
        Ok(Past {
            writes: store.history(path)?,
            choice: store.choice_as_known(path)?,
            corrections: store.corrections_at(path)?,
        })
    }
}
