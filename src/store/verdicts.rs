//! What the ensemble made of each piece of audio, and the list of what a person should look at.

use std::path::PathBuf;

use rusqlite::{OptionalExtension, params};

use super::{AudioKey, Store, StoreError, path_from_bytes, unix_now};

/// Genres with their shares, best first.
pub type Ranking = Vec<(String, f32)>;

/// Which files a review lists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReviewQuery {
    /// Those whose genre was not written because the vote was unsure.
    Unsure,
    /// Every analysed file whose confidence is below this, written or not.
    Below(f32),
    /// Those from which a genre of ours was taken back or out, and which are left alone since.
    TakenOut,
}

/// A file that a person should look at.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewItem {
    /// The file.
    pub path: PathBuf,
    /// What became of it; the words of [`super::TrackStatus`].
    pub status: String,
    /// The genres of the vote, best first, with their shares.
    pub ranking: Ranking,
    /// The vote's confidence, 0 to 1.
    pub confidence: f32,
    /// Why nothing was written.
    pub reason: Option<String>,
}

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
        let connection = self.results();
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

    /// The files to review, the least sure first, at most `limit` of them (0: all), and how many there are in all. Files that
    /// are gone are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a ranking that this program did not write.
    pub fn review(&self, query: ReviewQuery, limit: usize) -> Result<(Vec<ReviewItem>, usize), StoreError> {
        let (condition, below) = match query {
            ReviewQuery::Unsure => ("status = 'unsure' AND confidence <= ?1", 1.0),
            ReviewQuery::TakenOut => (
                "confidence <= ?1 AND path IN (SELECT path FROM owner_choice WHERE origin IN ('taken back', 'taken out'))",
                1.0,
            ),
            ReviewQuery::Below(confidence) => ("confidence < ?1", f64::from(confidence)),
        };
        let connection = self.results();
        let list = || -> rusqlite::Result<(Vec<RawItem>, usize)> {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT path, status, ranking, confidence, reason, device FROM track WHERE gone_at IS NULL AND {condition}
                 ORDER BY confidence, path"
            ))?;
            let mut rows = statement.query([below])?;
            let (mut items, mut total) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let path = path_from_bytes(row.get(0)?);
                if super::moves::is_gone(&path, row.get::<_, i64>(5)? as u64) {
                    continue;
                }
                total += 1;
                if limit == 0 || items.len() < limit {
                    items.push((path, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
                }
            }
            Ok((items, total))
        };
        let (raw, total) = list().map_err(|e| self.error(e))?;
        let items = raw.into_iter().map(|(path, status, ranking, confidence, reason)| {
            let ranking = parse_ranking(ranking.as_deref());
            let ranking = ranking.ok_or_else(|| StoreError::Malformed { path: self.path.clone(), what: "ranking" })?;
            Ok(ReviewItem { path, status, ranking, confidence: confidence as f32, reason })
        });
        Ok((items.collect::<Result<_, StoreError>>()?, total))
    }
}

type RawItem = (PathBuf, String, Option<String>, f64, Option<String>);

/// A ranking as it stands in a column: JSON pairs of genre and share; a missing one is empty.
pub(super) fn parse_ranking(json: Option<&str>) -> Option<Ranking> {
    match json {
        None => Some(Vec::new()),
        Some(json) => serde_json::from_str(json).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::AudioId;
    use crate::store::tests::fresh;
    use crate::store::{TrackStatus, TrackUpdate};
    use crate::tagging::FileStamp;
    use std::path::Path;

    #[test]
    fn a_verdict_comes_back_for_its_own_ensemble_only() {
        let (_folder, store) = fresh();
        let audio = store.audio(AudioId::from_bytes([1; 16])).unwrap();
        let ranking = vec![("Jazz".to_owned(), 0.75), ("Blues".to_owned(), 0.25)];
        store.keep_verdict(audio, "two models", 0.7, &ranking).unwrap();
        assert_eq!(store.verdict(audio, "two models").unwrap(), Some((0.7, ranking)));
        assert_eq!(store.verdict(audio, "three models").unwrap(), None);
    }

    #[test]
    fn review_lists_the_least_sure_first_and_says_how_many_wait() {
        let (_folder, store) = fresh();
        let record = |name: &str, status, confidence| {
            let stamp = FileStamp { size: 1, mtime_seconds: 1, mtime_nanoseconds: 1, inode: 1, device: 1 };
            let ranking = [("Jazz".to_owned(), 0.5)];
            let (genre, reason, settled_by) = (Some("Jazz"), None, Some("s"));
            let path = Path::new(name);
            let update = TrackUpdate {
                path,
                audio: None,
                stamp,
                status,
                genre,
                confidence,
                ranking: &ranking,
                reason,
                settled_by,
            };
            store.record_track(&update).unwrap();
        };
        record("/a", TrackStatus::Unsure, Some(0.5));
        record("/b", TrackStatus::Unsure, Some(0.2));
        record("/c", TrackStatus::Tagged, Some(0.7));
        record("/d", TrackStatus::Skipped, None);
        let names = |query, limit| {
            let (items, total) = store.review(query, limit).unwrap();
            (items.into_iter().map(|i| i.path.display().to_string()).collect::<Vec<_>>(), total)
        };
        assert_eq!(names(ReviewQuery::Unsure, 0), (vec!["/b".into(), "/a".into()], 2));
        assert_eq!(names(ReviewQuery::Unsure, 1), (vec!["/b".into()], 2));
        assert_eq!(names(ReviewQuery::Below(0.8), 0), (vec!["/b".into(), "/a".into(), "/c".into()], 3));
        assert_eq!(names(ReviewQuery::Below(0.2), 0), (vec![], 0), "below means below");
    }
}
