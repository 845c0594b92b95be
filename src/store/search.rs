//! Finding tracks by words: of their path, artist, title, album and genre, along a full-text index. Rows come in the order of their
//! numbers, so that a page begins where the last one ended and nothing has to be sorted.

use rusqlite::params;

use super::queue::{COLUMNS, RawQueued};
use super::{QueuedTrack, Store, StoreError, TrackId};

/// Words that are looked for.
const WORDS: usize = 12;
/// Letters from which on the beginning of the last word is enough: of one letter every other row has one.
const BEGINNING: usize = 2;

impl Store {
    /// The analysed tracks that have each of these words, the last of which may be the beginning of one, behind a row: at most `limit`,
    /// files that are gone left out. The second value is the row to go on behind, if it goes on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn search(
        &self,
        text: &str,
        after: Option<TrackId>,
        limit: usize,
    ) -> Result<(Vec<QueuedTrack>, Option<TrackId>), StoreError> {
        let Some(expression) = expression(text) else { return Ok((Vec::new(), None)) };
        let sql = format!(
            "SELECT {COLUMNS} FROM track_words CROSS JOIN track ON track.id = track_words.rowid
             WHERE track_words MATCH ?1 AND track_words.rowid > ?2 AND track.gone_at IS NULL AND track.confidence IS NOT NULL
             ORDER BY track_words.rowid LIMIT ?3"
        );
        let raw = {
            let connection = self.reading();
            let list = || -> rusqlite::Result<Vec<RawQueued>> {
                let mut statement = connection.prepare_cached(&sql)?;
                let after = after.map_or(i64::MIN, |after| after.0);
                statement.query_map(params![expression, after, limit as i64 + 1], RawQueued::read)?.collect()
            };
            list().map_err(|e| self.error(e))?
        };
        let goes_on = raw.len() > limit;
        let rows: Result<Vec<QueuedTrack>, StoreError> =
            raw.into_iter().take(limit).map(|raw| raw.check(self)).collect();
        let rows = rows?;
        let next = rows.last().filter(|_| goes_on).map(|row| row.id);
        Ok((rows, next))
    }
}

/// What was typed as an expression of FTS5: every word quoted, so that none of them is an operator; none where there is no word.
fn expression(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS);
    let mut terms: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    // Whoever types is at the last one. For a beginning, all rows that have such a word are listed first: so there is one at the most.
    if let Some(last) = terms.last_mut().filter(|last| last.chars().count() >= BEGINNING + 2) {
        last.push('*');
    }
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::tests::fresh;
    use crate::store::{TrackStatus, TrackUpdate};
    use crate::tagging::{Credits, FileStamp};

    fn record(store: &Store, path: &str, genre: &str) {
        let stamp = FileStamp { size: 1, mtime_seconds: 2, mtime_nanoseconds: 3, inode: 4, device: 5 };
        let update = TrackUpdate {
            path: Path::new(path),
            audio: None,
            stamp,
            status: TrackStatus::Unsure,
            genre: Some(genre),
            confidence: Some(0.5),
            ranking: &[],
            reason: None,
            settled_by: None,
        };
        store.record_track(&update).unwrap();
    }

    fn found(store: &Store, text: &str) -> Vec<String> {
        let (rows, _) = store.search(text, None, 50).unwrap();
        rows.into_iter().map(|row| row.path.display().to_string()).collect()
    }

    #[test]
    fn a_track_is_found_by_words_in_any_case_and_without_accents_while_the_last_one_is_typed() {
        let (_folder, store) = fresh();
        record(&store, "/m/Bj\u{f6}rk/Début/01 Human_Behaviour.mp3", "Electronic");
        record(&store, "/m/Miles Davis/Kind of Blue/So What.flac", "Jazz");
        let credits =
            Credits { artist: Some("The Cinematic Orchestra".into()), title: None, album: Some("Ma Fleur".into()) };
        store.note_credits(Path::new("/m/Miles Davis/Kind of Blue/So What.flac"), &credits).unwrap();
        assert_eq!(found(&store, "bjork debut").len(), 1);
        assert_eq!(found(&store, "behav").len(), 1);
        assert_eq!(found(&store, "kind jazz cinem").len(), 1, "path, genre and artist");
        assert_eq!(found(&store, "kind electronic").len(), 0);
        assert_eq!(found(&store, "cinem kind").len(), 0, "a beginning that is not the last word");
        assert_eq!(found(&store, "iles").len(), 0, "inside of a word");
        record(&store, "/m/Miles Davis/Kind of Blue/So What.flac", "Blues");
        assert_eq!((found(&store, "kind jazz").len(), found(&store, "kind blues fleur").len()), (0, 1));
    }

    #[test]
    fn nothing_that_is_typed_is_an_operator() {
        let (_folder, store) = fresh();
        record(&store, "/m/AND.mp3", "Rock");
        for text in ["AND", "and*", "\"and", "words:and", "and -", "(and", "NEAR(and)", "^and"] {
            assert!(store.search(text, None, 5).is_ok(), "{text}");
        }
        assert_eq!(found(&store, "AND").len(), 1);
        assert!(found(&store, "\" * ^ :").is_empty() && found(&store, "").is_empty());
    }

    #[test]
    fn pages_of_found_tracks_join() {
        let (_folder, store) = fresh();
        (0..7).for_each(|i| record(&store, &format!("/m/song {i}.mp3"), "Rock"));
        let (mut after, mut seen) = (None, 0);
        loop {
            let (rows, next) = store.search("song", after, 3).unwrap();
            seen += rows.len();
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, 7);
    }
}
