//! `[playlists]`: lists of tracks that the service keeps up to date.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[playlists]`: a table a list, by a name of your own.
pub type Playlists = BTreeMap<String, Playlist>;

/// One list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playlist {
    /// The file, from the root: `/home/me/Music/calm.m3u8`.
    pub file: PathBuf,
    /// Which tracks, as [`crate::playlists::Query`] reads it.
    #[serde(rename = "where")]
    pub question: String,
    /// In which order, as [`crate::playlists::Order`] reads it.
    #[serde(default)]
    pub order: String,
    /// The first so many tracks; 0: all.
    #[serde(default)]
    pub limit: usize,
}

impl Playlist {
    /// What is asked for.
    ///
    /// # Errors
    /// When the question or the order is not understood.
    pub fn request(&self) -> Result<crate::playlists::Request, crate::playlists::QueryError> {
        Ok(crate::playlists::Request {
            query: crate::playlists::Query::parse(&self.question)?,
            order: self.order.parse()?,
            limit: (self.limit > 0).then_some(self.limit),
        })
    }
}

/// Whether every list can be made.
pub(super) fn check(playlists: &Playlists) -> Result<(), (&'static str, String)> {
    let mut files = std::collections::BTreeSet::new();
    for (name, playlist) in playlists {
        let wrong = |what: String| Err(("playlists", format!("{name}: {what}")));
        if !playlist.file.is_absolute() || playlist.file.file_name().is_none() {
            return wrong(format!("file must be a path from the root, not {:?}", playlist.file));
        }
        if !files.insert(&playlist.file) {
            return wrong(format!("{} is another list's file already", playlist.file.display()));
        }
        if let Err(error) = playlist.request() {
            return wrong(error.to_string());
        }
    }
    Ok(())
}
