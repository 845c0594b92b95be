//! The full-text index, as one connection asks it for a page: which few rows have all words of an expression, and which
//! of the rows at hand. Both are what the index itself would say; neither is asked of it row after row, nor twice of
//! one state of the database. What was typed becomes an expression in [`search`](super::super::search).

use std::cell::{OnceCell, RefCell};
use std::collections::{HashSet, VecDeque};

use rusqlite::{Connection, OptionalExtension, params};

use super::super::search::Expression;
use super::TrackId;
use super::paging::FEW;

/// Expressions whose rows are remembered: those of as many people who turn pages.
const REMEMBERED: usize = 32;
/// Rows that are asked for their words in less time than it takes to compare long lists.
const SIFTED: usize = 500;
/// A table of the index's kind, in memory. It holds no words but while it is asked.
const SIEVE: &str = "CREATE VIRTUAL TABLE sieve USING fts5(
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 2'
)";
/// The words of a row, as the triggers on `track` hand them to the index.
const WORDS: &str = "SELECT concat_ws(' ', CAST(path AS TEXT), artist, title, album, genre) FROM track WHERE id = ?1";

/// The index beside a connection that reads.
#[derive(Default)]
pub(in crate::store) struct WordIndex {
    remembered: RefCell<Remembered>,
    sieve: OnceCell<Connection>,
}

/// What was found in one state of the database.
#[derive(Default)]
struct Remembered {
    /// `PRAGMA data_version`: another one after a commit of any other connection.
    state: i64,
    /// The oldest first: an expression, and the rows that have its words, where they are few.
    found: VecDeque<(String, Option<String>)>,
}

impl WordIndex {
    /// The numbers of the rows that have all words of an expression, as a list in JSON; none where they are not few. To
    /// be called in a transaction, on the connection that this stands beside and that writes nothing.
    pub(super) fn few(&self, connection: &Connection, expression: &Expression) -> rusqlite::Result<Option<String>> {
        let whole = expression.to_string();
        let state: i64 = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        {
            let mut remembered = self.remembered.borrow_mut();
            if remembered.state != state {
                *remembered = Remembered { state, found: VecDeque::new() };
            }
            if let Some((_, rows)) = remembered.found.iter().find(|(of, _)| *of == whole) {
                return Ok(rows.clone());
            }
        }
        let numbers = self.found(connection, expression, &whole)?;
        let rows = (numbers.len() < FEW).then(|| format!("{numbers:?}"));
        let mut remembered = self.remembered.borrow_mut();
        if remembered.found.len() == REMEMBERED {
            remembered.found.pop_front();
        }
        remembered.found.push_back((whole, rows.clone()));
        Ok(rows)
    }

    /// The numbers of the rows that have all words of an expression: of [`FEW`] at the most.
    fn found(&self, connection: &Connection, expression: &Expression, whole: &str) -> rusqlite::Result<Vec<i64>> {
        // To compare lists, the index reads each of them up to the next entry of any other: a word that all rows have
        // costs as much as one that tells much. So those two are compared that tell most, and the rest is asked of what
        // they share.
        if expression.terms.len() > 2 {
            let mut reach = Vec::new();
            for term in &expression.terms {
                reach.push((self.reach(connection, term)?, term));
            }
            reach.sort_by_key(|(reach, _)| std::cmp::Reverse(*reach));
            let telling: Vec<String> = reach.into_iter().take(2).map(|(_, term)| term.clone()).collect();
            let shared = matching(connection, &Expression { terms: telling }.to_string(), SIFTED)?;
            if shared.len() < SIFTED {
                let among = self.among(connection, whole, shared.iter().copied().map(TrackId))?;
                return Ok(shared.into_iter().filter(|id| among.contains(&TrackId(*id))).collect());
            }
        }
        matching(connection, whole, FEW)
    }

    /// How far one has to read for some rows that have a term: the farther, the more it tells.
    fn reach(&self, connection: &Connection, term: &str) -> rusqlite::Result<i64> {
        const SOME: i64 = 100;
        let sql = "SELECT rowid FROM track_words WHERE track_words MATCH ?1 LIMIT 1 OFFSET ?2";
        let reached =
            connection.prepare_cached(sql)?.query_row(params![term, SOME - 1], |row| row.get(0)).optional()?;
        Ok(reached.unwrap_or(i64::MAX))
    }

    /// Which of these rows have all words of an expression. The index takes a tenth of a millisecond to begin with a
    /// row; a small table with their words tells it of all at once in that time.
    pub(super) fn among(
        &self,
        connection: &Connection,
        expression: &str,
        rows: impl Iterator<Item = TrackId>,
    ) -> rusqlite::Result<HashSet<TrackId>> {
        let sieve = self.sieve()?;
        // Never committed: the table is empty before and after.
        let moment = sieve.unchecked_transaction()?;
        let mut words = connection.prepare_cached(WORDS)?;
        let mut insert = moment.prepare_cached("INSERT INTO sieve (rowid, words) VALUES (?1, ?2)")?;
        for TrackId(id) in rows {
            if let Some(words) = words.query_row([id], |row| row.get::<_, String>(0)).optional()? {
                insert.execute(params![id, words])?;
            }
        }
        let mut statement = moment.prepare_cached("SELECT rowid FROM sieve WHERE sieve MATCH ?1")?;
        statement.query_map([expression], |row| row.get(0).map(TrackId))?.collect()
    }

    fn sieve(&self) -> rusqlite::Result<&Connection> {
        if let Some(sieve) = self.sieve.get() {
            return Ok(sieve);
        }
        let sieve = Connection::open_in_memory()?;
        sieve.execute_batch(SIEVE)?;
        Ok(self.sieve.get_or_init(|| sieve))
    }
}

/// The numbers of rows that match, at most `most`.
fn matching(connection: &Connection, words: &str, most: usize) -> rusqlite::Result<Vec<i64>> {
    let sql = "SELECT rowid FROM track_words WHERE track_words MATCH ?1 LIMIT ?2";
    connection.prepare_cached(sql)?.query_map(params![words, most as i64], |row| row.get(0))?.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::path::Path;

    use super::super::super::search::expression;
    use super::*;
    use crate::store::tests::{fresh, waiting};
    use crate::store::{Store, TrackUpdate};
    use crate::tagging::Credits;

    fn by_index(store: &Store, expression: &str) -> Vec<i64> {
        let connection = store.results();
        let mut statement = connection.prepare("SELECT rowid FROM track_words WHERE track_words MATCH ?1").unwrap();
        statement.query_map([expression], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn rows_at_hand_have_the_words_that_the_index_says_they_have() {
        let (_folder, store) = fresh();
        let names = [
            "/m/Bj\u{f6}rk/D\u{e9}but/01 Human_Behaviour.mp3",
            "/m/Miles Davis/Kind of Blue/So What.flac",
            "/m/\u{41c}\u{443}\u{437}\u{44b}\u{43a}\u{430}/\u{671d}\u{65e5}.opus",
            "/m/M\u{f6}tley Cr\u{fc}e/what-is (live) AND more.m4a",
        ];
        for name in names {
            store.record_track(&TrackUpdate { genre: Some("Jazz"), ..waiting(Path::new(name)) }).unwrap();
        }
        let credits =
            Credits { artist: Some("Quartet No. 5".into()), title: None, album: Some("\u{c6}on What?".into()) };
        store.note_credits(Path::new(names[1]), &credits).unwrap();
        let index = WordIndex::default();
        let all = || (1..=4).map(TrackId);
        for text in [
            "what",
            "bjork",
            "DEBUT human",
            "jazz",
            "kind jazz quart",
            "\u{43c}\u{443}\u{437}",
            "\u{671d}",
            "m",
            "and live",
            "no 5",
            "\u{e6}on",
            "xyz",
        ] {
            let connection = store.results();
            let Some(expression) = expression(&connection, text).unwrap() else { panic!("{text}") };
            let expression = expression.to_string();
            let mut sifted: Vec<i64> =
                index.among(&connection, &expression, all()).unwrap().iter().map(|id| id.0).collect();
            drop(connection);
            sifted.sort_unstable();
            assert_eq!(sifted, by_index(&store, &expression), "{text}");
        }
        let none = index.among(&store.results(), "\"jazz\"", std::iter::empty()).unwrap();
        assert!(none.is_empty(), "nothing is left of the rows of before");
    }

    #[test]
    fn of_many_words_those_that_tell_most_lead_to_the_rows_that_have_them_all() {
        let (_folder, store) = fresh();
        store
            .execute(
                "WITH RECURSIVE number(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM number WHERE i < 5000)
                 INSERT INTO track (path, size, mtime_seconds, mtime_nanos, inode, device, status, genre, seen_at, added_at)
                 SELECT CAST(format('/m/song by%d of%d in%d/%d', i % 7, i % 11, i % 3, i) AS BLOB), 1, 1, 1, 1, -1, 'kept',
                        iif(i % 500 = 3, 'Polka', 'Rock'), 1, 1 FROM number",
                [],
            )
            .unwrap();
        let reader = Connection::open(store.path()).unwrap();
        let index = WordIndex::default();
        for text in [
            "song by3 of4 in2",
            "song in1 by6",
            "song polka of3 in1",
            "in0 song rock",
            "song 4711 by0",
            "in1 of10 polka by2 so",
        ] {
            let expression = expression(&reader, text).unwrap().unwrap();
            let all = by_index(&store, &expression.to_string());
            let few = index.few(&reader.unchecked_transaction().unwrap(), &expression).unwrap();
            assert_eq!(few, (all.len() < FEW).then(|| format!("{all:?}")), "{text}");
        }
    }

    #[test]
    fn what_changes_in_the_library_is_found_by_the_next_page() {
        let (_folder, store) = fresh();
        let reader = Connection::open(store.path()).unwrap();
        let index = WordIndex::default();
        let few = || {
            let moment = reader.unchecked_transaction().unwrap();
            index.few(&moment, &Expression { terms: vec!["\"song\"".into()] }).unwrap().unwrap()
        };
        assert_eq!(few(), "[]");
        for i in 1..=3 {
            store.record_track(&waiting(Path::new(&format!("/m/song {i}.mp3")))).unwrap();
            assert_eq!(few(), format!("{:?}", (1..=i).collect::<Vec<i64>>()));
            assert_eq!(few(), format!("{:?}", (1..=i).collect::<Vec<i64>>()), "the same again");
        }
    }
}
