//! What waits for the owner's decision: filters and orders as values, and pages that begin where the last one ended.
//!
//! A page is found by the key of the row before it (keyset pagination), along an index of its order, so that the hundred thousandth
//! row costs what the first does. Nothing is decided here: which view is asked for, and what happens to a row, is the desk's.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params_from_iter};

use super::presence::range_below;
use super::verdicts::parse_ranking;
use super::{AudioKey, Ranking, Store, StoreError, TrackStatus, path_bytes, path_from_bytes};
use crate::tagging::Credits;

/// The number of a file's row: shorter than its path, and the same after a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub i64);

/// Which files a view is of. Files that are gone are in none, and files that the owner decided about only in the one that is of them
/// and in that of the whole library.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum QueueSet {
    /// Those whose genre was not written because the vote was unsure.
    #[default]
    Unsure,
    /// Of those, the ones that sound like speech or noise.
    NotMusic,
    /// Those that carry a genre of ours, for second thoughts.
    Tagged,
    /// Those from which a genre of ours was taken back or out, and which are left alone since.
    TakenOut,
    /// Every file that was analysed, whatever became of it.
    Analysed,
    /// The same, with those that the owner decided about.
    Library,
}

/// What narrows a view down. The default narrows nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueFilter {
    /// Which files.
    pub set: QueueSet,
    /// A confidence below this, 0 to 1.
    pub below: Option<f32>,
    /// A confidence of at least this.
    pub above: Option<f32>,
    /// The first genre of the vote is one of these words, in any case; empty: any.
    pub genres: Vec<String>,
    /// This file, or what lies below this folder.
    pub path: Option<PathBuf>,
    /// First seen at this moment or later, in seconds since 1970.
    pub added_since: Option<i64>,
    /// Only where the models name different genres.
    pub disagree: bool,
    /// Each of these words is in the path or in the genre.
    pub text: String,
}

/// In which order the files of a view come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum QueueOrder {
    /// What teaches most first, as far as that is known ([`Store::give_turns`]), then the least sure, since those the program will not get
    /// right without help; what sounds like no music comes last, since there is little to be decided about it.
    #[default]
    Worth,
    /// The least sure first.
    Confidence,
    /// By the bytes of the path: album by album.
    Path,
    /// The newest first.
    Added,
}

/// A filter and an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueView {
    /// Which files.
    pub filter: QueueFilter,
    /// In which order.
    pub order: QueueOrder,
    /// The other way round.
    pub reversed: bool,
}

/// Where a page begins or ends: the key of a row in the order of its view. Its text is for whoever pages through an interface, and
/// says nothing to anybody else.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueCursor(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Integer(i64),
    Real(f64),
    Bytes(Vec<u8>),
}

/// A place in a view from which a page is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QueuePlace<'a> {
    /// The first rows.
    Start,
    /// The rows behind this one.
    After(&'a QueueCursor),
    /// The rows before this one.
    Before(&'a QueueCursor),
    /// The last rows.
    End,
}

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
    device: u64,
    /// The confidence as it stands in the order.
    key: f64,
    /// Its turn, or else its confidence.
    worth: f64,
}

/// A page of a view. It may hold fewer rows than were asked for, and none, where files were found to be gone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueuePage {
    /// The rows, in the order of the view.
    pub rows: Vec<QueuedTrack>,
    /// The key of the first row that was looked at; none where there was none.
    pub first: Option<QueueCursor>,
    /// The key of the last one.
    pub last: Option<QueueCursor>,
    /// Whether the view goes on in the direction in which the page was read.
    pub goes_on: bool,
}

pub(super) const COLUMNS: &str =
    "track.id, track.path, track.status, track.genre, track.confidence, track.ranking, track.reason,
     track.not_music, track.models_differ, track.added_at, track.audio, track.device,
     (SELECT duration_ms FROM audio WHERE audio.id = track.audio), track.artist, track.title, track.album,
     (SELECT codec FROM audio WHERE audio.id = track.audio), track.worth, track.suggested";

/// Folders of fewer rows than this are looked through by path, whatever the order.
const NARROW: usize = 5_000;

impl QueueView {
    /// The columns of its key, and whether they descend.
    fn key(&self) -> (&'static [&'static str], bool) {
        let (columns, descends): (&[_], _) = match (self.order, self.filter.set) {
            (QueueOrder::Worth, QueueSet::Analysed | QueueSet::Library | QueueSet::TakenOut)
            | (QueueOrder::Confidence, _) => (&["confidence", "id"], false),
            // A part by confidence is read along that.
            (QueueOrder::Worth, _) if self.filter.above.is_some() || self.filter.below.is_some() => {
                (&["not_music", "confidence", "id"], false)
            }
            (QueueOrder::Worth, _) => (&["not_music", "worth", "id"], false),
            (QueueOrder::Path, _) => (&["path"], false),
            (QueueOrder::Added, _) => (&["added_at", "id"], true),
        };
        (columns, descends != self.reversed)
    }

    /// The key of a row in this view.
    pub fn cursor_of(&self, row: &QueuedTrack) -> QueueCursor {
        let part = |column: &&str| match *column {
            "not_music" => Part::Integer(row.is_not_music.into()),
            "confidence" => Part::Real(row.key),
            "worth" => Part::Real(row.worth),
            "path" => Part::Bytes(path_bytes(&row.path).to_vec()),
            "added_at" => Part::Integer(row.added_at),
            _ => Part::Integer(row.id.0),
        };
        QueueCursor(self.key().0.iter().map(part).collect())
    }
}

/// What SQLite looks along: left to itself it would sort where it need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Along {
    /// The index of what is worth asking in a set, or one of what is rare.
    Set,
    /// The index of the confidence, in a set or of all.
    Confidence,
    Path,
    Added,
}

/// Conditions in SQL, and the values of their parameters.
#[derive(Default)]
struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// `sql` has a `?` for each value.
    fn add(&mut self, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.sql.push(sql.into());
        self.values.extend(values);
    }

    /// What the filter asks for, in the form that has SQLite look `along` a certain index. What the owner decided about is not left
    /// out yet.
    fn of(filter: &QueueFilter, along: Along) -> Self {
        let mut all = Self::default();
        // A unary plus keeps a term from choosing the index.
        let plus = |is_used| if is_used { "" } else { "+" };
        let is_whole = matches!(filter.set, QueueSet::Analysed | QueueSet::Library | QueueSet::TakenOut);
        let order = plus(matches!(along, Along::Set | Along::Confidence));
        let (path, added) = (plus(along == Along::Path), plus(along == Along::Added));
        let present = plus(match along {
            // Few files are left alone: they are looked up by their paths.
            Along::Set if filter.set == QueueSet::TakenOut => false,
            Along::Set => !is_whole || filter.genres.is_empty(),
            Along::Confidence => is_whole && filter.genres.is_empty(),
            Along::Path => false,
            Along::Added => true,
        });
        // What was analysed. In a set it is no term to look for: the index of the set counts without reading a row.
        all.add(format!("{present}gone_at IS NULL AND {}confidence IS NOT NULL", plus(is_whole)), []);
        match filter.set {
            QueueSet::Unsure => all.add(format!("{order}status = 'unsure'"), []),
            QueueSet::NotMusic => all.add(format!("{order}status = 'unsure' AND {order}not_music = 1"), []),
            QueueSet::Tagged => all.add(format!("{order}status = 'tagged'"), []),
            QueueSet::TakenOut => {
                let left_alone = "SELECT path FROM owner_choice WHERE origin IN ('taken back', 'taken out')";
                let path = plus(along == Along::Path || along == Along::Set);
                all.add(format!("{path}path IN ({left_alone})"), []);
            }
            QueueSet::Analysed | QueueSet::Library => {}
        }
        if let Some(below) = filter.below {
            all.add(format!("{order}confidence < ?"), [f64::from(below).into()]);
        }
        if let Some(above) = filter.above {
            all.add(format!("{order}confidence >= ?"), [f64::from(above).into()]);
        }
        if !filter.genres.is_empty() {
            let marks = vec!["?"; filter.genres.len()].join(", ");
            all.add(
                format!("genre COLLATE NOCASE IN ({marks})"),
                filter.genres.iter().map(|genre| Value::from(genre.clone())),
            );
        }
        if let Some(folder) = &filter.path {
            let (first, end) = range_below(folder);
            let itself = path_bytes(folder).to_vec();
            // What lies between a folder's name and its slash is no part of it: the names that only begin alike.
            all.add(
                format!("({path}path >= ? AND {path}path < ? AND (+path = ? OR +path > ?))"),
                [itself.clone().into(), end.into(), itself.into(), first.into()],
            );
        }
        if let Some(moment) = filter.added_since {
            all.add(format!("{added}added_at >= ?"), [moment.into()]);
        }
        if filter.disagree {
            all.add("models_differ = 1", []);
        }
        for word in filter.text.split_whitespace() {
            let spellings = spellings(word);
            let like = "CAST(path AS TEXT) LIKE ? ESCAPE '\\' OR genre LIKE ? ESCAPE '\\'";
            all.add(
                format!("({})", vec![like; spellings.len()].join(" OR ")),
                spellings.into_iter().flat_map(|spelling| [Value::from(spelling.clone()), spelling.into()]),
            );
        }
        all
    }

    /// Leaves out what was decided about, unless just that is asked for. What was handed back waits again.
    fn undecided(mut self, filter: &QueueFilter) -> Self {
        if !matches!(filter.set, QueueSet::TakenOut | QueueSet::Library) {
            let decided = "SELECT 1 FROM owner_choice WHERE owner_choice.path = track.path AND origin != 'handed back'";
            self.add(format!("NOT EXISTS ({decided})"), []);
        }
        self
    }

    fn joined(&self) -> String {
        self.sql.join(" AND ")
    }
}

/// Patterns for a word in the cases that SQLite's LIKE, which knows those of ASCII alone, would tell apart.
fn spellings(word: &str) -> Vec<String> {
    let title = || {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect())
    };
    let mut spellings = vec![word.to_owned()];
    if !word.is_ascii() {
        spellings.extend([Some(word.to_lowercase()), Some(word.to_uppercase()), title()].into_iter().flatten());
        spellings.sort();
        spellings.dedup();
    }
    let escaped = |text: String| text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    spellings.into_iter().map(|spelling| format!("%{}%", escaped(spelling))).collect()
}

impl Store {
    /// A page of a view: at most `limit` rows from `place` on, files that are found to be gone left out.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails, holds a row that this program did not write, or the cursor is one of another order.
    pub fn queue(&self, view: &QueueView, place: QueuePlace<'_>, limit: usize) -> Result<QueuePage, StoreError> {
        let (columns, descends) = view.key();
        let backwards = matches!(place, QueuePlace::Before(_) | QueuePlace::End);
        let descends = descends != backwards;
        let mut conditions = Conditions::of(&view.filter, self.along(view)?).undecided(&view.filter);
        if let QueuePlace::After(cursor) | QueuePlace::Before(cursor) = place {
            if !cursor.fits(columns) {
                return Err(StoreError::Malformed { path: self.path.clone(), what: "cursor" });
            }
            let marks = vec!["?"; columns.len()].join(", ");
            let sign = if descends { "<" } else { ">" };
            conditions.add(format!("({}) {sign} ({marks})", columns.join(", ")), cursor.values());
        }
        let way = if descends { " DESC" } else { "" };
        let order: Vec<String> = columns.iter().map(|column| format!("{column}{way}")).collect();
        // One more tells whether it goes on.
        let sql = format!(
            "SELECT {COLUMNS} FROM track WHERE {} ORDER BY {} LIMIT {}",
            conditions.joined(),
            order.join(", "),
            limit + 1
        );
        let raw = {
            let connection = self.reading();
            let list = || -> rusqlite::Result<Vec<RawQueued>> {
                let mut statement = connection.prepare_cached(&sql)?;
                statement.query_map(params_from_iter(&conditions.values), RawQueued::read)?.collect()
            };
            list().map_err(|e| self.error(e))?
        };
        let goes_on = raw.len() > limit;
        let rows: Result<Vec<QueuedTrack>, StoreError> =
            raw.into_iter().take(limit).map(|raw| raw.check(self)).collect();
        let mut rows = rows?;
        if backwards {
            rows.reverse();
        }
        let key = |row: Option<&QueuedTrack>| row.map(|row| view.cursor_of(row));
        let (first, last) = (key(rows.first()), key(rows.last()));
        rows.retain(|row| !super::moves::is_gone(&row.path, row.device));
        Ok(QueuePage { rows, first, last, goes_on })
    }

    /// How many files a filter lets through, those that are gone unnoticed among them.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn count_queue(&self, filter: &QueueFilter) -> Result<u64, StoreError> {
        let along = if self.is_narrow(filter)? { Along::Path } else { Along::Set };
        // What the owner decided about is counted by itself: so the rest is counted in an index, and no row is read for it.
        let all = Conditions::of(filter, along);
        let decided = Conditions::of(filter, Along::Path);
        let counted = all.joined();
        let but = match filter.set {
            QueueSet::TakenOut | QueueSet::Library => "SELECT NULL WHERE 0",
            _ => "SELECT path FROM owner_choice WHERE origin != 'handed back'",
        };
        let sql = format!(
            "SELECT (SELECT count(*) FROM track WHERE {counted})
                  - (SELECT count(*) FROM track WHERE path IN ({but}) AND {})",
            decided.joined()
        );
        let connection = self.reading();
        let count = || -> rusqlite::Result<i64> {
            let values = all.values.iter().chain(&decided.values);
            connection.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))
        };
        count().map(|count| u64::try_from(count).unwrap_or(0)).map_err(|e| self.error(e))
    }

    /// The row of a file that was analysed, whether or not it waits for anything.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn queued(&self, path: &Path) -> Result<Option<QueuedTrack>, StoreError> {
        self.one("path = ?", Value::from(path_bytes(path).to_vec()))
    }

    /// The same by the number of the row.
    ///
    /// # Errors
    /// As for [`queued`](Self::queued).
    pub fn queued_by_id(&self, id: TrackId) -> Result<Option<QueuedTrack>, StoreError> {
        self.one("id = ?", Value::from(id.0))
    }

    fn one(&self, condition: &str, value: Value) -> Result<Option<QueuedTrack>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM track WHERE {condition} AND confidence IS NOT NULL");
        let raw = {
            let connection = self.reading();
            let find = || connection.prepare_cached(&sql)?.query_row([value], RawQueued::read).optional();
            find().map_err(|e| self.error(e))?
        };
        raw.map(|raw| raw.check(self)).transpose()
    }

    /// Notes whether the models named different genres for a file.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn note_difference(&self, path: &Path, models_differ: bool) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE track SET models_differ = ?2 WHERE path = ?1";
        self.execute(SQL, rusqlite::params![path_bytes(path), models_differ])
    }

    fn along(&self, view: &QueueView) -> Result<Along, StoreError> {
        Ok(match view.order {
            QueueOrder::Path => Along::Path,
            _ if self.is_narrow(&view.filter)? => Along::Path,
            QueueOrder::Added => Along::Added,
            QueueOrder::Confidence => Along::Confidence,
            QueueOrder::Worth => Along::Set,
        })
    }

    /// Whether a filter is of a folder with few rows.
    fn is_narrow(&self, filter: &QueueFilter) -> Result<bool, StoreError> {
        let Some(folder) = &filter.path else { return Ok(false) };
        let (first, end) = range_below(folder);
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM track WHERE path > ?1 AND path < ?2 LIMIT {NARROW})");
        let connection = self.reading();
        let count =
            || -> rusqlite::Result<i64> { connection.prepare_cached(&sql)?.query_row([first, end], |row| row.get(0)) };
        count().map(|count| (count as usize) < NARROW).map_err(|e| self.error(e))
    }
}

/// A row before its words and numbers were checked.
pub(super) struct RawQueued {
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

impl RawQueued {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
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

    pub(super) fn check(self, store: &Store) -> Result<QueuedTrack, StoreError> {
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

impl QueueCursor {
    /// Whether it is a key of these columns.
    fn fits(&self, columns: &[&str]) -> bool {
        let is = |(part, column): (&Part, &&str)| match part {
            Part::Integer(_) => matches!(*column, "not_music" | "added_at" | "id"),
            Part::Real(_) => matches!(*column, "confidence" | "worth"),
            Part::Bytes(_) => *column == "path",
        };
        self.0.len() == columns.len() && self.0.iter().zip(columns).all(is)
    }

    fn values(&self) -> impl Iterator<Item = Value> {
        self.0.iter().map(|part| match part {
            Part::Integer(number) => Value::from(*number),
            Part::Real(number) => Value::from(*number),
            Part::Bytes(bytes) => Value::from(bytes.clone()),
        })
    }
}

impl fmt::Display for QueueCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            let dot = if i > 0 { "." } else { "" };
            match part {
                Part::Integer(number) => write!(f, "{dot}i{number}")?,
                // The bits: a key that was rounded would show a row twice, or never.
                Part::Real(number) => write!(f, "{dot}r{:016x}", number.to_bits())?,
                Part::Bytes(bytes) => {
                    write!(f, "{dot}b")?;
                    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                }
            }
        }
        Ok(())
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of a page; take the one that the page before gave")]
pub struct NoCursor;

impl FromStr for QueueCursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let part = |text: &str| -> Option<Part> {
            let kind = text.chars().next()?;
            let rest = text.get(1..)?;
            match kind {
                'i' => rest.parse().ok().map(Part::Integer),
                'r' => u64::from_str_radix(rest, 16).ok().map(|bits| Part::Real(f64::from_bits(bits))),
                'b' if rest.is_ascii() && rest.len().is_multiple_of(2) => {
                    let byte = |at: usize| u8::from_str_radix(&rest[at..at + 2], 16).ok();
                    (0..rest.len()).step_by(2).map(byte).collect::<Option<_>>().map(Part::Bytes)
                }
                _ => None,
            }
        };
        text.split('.').map(part).collect::<Option<Vec<_>>>().map(Self).ok_or(NoCursor)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
