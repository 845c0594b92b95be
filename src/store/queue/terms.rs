//! What a filter asks for, as terms of SQL, and the indices along which rows are looked for by them.

use rusqlite::types::Value;

use super::super::path_bytes;
use super::super::presence::range_below;
use super::{QueueFilter, QueueOrder, QueueSet, QueueView};

/// What a term is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Present,
    Analysed,
    Undecided,
    Status,
    NotMusic,
    TakenOut,
    Confidence,
    Genre,
    Path,
    Added,
    Differ,
    Words,
}

/// A condition, with a `?` for each value.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) kind: Kind,
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// What rows are read from, and which terms choose the stretch of it that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index {
    pub(super) from: &'static str,
    pub(super) chosen_by: &'static [Kind],
}

const WORTH: Index = Index {
    from: "track INDEXED BY track_worth",
    chosen_by: &[Kind::Present, Kind::Undecided, Kind::Status, Kind::NotMusic, Kind::Confidence, Kind::Analysed],
};
const TURN: Index = Index {
    from: "track INDEXED BY track_turn",
    chosen_by: &[Kind::Present, Kind::Undecided, Kind::Status, Kind::NotMusic],
};
const CONFIDENCE: Index =
    Index { from: "track INDEXED BY track_confidence", chosen_by: &[Kind::Present, Kind::Confidence, Kind::Analysed] };
const GENRE: Index = Index {
    from: "track INDEXED BY track_genre",
    chosen_by: &[Kind::Genre, Kind::Present, Kind::Status, Kind::NotMusic, Kind::Confidence, Kind::Analysed],
};
const GENRE_CONFIDENCE: Index = Index {
    from: "track INDEXED BY track_genre_confidence",
    chosen_by: &[Kind::Genre, Kind::Confidence, Kind::Analysed],
};
const DIFFER: Index = Index {
    from: "track INDEXED BY track_differ",
    chosen_by: &[Kind::Differ, Kind::Present, Kind::Status, Kind::NotMusic, Kind::Confidence, Kind::Analysed],
};
const ADDED: Index = Index { from: "track INDEXED BY track_added", chosen_by: &[Kind::Present, Kind::Added] };
const PATH: Index = Index { from: "track INDEXED BY sqlite_autoindex_track_1", chosen_by: &[Kind::Path] };
const WORDS: Index =
    Index { from: "track_words CROSS JOIN track ON track.id = track_words.rowid", chosen_by: &[Kind::Words] };
/// What was found by words, by the numbers of its rows.
pub(super) const NUMBERS: Index = Index { from: "track NOT INDEXED", chosen_by: &[Kind::Words] };
const TAKEN_OUT: Index = Index {
    from: "owner_choice INDEXED BY owner_choice_origin CROSS JOIN track ON track.path = owner_choice.path",
    chosen_by: &[Kind::TakenOut],
};

/// By what few rows may be found, and along what; the most telling first. Of each index only the columns that lead to a
/// stretch of it: to count what lies among other entries of it would be to read them all.
pub(super) const NARROW: [(Kind, Index); 9] = [
    (Kind::Path, PATH),
    (Kind::TakenOut, TAKEN_OUT),
    (Kind::Words, WORDS),
    (Kind::Confidence, CONFIDENCE),
    (Kind::Genre, GENRE_CONFIDENCE),
    (Kind::Differ, to_status(DIFFER, &[Kind::Differ, Kind::Present, Kind::Status, Kind::NotMusic])),
    (Kind::Genre, to_status(GENRE, &[Kind::Genre, Kind::Present, Kind::Status, Kind::NotMusic])),
    (Kind::Status, to_status(WORTH, &[Kind::Present, Kind::Undecided, Kind::Status, Kind::NotMusic])),
    (Kind::Added, ADDED),
];

/// An index whose rows are chosen by columns up to the status.
const fn to_status(index: Index, chosen_by: &'static [Kind]) -> Index {
    Index { chosen_by, ..index }
}

impl Index {
    pub(super) fn is_chosen_by(&self, term: &Term) -> bool {
        self.chosen_by.contains(&term.kind)
    }

    /// A term as it chooses a stretch of this index: for what is found by a join it is said of the other table.
    pub(super) fn choosing(&self, term: &Term) -> Term {
        let sql = match term.kind {
            Kind::Words => "track_words MATCH ?".to_owned(),
            Kind::TakenOut => LEFT_ALONE.to_owned(),
            _ => term.sql.clone(),
        };
        Term { sql, ..term.clone() }
    }
}

const LEFT_ALONE: &str = "owner_choice.origin IN ('taken back', 'taken out')";

/// The end of an order's column that a cursor bounds already. SQLite would take another bound for it instead, and read
/// what lies before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bounded {
    Not,
    Below,
    Above,
}

/// What a filter asks for. `words` is its text as an expression of the full-text index.
pub(super) fn terms(filter: &QueueFilter, words: Option<&str>, bounded: Bounded) -> Vec<Term> {
    let mut all = Vec::new();
    let mut add = |kind, sql: String, values: Vec<Value>| all.push(Term { kind, sql, values });
    // A unary plus keeps a term from bounding an index.
    let lower = if bounded == Bounded::Below { "+" } else { "" };
    let upper = if bounded == Bounded::Above { "+" } else { "" };
    add(Kind::Present, "track.gone_at IS NULL".into(), vec![]);
    if !matches!(filter.set, QueueSet::TakenOut | QueueSet::Library) {
        add(Kind::Undecided, "track.decided = 0".into(), vec![]);
    }
    match filter.set {
        QueueSet::Unsure | QueueSet::NotMusic => add(Kind::Status, "track.status = 'unsure'".into(), vec![]),
        QueueSet::Tagged => add(Kind::Status, "track.status = 'tagged'".into(), vec![]),
        QueueSet::TakenOut => {
            let sql =
                format!("EXISTS (SELECT 1 FROM owner_choice WHERE owner_choice.path = track.path AND {LEFT_ALONE})");
            add(Kind::TakenOut, sql, vec![]);
        }
        QueueSet::Analysed | QueueSet::Library => {}
    }
    if filter.set == QueueSet::NotMusic {
        add(Kind::NotMusic, "track.not_music = 1".into(), vec![]);
    }
    match filter.above {
        Some(above) => add(Kind::Confidence, format!("{lower}track.confidence >= ?"), vec![f64::from(above).into()]),
        // What was analysed.
        None => add(Kind::Analysed, format!("{lower}track.confidence >= 0"), vec![]),
    }
    if let Some(below) = filter.below {
        add(Kind::Confidence, format!("{upper}track.confidence < ?"), vec![f64::from(below).into()]);
    }
    if !filter.genres.is_empty() {
        let marks = vec!["?"; filter.genres.len()].join(", ");
        let names = filter.genres.iter().map(|genre| Value::from(genre.clone()));
        add(Kind::Genre, format!("track.genre COLLATE NOCASE IN ({marks})"), names.collect());
    }
    if let Some(folder) = &filter.path {
        let (first, end) = range_below(folder);
        let itself = path_bytes(folder).to_vec();
        // What lies between a folder's name and its slash is no part of it: the names that only begin alike.
        let sql =
            format!("({lower}track.path >= ? AND {upper}track.path < ? AND (+track.path = ? OR +track.path > ?))");
        add(Kind::Path, sql, vec![itself.clone().into(), end.into(), itself.into(), first.into()]);
    }
    if let Some(moment) = filter.added_since {
        add(Kind::Added, format!("{lower}track.added_at >= ?"), vec![moment.into()]);
    }
    if filter.disagree {
        add(Kind::Differ, "track.models_differ = 1".into(), vec![]);
    }
    if let Some(words) = words {
        let sql = "EXISTS (SELECT 1 FROM track_words WHERE track_words MATCH ? AND rowid = track.id)";
        add(Kind::Words, sql.into(), vec![words.to_owned().into()]);
    }
    all
}

/// A stretch of an index in which rows come in the order of a view.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Stretch {
    pub(super) not_music: Option<bool>,
    pub(super) genre: Option<String>,
}

impl QueueView {
    /// Whether what waits comes by its turn. A part of it (of some genres, of some confidences) is read along what
    /// makes it a part, and comes by its confidence.
    pub(super) fn is_by_turns(&self) -> bool {
        let QueueFilter { set, below, above, genres, disagree, .. } = &self.filter;
        self.order == QueueOrder::Worth
            && matches!(set, QueueSet::Unsure | QueueSet::NotMusic | QueueSet::Tagged)
            && (below, above) == (&None, &None)
            && genres.is_empty()
            && !disagree
    }
}

/// The index of a view's order, and the stretches of it that together hold the view.
pub(super) fn in_order(view: &QueueView) -> (Index, Vec<Stretch>) {
    let filter = &view.filter;
    let has_status = matches!(filter.set, QueueSet::Unsure | QueueSet::NotMusic | QueueSet::Tagged);
    let index = match view.order {
        QueueOrder::Path => PATH,
        QueueOrder::Added => ADDED,
        _ if view.is_by_turns() => TURN,
        QueueOrder::Worth | QueueOrder::Confidence => match (filter.genres.is_empty(), has_status) {
            (true, true) if filter.disagree => DIFFER,
            (true, true) => WORTH,
            (true, false) => CONFIDENCE,
            (false, true) => GENRE,
            (false, false) => GENRE_CONFIDENCE,
        },
    };
    let music: &[Option<bool>] = match filter.set {
        _ if !index.chosen_by.contains(&Kind::NotMusic) => &[None],
        QueueSet::NotMusic => &[Some(true)],
        _ => &[Some(false), Some(true)],
    };
    let mut genres: Vec<Option<String>> = vec![None];
    if index.chosen_by.contains(&Kind::Genre) {
        let mut names: Vec<String> = filter.genres.iter().map(|genre| genre.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.dedup();
        genres = names.into_iter().map(Some).collect();
    }
    let stretches = genres
        .iter()
        .flat_map(|genre| music.iter().map(|not_music| Stretch { not_music: *not_music, genre: genre.clone() }));
    (index, stretches.collect())
}
