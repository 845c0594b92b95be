//! The queue on rows that were made up: each file once, in order, whatever the view and wherever a page ends.

use std::collections::BTreeSet;

use super::*;
use crate::store::tests::{fresh, waiting};
use crate::store::{TrackStatus, TrackUpdate};
use crate::tagging::{Credits, Origin, OwnersChoice};

fn record(store: &Store, path: &str, status: TrackStatus, genre: &str, confidence: f32, reason: Option<&str>) {
    let ranking = [(genre.to_owned(), confidence)];
    let (genre, confidence) = (Some(genre), Some(confidence));
    let update = TrackUpdate { status, genre, confidence, reason, ranking: &ranking, ..waiting(Path::new(path)) };
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
    names(&store.queue(view, QueuePlace::Start, 100, Effort::All).unwrap())
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
        for (set, effort) in
            [(QueueSet::Unsure, Effort::All), (QueueSet::Analysed, Effort::All), (QueueSet::Unsure, Effort::Rows(1))]
        {
            for reversed in [false, true] {
                let view = QueueView { filter: QueueFilter { set, ..QueueFilter::default() }, order, reversed };
                let whole = all(&store, &view);
                let (mut forwards, mut place) = (Vec::new(), None::<QueueCursor>);
                loop {
                    let from = place.as_ref().map_or(QueuePlace::Start, QueuePlace::After);
                    let page = store.queue(&view, from, 2, effort).unwrap();
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
                    let page = store.queue(&view, from, 2, effort).unwrap();
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
    let credits = Credits { artist: Some("Some Quartet".into()), title: None, album: Some("Quart".into()) };
    store.note_credits(Path::new("/m/A/1.mp3"), &credits).unwrap();
    let with = |change: &dyn Fn(&mut QueueFilter)| {
        let mut filter = QueueFilter::default();
        change(&mut filter);
        let found: BTreeSet<String> = all(&store, &view(filter.clone())).into_iter().collect();
        assert_eq!(store.count_queue(&filter, Effort::All).unwrap().unwrap(), found.len() as u64, "{filter:?}");
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
    assert_eq!(with(&|f| f.text = "quart jazz".into()), ["1"], "the tags' words, and a beginning");
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
    assert_eq!(store.count_queue(&filter, Effort::All).unwrap().unwrap(), 1);
    store.hand_back(Path::new("/m/A/3.mp3"), None, 1).unwrap();
    assert_eq!(of(QueueSet::Tagged), ["3"], "what was handed back waits for second thoughts like the others");
}

#[test]
fn a_cursor_of_another_order_is_refused() {
    let (_folder, store) = library();
    let cursor = store.queue(&QueueView::default(), QueuePlace::Start, 1, Effort::All).unwrap().last.unwrap();
    let by_path = QueueView { order: QueueOrder::Path, ..QueueView::default() };
    assert!(store.queue(&by_path, QueuePlace::After(&cursor), 1, Effort::All).is_err());
    for text in ["", "x", "b1", "bä", "r", "i1.", "i1.b2f6"] {
        let parsed = text.parse::<QueueCursor>();
        assert!(
            parsed.is_err() || store.queue(&by_path, QueuePlace::After(&parsed.unwrap()), 1, Effort::All).is_err(),
            "{text}"
        );
    }
}

/// A library of many files, of which some wait.
fn large() -> (tempfile::TempDir, Store) {
    let (folder, store) = fresh();
    store
        .execute(
            "WITH RECURSIVE number(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM number WHERE i < 5999)
             INSERT INTO track (path, size, mtime_seconds, mtime_nanos, inode, device, status, genre, confidence, seen_at, added_at)
             SELECT CAST(format('/m/%04d/a song.mp3', i * 7 % 6000) AS BLOB), 1, 1, 1, 1, -1, iif(i % 2, 'unsure', 'kept'),
                    iif(i % 1000 = 7, 'Polka', format('Genre %d', i % 3)), (i * 13 % 100) / 100.0, 1, i * 3 % 6000 FROM number",
            [],
        )
        .unwrap();
    (folder, store)
}

#[test]
fn a_page_that_looks_at_some_rows_only_goes_on_where_it_left_off_and_misses_none() {
    let (_folder, store) = large();
    store.execute("UPDATE track SET models_differ = 1 WHERE id % 2 = 1 AND confidence > 0.2", []).unwrap();
    let mut views = Vec::new();
    for order in [QueueOrder::Worth, QueueOrder::Confidence, QueueOrder::Path, QueueOrder::Added] {
        for reversed in [false, true] {
            for (set, genres, disagree, text) in [
                (QueueSet::Unsure, vec![], false, ""),
                (QueueSet::Unsure, vec!["polka".to_owned(), "genre 1".to_owned()], false, ""),
                (QueueSet::Library, vec!["Genre 0".to_owned(), "GENRE 2".to_owned()], true, ""),
                (QueueSet::Analysed, vec![], true, "song"),
                (QueueSet::Library, vec![], false, "son 17"),
            ] {
                let text = text.to_owned();
                let filter = QueueFilter { set, genres, disagree, text, below: Some(0.9), ..QueueFilter::default() };
                views.push(QueueView { filter, order, reversed });
            }
        }
    }
    for view in views {
        let whole = names_of(&store.queue(&view, QueuePlace::Start, 10_000, Effort::All).unwrap());
        assert_eq!(store.count_queue(&view.filter, Effort::All).unwrap(), Some(whole.len() as u64), "{view:?}");
        let (mut seen, mut place, mut pages) = (Vec::new(), None::<QueueCursor>, 0);
        loop {
            let from = place.as_ref().map_or(QueuePlace::Start, QueuePlace::After);
            let page = store.queue(&view, from, 150, Effort::Rows(600)).unwrap();
            assert!(page.rows.len() <= 150);
            (pages, place) = (pages + 1, page.last.clone().or(place));
            seen.extend(names_of(&page));
            if !page.goes_on {
                break;
            }
        }
        assert!(seen == whole, "{view:?}: {} of {} rows in {pages} pages", seen.len(), whole.len());
    }
}

fn names_of(page: &QueuePage) -> Vec<String> {
    page.rows.iter().map(|row| row.path.display().to_string()).collect()
}

#[test]
fn no_page_is_sorted_when_it_is_read() {
    let (_folder, store) = large();
    let connection = store.results();
    for set in [QueueSet::Unsure, QueueSet::NotMusic, QueueSet::Tagged, QueueSet::Analysed, QueueSet::Library] {
        for order in [QueueOrder::Worth, QueueOrder::Confidence, QueueOrder::Path, QueueOrder::Added] {
            for (genres, disagree) in
                [(vec![], false), (vec!["Jazz".to_owned(), "Folk".to_owned()], false), (vec![], true)]
            {
                let filter = QueueFilter { set, genres, disagree, below: Some(0.7), ..QueueFilter::default() };
                let view = QueueView { filter, order, reversed: false };
                for (sql, values) in paging::statements(&view) {
                    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                    let plan: Vec<String> = statement
                        .query_map(rusqlite::params_from_iter(values), |row| row.get(3))
                        .unwrap()
                        .map(Result::unwrap)
                        .collect();
                    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{view:?}: {plan:?}");
                    // From the cursor on, and not from the beginning of the index.
                    let key = match order {
                        QueueOrder::Path => "path>?",
                        QueueOrder::Added => "added_at<?",
                        QueueOrder::Worth | QueueOrder::Confidence => "confidence>?",
                    };
                    assert!(plan[0].starts_with("SEARCH track") && plan[0].contains(key), "{view:?}: {plan:?}");
                }
            }
        }
    }
}

/// What is kept, and the same counted.
fn kept_and_counted(store: &Store) -> [Vec<String>; 4] {
    const KEPT: &str = "SELECT format('%s %d %d %d %d %s: %d', status, decided, not_music, differ, bin, lower(genre), tracks) FROM tally";
    const COUNTED: &str = "SELECT format('%s %d %d %d %d %s: %d', iif(gone_at IS NULL, status, 'gone'),
            EXISTS (SELECT 1 FROM owner_choice WHERE owner_choice.path = track.path AND origin != 'handed back'), not_music,
            coalesce(models_differ, 0), coalesce(min(19, CAST(confidence * 20 AS INTEGER)), -1), lower(coalesce(genre, '')), count(*))
        FROM track GROUP BY iif(gone_at IS NULL, status, 'gone'), EXISTS (SELECT 1 FROM owner_choice
            WHERE owner_choice.path = track.path AND origin != 'handed back'), not_music, coalesce(models_differ, 0),
            coalesce(min(19, CAST(confidence * 20 AS INTEGER)), -1), lower(coalesce(genre, ''))";
    const FOLDERS: &str = "SELECT format('%s %s: %d', CAST(folder AS TEXT), status, tracks) FROM folder_tally";
    let list = |sql: &str| -> Vec<String> {
        let connection = store.results();
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        rows.sort();
        rows
    };
    let mut folders = std::collections::BTreeMap::new();
    for row in list("SELECT iif(gone_at IS NULL, status, 'gone') || ' ' || CAST(path AS TEXT) FROM track") {
        let (status, path) = row.split_once(' ').unwrap();
        let folder = &path[..=path.rfind('/').unwrap()];
        *folders.entry(format!("{folder} {status}")).or_insert(0) += 1;
    }
    let mut folders: Vec<String> = folders.into_iter().map(|(key, number)| format!("{key}: {number}")).collect();
    folders.sort();
    [list(KEPT), list(COUNTED), list(FOLDERS), folders]
}

#[test]
fn the_numbers_that_are_kept_are_those_that_are_counted_whatever_happens_to_files() {
    let (_folder, store) = library();
    let check = |what: &str| {
        let [kept, counted, folders, counted_folders] = kept_and_counted(&store);
        assert_eq!((&kept, &folders), (&counted, &counted_folders), "{what}");
    };
    check("as they were found");
    record(&store, "/m/A/1.mp3", TrackStatus::Tagged, "jazz", 0.97, None);
    record(&store, "/m/B/6.mp3", TrackStatus::Unsure, "Rock", 1.0, None);
    store.note_difference(Path::new("/m/A/2.mp3"), true).unwrap();
    check("looked at again");
    let choice = |origin| OwnersChoice { genres: vec!["Zydeco".into()], origin };
    store.choose(Path::new("/m/A/3.mp3"), None, 1, &choice(Origin::Chosen)).unwrap();
    store.choose(Path::new("/m/A/2.mp3"), None, 1, &choice(Origin::TakenOut)).unwrap();
    store.choose(Path::new("/m/A/new.mp3"), None, 1, &choice(Origin::Chosen)).unwrap();
    check("decided about");
    record(&store, "/m/A/new.mp3", TrackStatus::Kept, "Folk", 0.3, None);
    store.hand_back(Path::new("/m/A/3.mp3"), None, 1).unwrap();
    check("decided about before it was found, and handed back");
    // As a move does it, the file first and the choice first.
    store
        .execute(
            "UPDATE OR IGNORE track SET path = CAST('/m/C/2.mp3' AS BLOB) WHERE path = CAST('/m/A/2.mp3' AS BLOB)",
            [],
        )
        .unwrap();
    check("moved, without its choice");
    store.execute("UPDATE OR REPLACE owner_choice SET path = CAST('/m/C/2.mp3' AS BLOB) WHERE path = CAST('/m/A/2.mp3' AS BLOB)", []).unwrap();
    check("moved");
    store.execute("UPDATE OR REPLACE owner_choice SET path = CAST('/m/C/2.mp3' AS BLOB) WHERE path = CAST('/m/A/new.mp3' AS BLOB)", []).unwrap();
    check("a choice that takes the place of another");
    store
        .execute("UPDATE track SET gone_at = 7 WHERE path >= CAST('/m/B' AS BLOB) AND path < CAST('/m/C' AS BLOB)", [])
        .unwrap();
    check("gone");
    assert!(
        store.folders(Path::new("/m"), None, 9, &Default::default()).unwrap().folders.len() == 3,
        "A, A Side and C"
    );
    store.forget_choice(Path::new("/m/C/2.mp3")).unwrap();
    record(&store, "/m/B/5.mp3", TrackStatus::Failed, "Rock", 0.1, None);
    store.execute("DELETE FROM track WHERE path = CAST('/m/A/1.mp3' AS BLOB)", []).unwrap();
    check("come back, and deleted");
    store.execute("DELETE FROM track", []).unwrap();
    assert_eq!(kept_and_counted(&store), [const { Vec::<String>::new() }; 4], "nothing is left of nothing");
}

#[test]
fn a_folder_whose_name_is_no_text_is_a_folder() {
    let (_folder, store) = fresh();
    // As it stands on disks from before UTF-8: its last byte and the next one would be one letter.
    let path = crate::store::path_from_bytes(b"/m/Qu\xe9/\xbfD\xf3nde.mp3".to_vec());
    store.record_track(&waiting(&path)).unwrap();
    let page = store.folders(Path::new("/m"), None, 9, &Default::default()).unwrap();
    assert_eq!(page.folders[0].path, path.parent().unwrap());
    assert_eq!(store.count_below(path.parent().unwrap()).unwrap().unsure, 1);
}
