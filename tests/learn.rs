//! Learning from the owner, as a user sees it: what is learned, what is refused and why, who votes afterwards, and what
//! a crash leaves.
//!
//! The libraries are made up: one file is analysed, and the tracks that are learned from are rows beside its own, with
//! numbers that lean towards their genre or do not.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::PathBuf;
use std::process::Stdio;

use common::sound::{flac, tune, vorbis_comment};
use common::{Library, Run};
use rusqlite::{Connection, params};
use serde_json::Value;

/// Numbers without order, the same ones each time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// About normal, with variance 1.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.next() as f32 / (1_u64 << 31) as f32).sum::<f32>() - 6.0
    }
}

/// A track that is made up.
struct Track {
    artist: usize,
    /// The direction in which its numbers lean; none: none.
    leans: Option<usize>,
    genre: Option<&'static str>,
}

/// The direction in which Jazz leans.
const JAZZ: usize = 7;

struct MadeUp {
    library: Library,
    /// The one file that is really there.
    file: PathBuf,
}

impl MadeUp {
    fn new() -> Self {
        let library = Library::new();
        let file = library.put("song.flac", &flac(&tune(1, 22_050, 5.0), 22_050, &[]));
        library.scan(&[]).expect_code(0);
        Self { library, file }
    }

    fn database(&self) -> Connection {
        Connection::open(self.library.database()).unwrap()
    }

    /// Adds tracks as if they had been analysed, and their owner's choices.
    fn add(&self, seed: u64, tracks: &[Track]) {
        let mut database = self.database();
        let rows = |sql: &str| -> Vec<(String, String, usize)> {
            let mut statement = database.prepare(sql).unwrap();
            let rows =
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?.len() / 4)));
            rows.unwrap().map(Result::unwrap).collect()
        };
        let features = rows("SELECT kind, window, value FROM feature WHERE audio = 1");
        let scores = rows("SELECT model, window, probabilities FROM score WHERE audio = 1");
        let mut noise = Noise(seed.wrapping_mul(7919) + 1);
        let start: i64 = database.query_row("SELECT max(id) FROM audio", [], |row| row.get(0)).unwrap();
        let transaction = database.transaction().unwrap();
        let bytes = |numbers: Vec<f32>| numbers.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
        for (i, track) in tracks.iter().enumerate() {
            let id = start + 1 + i as i64;
            let mut audio_id = [0_u8; 16];
            audio_id[..8].copy_from_slice(&id.to_le_bytes());
            transaction.execute("INSERT INTO audio (id, audio_id) VALUES (?1, ?2)", params![id, audio_id]).unwrap();
            for (kind, window, n) in &features {
                let lean = |j: usize| if track.leans == Some(j % 8) { 1.0 } else { 0.0 };
                let numbers = (0..*n).map(|j| noise.normal() + lean(j)).collect();
                let row = params![id, kind, window, bytes(numbers)];
                transaction.execute("INSERT INTO feature VALUES (?1, ?2, ?3, ?4)", row).unwrap();
            }
            for (model, window, n) in &scores {
                let mut raw: Vec<f32> = (0..*n).map(|_| noise.normal().exp()).collect();
                // The built-in models know Jazz, their third genre.
                raw[2] *= if track.leans == Some(JAZZ) { 100.0 } else { 0.1 };
                let sum: f32 = raw.iter().sum();
                let row = params![id, model, window, bytes(raw.iter().map(|x| x / sum).collect())];
                transaction.execute("INSERT INTO score VALUES (?1, ?2, ?3, ?4)", row).unwrap();
            }
            let path = format!("/nowhere/{}/{id}.flac", track.artist);
            self.add_track(&transaction, path.as_bytes(), id, track.genre);
        }
        transaction.commit().unwrap();
    }

    fn add_track(&self, database: &Connection, path: &[u8], audio: i64, genre: Option<&str>) {
        database
            .execute(
                "INSERT INTO track (path, audio, size, mtime_seconds, mtime_nanos, inode, device, status, genre, confidence,
                     ranking, seen_at, added_at) VALUES (?1, ?2, 1, 2, 3, 4, 5, 'unsure', 'Folk', 0.3, '[]', 6, 7)",
                params![path, audio],
            )
            .unwrap();
        if let Some(genre) = genre {
            let genres = serde_json::to_string(&[genre]).unwrap();
            let row = params![path, audio, genres];
            database.execute("INSERT INTO owner_choice VALUES (?1, ?2, 5, ?3, 'chosen', 8)", row).unwrap();
        }
    }

    fn learn(&self, arguments: &[&str]) -> Run {
        self.library.run("learn", arguments)
    }

    fn report(&self, arguments: &[&str]) -> Value {
        let run = self.learn(&[arguments, &["--json"]].concat()).expect_code(0);
        serde_json::from_str(&run.stdout).unwrap()
    }

    fn folder(&self) -> PathBuf {
        self.library.database().with_file_name("reclassd.db.learned")
    }
}

/// As many tracks of each genre, by ten artists who play several of them, whose numbers lean by genre.
fn tracks(each: usize, genres: &[&'static str]) -> Vec<Track> {
    let of = |(leans, genre): (usize, &&'static str)| {
        let genre = *genre;
        let leans = if genre == "Jazz" { JAZZ } else { leans };
        (0..each).map(move |i| Track { artist: i % 10, leans: Some(leans), genre: Some(genre) })
    };
    genres.iter().enumerate().flat_map(of).collect()
}

fn refused(made_up: &MadeUp, why: &str) {
    let said = made_up.learn(&[]).expect_code(0).stdout;
    assert!(said.contains("not adopted") && said.contains(why), "{said}");
    assert!(!made_up.folder().join("current").exists());
}

#[test]
fn what_is_too_little_to_learn_from_is_said_plainly() {
    let empty = Library::new();
    let said = empty.run("learn", &[]).expect_code(0).stdout;
    assert!(said.contains("not adopted: no track was analysed yet"), "{said}");
    let made_up = MadeUp::new();
    refused(&made_up, "nobody said what a track is");
    made_up.add(1, &tracks(1, &["Schlager", "Volksmusik", "Zeuhl"]));
    refused(&made_up, "no genre has 10 tracks by 3 artists yet (3 tracks have a genre)");
    let said = made_up.learn(&[]).expect_code(0).stdout;
    assert!(said.contains("9 more Schlager tracks, by 2 other artists at least"), "{said}");
    made_up.add(2, &tracks(20, &["Schlager"]));
    let said = made_up.learn(&["--dry-run"]).expect_code(0).stdout;
    assert!(said.contains("too rare: "), "{said}");
    let one = MadeUp::new();
    one.add(2, &tracks(20, &["Schlager"]));
    refused(&one, "there is but one genre, Schlager");
}

#[test]
fn the_owner_s_genres_are_learned_and_vote_until_they_are_forgotten() {
    let made_up = MadeUp::new();
    made_up.add(3, &tracks(30, &["Schlager", "Hörspiel", "Jazz"]));
    let dry = made_up.report(&["--dry-run"]);
    assert_eq!(dry["outcome"], "would-be-adopted", "{dry}");
    assert!(!made_up.folder().exists(), "a dry run leaves nothing");
    let before = made_up.library.contents();
    let report = made_up.report(&[]);
    assert_eq!(report["outcome"]["adopted"]["generation"], 1, "{report}");
    let right = |when: &str| report["comparison"][when]["top1"].as_f64().unwrap();
    assert!(right("after") > right("before") + 0.3, "{report}");
    assert_eq!(made_up.library.contents(), before, "learning touches no file");
    for file in ["model.onnx", "model.toml", "vote.toml", "CARD.md", "report.json"] {
        assert!(made_up.folder().join("generations/1").join(file).exists(), "{file}");
    }
    let card = std::fs::read_to_string(made_up.folder().join("generations/1/CARD.md")).unwrap();
    assert!(card.contains("Hörspiel") && card.contains("of no use to any other library"), "{card}");

    let explained = || Run::of(made_up.library.command("explain").arg(&made_up.file)).expect_code(0).stdout;
    assert!(explained().contains("learned (weight"), "{}", explained());
    Run::of(made_up.library.command("scan").arg(&made_up.file)).expect_code(0);
    let ranking: String =
        made_up.database().query_row("SELECT ranking FROM track WHERE audio = 1", [], |row| row.get(0)).unwrap();
    assert!(ranking.contains("Schlager"), "judged anew, in the owner's names: {ranking}");
    let database = made_up.database();
    let learned: i64 = database
        .query_row("SELECT count(*) FROM score WHERE audio = 1 AND model LIKE 'learned/%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(learned, 1);

    made_up.add(4, &tracks(20, &["Volksmusik"]));
    assert_eq!(made_up.report(&[])["outcome"]["adopted"]["generation"], 2);
    let listed = made_up.learn(&["--list"]).expect_code(0).stdout;
    assert!(listed.contains("  generation 1") && listed.contains("* generation 2"), "{listed}");
    let back = made_up.learn(&["--rollback"]).expect_code(0).stdout;
    assert!(back.contains("generation 1 votes again"), "{back}");
    assert!(made_up.learn(&["--rollback"]).expect_code(2).stderr.contains("nothing was learned before generation 1"));
    made_up.learn(&["--forget"]).expect_code(0);
    assert!(!explained().contains("learned"), "{}", explained());
}

#[test]
fn labels_that_the_sound_does_not_tell_are_not_adopted() {
    for seed in 0..6 {
        let made_up = MadeUp::new();
        let names = ["Alpha", "Beta", "Gamma", "Jazz"];
        let mut noise = Noise(seed + 100);
        let random = (0..160).map(|i| Track {
            artist: i % 40,
            leans: Some(i % 4),
            genre: Some(names[noise.next() as usize % 4]),
        });
        made_up.add(seed, &random.collect::<Vec<_>>());
        let report = made_up.report(&["--dry-run"]);
        assert!(report["outcome"]["not-adopted"]["why"].is_string(), "seed {seed}: {report}");
    }
}

#[test]
fn a_genre_that_the_sound_does_not_tell_is_left_out_and_the_others_are_learned() {
    let made_up = MadeUp::new();
    let mut all = tracks(40, &["Schlager", "Hörspiel", "Jazz"]);
    // Of every kind of sound some.
    all.extend((0..40).map(|i| Track {
        artist: 20 + i % 10,
        leans: Some([0, 1, JAZZ][i % 3]),
        genre: Some("Bought in 1998"),
    }));
    made_up.add(5, &all);
    let report = made_up.report(&[]);
    assert_eq!(report["outcome"]["adopted"]["generation"], 1, "{report}");
    assert_eq!(report["untold"], serde_json::json!(["Bought in 1998"]));
    assert_eq!(report["genres"].as_array().unwrap().len(), 3);
}

#[test]
fn spellings_are_merged_and_contradicting_choices_are_counted() {
    let made_up = MadeUp::new();
    let spelled = |i: usize| ["Hip Hop", "hip-hop", "HipHop"][i % 3];
    let mut all: Vec<Track> =
        (0..24).map(|i| Track { artist: i % 8, leans: Some(0), genre: Some(spelled(i)) }).collect();
    all.extend(tracks(24, &["Schlager"]).into_iter().map(|track| Track { leans: Some(1), ..track }));
    made_up.add(6, &all);
    let database = made_up.database();
    let audio: i64 = database.query_row("SELECT max(audio) FROM track", [], |row| row.get(0)).unwrap();
    made_up.add_track(&database, b"/elsewhere/copy.flac", audio, Some("Jazz"));
    let report = made_up.report(&["--dry-run"]);
    let genres: Vec<&str> = report["genres"].as_array().unwrap().iter().map(|g| g["genre"].as_str().unwrap()).collect();
    assert_eq!(genres.len(), 2, "{report}");
    assert!(genres.contains(&"Hip-Hop") && genres.contains(&"Schlager"), "{genres:?}");
    assert_eq!((&report["found"]["copies"], &report["found"]["contradicting"]), (&Value::from(1), &Value::from(1)));
}

#[test]
fn a_library_that_was_analysed_by_an_older_version_is_to_be_scanned_again() {
    let made_up = MadeUp::new();
    made_up.add(7, &tracks(20, &["Schlager", "Jazz"]));
    let database = made_up.database();
    database.execute("UPDATE feature SET kind = 'old:' || kind WHERE audio > 1", []).unwrap();
    database.execute("UPDATE score SET model = 'old:' || model WHERE audio > 1", []).unwrap();
    refused(&made_up, "`reclassd scan` them again");
}

#[test]
fn a_second_run_at_the_same_time_is_told_and_the_first_one_goes_on() {
    let made_up = MadeUp::new();
    made_up.add(8, &tracks(20, &["Schlager", "Jazz"]));
    made_up.learn(&[]).expect_code(0);
    let lock = std::fs::File::options().write(true).open(made_up.folder().join("lock")).unwrap();
    lock.lock().unwrap();
    let told = made_up.learn(&[]).expect_code(2).stderr;
    assert!(told.contains("another `reclassd learn` is at work"), "{told}");
    made_up.learn(&["--dry-run"]).expect_code(0);
}

#[test]
fn a_run_that_is_killed_leaves_what_was_learned_before() {
    let made_up = MadeUp::new();
    made_up.add(9, &tracks(20, &["Schlager", "Jazz"]));
    made_up.learn(&[]).expect_code(0);
    for attempt in 0..6 {
        let mut command = made_up.library.command("learn");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Killed as soon as the folder shows that it is at work, a little later each time.
        for _ in 0..attempt * 50_000 {
            if child.try_wait().unwrap().is_some() {
                break;
            }
        }
        let _ = child.kill();
        child.wait().unwrap();
        let explained = Run::of(made_up.library.command("explain").arg(&made_up.file)).expect_code(0);
        assert!(explained.stdout.contains("learned (weight"), "{explained:?}");
    }
    let report = made_up.report(&[]);
    assert!(report["outcome"]["adopted"]["generation"].as_u64().unwrap() >= 2, "{report}");
    let left = std::fs::read_dir(made_up.folder().join("generations")).unwrap();
    assert!(left.into_iter().all(|entry| !entry.unwrap().file_name().to_string_lossy().starts_with('.')));
}

#[test]
fn what_was_learned_and_is_damaged_has_no_say_and_stops_no_scan() {
    let made_up = MadeUp::new();
    made_up.add(10, &tracks(20, &["Schlager", "Jazz"]));
    made_up.learn(&[]).expect_code(0);
    std::fs::write(made_up.folder().join("generations/1/model.onnx"), "half").unwrap();
    let explained = Run::of(made_up.library.command("explain").arg(&made_up.file)).expect_code(0);
    assert!(!explained.stdout.contains("learned (weight"), "{explained:?}");
    assert!(explained.stderr.contains("`reclassd learn` learns anew"), "{explained:?}");
    made_up.library.scan(&[]).expect_code(0);
}

#[test]
fn tags_are_learned_from_when_asked_for_and_wrong_ones_are_found() {
    let made_up = MadeUp::new();
    let mut all = tracks(30, &["Schlager", "Hörspiel", "Jazz"]);
    all.iter_mut().for_each(|track| track.genre = None);
    made_up.add(11, &all);
    let database = made_up.database();
    let sound = tune(2, 22_050, 0.2);
    let rows: Vec<(i64, Vec<u8>)> = {
        let mut statement = database.prepare("SELECT audio, path FROM track WHERE audio > 1 ORDER BY audio").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    for (i, (audio, path)) in rows.iter().enumerate() {
        // The fourth one is mistagged.
        let genre = ["Schlager", "Hörspiel", "Jazz"][if i == 3 { 1 } else { i / 30 }];
        let comments = [&format!("GENRE={genre}")[..], &format!("ARTIST=Artist {}", i % 10)];
        let file = made_up.library.put(format!("{i}.flac"), &flac(&sound, 22_050, &[vorbis_comment(&comments)]));
        let file = file.to_str().unwrap().as_bytes();
        database.execute("UPDATE track SET path = ?1 WHERE path = ?2", params![file, path]).unwrap();
        let _ = audio;
    }
    let quiet = made_up.report(&["--dry-run"]);
    assert_eq!(quiet["found"]["tagged"], 0, "never without being asked for");
    let report = made_up.report(&["--dry-run", "--from-tags"]);
    assert_eq!((&report["found"]["tagged"], &report["outcome"]), (&Value::from(90), &Value::from("would-be-adopted")));
    assert_eq!(report["artists"], 10, "artists come from tags: {report}");
    let suspects = made_up.learn(&["--from-tags", "--suspects"]).expect_code(0).stdout;
    assert!(suspects.contains("Hörspiel → Schlager") && suspects.contains("3.flac"), "{suspects}");
    let names = made_up.learn(&["--names"]).expect_code(0).stdout;
    assert!(names.contains("\"Spoken\" = \"Hörspiel\"  # 31 of 31 tracks"), "{names}");
    let asked = made_up.learn(&["--ask", "3"]).expect_code(0).stdout;
    assert_eq!(asked.lines().count(), 3, "{asked}");
}

#[test]
fn an_answer_is_suggested_for_the_rest_of_the_album_at_once_and_comes_first_in_review() {
    let library = Library::with_config("[tags]\nmin_confidence = 1.0\n");
    let song =
        |seed, album: &str| flac(&tune(seed, 22_050, 4.0), 22_050, &[vorbis_comment(&[&format!("ALBUM={album}")])]);
    let first = library.put("a/1.flac", &song(1, "Zuhause"));
    for (name, seed, album) in
        [("0/0.flac", 3, "Elsewhere"), ("a/2.flac", 2, "Zuhause"), ("a/other.flac", 4, "Elsewhere")]
    {
        library.put(name, &song(seed, album));
    }
    library.scan(&[]).expect_code(0);
    let listed = || Run::of(library.command("review").arg("--json")).expect_code(0).objects();
    assert!(listed().iter().all(|track| track["suggested"] == serde_json::json!([])));
    library.run("review", &["set", "Schlager", "--", first.to_str().unwrap()]).expect_code(0);
    let now = listed();
    assert_eq!(now.len(), 3);
    assert!(now[0]["path"].as_str().unwrap().ends_with("a/2.flac"), "{now:?}");
    assert_eq!(now[0]["suggested"], serde_json::json!(["Schlager"]));
    assert!(now[1..].iter().all(|track| track["suggested"] == serde_json::json!([])), "{now:?}");
    let plain = library.run("review", &["--plain"]).expect_code(0).stdout;
    assert!(plain.contains("a/2.flac, suggested: Schlager"), "{plain}");
    let second = library.music().join("a/2.flac");
    library.run("review", &["accept", second.to_str().unwrap()]).expect_code(0);
    let shown = library.run("tag", &["--show", "--json", second.to_str().unwrap()]).expect_code(0).objects();
    assert!(shown[0]["genre"].to_string().contains("Schlager"), "{shown:?}");
}

#[test]
fn review_asks_first_what_teaches_most() {
    let made_up = MadeUp::new();
    made_up.add(12, &tracks(20, &["Schlager", "Jazz"]));
    let unnamed = (0..30).map(|i| Track { artist: 20 + i, leans: Some(i % 5), genre: None });
    made_up.add(13, &unnamed.collect::<Vec<_>>());
    made_up.learn(&[]).expect_code(0);
    let asked = made_up.learn(&["--ask", "2", "--json"]).expect_code(0).objects();
    let database = made_up.database();
    let mut statement = database.prepare("SELECT CAST(path AS TEXT) FROM track WHERE turn < 0 ORDER BY worth").unwrap();
    let turns: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(turns.len() >= 20, "{turns:?}");
    assert_eq!([&turns[0], &turns[1]], [asked[0]["path"].as_str().unwrap(), asked[1]["path"].as_str().unwrap()]);
}
