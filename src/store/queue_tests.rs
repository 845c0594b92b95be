//! The queue on rows that were made up: each file once, in order, whatever the view and wherever a page ends.
#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeSet;

use super::*;
use crate::store::TrackUpdate;
use crate::store::tests::fresh;
use crate::tagging::{FileStamp, Origin, OwnersChoice};

fn record(store: &Store, path: &str, status: TrackStatus, genre: &str, confidence: f32, reason: Option<&str>) {
    let stamp = FileStamp { size: 1, mtime_seconds: 1, mtime_nanoseconds: 1, inode: 1, device: u64::MAX };
    let ranking = [(genre.to_owned(), confidence)];
    let update = TrackUpdate {
        path: Path::new(path),
        audio: None,
        stamp,
        status,
        genre: Some(genre),
        confidence: Some(confidence),
        ranking: &ranking,
        reason,
        settled_by: Some("s"),
    };
    store.record_track(&update).unwrap();
}

/// Some files in two albums, of every status.
fn library() -> (tempfile::TempDir, Store) {
    use TrackStatus::{Kept, Tagged, Unsure};
    let (folder, store) = fresh();
    record(&store, "/m/A/1.mp3", Unsure, "Jazz", 0.5, None);
    record(&store, "/m/A/2.mp3", Unsure, "Blues", 0.2, None);
    record(&store, "/m/A/3.mp3", Tagged, "Jazz", 0.9, None);
    record(&store, "/m/A Side/4.mp3", Unsure, "Jazz", 0.5, None);
    record(&store, "/m/B/5.mp3", Kept, "Rock", 0.6, None);
    record(&store, "/m/B/6.mp3", Unsure, "Spoken", 0.05, Some("sounds like speech, not music"));
    record(&store, "/m/B/ÄÖ.mp3", Unsure, "Folk", 0.5, None);
    (folder, store)
}

fn names(page: &QueuePage) -> Vec<String> {
    page.rows.iter().map(|row| row.path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn all(store: &Store, view: &QueueView) -> Vec<String> {
    names(&store.queue(view, QueuePlace::Start, 100).unwrap())
}

fn view(filter: QueueFilter) -> QueueView {
    QueueView { filter, ..QueueView::default() }
}

#[test]
fn the_least_sure_come_first_and_what_is_no_music_last() {
    let (_folder, store) = library();
    let orders = [QueueOrder::Worth, QueueOrder::Confidence, QueueOrder::Path, QueueOrder::Added];
    let in_order = |order| all(&store, &QueueView { order, ..QueueView::default() });
    assert_eq!(in_order(orders[0]), ["2", "1", "4", "ÄÖ", "6"]);
    assert_eq!(in_order(orders[1]), ["6", "2", "1", "4", "ÄÖ"]);
    assert_eq!(in_order(orders[2]), ["4", "1", "2", "6", "ÄÖ"]);
    assert_eq!(in_order(orders[3]), ["ÄÖ", "6", "4", "2", "1"]);
}

#[test]
fn pages_hold_every_row_once_forwards_and_backwards() {
    let (_folder, store) = library();
    for order in [QueueOrder::Worth, QueueOrder::Confidence, QueueOrder::Path, QueueOrder::Added] {
        for set in [QueueSet::Unsure, QueueSet::Analysed] {
            for reversed in [false, true] {
                let view = QueueView { filter: QueueFilter { set, ..QueueFilter::default() }, order, reversed };
                let whole = all(&store, &view);
                let (mut forwards, mut place) = (Vec::new(), None::<QueueCursor>);
                loop {
                    let from = place.as_ref().map_or(QueuePlace::Start, QueuePlace::After);
                    let page = store.queue(&view, from, 2).unwrap();
                    forwards.extend(names(&page));
                    // As an interface hands it on.
                    place = page.last.map(|cursor| cursor.to_string().parse().unwrap());
                    if !page.goes_on {
                        break;
                    }
                }
                assert_eq!(forwards, whole, "{view:?}");
                let (mut backwards, mut place) = (Vec::new(), None::<QueueCursor>);
                loop {
                    let from = place.as_ref().map_or(QueuePlace::End, QueuePlace::Before);
                    let page = store.queue(&view, from, 2).unwrap();
                    backwards.splice(0..0, names(&page));
                    place = page.first;
                    if !page.goes_on {
                        break;
                    }
                }
                assert_eq!(backwards, whole, "{view:?}");
            }
        }
    }
}

#[test]
fn filters_narrow_the_queue_down() {
    let (_folder, store) = library();
    let with = |change: &dyn Fn(&mut QueueFilter)| {
        let mut filter = QueueFilter::default();
        change(&mut filter);
        let found: BTreeSet<String> = all(&store, &view(filter.clone())).into_iter().collect();
        assert_eq!(store.count_queue(&filter).unwrap(), found.len() as u64, "{filter:?}");
        found.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(with(&|f| f.below = Some(0.5)), ["2", "6"]);
    assert_eq!(with(&|f| f.above = Some(0.5)), ["1", "4", "ÄÖ"]);
    assert_eq!(with(&|f| f.genres = vec!["jazz".into(), "Folk".into()]), ["1", "4", "ÄÖ"]);
    assert_eq!(with(&|f| f.path = Some("/m/A".into())), ["1", "2"], "and not its neighbour of a longer name");
    assert_eq!(with(&|f| f.path = Some("/m/A/2.mp3".into())), ["2"]);
    assert_eq!(with(&|f| f.set = QueueSet::Tagged), ["3"]);
    assert_eq!(with(&|f| f.set = QueueSet::NotMusic), ["6"]);
    assert_eq!(with(&|f| (f.set, f.above) = (QueueSet::Analysed, Some(0.6))), ["3", "5"]);
    assert_eq!(with(&|f| f.text = "b mp3 äö".into()), ["ÄÖ"]);
    assert_eq!(with(&|f| f.text = "BLUE".into()), ["2"]);
    assert!(with(&|f| f.text = "_".into()).is_empty(), "a sign is that sign");
    assert!(with(&|f| f.added_since = Some(i64::MAX)).is_empty());
    assert_eq!(with(&|f| f.added_since = Some(1)).len(), 5);
    store.note_difference(Path::new("/m/A/1.mp3"), true).unwrap();
    store.note_difference(Path::new("/m/A/2.mp3"), false).unwrap();
    assert_eq!(with(&|f| f.disagree = true), ["1"]);
}

#[test]
fn what_the_owner_decided_about_waits_no_longer() {
    let (_folder, store) = library();
    let choice = OwnersChoice { genres: vec!["Zydeco".into()], origin: Origin::Chosen };
    store.choose(Path::new("/m/A/3.mp3"), None, 1, &choice).unwrap();
    store.choose(Path::new("/m/A/2.mp3"), None, 1, &choice).unwrap();
    assert_eq!(all(&store, &QueueView::default()), ["1", "4", "ÄÖ", "6"]);
    let of = |set| all(&store, &view(QueueFilter { set, ..QueueFilter::default() }));
    assert!(of(QueueSet::Tagged).is_empty() && of(QueueSet::TakenOut).is_empty());
    let taken_out = OwnersChoice { genres: vec![], origin: Origin::TakenOut };
    store.choose(Path::new("/m/A/3.mp3"), None, 1, &taken_out).unwrap();
    assert_eq!(of(QueueSet::TakenOut), ["3"]);
    let filter = QueueFilter { set: QueueSet::TakenOut, ..QueueFilter::default() };
    assert_eq!(store.count_queue(&filter).unwrap(), 1);
    store.hand_back(Path::new("/m/A/3.mp3"), None, 1).unwrap();
    assert_eq!(of(QueueSet::Tagged), ["3"], "what was handed back waits for second thoughts like the others");
}

#[test]
fn a_cursor_of_another_order_is_refused() {
    let (_folder, store) = library();
    let cursor = store.queue(&QueueView::default(), QueuePlace::Start, 1).unwrap().last.unwrap();
    let by_path = QueueView { order: QueueOrder::Path, ..QueueView::default() };
    assert!(store.queue(&by_path, QueuePlace::After(&cursor), 1).is_err());
    for text in ["", "x", "b1", "bä", "r", "i1.", "i1.b2f6"] {
        let parsed = text.parse::<QueueCursor>();
        assert!(parsed.is_err() || store.queue(&by_path, QueuePlace::After(&parsed.unwrap()), 1).is_err(), "{text}");
    }
}

#[test]
fn no_page_is_sorted_when_it_is_read() {
    let (_folder, store) = library();
    let connection = store.results();
    for set in [QueueSet::Unsure, QueueSet::NotMusic, QueueSet::Tagged, QueueSet::Analysed] {
        for order in [QueueOrder::Worth, QueueOrder::Confidence, QueueOrder::Path, QueueOrder::Added] {
            let view = QueueView { filter: QueueFilter { set, ..QueueFilter::default() }, order, reversed: false };
            let along = match order {
                QueueOrder::Path => Along::Path,
                QueueOrder::Added => Along::Added,
                QueueOrder::Confidence => Along::Confidence,
                QueueOrder::Worth => Along::Set,
            };
            let conditions = Conditions::of(&view.filter, along).undecided(&view.filter);
            let (columns, _) = view.key();
            let key = columns.join(", ");
            let sql = format!(
                "EXPLAIN QUERY PLAN SELECT {COLUMNS} FROM track WHERE {} AND ({key}) > ({}) ORDER BY {key}",
                conditions.joined(),
                vec!["?"; columns.len()].join(", ")
            );
            let mut statement = connection.prepare(&sql).unwrap();
            let values = vec![Value::from(0); columns.len()];
            let plan: Vec<String> =
                statement.query_map(params_from_iter(values), |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{set:?} {order:?}: {plan:?}");
        }
    }
}
