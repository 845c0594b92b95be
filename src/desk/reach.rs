//! How far a correction reaches: one track, its album, its folder, those that were marked, or all of a filter. It never
//! reaches beyond what waits in the view that the owner sees.

use std::path::Path;

use super::Desk;
use crate::store::{QueueFilter, QueueOrder, QueuePlace, QueueView, QueuedTrack, StoreError, TrackId};
use crate::tagging;

/// Which tracks are meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    /// These.
    Tracks(Vec<TrackId>),
    /// Of those that wait, the ones of this track's album: in its folder, with its album tag, or none where none there
    /// has any.
    Album(TrackId),
    /// Of those that wait, the ones in this track's folder and below it.
    Folder(TrackId),
    /// All that wait.
    All,
}

/// Rows that are read at once.
const PAGE: usize = 500;

impl Desk {
    /// The tracks that a reach means, of those that a filter lets through; of tracks that were named, those that there
    /// are.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn reach(&self, reach: &Reach, filter: &QueueFilter) -> Result<Vec<QueuedTrack>, StoreError> {
        match reach {
            Reach::Tracks(ids) => {
                let found = ids.iter().map(|id| self.store().queued_by_id(*id));
                found.filter_map(Result::transpose).collect()
            }
            Reach::Album(id) => {
                let Some(track) = self.store().queued_by_id(*id)? else { return Ok(Vec::new()) };
                let mut tracks = self.in_folder(&track, filter)?;
                tracks.retain(|other| other.path.parent() == track.path.parent());
                let album = tagging::album_of(&track.path);
                let albums: Vec<Option<String>> = tracks.iter().map(|other| tagging::album_of(&other.path)).collect();
                // Where some files name an album, those that name none are loose songs.
                if album.is_none() && albums.iter().any(Option::is_some) {
                    return Ok(vec![track]);
                }
                let same = tracks.into_iter().zip(albums).filter(|(_, other)| *other == album);
                Ok(same.map(|(track, _)| track).collect())
            }
            Reach::Folder(id) => match self.store().queued_by_id(*id)? {
                Some(track) => self.in_folder(&track, filter),
                None => Ok(Vec::new()),
            },
            Reach::All => self.everything(filter),
        }
    }

    /// The filter that a reach is, where it can be one: its tracks may be many, and can be read page by page.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn as_filter(&self, reach: &Reach, filter: &QueueFilter) -> Result<Option<QueueFilter>, StoreError> {
        match reach {
            Reach::All => Ok(Some(filter.clone())),
            Reach::Folder(id) => Ok(self.store().queued_by_id(*id)?.map(|track| narrowed(&track, filter))),
            Reach::Tracks(_) | Reach::Album(_) => Ok(None),
        }
    }

    fn in_folder(&self, track: &QueuedTrack, filter: &QueueFilter) -> Result<Vec<QueuedTrack>, StoreError> {
        self.everything(&narrowed(track, filter))
    }

    fn everything(&self, filter: &QueueFilter) -> Result<Vec<QueuedTrack>, StoreError> {
        let view = QueueView { filter: filter.clone(), order: QueueOrder::Path, reversed: false };
        let (mut tracks, mut after) = (Vec::new(), None);
        loop {
            let place = after.as_ref().map_or(QueuePlace::Start, QueuePlace::After);
            let page = self.page(&view, place, PAGE)?;
            tracks.extend(page.rows);
            if !page.goes_on {
                return Ok(tracks);
            }
            after = page.last;
        }
    }
}

/// A filter, narrowed down to the folder of a track.
fn narrowed(track: &QueuedTrack, filter: &QueueFilter) -> QueueFilter {
    let folder = track.path.parent().unwrap_or(Path::new("/"));
    // The narrower of the two.
    let path = match &filter.path {
        Some(path) if path.starts_with(folder) => path.clone(),
        _ => folder.to_owned(),
    };
    QueueFilter { path: Some(path), ..filter.clone() }
}
