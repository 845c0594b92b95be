//! The library in numbers: sums of what is kept as rows change, so that no row is counted for them.

use rusqlite::{Connection, params};

use super::{StatusCounts, Store, StoreError};

/// How sure the program was, in equal steps: those of the table.
const BINS: usize = 20;

/// Counts over the whole library.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Files by what became of them.
    pub statuses: StatusCounts,
    /// Files that the owner decided about.
    pub decided: u64,
    /// Analysed files by the first genre of the vote, the most frequent first.
    pub genres: Vec<GenreCounts>,
    /// Analysed files by confidence, the lowest first.
    pub confidence: Vec<ConfidenceBin>,
}

/// Files of a genre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenreCounts {
    /// Its name, as it would be written.
    pub genre: String,
    /// Files.
    pub tracks: u64,
    /// Of these, those that carry a genre of ours.
    pub tagged: u64,
    /// Of these, those that wait.
    pub unsure: u64,
}

/// Files with a confidence between two values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfidenceBin {
    /// From this on.
    pub from: f32,
    /// Up to this.
    pub to: f32,
    /// Files.
    pub tracks: u64,
    /// Of these, those that carry a genre of ours.
    pub tagged: u64,
}

/// How often the models named the same genre.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Files for which all named the same first.
    pub agree: u64,
    /// Files for which they named different ones.
    pub differ: u64,
    /// Analysed files of which that was not noted.
    pub unknown: u64,
}

/// What was changed in a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangeCounts {
    /// Files that a scan wrote.
    pub written: u64,
    /// Files about which the owner decided, with or without a write.
    pub corrected: u64,
    /// Writes and decisions that were taken back.
    pub undone: u64,
}

impl Store {
    /// Counts over all rows.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn figures(&self) -> Result<Figures, StoreError> {
        let connection = self.reading();
        let count = || -> rusqlite::Result<Figures> {
            Ok(Figures {
                statuses: statuses(&connection)?,
                decided: connection.query_row(
                    "SELECT count(*) FROM owner_choice WHERE origin != 'handed back'",
                    [],
                    |row| row.get::<_, i64>(0),
                )? as u64,
                genres: genres(&connection)?,
                confidence: confidence(&connection)?,
            })
        };
        count().map_err(|e| self.error(e))
    }

    /// How often the models named the same genre, over the analysed files that are there.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn agreement(&self) -> Result<Agreement, StoreError> {
        let connection = self.reading();
        let sql = "SELECT coalesce(sum(models_differ = 0), 0), coalesce(sum(models_differ = 1), 0),
                          coalesce(sum(confidence IS NOT NULL AND models_differ IS NULL), 0)
                   FROM track WHERE gone_at IS NULL";
        let count = |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(|count| count as u64);
        let agreement = connection.query_row(sql, [], |row| {
            Ok(Agreement { agree: count(row, 0)?, differ: count(row, 1)?, unknown: count(row, 2)? })
        });
        agreement.map_err(|e| self.error(e))
    }

    /// What was changed from a moment on and before another, in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn count_changes(&self, from: i64, to: i64) -> Result<ChangeCounts, StoreError> {
        let connection = self.reading();
        let one = |sql: &str| -> rusqlite::Result<u64> {
            connection.prepare_cached(sql)?.query_row(params![from, to], |row| row.get::<_, i64>(0)).map(|n| n as u64)
        };
        let count = || -> rusqlite::Result<ChangeCounts> {
            const WRITES: &str =
                "SELECT count(*) FROM journal WHERE state = 'committed' AND begun_at >= ?1 AND begun_at < ?2";
            Ok(ChangeCounts {
                written: one(&format!("{WRITES} AND cause = '\"scan\"'"))?,
                corrected: one("SELECT count(*) FROM correction WHERE made_at >= ?1 AND made_at < ?2")?,
                undone: one(&format!("{WRITES} AND cause = '\"undo\"'"))?,
            })
        };
        count().map_err(|e| self.error(e))
    }

    /// Row numbers of analysed audio, spread over the whole library: at most `limit`, and whether there are more.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn sample_audio(&self, limit: usize) -> Result<(Vec<super::AudioKey>, bool), StoreError> {
        let connection = self.reading();
        let list = || -> rusqlite::Result<(Vec<super::AudioKey>, bool)> {
            // Each by itself: of both at once the whole table would be read.
            let ends = "SELECT coalesce((SELECT min(id) FROM audio), 0), coalesce((SELECT max(id) FROM audio), 0)";
            let (first, last): (i64, i64) = connection.query_row(ends, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let step = ((last - first) / limit.max(1) as i64).max(1);
            let mut next = connection.prepare_cached("SELECT min(id) FROM audio WHERE id >= ?1")?;
            let (mut found, mut at) = (Vec::new(), first);
            while at <= last && found.len() < limit {
                let Some(id) = next.query_row([at], |row| row.get::<_, Option<i64>>(0))? else { break };
                found.push(super::AudioKey(id));
                at = (at + step).max(id + 1);
            }
            Ok((found, step > 1))
        };
        list().map_err(|e| self.error(e))
    }
}

fn statuses(connection: &Connection) -> rusqlite::Result<StatusCounts> {
    let mut statement = connection.prepare_cached("SELECT status, sum(tracks) FROM tally GROUP BY status")?;
    let mut rows = statement.query([])?;
    let mut counts = StatusCounts::default();
    while let Some(row) = rows.next()? {
        counts.add_word(&row.get::<_, String>(0)?, row.get::<_, i64>(1)? as u64);
    }
    Ok(counts)
}

fn genres(connection: &Connection) -> rusqlite::Result<Vec<GenreCounts>> {
    let mut statement = connection.prepare_cached(
        "SELECT genre, sum(tracks), sum(iif(status = 'tagged', tracks, 0)), sum(iif(status = 'unsure', tracks, 0))
         FROM tally WHERE genre != '' AND status != 'gone' AND bin >= 0 GROUP BY genre ORDER BY 2 DESC LIMIT 500",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(GenreCounts {
            genre: row.get(0)?,
            tracks: row.get::<_, i64>(1)? as u64,
            tagged: row.get::<_, i64>(2)? as u64,
            unsure: row.get::<_, i64>(3)? as u64,
        })
    })?;
    rows.collect()
}

fn confidence(connection: &Connection) -> rusqlite::Result<Vec<ConfidenceBin>> {
    let edge = |bin: usize| bin as f32 / BINS as f32;
    let mut bins: Vec<ConfidenceBin> =
        (0..BINS).map(|bin| ConfidenceBin { from: edge(bin), to: edge(bin + 1), tracks: 0, tagged: 0 }).collect();
    let mut statement = connection.prepare_cached(
        "SELECT bin, sum(tracks), sum(iif(status = 'tagged', tracks, 0)) FROM tally
         WHERE bin >= 0 AND status != 'gone' GROUP BY bin",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let bin: i64 = row.get(0)?;
        if let Some(bin) = usize::try_from(bin).ok().and_then(|bin| bins.get_mut(bin)) {
            bin.tracks = row.get::<_, i64>(1)? as u64;
            bin.tagged = row.get::<_, i64>(2)? as u64;
        }
    }
    Ok(bins)
}
