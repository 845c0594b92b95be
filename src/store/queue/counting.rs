//! How many files a filter lets through: from the numbers that are kept where they tell it, and else by counting, in an
//! index if possible.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::search::{Expression, expression};
use super::super::{Store, StoreError};
use super::paging::{Effort, Road, chosen_and_rest, joined, road, values};
use super::terms::{Bounded, Index, Kind, NARROW, in_order, terms};
use super::word_index::WordIndex;
use super::{QueueFilter, QueueOrder, QueueSet, QueueView};

/// As many rows are counted in an index in the time in which one is looked at.
const IN_INDEX: usize = 10;

impl Store {
    /// How many files a filter lets through, those that are gone unnoticed among them; none where it takes more effort
    /// to tell.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn count_queue(&self, filter: &QueueFilter, effort: Effort) -> Result<Option<u64>, StoreError> {
        let connection = self.reading();
        let count = || match kept(filter) {
            Some((sql, values)) => {
                let sum = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
                connection.prepare_cached(&sql)?.query_row(params_from_iter(values), sum).map(Some)
            }
            None => counted(&connection, connection.word_index(), filter, effort),
        };
        let number = count().map_err(|e| self.error(e))?;
        Ok(number.map(|number| u64::try_from(number).unwrap_or(0)))
    }
}

/// The sum of numbers that are kept, where a filter asks for nothing that they do not tell apart.
fn kept(filter: &QueueFilter) -> Option<(String, Vec<Value>)> {
    let QueueFilter { set, below, above, genres, path, added_since, disagree, text } = filter;
    let is_told =
        below.is_none() && above.is_none() && path.is_none() && added_since.is_none() && text.trim().is_empty();
    if !is_told {
        return None;
    }
    let mut sql = "SELECT coalesce(sum(tracks), 0) FROM tally WHERE bin >= 0 AND ".to_owned();
    sql += match set {
        QueueSet::Unsure => "status = 'unsure' AND decided = 0",
        QueueSet::NotMusic => "status = 'unsure' AND decided = 0 AND not_music = 1",
        QueueSet::Tagged => "status = 'tagged' AND decided = 0",
        QueueSet::Analysed => "status != 'gone' AND decided = 0",
        QueueSet::Library => "status != 'gone'",
        QueueSet::TakenOut => return None,
    };
    if *disagree {
        sql += " AND differ = 1";
    }
    if !genres.is_empty() {
        sql += &format!(" AND genre IN ({})", vec!["?"; genres.len()].join(", "));
    }
    Some((sql, genres.iter().map(|genre| Value::from(genre.clone())).collect()))
}

fn counted(
    connection: &Connection,
    word_index: &WordIndex,
    filter: &QueueFilter,
    effort: Effort,
) -> rusqlite::Result<Option<i64>> {
    // What is remembered of words holds of one moment.
    let moment = connection.unchecked_transaction()?;
    let connection: &Connection = &moment;
    let expression = expression(connection, &filter.text)?;
    let words = expression.as_ref().map(Expression::to_string);
    let words = words.as_deref();
    // Along the confidence, whose indices hold most of what is asked for.
    let view = QueueView { filter: filter.clone(), order: QueueOrder::Confidence, reversed: false };
    let (index, _) = in_order(&view);
    let found = road(connection, word_index, filter, expression.as_ref(), &index)?;
    let all = terms(filter, words, Bounded::Not);
    let is_told = all.iter().all(|term| index.is_chosen_by(term));
    let mut numbers = None;
    let (index, most): (Index, Option<usize>) = match (found, effort) {
        (Road::Nowhere, _) => return Ok(Some(0)),
        (Road::Few(index, found), _) => {
            numbers = found;
            (index, None)
        }
        (Road::InOrder, Effort::Rows(rows)) if is_told => (index, Some(rows * IN_INDEX)),
        (Road::InOrder, Effort::Rows(_)) => return Ok(None),
        (Road::InOrder, Effort::All) => {
            // Many rows have the words: they are looked through once, and not asked for one by one.
            let by_words = NARROW.iter().find(|(kind, _)| *kind == Kind::Words && words.is_some());
            (by_words.map_or(index, |(_, index)| *index), None)
        }
    };
    let all = chosen_and_rest(filter, words, &index, numbers);
    let limit = most.map(|most| format!(" LIMIT {}", most + 1)).unwrap_or_default();
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {} WHERE {}{limit})", index.from, joined(&all));
    let number: i64 = connection.prepare_cached(&sql)?.query_row(params_from_iter(values(&all)), |row| row.get(0))?;
    Ok(Some(number).filter(|number| most.is_none_or(|most| *number as usize <= most)))
}
