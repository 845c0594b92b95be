//! From parameters and bodies to views of the queue.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::parameters::{Kind, Parameter, Parameters};
use super::problem::Problem;
use super::shapes::FilterBody;
use crate::desk::Desk;
use crate::store::{QueueFilter, QueueOrder, QueueSet, QueueView, StoreError};

const SETS: &[&str] = &["unsure", "not-music", "tagged", "taken-out", "analysed", "library"];

/// What narrows a view down.
pub const FILTER: &[Parameter] = &[
    Parameter::new("set", Kind::Choice(SETS), "Which tracks; `unsure` without it."),
    Parameter::new("below", Kind::Share, "A confidence below this."),
    Parameter::new("above", Kind::Share, "A confidence of at least this."),
    Parameter::new("genre", Kind::Texts, "The first guess, by any of its names; again for several."),
    Parameter::new("path", Kind::Text, "A file or folder, absolute."),
    Parameter::new("added_since", Kind::Integer(0, 1 << 40), "First seen since, in seconds since 1970."),
    Parameter::new("disagree", Kind::Flag, "Only where the models name different genres."),
    Parameter::new("text", Kind::Text, "Words of path and genre."),
];

/// In which order, and which page.
pub const PAGE: &[Parameter] = &[
    Parameter::new("order", Kind::Choice(&["worth", "confidence", "path", "added"]), "`worth` without it."),
    Parameter::new("reverse", Kind::Flag, "The other way round."),
    Parameter::new("limit", Kind::Integer(1, 200), "Rows; 50 without it."),
    Parameter::new("after", Kind::Text, "The cursor `next` of another page."),
    Parameter::new("before", Kind::Text, "The cursor `previous` of another page."),
    Parameter::new("count", Kind::Flag, "Say how many there are."),
];

/// The filter of a query.
pub fn filter(parameters: &Parameters, desk: &Desk) -> QueueFilter {
    let genres = parameters.texts("genre").flat_map(|name| desk.genres().words_for(name)).collect();
    QueueFilter {
        set: set(parameters.text("set")).unwrap_or_default(),
        below: parameters.share("below"),
        above: parameters.share("above"),
        genres,
        path: parameters.text("path").map(PathBuf::from),
        added_since: parameters.integer("added_since"),
        disagree: parameters.flag("disagree"),
        text: parameters.text("text").unwrap_or_default().to_owned(),
    }
}

/// The view of a query.
pub fn view(parameters: &Parameters, desk: &Desk) -> QueueView {
    let order = match parameters.text("order") {
        Some("confidence") => QueueOrder::Confidence,
        Some("path") => QueueOrder::Path,
        Some("added") => QueueOrder::Added,
        _ => QueueOrder::Worth,
    };
    QueueView { filter: filter(parameters, desk), order, reversed: parameters.flag("reverse") }
}

/// The filter of a body.
///
/// # Errors
/// [`Problem`] for what a query would be refused for.
pub fn filter_of(body: &FilterBody, desk: &Desk) -> Result<QueueFilter, Problem> {
    for (name, value) in [("below", body.below), ("above", body.above)] {
        if value.is_some_and(|value| !(0.0..=1.0).contains(&value)) {
            return Err(Problem::bad(format!("filter.{name}: this must be a number from 0 to 1")));
        }
    }
    let set = match body.set.as_deref() {
        Some(word) => set(Some(word))
            .ok_or_else(|| Problem::bad(format!("filter.set: this must be one of {}", SETS.join(", "))))?,
        None => QueueSet::default(),
    };
    let names = body.genre.iter().flatten();
    Ok(QueueFilter {
        set,
        below: body.below,
        above: body.above,
        genres: names.flat_map(|name| desk.genres().words_for(name)).collect(),
        path: body.path.as_ref().map(PathBuf::from),
        added_since: body.added_since,
        disagree: body.disagree.unwrap_or_default(),
        text: body.text.clone().unwrap_or_default(),
    })
}

fn set(word: Option<&str>) -> Option<QueueSet> {
    Some(match word? {
        "unsure" => QueueSet::Unsure,
        "not-music" => QueueSet::NotMusic,
        "tagged" => QueueSet::Tagged,
        "taken-out" => QueueSet::TakenOut,
        "analysed" => QueueSet::Analysed,
        "library" => QueueSet::Library,
        _ => return None,
    })
}

/// How many tracks views have, counted anew after a moment: a million rows take one.
#[derive(Default)]
pub struct Totals(Mutex<HashMap<String, (Instant, u64)>>);

/// How old a number may be.
const FRESH: Duration = Duration::from_secs(3);
/// Views whose number is kept.
const KEPT: usize = 200;

impl Totals {
    /// The number of a filter.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn of(&self, filter: &QueueFilter, desk: &Desk) -> Result<u64, StoreError> {
        let key = format!("{filter:?}");
        if let Some((counted, number)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
            && counted.elapsed() < FRESH
        {
            return Ok(*number);
        }
        let number = desk.count(filter)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (counted, _)| counted.elapsed() < FRESH);
        if all.len() < KEPT {
            all.insert(key, (Instant::now(), number));
        }
        Ok(number)
    }

    /// Forgets all: something was decided.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
