//! The owner's playlists while the service runs: when to look at them, and a thread for it. What is in them is [`crate::playlists`]'s.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::config::{Config, Playlist};
use crate::pipeline::Remembered;
use crate::playlists::{self, PlaylistError, Saved};
use crate::store::Store;

/// How often they are made anew: it takes a second or two for a million tracks, and a list that stays the same is not written.
const PAUSE: Duration = Duration::from_secs(10 * 60);
/// After a start, when what was found meanwhile begins to be known.
const FIRST: Duration = Duration::from_secs(5);

/// When the lists are looked at.
pub(super) struct Lists {
    look_at: Instant,
    is_at_work: Arc<AtomicBool>,
}

impl Lists {
    pub(super) fn begin(now: Instant) -> Self {
        Self { look_at: now + FIRST, is_at_work: Arc::default() }
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
        let make = move || {
            make_all(&store, &config);
            is_at_work.store(false, Ordering::Release);
        };
        if std::thread::Builder::new().name("playlists".to_owned()).spawn(make).is_err() {
            self.is_at_work.store(false, Ordering::Release);
        }
    }
}

fn make_all(store: &Store, config: &Config) {
    let remembered = match Remembered::new(config) {
        Ok(remembered) => remembered,
        Err(error) => return tracing::warn!("the playlists stay as they are: {error}"),
    };
    let (kind, window) = remembered.descriptors_kept_as();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as i64;
    for (name, playlist) in &config.playlists {
        match make(store, playlist, (&kind, window), now) {
            Ok(Some(tracks)) => tracing::info!("playlist {name}: {tracks} tracks to {}", playlist.file.display()),
            Ok(None) => {}
            Err(error) => tracing::warn!("playlist {name}: {error}"),
        }
    }
}

/// How many tracks were written; none where nothing changed.
fn make(
    store: &Store,
    playlist: &Playlist,
    kept_as: (&str, &str),
    now: i64,
) -> Result<Option<usize>, PlaylistError> {
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
