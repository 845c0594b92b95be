//! From parameters and bodies to views of the queue.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::app::App;
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
    Parameter::new(
        "text",
        Kind::Text,
        "Words of path, artist, title, album and genre; the last may be the beginning of one.",
    ),
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

/// How many tracks views have. What is not told within some milliseconds is counted beside the requests, one view at a
/// time.
#[derive(Default)]
pub struct Totals {
    known: Mutex<HashMap<String, Total>>,
    /// Held by who counts.
    counting: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Copy)]
struct Total {
    number: u64,
    fresh_until: Instant,
}

/// How long a number that took no time is fresh.
const FRESH: Duration = Duration::from_secs(3);
/// How many times as long as it took to count.
const TIMES: u32 = 20;
/// Views whose number is kept.
const KEPT: usize = 200;

impl Totals {
    /// The number of a filter; none while it is being counted.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn of(&self, filter: &QueueFilter, app: &Arc<App>, desk: &Desk) -> Result<Option<u64>, StoreError> {
        let key = format!("{filter:?}");
        if let Some(total) = self.known().get(&key).filter(|total| total.fresh_until > Instant::now()) {
            return Ok(Some(total.number));
        }
        if let Some(number) = desk.count_soon(filter)? {
            self.keep(key, number, Duration::ZERO);
            return Ok(Some(number));
        }
        if let Ok(turn) = Arc::clone(&self.counting).try_lock_owned() {
            let (app, filter) = (Arc::clone(app), filter.clone());
            tokio::runtime::Handle::current().spawn(async move {
                let counted = app.ask(move |app, desk| {
                    let began = Instant::now();
                    let number = desk.count(&filter)?;
                    app.totals.keep(key, number, began.elapsed());
                    Ok::<_, StoreError>(())
                });
                if let Err(problem) = counted.await {
                    tracing::debug!("a view is not counted: {}", problem.detail);
                }
                drop(turn);
            });
        }
        Ok(None)
    }

    fn keep(&self, key: String, number: u64, took: Duration) {
        let now = Instant::now();
        let mut known = self.known();
        known.retain(|_, total| total.fresh_until > now);
        if known.len() < KEPT {
            known.insert(key, Total { number, fresh_until: now + (took * TIMES).max(FRESH) });
        }
    }

    /// Forgets all: something was decided.
    pub fn forget(&self) {
        self.known().clear();
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Total>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
