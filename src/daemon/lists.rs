//! The owner's playlists while the service runs: when to look at them, and a thread for it. What is in them is [`crate::playlists`]'s.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::{Config, Playlist};
use crate::pipeline::StoredAnswers;
use crate::playlists::{self, PlaylistError, Saved};
use crate::store::{Store, unix_now};

/// How often they are made anew: it takes a second or two for a million tracks, and a list that stays the same is not written.
const PAUSE: Duration = Duration::from_secs(10 * 60);
/// After a start, when what was found meanwhile begins to be known.
const FIRST: Duration = Duration::from_secs(5);

/// When the lists are looked at.
pub(super) struct Lists {
    look_at: Instant,
    is_at_work: Arc<AtomicBool>,
    troubles: Arc<Troubles>,
}

/// What is the matter with lists, by their names, so that each trouble is said once and not every ten minutes.
#[derive(Default)]
struct Troubles(Mutex<BTreeMap<String, String>>);

impl Troubles {
    /// Whether this is news of a list; none: there is no trouble with it.
    fn is_news(&self, name: &str, trouble: Option<String>) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => known.insert(name.to_owned(), trouble.clone()) != Some(trouble),
            None => known.remove(name).is_some(),
        }
    }
}

impl Lists {
    pub(super) fn begin(now: Instant) -> Self {
        Self { look_at: now + FIRST, is_at_work: Arc::default(), troubles: Arc::default() }
    }

    /// When to look at them next; never where there are none.
    pub(super) fn look_at(&self, config: &Config) -> Option<Instant> {
        (!config.playlists.is_empty()).then_some(self.look_at)
    }

    /// Makes all lists on a thread of their own, unless one is at it still.
    pub(super) fn start(&mut self, store: &Arc<Store>, config: &Config, now: Instant) {
        self.look_at = now + PAUSE;
        if self.is_at_work.swap(true, Ordering::AcqRel) {
            return;
        }
        let (store, config, is_at_work) = (Arc::clone(store), config.clone(), Arc::clone(&self.is_at_work));
        let troubles = Arc::clone(&self.troubles);
        let make = move || {
            make_all(&store, &config, &troubles);
            is_at_work.store(false, Ordering::Release);
        };
        if std::thread::Builder::new().name("playlists".to_owned()).spawn(make).is_err() {
            self.is_at_work.store(false, Ordering::Release);
        }
    }
}

fn make_all(store: &Store, config: &Config, troubles: &Troubles) {
    let stored = match StoredAnswers::new(config) {
        Ok(stored) => stored,
        Err(error) => return tracing::warn!("the playlists stay as they are: {error}"),
    };
    let (kind, window) = stored.descriptors_kept_as();
    let now = unix_now();
    for (name, playlist) in &config.playlists {
        match make(store, playlist, (&kind, window), now) {
            Ok(written) => {
                troubles.is_news(name, None);
                if let Some(tracks) = written {
                    tracing::info!("playlist {name}: {tracks} tracks to {}", playlist.file.display());
                }
            }
            Err(error) if troubles.is_news(name, Some(error.to_string())) => tracing::warn!("playlist {name}: {error}"),
            Err(error) => tracing::debug!("playlist {name}: {error}"),
        }
    }
}

/// How many tracks were written; none where nothing changed.
fn make(store: &Store, playlist: &Playlist, kept_as: (&str, &str), now: i64) -> Result<Option<usize>, PlaylistError> {
    let request = playlist.request()?;
    let tracks = playlists::choose(store, &request, kept_as, now)?;
    let file = &playlist.file;
    let real = std::fs::canonicalize(file).or_else(|_| {
        let folder = std::fs::canonicalize(file.parent().unwrap_or(Path::new("/")))?;
        Ok(folder.join(file.file_name().unwrap_or_default()))
    });
    let real = real.map_err(|source| PlaylistError::Write { path: file.clone(), source })?;
    let folder = real.parent().unwrap_or(Path::new("/"));
    let (contents, left_out) = playlists::contents(&tracks, folder, request.query.text());
    let written = playlists::save(file, &contents, false)? == Saved::Written;
    Ok(written.then_some(tracks.len() - left_out.len()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::audio::AudioId;
    use crate::store::{TrackStatus, TrackUpdate};
    use crate::tagging::FileStamp;

    #[test]
    fn a_list_is_written_when_it_changed_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("reclassd.db"), Duration::from_secs(1)).unwrap();
        let add = |n: u8, genre| {
            let path = folder.path().join(format!("{n}.mp3"));
            let audio = Some(store.audio(AudioId::from_bytes([n; 16])).unwrap());
            let stamp = FileStamp { size: 1, mtime_seconds: 2, mtime_nanoseconds: 3, inode: 4, device: 5 };
            let (status, genre, confidence) = (TrackStatus::Unsure, Some(genre), Some(0.25));
            let (path, reason, settled_by) = (path.as_path(), None, None);
            let update =
                TrackUpdate { path, audio, stamp, status, genre, confidence, ranking: &[], reason, settled_by };
            store.record_track(&update).unwrap();
        };
        let file = folder.path().join("list.m3u8");
        let playlist = Playlist { file: file.clone(), question: "genre = Jazz".to_owned(), ..Playlist::default() };
        let make = || make(&store, &playlist, ("descriptors", "30 s x 1"), 0).unwrap();
        add(1, "Jazz");
        add(2, "Folk");
        assert_eq!((make(), make()), (Some(1), None));
        add(3, "Jazz");
        assert_eq!((make(), make()), (Some(2), None));
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("\n./1.mp3\n") && text.contains("\n./3.mp3\n") && !text.contains("2.mp3"), "{text}");
    }

    #[test]
    fn a_trouble_is_said_once_and_again_when_it_comes_back() {
        let troubles = Troubles::default();
        let is_news = |trouble: Option<&str>| troubles.is_news("a", trouble.map(str::to_owned));
        assert_eq!([is_news(Some("x")), is_news(Some("x")), is_news(Some("y"))], [true, false, true]);
        assert_eq!([is_news(None), is_news(None), is_news(Some("y"))], [true, false, true]);
    }

    #[test]
    fn nothing_is_looked_at_where_there_are_no_lists() {
        let now = Instant::now();
        let lists = Lists::begin(now);
        assert_eq!(lists.look_at(&Config::default()), None);
        let mut config = Config::default();
        config.playlists.insert("a".to_owned(), Playlist::default());
        assert_eq!(lists.look_at(&config), Some(now + FIRST));
    }
}
