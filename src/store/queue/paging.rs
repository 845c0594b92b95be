//! Pages of a view. Where an index has the order of the view, rows are read along it, several stretches merged; where
//! few rows are meant, they are found by what makes them few, and sorted. What is not told by an index is asked of row
//! after row: so a page ends where its rows are found or where enough were looked at, and the next one begins there.

use std::cmp::Ordering;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};

use super::super::search::{Expression, expression};
use super::super::{Store, StoreError};
use super::cursor::Part;
use super::row;
use super::terms::{Bounded, Index, Kind, NARROW, NUMBERS, Stretch, Term, in_order, terms};
use super::word_index::WordIndex;
use super::{QueueCursor, QueueFilter, QueueOrder, QueuePage, QueuePlace, QueueSet, QueueView, QueuedTrack, TrackId};

/// How many rows are looked at for one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As many as it takes.
    All,
    /// About as many at the most: a page may then hold fewer rows than there are, and go on.
    Rows(usize),
}

/// As many rows as this are sorted for a page.
pub(super) const FEW: usize = 2000;
/// As many rows are asked for a column in the time in which one is asked for its words.
const WORD: usize = 4;

/// How the rows of a filter are found.
pub(super) enum Road {
    /// Nothing can be in it.
    Nowhere,
    /// Along the index of the order.
    InOrder,
    /// Along one by which they are few; with their numbers, where those were found on the way.
    Few(Index, Option<String>),
}

/// A row that is in the view: its key, and its number.
type Hit = (QueueCursor, TrackId);

/// What was found in a stretch.
#[derive(Default)]
struct Found {
    hits: Vec<Hit>,
    /// The last row that was looked at, if it was not the last one that there is.
    left_off: Option<QueueCursor>,
}

impl QueueView {
    /// The columns of its key, and whether they descend.
    fn key(&self) -> (&'static [&'static str], bool) {
        let (columns, descends): (&[_], _) = match (self.order, self.filter.set) {
            (QueueOrder::Worth, QueueSet::Analysed | QueueSet::Library | QueueSet::TakenOut)
            | (QueueOrder::Confidence, _) => (&["confidence", "id"], false),
            _ if self.is_by_turns() => (&["not_music", "worth", "id"], false),
            (QueueOrder::Worth, _) => (&["not_music", "confidence", "id"], false),
            (QueueOrder::Path, _) => (&["path"], false),
            (QueueOrder::Added, _) => (&["added_at", "id"], true),
        };
        (columns, descends != self.reversed)
    }

    /// The key of a row in this view.
    pub fn cursor_of(&self, row: &QueuedTrack) -> QueueCursor {
        let part = |column: &&str| match *column {
            "not_music" => Part::Integer(row.is_not_music.into()),
            "confidence" => Part::Real(row.key),
            "worth" => Part::Real(row.worth),
            "path" => Part::Bytes(super::super::path_bytes(&row.path).to_vec()),
            "added_at" => Part::Integer(row.added_at),
            _ => Part::Integer(row.id.0),
        };
        QueueCursor(self.key().0.iter().map(part).collect())
    }
}

impl Store {
    /// A page of a view: at most `limit` rows from `place` on, files that are found to be gone left out.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails, holds a row that this program did not write, or the cursor is one of
    /// another order.
    pub fn queue(
        &self,
        view: &QueueView,
        place: QueuePlace<'_>,
        limit: usize,
        effort: Effort,
    ) -> Result<QueuePage, StoreError> {
        let (columns, descends) = view.key();
        let is_backwards = matches!(place, QueuePlace::Before(_) | QueuePlace::End);
        let cursor = match place {
            QueuePlace::After(cursor) | QueuePlace::Before(cursor) => Some(cursor),
            QueuePlace::Start | QueuePlace::End => None,
        };
        if cursor.is_some_and(|cursor| !cursor.fits(columns)) {
            return Err(StoreError::Malformed { path: self.path.clone(), what: "cursor" });
        }
        let reading = Reading { view, columns, descends: descends != is_backwards, cursor, limit };
        let read = |connection: &Connection, index: &WordIndex| -> rusqlite::Result<(Vec<row::Raw>, Found)> {
            // Of one moment: what is found is there.
            let moment = connection.unchecked_transaction()?;
            let found = reading.find(&moment, index, effort)?;
            let rows = found.hits.iter().take(limit).filter_map(|(_, id)| row::by_number(&moment, *id).transpose());
            Ok((rows.collect::<rusqlite::Result<_>>()?, found))
        };
        let (raw, found) = {
            let connection = self.reading();
            read(&connection, connection.word_index()).map_err(|e| self.error(e))?
        };
        let rows: Result<Vec<QueuedTrack>, StoreError> = raw.into_iter().map(|raw| raw.check(self)).collect();
        let mut rows = rows?;
        let is_more = found.hits.len() > limit;
        let key = |hit: Option<&Hit>| hit.map(|(key, _)| key.clone());
        let near = key(found.hits.first()).or_else(|| found.left_off.clone());
        let last_hit = key(found.hits.get(limit.min(found.hits.len()).wrapping_sub(1)));
        let far = if is_more { last_hit } else { found.left_off.clone().or(last_hit) };
        let goes_on = is_more || found.left_off.is_some();
        let (first, last) = if is_backwards { (far, near) } else { (near, far) };
        if is_backwards {
            rows.reverse();
        }
        rows.retain(|row| !super::super::moves::is_gone(&row.path, row.device));
        Ok(QueuePage { rows, first, last, goes_on })
    }
}

/// A page as it is read.
struct Reading<'a> {
    view: &'a QueueView,
    columns: &'static [&'static str],
    descends: bool,
    cursor: Option<&'a QueueCursor>,
    limit: usize,
}

impl Reading<'_> {
    /// The rows of the page and one more, if there is one, in the order in which they are read.
    fn find(&self, connection: &Connection, word_index: &WordIndex, effort: Effort) -> rusqlite::Result<Found> {
        let filter = &self.view.filter;
        let expression = expression(connection, &filter.text)?;
        let words = expression.as_ref().map(Expression::to_string);
        let (index, stretches) = in_order(self.view);
        match road(connection, word_index, filter, expression.as_ref(), &index)? {
            Road::Nowhere => Ok(Found::default()),
            Road::Few(index, numbers) => {
                self.sorted(connection, &index, chosen_and_rest(filter, words.as_deref(), &index, numbers))
            }
            Road::InOrder => {
                let mut all = Found::default();
                let share = match effort {
                    Effort::All => usize::MAX,
                    Effort::Rows(rows) if words.is_some() => rows / WORD,
                    Effort::Rows(rows) => rows,
                };
                let share = (share / stretches.len().max(1)).max(self.limit + 1);
                let sieve = words.as_deref().map(|words| (word_index, words));
                for stretch in &stretches {
                    let found = self.along(connection, &index, stretch, sieve, share)?;
                    all.hits.extend(found.hits);
                    if let Some(left_off) = found.left_off
                        && all.left_off.as_ref().is_none_or(|first| self.compare(&left_off, first).is_lt())
                    {
                        all.left_off = Some(left_off);
                    }
                }
                all.hits.sort_by(|(a, _), (b, _)| self.compare(a, b));
                // Behind where one stretch was left off, rows of it may be missing.
                if let Some(left_off) = &all.left_off {
                    all.hits.retain(|(key, _)| self.compare(key, left_off).is_le());
                }
                all.hits.truncate(self.limit + 1);
                Ok(all)
            }
        }
    }

    fn compare(&self, a: &QueueCursor, b: &QueueCursor) -> Ordering {
        let order = a.compare(b);
        if self.descends { order.reverse() } else { order }
    }

    fn names(&self, columns: &[&str]) -> String {
        columns.iter().map(|column| format!("track.{column}")).collect::<Vec<_>>().join(", ")
    }

    fn order(&self, columns: &[&str]) -> String {
        let way = if self.descends { " DESC" } else { "" };
        columns.iter().map(|column| format!("track.{column}{way}")).collect::<Vec<_>>().join(", ")
    }

    /// What keeps a cursor's row and those before it away.
    fn behind(&self, columns: &[&str], parts: &[Part]) -> Term {
        let sign = if self.descends { "<" } else { ">" };
        let sql = format!("({}) {sign} ({})", self.names(columns), vec!["?"; parts.len()].join(", "));
        Term { kind: Kind::Analysed, sql, values: parts.iter().map(Part::value).collect() }
    }

    /// Reads along a stretch, at most `share` rows; with what asks for words, those that have them.
    fn along(
        &self,
        connection: &Connection,
        index: &Index,
        stretch: &Stretch,
        sieve: Option<(&WordIndex, &str)>,
        share: usize,
    ) -> rusqlite::Result<Found> {
        let Some((sql, values)) = self.statement(index, stretch) else { return Ok(Found::default()) };
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let (mut found, mut waiting, mut looked_at) = (Found::default(), Vec::new(), 0);
        while found.hits.len() <= self.limit && found.left_off.is_none() {
            let row = rows.next()?;
            let is_end = row.is_none();
            if let Some(row) = row {
                looked_at += 1;
                let is_in = row.get::<_, Option<bool>>(1)?.unwrap_or_default();
                let is_last = looked_at >= share;
                if is_in || is_last {
                    let key = self.key_of(row, 2)?;
                    if is_in {
                        waiting.push((key.clone(), TrackId(row.get(0)?)));
                    }
                    found.left_off = is_last.then_some(key);
                }
            }
            // A whole page is asked at once.
            if is_end || found.left_off.is_some() || waiting.len() > self.limit {
                if let Some((words, expression)) = sieve.filter(|_| !waiting.is_empty()) {
                    let have = words.among(connection, expression, waiting.iter().map(|(_, id)| *id))?;
                    waiting.retain(|(_, id)| have.contains(id));
                }
                found.hits.append(&mut waiting);
            }
            if is_end {
                break;
            }
        }
        Ok(found)
    }

    /// What is asked along a stretch: the number of each row, whether it is in the view but for the filter's words, and
    /// its key. None where all of the stretch lies on this side of the cursor.
    fn statement(&self, index: &Index, stretch: &Stretch) -> Option<(String, Vec<Value>)> {
        let (mut columns, mut behind) = (self.columns, self.cursor.map(|cursor| cursor.0.as_slice()));
        // In a stretch the first column of the key is one and the same.
        if let (["not_music", rest @ ..], Some(not_music)) = (columns, stretch.not_music) {
            columns = rest;
            if let Some([first, rest @ ..]) = behind {
                let here = Part::Integer(not_music.into()).compare(first);
                behind = match if self.descends { here.reverse() } else { here } {
                    Ordering::Less => return None,
                    Ordering::Equal => Some(rest),
                    Ordering::Greater => None,
                };
            }
        }
        let bounded = match behind {
            None => Bounded::Not,
            Some(_) if self.descends => Bounded::Above,
            Some(_) => Bounded::Below,
        };
        let all = terms(&self.view.filter, None, bounded);
        let is_fixed = |term: &Term| stretch.genre.is_some() && term.kind == Kind::Genre;
        let (mut chosen, rest): (Vec<Term>, Vec<Term>) =
            all.into_iter().filter(|term| !is_fixed(term)).partition(|term| index.is_chosen_by(term));
        if let Some(genre) = &stretch.genre {
            let values = vec![genre.clone().into()];
            chosen.push(Term { kind: Kind::Genre, sql: "track.genre COLLATE NOCASE = ?".into(), values });
        }
        if let Some(not_music) = stretch.not_music {
            let sql = format!("track.not_music = {}", i32::from(not_music));
            chosen.push(Term { kind: Kind::NotMusic, sql, values: vec![] });
        }
        chosen.extend(behind.map(|parts| self.behind(columns, parts)));
        let sql = format!(
            "SELECT track.id, {}, {} FROM {} WHERE {} ORDER BY {}",
            joined(&rest),
            self.names(self.columns),
            index.from,
            joined(&chosen),
            self.order(columns)
        );
        Some((sql, values(&rest).chain(values(&chosen)).cloned().collect()))
    }

    /// Finds few rows, and sorts them.
    fn sorted(&self, connection: &Connection, index: &Index, mut all: Vec<Term>) -> rusqlite::Result<Found> {
        all.extend(self.cursor.map(|cursor| self.behind(self.columns, &cursor.0)));
        let sql = format!(
            "SELECT track.id, {} FROM {} WHERE {} ORDER BY {} LIMIT {}",
            self.names(self.columns),
            index.from,
            joined(&all),
            self.order(self.columns),
            self.limit + 1
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement
            .query_map(params_from_iter(values(&all)), |row| Ok((self.key_of(row, 1)?, TrackId(row.get(0)?))))?;
        Ok(Found { hits: rows.collect::<rusqlite::Result<_>>()?, left_off: None })
    }

    fn key_of(&self, row: &Row<'_>, first: usize) -> rusqlite::Result<QueueCursor> {
        let part = |at: usize| -> rusqlite::Result<Part> {
            Ok(match row.get_ref(at)? {
                ValueRef::Real(number) => Part::Real(number),
                ValueRef::Blob(bytes) => Part::Bytes(bytes.to_vec()),
                _ => Part::Integer(row.get(at)?),
            })
        };
        (first..first + self.columns.len()).map(part).collect::<rusqlite::Result<_>>().map(QueueCursor)
    }
}

/// All terms of a filter, as they are said where rows are found along this index, or among these numbers (a list in
/// JSON).
pub(super) fn chosen_and_rest(
    filter: &QueueFilter,
    words: Option<&str>,
    index: &Index,
    numbers: Option<String>,
) -> Vec<Term> {
    let all = terms(filter, words, Bounded::Not).into_iter();
    let said = |term: Term| match &numbers {
        Some(numbers) if term.kind == Kind::Words => {
            let sql = "track.id IN (SELECT value FROM json_each(?))".to_owned();
            Term { sql, values: vec![numbers.clone().into()], ..term }
        }
        _ if index.is_chosen_by(&term) => index.choosing(&term),
        _ => term,
    };
    all.map(said).collect()
}

pub(super) fn joined(terms: &[Term]) -> String {
    if terms.is_empty() {
        return "1".to_owned();
    }
    terms.iter().map(|term| term.sql.as_str()).collect::<Vec<_>>().join(" AND ")
}

pub(super) fn values(terms: &[Term]) -> impl Iterator<Item = &Value> {
    terms.iter().flat_map(|term| &term.values)
}

/// How the rows of a filter are found, where `index` is the one of the order.
pub(super) fn road(
    connection: &Connection,
    word_index: &WordIndex,
    filter: &QueueFilter,
    expression: Option<&Expression>,
    index: &Index,
) -> rusqlite::Result<Road> {
    if expression.is_none() && !filter.text.trim().is_empty() {
        return Ok(Road::Nowhere);
    }
    let words = expression.map(Expression::to_string);
    let all = terms(filter, words.as_deref(), Bounded::Not);
    let is_asked_of_rows = |kind: Kind| !index.chosen_by.contains(&kind) && all.iter().any(|term| term.kind == kind);
    for (kind, narrow) in NARROW.iter().filter(|(kind, _)| is_asked_of_rows(*kind)) {
        let chosen: Vec<Term> =
            all.iter().filter(|term| narrow.is_chosen_by(term)).map(|term| narrow.choosing(term)).collect();
        if let (Kind::Words, Some(expression)) = (kind, expression) {
            if let Some(numbers) = word_index.few(connection, expression)? {
                return Ok(Road::Few(NUMBERS, Some(numbers)));
            }
            continue;
        }
        // A path leads to its row: for the number of rows none is read.
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} LIMIT {FEW})",
            narrow.from.split(" CROSS JOIN ").next().unwrap_or(narrow.from),
            joined(&chosen)
        );
        let number: i64 =
            connection.prepare_cached(&sql)?.query_row(params_from_iter(values(&chosen)), |row| row.get(0))?;
        if (number as usize) < FEW {
            return Ok(Road::Few(*narrow, None));
        }
    }
    Ok(Road::InOrder)
}

/// What is asked for a page in the middle of a view, along the index of its order.
#[cfg(test)]
pub(super) fn statements(view: &QueueView) -> Vec<(String, Vec<Value>)> {
    let (columns, descends) = view.key();
    let part = |column: &&str| match *column {
        "confidence" => Part::Real(0.5),
        "path" => Part::Bytes(b"/m".to_vec()),
        _ => Part::Integer(0),
    };
    let cursor = QueueCursor(columns.iter().map(part).collect());
    let reading = Reading { view, columns, descends, cursor: Some(&cursor), limit: 50 };
    let (index, stretches) = in_order(view);
    stretches.iter().filter_map(|stretch| reading.statement(&index, stretch)).collect()
}
