//! Finding tracks by words: of their path, artist, title, album and genre, along a full-text index. Rows come in the
//! order of their numbers, so that a page begins where the last one ended and nothing has to be sorted.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, params};

use super::queue::{Raw, by_number};
use super::{Effort, QueuedTrack, Store, StoreError, TrackId};

/// Words that are looked for.
const WORDS: usize = 12;
/// Letters from which on the beginning of the last word is enough: of one letter every other row has one.
const BEGINNING: usize = 2;
/// Beginnings of so many letters have an index of their own.
const INDEXED: usize = 3;
/// Words with the same beginning that are looked for one by one.
const COMPLETIONS: usize = 60;

impl Store {
    /// The analysed tracks that have each of these words, the last of which may be the beginning of one, behind a row:
    /// at most `limit`, files that are gone left out. The second value is the row to go on behind, if it goes on; a
    /// search that was to look at some rows only goes on where it looked no further.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn search(
        &self,
        text: &str,
        after: Option<TrackId>,
        limit: usize,
        effort: Effort,
    ) -> Result<(Vec<QueuedTrack>, Option<TrackId>), StoreError> {
        const SQL: &str = "SELECT track.id, track.gone_at IS NULL AND track.confidence IS NOT NULL
             FROM track_words CROSS JOIN track ON track.id = track_words.rowid
             WHERE track_words MATCH ?1 AND track_words.rowid > ?2 ORDER BY track_words.rowid";
        let most = if let Effort::Rows(rows) = effort { rows.max(limit + 1) } else { usize::MAX };
        let find = |connection: &Connection| -> rusqlite::Result<(Vec<Raw>, Option<TrackId>)> {
            let moment = connection.unchecked_transaction()?;
            let Some(expression) = expression(&moment, text)? else { return Ok((Vec::new(), None)) };
            let mut statement = moment.prepare_cached(SQL)?;
            let mut rows = statement.query(params![expression.to_string(), after.map_or(i64::MIN, |after| after.0)])?;
            let (mut found, mut last, mut looked_at) = (Vec::new(), None, 0);
            while let Some(row) = rows.next()? {
                if found.len() == limit || looked_at == most {
                    return Ok((found, last));
                }
                let id = TrackId(row.get(0)?);
                if row.get(1)? {
                    found.extend(by_number(&moment, id)?);
                }
                (last, looked_at) = (Some(id), looked_at + 1);
            }
            Ok((found, None))
        };
        let (raw, next) = find(&self.reading()).map_err(|e| self.error(e))?;
        let rows: Result<Vec<QueuedTrack>, StoreError> = raw.into_iter().map(|raw| raw.check(self)).collect();
        Ok((rows?, next))
    }
}

/// What was typed, as an expression of FTS5: terms all of which a row must have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expression {
    /// Every word quoted, so that none of them is an operator; the last may be a beginning, or one of several words.
    pub(super) terms: Vec<String>,
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.terms.join(" AND "))
    }
}

/// What was typed as an expression; none where there is no word.
pub(super) fn expression(connection: &Connection, text: &str) -> rusqlite::Result<Option<Expression>> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS);
    let mut terms: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    // Whoever types is at the last one.
    if let Some(last) = terms.last_mut() {
        let word = last.trim_matches('"').to_owned();
        let letters = word.chars().count();
        if letters >= BEGINNING {
            // For a beginning without an index, FTS5 lists all rows of all its words before the first one can be read.
            let words = if letters > INDEXED { completions(connection, &word.to_lowercase())? } else { Vec::new() };
            *last = match words.is_empty() {
                true => format!("{last}*"),
                false => {
                    format!("({})", words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR "))
                }
            };
        }
    }
    Ok((!terms.is_empty()).then_some(Expression { terms }))
}

/// The words of the index that begin like this; none where they are many, or where the index spells the beginning
/// otherwise, without its accents.
fn completions(connection: &Connection, beginning: &str) -> rusqlite::Result<Vec<String>> {
    let mut next = connection.prepare_cached("SELECT term FROM track_word WHERE term >= ?1 LIMIT 1")?;
    let mut found: Vec<String> = Vec::new();
    let mut from = beginning.to_owned();
    while let Some(word) = next.query_row([&from], |row| row.get::<_, String>(0)).optional()? {
        if !word.starts_with(beginning) {
            break;
        }
        if found.len() == COMPLETIONS {
            return Ok(Vec::new());
        }
        // Behind the word, and before every longer one.
        from = format!("{word}\u{1}");
        found.push(word);
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::TrackUpdate;
    use crate::store::tests::{fresh, waiting};
    use crate::tagging::Credits;

    fn record(store: &Store, path: &str, genre: &str) {
        store.record_track(&TrackUpdate { genre: Some(genre), ..waiting(Path::new(path)) }).unwrap();
    }

    fn found(store: &Store, text: &str) -> Vec<String> {
        let (rows, _) = store.search(text, None, 500, Effort::All).unwrap();
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
    fn a_long_beginning_is_found_by_whatever_words_have_it() {
        let (_folder, store) = fresh();
        (0..3 * COMPLETIONS).for_each(|i| record(&store, &format!("/m/live{i:04}.mp3"), "Rock"));
        record(&store, "/m/Électro.mp3", "Rock");
        record(&store, "/m/Mötley/electricity.mp3", "Rock");
        assert_eq!(found(&store, "live01").len(), 3 * COMPLETIONS - 100, "more words than are looked for one by one");
        assert_eq!(found(&store, "LIVE000").len(), 10);
        assert_eq!(
            (found(&store, "elect").len(), found(&store, "élect").len(), found(&store, "Mötl").len()),
            (2, 2, 1)
        );
        assert_eq!(found(&store, "livex").len(), 0);
    }

    #[test]
    fn a_search_among_many_that_are_gone_says_where_it_looked_no_further() {
        let (_folder, store) = fresh();
        (0..9).for_each(|i| record(&store, &format!("/m/song {i}.mp3"), "Rock"));
        store.execute("UPDATE track SET gone_at = 1 WHERE id < 9", []).unwrap();
        let (mut after, mut rounds, mut seen) = (None, 0, Vec::new());
        loop {
            let (rows, next) = store.search("song", after, 2, Effort::Rows(3)).unwrap();
            seen.extend(rows.into_iter().map(|row| row.id));
            (after, rounds) = (next, rounds + 1);
            if after.is_none() {
                break;
            }
        }
        assert_eq!((seen, rounds), (vec![TrackId(9)], 3));
    }

    #[test]
    fn nothing_that_is_typed_is_an_operator() {
        let (_folder, store) = fresh();
        record(&store, "/m/AND.mp3", "Rock");
        for text in ["AND", "and*", "\"and", "words:and", "and -", "(and", "NEAR(and)", "^and"] {
            assert!(store.search(text, None, 5, Effort::All).is_ok(), "{text}");
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
            let (rows, next) = store.search("song", after, 3, Effort::Rows(2)).unwrap();
            seen += rows.len();
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, 7);
    }
}
