//! What the ensemble made of each piece of audio.

use rusqlite::{OptionalExtension, params};

use super::{AudioKey, Store, StoreError, unix_now};

/// Genres with their shares, best first.
pub type Ranking = Vec<(String, f32)>;

impl Store {
    /// Keeps a verdict of an ensemble on a piece of audio.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn keep_verdict(
        &self,
        audio: AudioKey,
        ensemble: &str,
        confidence: f32,
        ranking: &[(String, f32)],
    ) -> Result<(), StoreError> {
        let Some((genre, _)) = ranking.first() else { return Ok(()) };
        let json = serde_json::to_string(ranking)
            .map_err(|_| StoreError::Malformed { path: self.path.clone(), what: "ranking" })?;
        const SQL: &str = "INSERT OR REPLACE INTO verdict (audio, ensemble, genre, confidence, ranking, made_at)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.execute(SQL, params![audio.0, ensemble, genre, f64::from(confidence), json, unix_now()])
    }

    /// The verdict of an ensemble on a piece of audio: confidence and ranking, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a ranking that this program did not write.
    pub fn verdict(&self, audio: AudioKey, ensemble: &str) -> Result<Option<(f32, Ranking)>, StoreError> {
        let connection = self.reading();
        let find = || -> rusqlite::Result<Option<(f64, String)>> {
            connection
                .prepare_cached("SELECT confidence, ranking FROM verdict WHERE audio = ?1 AND ensemble = ?2")?
                .query_row(params![audio.0, ensemble], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        };
        let Some((confidence, json)) = find().map_err(|e| self.error(e))? else { return Ok(None) };
        let ranking = parse_ranking(Some(&json));
        let ranking = ranking.ok_or_else(|| StoreError::Malformed { path: self.path.clone(), what: "ranking" })?;
        Ok(Some((confidence as f32, ranking)))
    }
}

/// A ranking as it stands in a column: JSON pairs of genre and share; a missing one is empty.
pub(super) fn parse_ranking(json: Option<&str>) -> Option<Ranking> {
    match json {
        None => Some(Vec::new()),
        Some(json) => serde_json::from_str(json).ok(),
    }
}

#[cfg(test)]
mod tests {
    use crate::audio::AudioId;
    use crate::store::tests::fresh;

    #[test]
    fn a_verdict_comes_back_for_its_own_ensemble_only() {
        let (_folder, store) = fresh();
        let audio = store.audio(AudioId::from_bytes([1; 16])).unwrap();
        let ranking = vec![("Jazz".to_owned(), 0.75), ("Blues".to_owned(), 0.25)];
        store.keep_verdict(audio, "two models", 0.7, &ranking).unwrap();
        assert_eq!(store.verdict(audio, "two models").unwrap(), Some((0.7, ranking)));
        assert_eq!(store.verdict(audio, "three models").unwrap(), None);
    }
}
