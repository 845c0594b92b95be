//! Every track with what is told of it, for who chooses among them by more than one index can: lists by sound,
//! playlists, groups. Rows are handed on one by one, so that memory does not grow with the library.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::cache::from_bytes;
use super::{AudioKey, Store, StoreError, path_from_bytes};
use crate::tagging::Credits;

/// A track that was analysed, is music and is there.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedTrack {
    /// The file.
    pub path: PathBuf,
    /// Its audio.
    pub audio: AudioKey,
    /// The genre that its owner chose, else the first of the vote as it would be written.
    pub genre: Option<String>,
    /// The vote's confidence, 0 to 1.
    pub confidence: Option<f32>,
    /// Artist, title and album, as its tags said when it was analysed.
    pub credits: Credits,
    /// How long it is, where it was decoded.
    pub duration: Option<Duration>,
    /// When it was first seen, in seconds since 1970.
    pub added_at: i64,
    /// What the sound is like, as it was kept; none where that was not found out.
    pub described: Option<Vec<f32>>,
}

/// A piece of audio that was heard, whatever files hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardAudio {
    /// The audio.
    pub audio: AudioKey,
    /// How long it is, where it was decoded.
    pub duration: Option<Duration>,
    /// What the sound is like, as it was kept; none where that was not found out.
    pub described: Option<Vec<f32>>,
}

/// What of a track is listed, in the order of [`read`].
const COLUMNS: &str =
    "track.path, track.audio, coalesce(json_extract(owner_choice.genres, '$[0]'), track.genre), track.confidence,
     track.artist, track.title, track.album, audio.duration_ms, track.added_at, feature.value";
/// Where they come from; ?1 and ?2 are kind and window of the descriptors.
const FROM: &str = "FROM track JOIN audio ON audio.id = track.audio
     LEFT JOIN feature ON feature.audio = track.audio AND feature.kind = ?1 AND feature.window = ?2
     LEFT JOIN owner_choice ON owner_choice.path = track.path AND owner_choice.origin = 'chosen'
         AND (owner_choice.audio IS NULL OR owner_choice.audio = track.audio)
     WHERE track.gone_at IS NULL AND track.confidence IS NOT NULL AND track.not_music = 0";

impl Store {
    /// Hands every analysed track that is music and there to `each`, by the bytes of the path.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn list_tracks(
        &self,
        (kind, window): (&str, &str),
        mut each: impl FnMut(ListedTrack),
    ) -> Result<(), StoreError> {
        let connection = self.reading();
        let sql = format!("SELECT {COLUMNS} {FROM} ORDER BY track.path");
        let mut list = || -> rusqlite::Result<()> {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![kind, window])?;
            while let Some(row) = rows.next()? {
                each(read(row)?);
            }
            Ok(())
        };
        list().map_err(|e| self.error(e))
    }

    /// The analysed tracks with this audio that are there and music, by the bytes of the path.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn tracks_of(&self, audio: AudioKey, (kind, window): (&str, &str)) -> Result<Vec<ListedTrack>, StoreError> {
        let connection = self.reading();
        let sql = format!("SELECT {COLUMNS} {FROM} AND track.audio = ?3 ORDER BY track.path");
        let list = || -> rusqlite::Result<Vec<ListedTrack>> {
            connection.prepare_cached(&sql)?.query_map(params![kind, window, audio.0], read)?.collect()
        };
        list().map_err(|e| self.error(e))
    }

    /// Every piece of audio that some analysed track had when it was recorded at this moment or later (in seconds since
    /// 1970), by its number: eight bytes each.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn heard_since(&self, since: i64) -> Result<Vec<AudioKey>, StoreError> {
        const SQL: &str = "SELECT id FROM audio
             WHERE id IN (SELECT audio FROM track WHERE seen_at >= ?1 AND audio IS NOT NULL AND confidence IS NOT NULL)
             ORDER BY id";
        let connection = self.reading();
        let list = || -> rusqlite::Result<Vec<AudioKey>> {
            connection.prepare_cached(SQL)?.query_map([since], |row| Ok(AudioKey(row.get(0)?)))?.collect()
        };
        list().map_err(|e| self.error(e))
    }

    /// A piece of audio as it was heard; none that is not known.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn heard(&self, audio: AudioKey, (kind, window): (&str, &str)) -> Result<Option<HeardAudio>, StoreError> {
        const SQL: &str = "SELECT audio.duration_ms, feature.value FROM audio
             LEFT JOIN feature ON feature.audio = audio.id AND feature.kind = ?1 AND feature.window = ?2
             WHERE audio.id = ?3";
        let connection = self.reading();
        let find = || -> rusqlite::Result<Option<HeardAudio>> {
            let heard = |row: &rusqlite::Row<'_>| {
                Ok(HeardAudio { audio, duration: duration(row, 0)?, described: floats(row, 1)? })
            };
            connection.prepare_cached(SQL)?.query_row(params![kind, window, audio.0], heard).optional()
        };
        find().map_err(|e| self.error(e))
    }

    /// About so many pieces of audio of analysed tracks, spread evenly over the order in which they were first seen.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn some_heard(&self, number: u32) -> Result<Vec<AudioKey>, StoreError> {
        const SQL: &str = "SELECT id, audio FROM track
             WHERE id >= ?1 AND audio IS NOT NULL AND confidence IS NOT NULL ORDER BY id LIMIT 1";
        let connection = self.reading();
        let list = || -> rusqlite::Result<Vec<AudioKey>> {
            let ends = connection.query_row("SELECT min(id), max(id) FROM track", [], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
            })?;
            let Some((first, last)) = ends else { return Ok(Vec::new()) };
            let mut find = connection.prepare_cached(SQL)?;
            let (mut at, mut found) = (first, Vec::new());
            let step = ((last - first) / i64::from(number.max(1))).max(1);
            while at <= last {
                let next = find.query_row([at], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
                let Some((id, audio)) = next else { break };
                found.push(AudioKey(audio));
                at = (at + step).max(id + 1);
            }
            Ok(found)
        };
        list().map_err(|e| self.error(e))
    }

    /// The words for genres that there are: those of votes, and those that owners chose.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn genre_words(&self) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT DISTINCT genre FROM track WHERE genre IS NOT NULL
             UNION SELECT DISTINCT json_extract(genres, '$[0]') FROM owner_choice
             WHERE origin = 'chosen' AND json_array_length(genres) > 0";
        let connection = self.reading();
        let list = || -> rusqlite::Result<Vec<String>> {
            connection.prepare_cached(SQL)?.query_map([], |row| row.get(0))?.collect()
        };
        list().map_err(|e| self.error(e))
    }

    /// The numbers of all audio with a track that has one of these genres, by the vote or by its owner's choice.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn audio_of_genres(&self, words: &[String]) -> Result<HashSet<i64>, StoreError> {
        const SQL: &str = "SELECT audio FROM track WHERE genre = ?1 COLLATE NOCASE AND audio IS NOT NULL
             UNION SELECT track.audio FROM owner_choice JOIN track ON track.path = owner_choice.path
             WHERE origin = 'chosen' AND json_extract(genres, '$[0]') = ?1 AND track.audio IS NOT NULL";
        let connection = self.reading();
        let list = || -> rusqlite::Result<HashSet<i64>> {
            let mut find = connection.prepare_cached(SQL)?;
            let mut found = HashSet::new();
            for word in words {
                for audio in find.query_map([word], |row| row.get(0))? {
                    found.insert(audio?);
                }
            }
            Ok(found)
        };
        list().map_err(|e| self.error(e))
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<ListedTrack> {
    Ok(ListedTrack {
        path: path_from_bytes(row.get(0)?),
        audio: AudioKey(row.get(1)?),
        genre: row.get(2)?,
        confidence: row.get::<_, Option<f64>>(3)?.map(|confidence| confidence as f32),
        credits: Credits { artist: row.get(4)?, title: row.get(5)?, album: row.get(6)? },
        duration: duration(row, 7)?,
        added_at: row.get(8)?,
        described: floats(row, 9)?,
    })
}

fn duration(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Duration>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(|millis| Duration::from_millis(millis.unsigned_abs())))
}

/// A row of numbers; none of anything else, which is found out again.
fn floats(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Vec<f32>>> {
    Ok(row.get::<_, Option<Vec<u8>>>(at)?.and_then(|bytes| from_bytes(&bytes)))
}
