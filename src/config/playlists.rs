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

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use crate::config::Config;

    #[test]
    fn a_list_that_cannot_be_made_is_a_mistake_in_the_configuration() {
        let list = |rest: &str| Config::parse(&format!("[playlists.\"Calm jazz\"]\n{rest}"));
        let config = list("file = \"/m/x.m3u8\"\nwhere = \"genre = Jazz\"\norder = \"-bpm\"").unwrap();
        assert_eq!(config.playlists["Calm jazz"].request().unwrap().query.text(), "genre = Jazz");
        for (text, part) in [
            ("file = \"x.m3u8\"\nwhere = \"\"", "from the root"),
            ("file = \"/m/x.m3u8\"\nwhere = \"gerne = Jazz\"", "did you mean `genre`"),
            ("file = \"/m/x.m3u8\"\nwhere = \"\"\norder = \"-bmp\"", "did you mean `bpm`"),
            ("file = \"/m/x.m3u8\"\nwhat = \"\"", "what"),
            (
                "file = \"/m/x.m3u8\"\nwhere = \"\"\n[playlists.two]\nfile = \"/m/x.m3u8\"\nwhere = \"\"",
                "another list's file",
            ),
        ] {
            let error = list(text).unwrap_err();
            assert!(error.what.contains(part), "{}", error.what);
        }
    }
}
