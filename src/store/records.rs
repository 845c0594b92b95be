//! What is kept of a recording as a record, and records of elsewhere as what is kept: the same rows under the same
//! keys. A value that is known already stays.

use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::cache::{from_bytes, to_bytes};
use super::verdicts::parse_ranking;
use super::{AudioKey, Store, StoreError, path_from_bytes, unix_now};
use crate::records::{Record, RecordedFeature, RecordedScores, RecordedVerdict};

/// What became of records that were taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Records that said something new.
    pub new: u64,
    /// Records of which all was known.
    pub known: u64,
    /// Records without a recording: of a file that could not be read.
    pub empty: u64,
}

impl Store {
    /// What is kept of a recording, without a name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds what this program did not write.
    pub fn record_of(&self, audio: AudioKey) -> Result<Record, StoreError> {
        let connection = self.reading();
        let rows = Rows::read(&connection, audio).map_err(|e| self.error(e))?;
        let malformed = |what| StoreError::Malformed { path: self.path.clone(), what };
        let floats = |bytes: &[u8], what| from_bytes(bytes).ok_or_else(|| malformed(what));
        let features = rows.features.into_iter().map(|(kind, window, bytes)| {
            Ok(RecordedFeature { kind, window, values: floats(&bytes, "feature vector")? })
        });
        let scores = rows.scores.into_iter().map(|(model, window, bytes)| {
            Ok(RecordedScores { model, window, probabilities: floats(&bytes, "score")? })
        });
        let verdict = rows.verdict.map(|(ensemble, confidence, ranking)| {
            let ranking = parse_ranking(Some(&ranking)).ok_or_else(|| malformed("ranking"))?;
            Ok(RecordedVerdict { ensemble, confidence: confidence as f32, ranking })
        });
        let (features, scores) = (features.collect::<Result<Vec<_>, _>>()?, scores.collect::<Result<Vec<_>, _>>()?);
        let verdict = verdict.transpose()?;
        let (gave_up, reason) = rows.failure.filter(|_| scores.is_empty()).unzip();
        let audio = rows.audio.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Record {
            audio: Some(audio),
            codec: rows.codec,
            duration: rows.duration_ms.map(|millis| millis as f64 / 1e3),
            features,
            scores,
            verdict,
            reason,
            gave_up,
            ..Record::default()
        })
    }

    /// Hands over what is kept of every recording that was heard or given up on, in no order that means anything, with
    /// the name of a file that holds it. Each is read by itself, so that others can write meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails, or what `each` answers.
    pub fn each_record<E: From<StoreError>>(&self, mut each: impl FnMut(Record) -> Result<(), E>) -> Result<(), E> {
        const PAGE: i64 = 256;
        const SQL: &str = "SELECT id, (SELECT min(path) FROM track WHERE audio = audio.id AND gone_at IS NULL)
                           FROM audio WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut last = i64::MIN;
        loop {
            let page: Vec<(i64, Option<Vec<u8>>)> = {
                let connection = self.reading();
                let read = || -> rusqlite::Result<_> {
                    let mut statement = connection.prepare_cached(SQL)?;
                    statement.query_map([last, PAGE], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
                };
                read().map_err(|e| self.error(e))?
            };
            let Some((end, _)) = page.last() else { return Ok(()) };
            last = *end;
            for (audio, path) in page {
                let mut record = self.record_of(AudioKey(audio))?;
                if let Some(path) = path {
                    record.name(&path_from_bytes(path));
                }
                // Nothing was heard of it yet.
                if record.reason.is_some() || !record.features.is_empty() || !record.scores.is_empty() {
                    each(record)?;
                }
            }
        }
    }

    /// Takes records in, in one transaction: all of them or none.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn take_in(&self, records: &[Record]) -> Result<TakenIn, StoreError> {
        self.transact(self.results(), |transaction| {
            let mut taken = TakenIn::default();
            for record in records {
                match record.audio_id() {
                    None => taken.empty += 1,
                    Some(id) if take_in(transaction, id.as_bytes(), record)? => taken.new += 1,
                    Some(_) => taken.known += 1,
                }
            }
            Ok(taken)
        })
    }
}

/// What the tables hold of a recording.
struct Rows {
    audio: Vec<u8>,
    codec: Option<String>,
    duration_ms: Option<i64>,
    features: Vec<(String, String, Vec<u8>)>,
    scores: Vec<(String, String, Vec<u8>)>,
    verdict: Option<(String, f64, String)>,
    failure: Option<(String, String)>,
}

impl Rows {
    fn read(connection: &Connection, audio: AudioKey) -> rusqlite::Result<Self> {
        fn three<A: rusqlite::types::FromSql, B: rusqlite::types::FromSql, C: rusqlite::types::FromSql>(
            row: &Row<'_>,
        ) -> rusqlite::Result<(A, B, C)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        }
        let all = |sql| -> rusqlite::Result<Vec<(String, String, Vec<u8>)>> {
            connection.prepare_cached(sql)?.query_map([audio.0], three)?.collect()
        };
        let (id, codec, duration_ms) = connection
            .prepare_cached("SELECT audio_id, codec, duration_ms FROM audio WHERE id = ?1")?
            .query_row([audio.0], three)?;
        Ok(Self {
            audio: id,
            codec,
            duration_ms,
            features: all("SELECT kind, window, value FROM feature WHERE audio = ?1 ORDER BY kind, window")?,
            scores: all("SELECT model, window, probabilities FROM score WHERE audio = ?1 ORDER BY model, window")?,
            // The last that was made.
            verdict: connection
                .prepare_cached(
                    "SELECT ensemble, confidence, ranking FROM verdict WHERE audio = ?1
                     ORDER BY made_at DESC, ensemble DESC LIMIT 1",
                )?
                .query_row([audio.0], three)
                .optional()?,
            failure: connection
                .prepare_cached("SELECT program, reason FROM failure WHERE audio = ?1 ORDER BY program DESC LIMIT 1")?
                .query_row([audio.0], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?,
        })
    }
}

/// Takes one record in; whether it said something new.
fn take_in(transaction: &Transaction<'_>, id: &[u8; 16], record: &Record) -> rusqlite::Result<bool> {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| transaction.prepare_cached(sql)?.execute(values);
    let mut new = run("INSERT OR IGNORE INTO audio (audio_id) VALUES (?1)", &[id])?;
    let audio: i64 =
        transaction.prepare_cached("SELECT id FROM audio WHERE audio_id = ?1")?.query_row([id], |row| row.get(0))?;
    if let (Some(codec), Some(seconds)) = (&record.codec, record.duration) {
        let sql = "UPDATE audio SET codec = ?2, duration_ms = ?3 WHERE id = ?1 AND codec IS NULL";
        new += run(sql, &[&audio, codec, &((seconds * 1e3).round() as i64)])?;
    }
    for RecordedFeature { kind, window, values } in &record.features {
        let sql = "INSERT OR IGNORE INTO feature (audio, kind, window, value) VALUES (?1, ?2, ?3, ?4)";
        new += run(sql, &[&audio, kind, window, &to_bytes(values)])?;
    }
    for RecordedScores { model, window, probabilities } in &record.scores {
        let sql = "INSERT OR IGNORE INTO score (audio, model, window, probabilities) VALUES (?1, ?2, ?3, ?4)";
        new += run(sql, &[&audio, model, window, &to_bytes(probabilities)])?;
    }
    if let Some(RecordedVerdict { ensemble, confidence, ranking }) = &record.verdict
        && let (Some((genre, _)), Ok(json)) = (ranking.first(), serde_json::to_string(ranking))
    {
        let sql = "INSERT OR IGNORE INTO verdict (audio, ensemble, genre, confidence, ranking, made_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        new += run(sql, &[&audio, ensemble, genre, &f64::from(*confidence), &json, &unix_now()])?;
    }
    if !record.scores.is_empty() {
        // It can be analysed after all.
        new += run("DELETE FROM failure WHERE audio = ?1", &[&audio])?;
    } else if let (Some(program), Some(reason)) = (&record.gave_up, &record.reason) {
        let sql = "INSERT OR IGNORE INTO failure (audio, program, reason)
                   SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM score WHERE audio = ?1)";
        new += run(sql, &[&audio, program, reason])?;
    }
    Ok(new > 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::path::Path;

    use super::*;
    use crate::audio::AudioId;
    use crate::store::TrackUpdate;
    use crate::store::tests::{fresh, waiting};

    fn kept(store: &Store, number: u8) -> AudioKey {
        let audio = store.audio(AudioId::from_bytes([number; 16])).unwrap();
        store.describe_audio(audio, "flac", std::time::Duration::from_millis(30_250)).unwrap();
        store.keep_feature(audio, "embedding:m", "30 s x 1", &[0.1, f32::MIN_POSITIVE, -2.5e-7]).unwrap();
        store.keep_scores(audio, "m/1", "30 s x 1", &[0.3, 0.7]).unwrap();
        store.keep_verdict(audio, "one model", 0.7, &[("Jazz".to_owned(), 0.7), ("Blues".to_owned(), 0.3)]).unwrap();
        audio
    }

    fn all(store: &Store) -> Vec<Record> {
        let mut records = Vec::new();
        let each = |record| {
            records.push(record);
            Ok::<_, StoreError>(())
        };
        store.each_record(each).unwrap();
        records
    }

    #[test]
    fn what_was_heard_goes_from_one_database_to_another_and_a_second_time_nothing_happens() {
        let (_folder, from) = fresh();
        let audio = kept(&from, 1);
        from.record_track(&TrackUpdate { audio: Some(audio), ..waiting(Path::new("/m/a.flac")) }).unwrap();
        let given_up = from.audio(AudioId::from_bytes([2; 16])).unwrap();
        from.keep_failure(given_up, "0.1.0 30 s x 1", "too short").unwrap();
        // Nothing is known of it.
        from.audio(AudioId::from_bytes([3; 16])).unwrap();
        let records = all(&from);
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].path.as_deref(), Some("/m/a.flac"));
        let records: Vec<Record> = records.iter().map(|record| Record::parse(&record.to_line()).unwrap()).collect();

        let (_folder, to) = fresh();
        assert_eq!(to.take_in(&records).unwrap(), TakenIn { new: 2, ..TakenIn::default() });
        assert_eq!(to.take_in(&records).unwrap(), TakenIn { known: 2, ..TakenIn::default() });
        let nameless = |record: &Record| Record { path: None, ..record.clone() };
        assert_eq!(all(&to), records.iter().map(nameless).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_known_stays_and_what_was_given_up_is_heard_after_all() {
        let (_folder, store) = fresh();
        let audio = kept(&store, 1);
        let mut record = store.record_of(audio).unwrap();
        record.scores[0].probabilities = vec![1.0, 0.0];
        record.codec = Some("mp3".to_owned());
        assert_eq!(store.take_in(&[record]).unwrap().known, 1);
        assert_eq!(store.scores(audio, "m/1", "30 s x 1").unwrap(), Some(vec![0.3, 0.7]));

        let given_up = store.audio(AudioId::from_bytes([2; 16])).unwrap();
        store.keep_failure(given_up, "0.1.0", "damaged").unwrap();
        let mut heard = store.record_of(audio).unwrap();
        heard.audio = Some(AudioId::from_bytes([2; 16]).to_string());
        let failed = store.record_of(given_up).unwrap();
        store.take_in(&[heard]).unwrap();
        assert_eq!(store.failure(given_up, "0.1.0").unwrap(), None);
        store.take_in(&[failed]).unwrap();
        assert_eq!(store.failure(given_up, "0.1.0").unwrap(), None, "an old failure does not come back");
    }
}
