//! Which files are tracks of one album, and one vote for all of them.
//!
//! An album is the files of one folder that have one album tag, or of a folder in which no file has any: a folder of loose songs
//! is none. What a track says is the analysis'; this finds the tracks and takes the mean of what they say.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::finding::Selection;
use super::limits::{KeyedLock, KeyedLockGuard};
use super::stamped_file::StampedFile;
use crate::genre::{Genre, Ranking};
use crate::store::AudioKey;
use crate::tagging;

/// More files than this in one folder are a heap and no album.
const MAX_TRACKS: usize = 100;
/// Folders and votes that are remembered: as many as workers are likely to be in at once.
const REMEMBERED: usize = 32;

/// What an album made of one of its tracks.
#[derive(Debug, Clone, PartialEq)]
pub struct AlbumVote {
    /// Tracks that voted, the one in question among them.
    pub tracks: usize,
    /// What the track says by itself.
    pub alone: Ranking,
}

/// The albums that are being worked on.
pub(super) struct Albums {
    selection: Selection,
    folders: Mutex<VecDeque<(PathBuf, Arc<Folder>)>>,
    votes: Mutex<VecDeque<(Vec<AudioKey>, Voted)>>,
    /// The files that are being listened to.
    busy: KeyedLock<PathBuf>,
}

/// What an album is, by the word of its tracks.
#[derive(Clone)]
pub(super) struct Voted {
    /// With kinds, where tracks were sure of them.
    pub(super) named: Ranking,
    /// With families as such.
    pub(super) families: Ranking,
}

/// The candidates of a folder, as they were at a time.
struct Folder {
    modified: Option<SystemTime>,
    files: Vec<PathBuf>,
    /// The names in one word.
    digest: String,
    albums: Mutex<BTreeMap<PathBuf, Option<String>>>,
}

impl Albums {
    pub(super) fn new(selection: Selection) -> Self {
        Self { selection, folders: Mutex::default(), votes: Mutex::default(), busy: KeyedLock::default() }
    }

    /// The other tracks of a file's album, by name; none of a file that is of no album.
    pub(super) fn companions(&self, path: &Path) -> Vec<PathBuf> {
        let folder = self.folder(path);
        if folder.files.len() > MAX_TRACKS {
            return Vec::new();
        }
        let album = folder.album(path);
        let others = folder.files.iter().filter(|other| *other != path);
        let same: Vec<PathBuf> = others.clone().filter(|other| folder.album(other) == album).cloned().collect();
        // Files without an album are one only where nothing in the folder has one.
        if album.is_none() && same.len() != others.count() { Vec::new() } else { same }
    }

    /// What an album's verdict depends on besides its files' own: which files there are.
    pub(super) fn digest(&self, path: &Path) -> String {
        self.folder(path).digest.clone()
    }

    fn folder(&self, path: &Path) -> Arc<Folder> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        let modified = std::fs::metadata(parent).and_then(|metadata| metadata.modified()).ok();
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, folder)) = folders.iter().find(|(known, f)| known == parent && f.modified == modified) {
            return Arc::clone(folder);
        }
        let files = self.selection.files_in(parent);
        let names: Vec<_> = files.iter().map(|file| file.file_name()).collect();
        let digest = super::asking::digest(&names);
        let folder = Arc::new(Folder { modified, files, digest, albums: Mutex::default() });
        folders.retain(|(known, _)| known != parent);
        push(&mut folders, (parent.to_owned(), Arc::clone(&folder)));
        folder
    }

    /// The vote of these tracks, if it was made before.
    pub(super) fn known(&self, tracks: &[AudioKey]) -> Option<Voted> {
        let votes = self.votes.lock().unwrap_or_else(PoisonError::into_inner);
        votes.iter().find(|(known, _)| known == tracks).map(|(_, voted)| voted.clone())
    }

    /// Remembers the vote of these tracks.
    pub(super) fn remember(&self, tracks: Vec<AudioKey>, voted: Voted) {
        let mut votes = self.votes.lock().unwrap_or_else(PoisonError::into_inner);
        push(&mut votes, (tracks, voted));
    }

    /// Keeps other workers from listening to the same file; waits while one does.
    pub(super) fn occupy(&self, path: &Path) -> KeyedLockGuard<'_, PathBuf> {
        self.busy.lock(path.to_owned())
    }

    /// The tracks in an order in which those come last that another worker listens to just now.
    pub(super) fn by_turn(&self, mut tracks: Vec<PathBuf>) -> Vec<PathBuf> {
        tracks.sort_by_cached_key(|track| self.busy.is_locked(track));
        tracks
    }
}

impl Folder {
    fn album(&self, path: &Path) -> Option<String> {
        let mut albums = self.albums.lock().unwrap_or_else(PoisonError::into_inner);
        albums.entry(path.to_owned()).or_insert_with(|| tagging::album_of(path)).clone()
    }
}

/// Whether a track may still be being copied: its album is not whole yet.
pub(super) fn is_whole(tracks: &[PathBuf], settle: std::time::Duration) -> bool {
    tracks.iter().all(|track| StampedFile::at(track).is_ok_and(|track| !track.changed_within(settle)))
}

/// The mean of rankings: what an album is, by the word of its tracks. Empty without any.
pub(super) fn mean(rankings: &[Ranking]) -> Ranking {
    let mut sums: BTreeMap<&Genre, f64> = BTreeMap::new();
    for (genre, share) in rankings.iter().flatten() {
        *sums.entry(genre).or_default() += f64::from(*share);
    }
    let n = rankings.len().max(1) as f64;
    let mut mean: Ranking = sums.into_iter().map(|(genre, sum)| (genre.clone(), (sum / n) as f32)).collect();
    mean.sort_by(|(a, p), (b, q)| q.total_cmp(p).then_with(|| a.cmp(b)));
    mean
}

/// Adds the newest and forgets what is oldest.
fn push<T>(remembered: &mut VecDeque<T>, newest: T) {
    if remembered.len() >= REMEMBERED {
        remembered.pop_front();
    }
    remembered.push_back(newest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_album_is_what_its_tracks_say_on_average() {
        let ranking = |shares: &[(&str, f32)]| -> Ranking {
            shares.iter().map(|(genre, share)| (Genre::new(genre).unwrap(), *share)).collect()
        };
        let tracks = [ranking(&[("Jazz", 0.9), ("Blues", 0.1)]), ranking(&[("Blues", 0.6), ("Folk", 0.4)])];
        let mean: Vec<String> = mean(&tracks).iter().map(|(genre, p)| format!("{genre} {p:.2}")).collect();
        assert_eq!(mean, ["Jazz 0.45", "Blues 0.35", "Folk 0.20"]);
    }

    #[test]
    fn a_file_that_another_worker_listens_to_comes_last_and_is_waited_for() {
        let albums = Albums::new(Selection::new(&crate::config::Library::default()).unwrap());
        let tracks: Vec<PathBuf> = ["/a", "/b", "/c"].map(PathBuf::from).to_vec();
        let occupied = albums.occupy(&tracks[0]);
        assert_eq!(albums.by_turn(tracks.clone()), ["/b", "/c", "/a"].map(PathBuf::from));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(albums.occupy(&tracks[0])));
            drop(albums.occupy(&tracks[1]));
            drop(occupied);
            waiting.join().unwrap();
        });
        assert_eq!(albums.by_turn(tracks.clone()), tracks);
    }
}
