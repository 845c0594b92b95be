//! What the owner decided at a desk, and where: the list by which a decision is taken back and its file goes back into
//! the queue.
//!
//! The decision itself is the owner's choice of [`choices`](super::choices), and what was written is the journal's: a
//! correction that a crash kept out of this list holds all the same.

use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::{AudioKey, Store, StoreError, TrackStatus, path_bytes, path_from_bytes, unix_now};
use crate::tagging::{EntryId, OwnersChoice};

/// The number of a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorrectionId(pub i64);

/// The number of corrections that were made in one go: an album, a folder, all that was marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoId(pub i64);

/// Where a correction was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// The list in the terminal.
    Terminal,
    /// The page.
    Page,
    /// The interface for programs.
    Api,
    /// A command.
    Command,
}

impl Surface {
    /// The word that stands in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Page => "page",
            Self::Api => "api",
            Self::Command => "command",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Terminal, Self::Page, Self::Api, Self::Command].into_iter().find(|surface| surface.as_str() == word)
    }
}

/// What kind of decision it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CorrectionKind {
    /// The program's guess was right.
    Accepted,
    /// The owner named the genre.
    Set,
    /// The file is to be left alone for good.
    LeftAlone,
}

impl CorrectionKind {
    /// The words that stand in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Set => "set",
            Self::LeftAlone => "left alone",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Accepted, Self::Set, Self::LeftAlone].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A correction that was just made.
#[derive(Debug, Clone)]
pub struct NewCorrection<'a> {
    /// The go that it belongs to; none begins one.
    pub go: Option<GoId>,
    /// The file.
    pub path: &'a Path,
    /// Its audio, where it was identified.
    pub audio: Option<AudioKey>,
    /// What kind of decision it was.
    pub kind: CorrectionKind,
    /// The genre that the file has by it.
    pub genres: &'a [String],
    /// Where it was made.
    pub surface: Surface,
    /// The write, if there was one.
    pub write: Option<EntryId>,
    /// What the file was in the queue as.
    pub status_before: TrackStatus,
    /// What the owner had decided before.
    pub choice_before: Option<&'a OwnersChoice>,
}

/// A correction that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct PastCorrection {
    /// Its number.
    pub id: CorrectionId,
    /// The go that it belongs to.
    pub go: GoId,
    /// The file, by the name that it had.
    pub path: PathBuf,
    /// What kind of decision it was.
    pub kind: CorrectionKind,
    /// The genre that the file has by it.
    pub genres: Vec<String>,
    /// Where it was made.
    pub surface: Surface,
    /// When it was made, in seconds since 1970.
    pub made_at: i64,
    /// The write, if there was one.
    pub write: Option<EntryId>,
    /// What the file was in the queue as.
    pub status_before: TrackStatus,
    /// What the owner had decided before.
    pub choice_before: Option<OwnersChoice>,
    /// Whether it was taken back.
    pub is_undone: bool,
}

const COLUMNS: &str =
    "id, go, path, kind, genres, surface, made_at, journal, status_before, choice_before, undone_at IS NOT NULL";

impl Store {
    /// Notes a correction. Says which go it belongs to.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn note_correction(&self, new: &NewCorrection<'_>) -> Result<GoId, StoreError> {
        let genres = self.json(&new.genres)?;
        let choice = new.choice_before.map(|choice| {
            json!({"genres": choice.genres, "origin": super::choices::word_of(choice.origin)}).to_string()
        });
        self.transact(self.durable(), |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO correction (go, path, audio, kind, genres, surface, made_at, journal, status_before, choice_before)
                     VALUES (coalesce(?1, (SELECT coalesce(max(id), 0) + 1 FROM correction)), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                     RETURNING go",
                )?
                .query_row(
                    params![
                        new.go.map(|go| go.0),
                        path_bytes(new.path),
                        new.audio.map(|audio| audio.0),
                        new.kind.as_str(),
                        genres,
                        new.surface.as_str(),
                        unix_now(),
                        new.write.map(|write| write.0),
                        new.status_before.as_str(),
                        choice,
                    ],
                    |row| row.get(0).map(GoId),
                )
        })
    }

    /// The corrections of one go, the last one first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn corrections_of(&self, go: GoId) -> Result<Vec<PastCorrection>, StoreError> {
        self.corrections("go = ?1 ORDER BY id DESC", params![go.0])
    }

    /// The corrections of the file at `path`, the last one first.
    ///
    /// # Errors
    /// As for [`corrections_of`](Self::corrections_of).
    pub fn corrections_at(&self, path: &Path) -> Result<Vec<PastCorrection>, StoreError> {
        self.corrections("path = ?1 ORDER BY id DESC", params![path_bytes(path)])
    }

    /// The last go of which something was not taken back.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn last_go(&self) -> Result<Option<GoId>, StoreError> {
        const SQL: &str = "SELECT go FROM correction WHERE undone_at IS NULL ORDER BY id DESC LIMIT 1";
        let connection = self.reading();
        let find = || connection.prepare_cached(SQL)?.query_row([], |row| row.get(0).map(GoId)).optional();
        find().map_err(|e| self.error(e))
    }

    /// Notes that a correction was taken back, and puts its file back into the queue as what it was there before.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn note_correction_undone(&self, correction: &PastCorrection) -> Result<(), StoreError> {
        self.transact(self.durable(), |transaction| {
            transaction
                .prepare_cached("UPDATE correction SET undone_at = ?2 WHERE id = ?1")?
                .execute(params![correction.id.0, unix_now()])?;
            // Nothing settled it: the next scan looks at it.
            transaction
                .prepare_cached("UPDATE track SET status = ?2, settled_by = NULL WHERE path = ?1")?
                .execute(params![path_bytes(&correction.path), correction.status_before.as_str()])?;
            Ok(())
        })
    }

    fn corrections(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<PastCorrection>, StoreError> {
        let connection = self.durable();
        let list = || -> rusqlite::Result<Vec<Raw>> {
            let sql = format!("SELECT {COLUMNS} FROM correction WHERE {condition}");
            connection.prepare_cached(&sql)?.query_map(values, Raw::read)?.collect()
        };
        list().map_err(|e| self.error(e))?.into_iter().map(|raw| raw.check(self)).collect()
    }
}

/// A row before its words were checked.
struct Raw {
    id: i64,
    go: i64,
    path: Vec<u8>,
    kind: String,
    genres: String,
    surface: String,
    made_at: i64,
    journal: Option<i64>,
    status_before: String,
    choice_before: Option<String>,
    is_undone: bool,
}

impl Raw {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            go: row.get(1)?,
            path: row.get(2)?,
            kind: row.get(3)?,
            genres: row.get(4)?,
            surface: row.get(5)?,
            made_at: row.get(6)?,
            journal: row.get(7)?,
            status_before: row.get(8)?,
            choice_before: row.get(9)?,
            is_undone: row.get(10)?,
        })
    }

    fn check(self, store: &Store) -> Result<PastCorrection, StoreError> {
        let malformed = || StoreError::Malformed { path: store.path.clone(), what: "correction" };
        let choice = |text: String| -> Option<OwnersChoice> {
            let value: Value = serde_json::from_str(&text).ok()?;
            let origin = super::choices::origin_of(value["origin"].as_str()?)?;
            Some(OwnersChoice { genres: serde_json::from_value(value["genres"].clone()).ok()?, origin })
        };
        Ok(PastCorrection {
            id: CorrectionId(self.id),
            go: GoId(self.go),
            path: path_from_bytes(self.path),
            kind: CorrectionKind::parse(&self.kind).ok_or_else(malformed)?,
            genres: store.parse(&self.genres)?,
            surface: Surface::parse(&self.surface).ok_or_else(malformed)?,
            made_at: self.made_at,
            write: self.journal.map(EntryId),
            status_before: TrackStatus::parse(&self.status_before).ok_or_else(malformed)?,
            choice_before: self.choice_before.map(|text| choice(text).ok_or_else(malformed)).transpose()?,
            is_undone: self.is_undone,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::store::tests::fresh;
    use crate::tagging::Origin;

    #[test]
    fn corrections_of_one_go_are_told_from_the_others_and_say_where_they_were_made() {
        let (_folder, store) = fresh();
        let choice = OwnersChoice { genres: vec!["Old".into()], origin: Origin::TakenBack };
        let note = |go, name: &str, surface| {
            let genres = ["Jazz".to_owned(), "Blues".to_owned()];
            let new = NewCorrection {
                go,
                path: Path::new(name),
                audio: None,
                kind: CorrectionKind::Set,
                genres: &genres,
                surface,
                write: Some(EntryId(7)),
                status_before: TrackStatus::Unsure,
                choice_before: Some(&choice),
            };
            store.note_correction(&new).unwrap()
        };
        let album = note(None, "/m/1.mp3", Surface::Terminal);
        assert_eq!(note(Some(album), "/m/2.mp3", Surface::Terminal), album);
        let single = note(None, "/m/3.mp3", Surface::Api);
        assert_ne!(single, album);
        let made = store.corrections_of(album).unwrap();
        assert_eq!(made.iter().map(|made| made.path.to_str().unwrap()).collect::<Vec<_>>(), ["/m/2.mp3", "/m/1.mp3"]);
        assert_eq!((made[0].surface, made[0].write), (Surface::Terminal, Some(EntryId(7))));
        assert_eq!((made[0].genres.len(), made[0].choice_before.as_ref()), (2, Some(&choice)));
        assert_eq!(store.last_go().unwrap(), Some(single));
        store.note_correction_undone(&store.corrections_of(single).unwrap()[0]).unwrap();
        assert_eq!(store.last_go().unwrap(), Some(album));
        assert!(store.corrections_at(Path::new("/m/3.mp3")).unwrap()[0].is_undone);
    }
}
