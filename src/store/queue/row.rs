//! A row of a view, as it is read from the database.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use super::super::verdicts::parse_ranking;
use super::super::{AudioKey, Ranking, Store, StoreError, TrackStatus, path_from_bytes};
use super::TrackId;
use crate::tagging::Credits;

/// A file that may wait for a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedTrack {
    /// The number of its row.
    pub id: TrackId,
    /// The file.
    pub path: PathBuf,
    /// What became of it.
    pub status: TrackStatus,
    /// The first genre of the vote, as it would be written.
    pub genre: Option<String>,
    /// What the owner's answer about a file like it suggests; empty: nothing.
    pub suggested: Vec<String>,
    /// The vote's confidence, 0 to 1.
    pub confidence: f32,
    /// The genres of the vote, best first, with their shares.
    pub ranking: Ranking,
    /// Why nothing was written.
    pub reason: Option<String>,
    /// Whether it sounds like speech or noise.
    pub is_not_music: bool,
    /// Whether the models name different genres; none where that was not noted.
    pub models_differ: Option<bool>,
    /// When it was first seen, in seconds since 1970.
    pub added_at: i64,
    /// Its audio, where it was identified.
    pub audio: Option<AudioKey>,
    /// How long it is, where it was decoded.
    pub duration: Option<Duration>,
    /// What its tags said it is when they were last read for that.
    pub credits: Credits,
    /// How its sound is encoded, by the codec's name, where it was decoded.
    pub codec: Option<String>,
    /// The file system that it was on.
    pub(super) device: u64,
    /// The confidence as it stands in the order.
    pub(super) key: f64,
    /// Its turn, or else its confidence.
    pub(super) worth: f64,
}

const COLUMNS: &str = "track.id, track.path, track.status, track.genre, track.confidence, track.ranking, track.reason,
     track.not_music, track.models_differ, track.added_at, track.audio, track.device,
     (SELECT duration_ms FROM audio WHERE audio.id = track.audio), track.artist, track.title, track.album,
     (SELECT codec FROM audio WHERE audio.id = track.audio), track.worth, track.suggested";

/// A row before its words and numbers were checked.
pub(in crate::store) struct Raw {
    id: i64,
    path: Vec<u8>,
    status: String,
    genre: Option<String>,
    confidence: f64,
    ranking: Option<String>,
    reason: Option<String>,
    not_music: bool,
    models_differ: Option<bool>,
    added_at: i64,
    audio: Option<i64>,
    device: i64,
    duration_ms: Option<i64>,
    artist: Option<String>,
    title: Option<String>,
    album: Option<String>,
    codec: Option<String>,
    worth: f64,
    suggested: Option<String>,
}

impl Raw {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            path: row.get(1)?,
            status: row.get(2)?,
            genre: row.get(3)?,
            confidence: row.get(4)?,
            ranking: row.get(5)?,
            reason: row.get(6)?,
            not_music: row.get(7)?,
            models_differ: row.get(8)?,
            added_at: row.get(9)?,
            audio: row.get(10)?,
            device: row.get(11)?,
            duration_ms: row.get(12)?,
            artist: row.get(13)?,
            title: row.get(14)?,
            album: row.get(15)?,
            codec: row.get(16)?,
            worth: row.get(17)?,
            suggested: row.get(18)?,
        })
    }

    pub(in crate::store) fn check(self, store: &Store) -> Result<QueuedTrack, StoreError> {
        let malformed = |what| StoreError::Malformed { path: store.path.clone(), what };
        Ok(QueuedTrack {
            id: TrackId(self.id),
            path: path_from_bytes(self.path),
            status: TrackStatus::parse(&self.status).ok_or_else(|| malformed("track status"))?,
            genre: self.genre,
            suggested: self.suggested.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
            confidence: self.confidence as f32,
            ranking: parse_ranking(self.ranking.as_deref()).ok_or_else(|| malformed("ranking"))?,
            reason: self.reason,
            is_not_music: self.not_music,
            models_differ: self.models_differ,
            added_at: self.added_at,
            audio: self.audio.map(AudioKey),
            duration: self.duration_ms.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis),
            credits: Credits { artist: self.artist, title: self.title, album: self.album },
            codec: self.codec,
            device: self.device as u64,
            key: self.confidence,
            worth: self.worth,
        })
    }
}

/// The row of a file that was analysed, by its number.
pub(in crate::store) fn by_number(connection: &Connection, id: TrackId) -> rusqlite::Result<Option<Raw>> {
    one(connection, "id = ?", id.0)
}

/// The same by its path.
pub(in crate::store) fn by_path(connection: &Connection, path: &[u8]) -> rusqlite::Result<Option<Raw>> {
    one(connection, "path = ?", path)
}

fn one(connection: &Connection, condition: &str, value: impl ToSql) -> rusqlite::Result<Option<Raw>> {
    let sql = format!("SELECT {COLUMNS} FROM track WHERE {condition} AND confidence IS NOT NULL");
    connection.prepare_cached(&sql)?.query_row([value], Raw::read).optional()
}
