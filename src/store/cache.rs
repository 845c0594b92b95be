//! Results that are dear to compute, by audio identity: features, embeddings, scores, and the failures that need no
//! second try.
//!
//! Keys are made by the pipeline: they hold every version and parameter a value depends on, so a value is never wrong,
//! only missing.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};
use crate::audio::AudioId;

/// The row of a piece of audio in this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AudioKey(pub(super) i64);

impl AudioKey {
    /// Its number in this database, for what is kept beside it.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The row of this number, which came from [`Self::number`].
    pub fn from_number(number: i64) -> Self {
        Self(number)
    }
}

impl Store {
    /// The row of a piece of audio, made where it is missing.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn audio(&self, id: AudioId) -> Result<AudioKey, StoreError> {
        let connection = self.results();
        let find = || -> rusqlite::Result<i64> {
            let found = connection
                .prepare_cached("SELECT id FROM audio WHERE audio_id = ?1")?
                .query_row([id.as_bytes()], |row| row.get(0))
                .optional()?;
            if let Some(key) = found {
                return Ok(key);
            }
            connection
                .prepare_cached(
                    "INSERT INTO audio (audio_id) VALUES (?1)
                     ON CONFLICT (audio_id) DO UPDATE SET audio_id = excluded.audio_id RETURNING id",
                )?
                .query_row([id.as_bytes()], |row| row.get(0))
        };
        find().map(AudioKey).map_err(|e| self.error(e))
    }

    /// The row of a piece of audio, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn find_audio(&self, id: AudioId) -> Result<Option<AudioKey>, StoreError> {
        let connection = self.reading();
        let find = || -> rusqlite::Result<Option<i64>> {
            connection
                .prepare_cached("SELECT id FROM audio WHERE audio_id = ?1")?
                .query_row([id.as_bytes()], |row| row.get(0))
                .optional()
        };
        Ok(find().map_err(|e| self.error(e))?.map(AudioKey))
    }

    /// Notes what the decoder found: the codec's name and the duration.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn describe_audio(
        &self,
        audio: AudioKey,
        codec: &str,
        duration: std::time::Duration,
    ) -> Result<(), StoreError> {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.execute("UPDATE audio SET codec = ?2, duration_ms = ?3 WHERE id = ?1", params![audio.0, codec, millis])
    }

    /// A cached feature vector, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or the value is not a row of float32.
    pub fn feature(&self, audio: AudioKey, kind: &str, window: &str) -> Result<Option<Vec<f32>>, StoreError> {
        const SQL: &str = "SELECT value FROM feature WHERE audio = ?1 AND kind = ?2 AND window = ?3";
        self.floats(SQL, audio, kind, window, "feature vector")
    }

    /// Keeps a feature vector.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn keep_feature(&self, audio: AudioKey, kind: &str, window: &str, value: &[f32]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO feature (audio, kind, window, value) VALUES (?1, ?2, ?3, ?4)";
        self.execute(SQL, params![audio.0, kind, window, to_bytes(value)])
    }

    /// What a model said, as probabilities in the order of its labels, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or the value is not a row of float32.
    pub fn scores(&self, audio: AudioKey, model: &str, window: &str) -> Result<Option<Vec<f32>>, StoreError> {
        const SQL: &str = "SELECT probabilities FROM score WHERE audio = ?1 AND model = ?2 AND window = ?3";
        self.floats(SQL, audio, model, window, "score")
    }

    /// Keeps what a model said.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn keep_scores(
        &self,
        audio: AudioKey,
        model: &str,
        window: &str,
        probabilities: &[f32],
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO score (audio, model, window, probabilities) VALUES (?1, ?2, ?3, ?4)";
        self.execute(SQL, params![audio.0, model, window, to_bytes(probabilities)])
    }

    /// Why the audio could not be analysed, if it was tried before by this version of the program in this way.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn failure(&self, audio: AudioKey, program: &str) -> Result<Option<String>, StoreError> {
        let connection = self.reading();
        let find = || -> rusqlite::Result<Option<String>> {
            connection
                .prepare_cached("SELECT reason FROM failure WHERE audio = ?1 AND program = ?2")?
                .query_row(params![audio.0, program], |row| row.get(0))
                .optional()
        };
        find().map_err(|e| self.error(e))
    }

    /// Remembers that this version of the program cannot analyse the audio in this way.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn keep_failure(&self, audio: AudioKey, program: &str, reason: &str) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO failure (audio, program, reason) VALUES (?1, ?2, ?3)";
        self.execute(SQL, params![audio.0, program, reason])
    }

    /// Forgets all failures of a piece of audio: it was analysed.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn forget_failures(&self, audio: AudioKey) -> Result<(), StoreError> {
        self.execute("DELETE FROM failure WHERE audio = ?1", [audio.0])
    }

    pub(super) fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        let connection = self.results();
        let run = || connection.prepare_cached(sql)?.execute(values);
        run().map(|_| ()).map_err(|e| self.error(e))
    }

    fn floats(
        &self,
        sql: &str,
        audio: AudioKey,
        key: &str,
        window: &str,
        what: &'static str,
    ) -> Result<Option<Vec<f32>>, StoreError> {
        let connection = self.reading();
        let find = || -> rusqlite::Result<Option<Vec<u8>>> {
            connection.prepare_cached(sql)?.query_row(params![audio.0, key, window], |row| row.get(0)).optional()
        };
        let Some(bytes) = find().map_err(|e| self.error(e))? else { return Ok(None) };
        let floats = from_bytes(&bytes).ok_or_else(|| StoreError::Malformed { path: self.path.clone(), what })?;
        Ok(Some(floats))
    }
}

pub(super) fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub(super) fn from_bytes(bytes: &[u8]) -> Option<Vec<f32>> {
    let (chunks, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| chunks.iter().map(|c| f32::from_le_bytes(*c)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::fresh;

    #[test]
    fn cached_values_come_back_bit_for_bit() {
        let (_folder, store) = fresh();
        let audio = store.audio(AudioId::from_bytes([3; 16])).unwrap();
        assert_eq!(audio, store.audio(AudioId::from_bytes([3; 16])).unwrap());
        let value = [1.5, f32::MIN_POSITIVE, -0.0, 3.4e38];
        store.keep_feature(audio, "fma518@22050/1", "30s 0/1", &value).unwrap();
        let back = store.feature(audio, "fma518@22050/1", "30s 0/1").unwrap().unwrap();
        assert_eq!(back.map_bits(), value.to_vec().map_bits());
        assert_eq!(store.feature(audio, "fma518@44100/1", "30s 0/1").unwrap(), None);
        assert_eq!(store.feature(audio, "fma518@22050/1", "10s 0/1").unwrap(), None);
    }

    trait MapBits {
        fn map_bits(&self) -> Vec<u32>;
    }
    impl MapBits for Vec<f32> {
        fn map_bits(&self) -> Vec<u32> {
            self.iter().map(|v| v.to_bits()).collect()
        }
    }

    #[test]
    fn a_failure_is_tried_again_by_another_version() {
        let (_folder, store) = fresh();
        let audio = store.audio(AudioId::from_bytes([4; 16])).unwrap();
        store.keep_failure(audio, "1", "damaged").unwrap();
        assert_eq!(store.failure(audio, "1").unwrap().as_deref(), Some("damaged"));
        assert_eq!(store.failure(audio, "2").unwrap(), None);
        store.forget_failures(audio).unwrap();
        assert_eq!(store.failure(audio, "1").unwrap(), None);
    }

    #[test]
    fn a_cached_value_of_odd_length_is_an_error_not_a_guess() {
        let (_folder, store) = fresh();
        let audio = store.audio(AudioId::from_bytes([5; 16])).unwrap();
        store.execute("INSERT INTO score VALUES (?1, 'm', 'w', x'010203')", [audio.0]).unwrap();
        assert!(matches!(store.scores(audio, "m", "w"), Err(StoreError::Malformed { .. })));
    }
}
