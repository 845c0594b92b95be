//! `reclassd scan` as a user sees it: genres appear, nothing else changes, nothing is done twice.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::sound::{flac, tune, vorbis_comment};
use common::{Library, Run};

const SECONDS: f64 = 6.0;

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, SECONDS), 22_050, &[vorbis_comment(comments)])
}

/// A FLAC's comments, read by lofty: a reader that shares no code with our writer.
fn comments(path: &std::path::Path) -> Vec<(String, String)> {
    use lofty::file::AudioFile;
    let mut file = std::fs::File::open(path).unwrap();
    let flac = lofty::flac::FlacFile::read_from(&mut file, lofty::config::ParseOptions::new()).unwrap();
    let comments = flac.vorbis_comments().unwrap();
    comments.items().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn values(path: &std::path::Path, name: &str) -> Vec<String> {
    comments(path).into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

fn decoded(run: &Run) -> usize {
    run.stderr.lines().filter(|line| line.contains("decoding ")).count()
}

fn scan_and_watch_decoding(library: &Library, arguments: &[&str]) -> Run {
    let mut command = library.command("scan");
    command.env("RECLASSD_LOG", "reclassd=debug").arg("--json").args(arguments).arg(library.music());
    Run::of(&mut command)
}

#[test]
fn a_folder_of_music_comes_out_with_genres_beside_all_that_was_there() {
    let library = Library::new();
    let path = library.put("a/song.flac", &song(1, &["TITLE=One", "ARTIST=Somebody"]));
    let run = library.scan(&[]).expect_code(0);
    let report = run.object("song.flac");
    assert_eq!((report["status"].as_str(), report["action"].as_str()), (Some("tagged"), Some("written")));
    let genre = report["genre"].as_str().unwrap().to_owned();
    let confidence = report["confidence"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&confidence));
    assert_eq!(report["top"][0]["genre"], genre);
    assert!(report["elapsed_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(values(&path, "GENRE"), std::slice::from_ref(&genre));
    assert_eq!(values(&path, "RECLASSD_GENRE"), [genre]);
    assert_eq!(values(&path, "RECLASSD_CONFIDENCE"), [format!("{confidence:.2}")]);
    assert_eq!(values(&path, "RECLASSD_MODEL").len(), 1);
    assert_eq!((values(&path, "TITLE"), values(&path, "ARTIST")), (vec!["One".into()], vec!["Somebody".into()]));
}

#[test]
fn a_second_scan_opens_no_file_and_writes_nothing() {
    let library = Library::new();
    let paths = [1, 2].map(|seed| library.put(format!("{seed}.flac"), &song(seed, &[])));
    library.scan(&[]).expect_code(0);
    // Other bytes of the same length under the same time: a scan that opened the file would notice.
    for path in &paths {
        let metadata = std::fs::metadata(path).unwrap();
        std::fs::write(path, vec![0; metadata.len() as usize]).unwrap();
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(metadata.modified().unwrap()).unwrap();
    }
    let before = library.contents();
    let run = library.scan(&[]).expect_code(0);
    for object in run.objects() {
        assert_eq!((object["status"].as_str(), object["action"].as_str()), (Some("tagged"), Some("unchanged")));
    }
    assert_eq!(run.objects().len(), 2);
    assert_eq!(library.contents(), before);
}

#[test]
fn moved_copied_and_retagged_files_are_recognised_without_decoding() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &[]));
    let first = scan_and_watch_decoding(&library, &[]).expect_code(0);
    assert_eq!(decoded(&first), 1);
    let genre = first.field("song.flac", "genre");

    std::fs::create_dir(library.music().join("sub")).unwrap();
    std::fs::rename(&path, library.music().join("sub/moved.flac")).unwrap();
    std::fs::copy(library.music().join("sub/moved.flac"), library.music().join("copy.flac")).unwrap();
    library.put("retagged.flac", &song(1, &["TITLE=Another title", "GENRE=Polka"]));
    let second = scan_and_watch_decoding(&library, &[]).expect_code(0);
    assert_eq!(decoded(&second), 0, "{}", second.stderr);
    assert_eq!(second.objects().len(), 3);
    assert!(second.objects().iter().all(|object| object["genre"] == genre));
    assert_eq!(second.field("retagged.flac", "status"), "kept");
    assert_eq!(second.field("moved.flac", "status"), "tagged");
}

#[test]
fn copies_that_turn_up_together_are_listened_to_once() {
    let library = Library::new();
    for number in 0..12 {
        library.put(format!("{number}.flac"), &song(1, &[&format!("TITLE=Copy {number}")]));
    }
    let run = scan_and_watch_decoding(&library, &["--jobs", "4"]).expect_code(0);
    assert_eq!(decoded(&run), 1, "{}", run.stderr);
    assert!(run.objects().iter().all(|object| object["status"] == "tagged"), "{}", run.stdout);
}

#[test]
fn two_files_with_the_same_audio_are_both_tagged() {
    let library = Library::new();
    let paths = ["one.flac", "two.flac"].map(|name| library.put(name, &song(1, &[])));
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.objects().len(), 2);
    for path in &paths {
        assert_eq!(values(path, "GENRE").len(), 1);
    }
}

#[test]
fn a_dry_run_writes_no_file_and_the_next_scan_need_not_decode() {
    let library = Library::new();
    library.put("song.flac", &song(1, &[]));
    let before = library.contents();
    let dry = library.scan(&["--dry-run"]).expect_code(0);
    let report = dry.object("song.flac");
    assert_eq!((report["status"].as_str(), report["action"].as_str()), (Some("tagged"), Some("would-write")));
    assert_eq!(library.contents(), before);
    let wet = scan_and_watch_decoding(&library, &[]).expect_code(0);
    assert_eq!(decoded(&wet), 0, "{}", wet.stderr);
    assert_eq!(wet.field("song.flac", "action"), "written");
}

#[test]
fn force_analyses_again_and_changes_no_policy() {
    let library = Library::new();
    library.put("mine.flac", &song(1, &["GENRE=Polka"]));
    library.put("tagged.flac", &song(2, &[]));
    library.scan(&[]).expect_code(0);
    let before = library.contents();
    let run = scan_and_watch_decoding(&library, &["--force"]).expect_code(0);
    assert_eq!(decoded(&run), 2);
    assert_eq!(run.field("mine.flac", "status"), "kept");
    assert_eq!(library.contents(), before, "the same result is no reason to write");
}

#[test]
fn a_file_that_may_still_be_being_copied_is_left_for_the_next_scan() {
    let mut library = Library::with_config("[tags]\nmin_confidence = 0.0\n[library]\nsettle_seconds = 3600\n");
    library.put("song.flac", &song(1, &[]));
    let before = library.contents();
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.field("song.flac", "status"), "skipped");
    assert!(run.field("song.flac", "reason").contains("copied"), "{}", run.field("song.flac", "reason"));
    assert_eq!(library.contents(), before);
    library.set_config("[tags]\nmin_confidence = 0.0\n");
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "action"), "written");
}

#[test]
fn a_scan_right_after_copying_waits_until_the_copies_are_still() {
    let library = Library::with_config("[tags]\nmin_confidence = 0.0\n[library]\nsettle_seconds = 2\n");
    let paths: Vec<_> = (0..3).map(|seed| library.put(format!("{seed}.flac"), &song(seed, &[]))).collect();
    let music = library.music();
    let dry = library.scan(&["--dry-run"]).expect_code(0);
    assert!(dry.objects().iter().all(|object| object["action"] == "would-write"), "{}", dry.stdout);
    assert!(!dry.stderr.contains("waiting"), "{}", dry.stderr);
    // One of them is still being copied at the end of the wait.
    let touch = |path: &std::path::Path| {
        let file = std::fs::File::options().append(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::now()).unwrap();
    };
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let scan = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                touch(&paths[2]);
                std::thread::sleep(std::time::Duration::from_millis(300));
            }
        });
        paths.iter().for_each(|path| touch(path));
        let scan = library.run("scan", &[music.to_str().unwrap()]);
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        scan
    });
    let scan = scan.expect_code(0);
    assert_eq!(scan.stderr.matches("3 files changed a moment ago: waiting 2 s").count(), 1, "{}", scan.stderr);
    let lines = |word: &str| scan.stdout.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((lines("tagged"), lines("skipped")), (2, 1), "{}", scan.stdout);
    assert!(scan.stdout.contains("3 files in"), "each is counted once: {}", scan.stdout);
}

#[test]
fn a_scan_that_waits_for_copies_ends_when_it_is_told_to() {
    let library = Library::with_config("[tags]\nmin_confidence = 0.0\n[library]\nsettle_seconds = 50\n");
    library.put("1.flac", &song(1, &[]));
    let mut command = library.command("scan");
    let log = library.root().join("log");
    let mut scan = command
        .arg(library.music())
        .stdout(std::process::Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    common::service::eventually("the wait", || {
        std::fs::read_to_string(&log).unwrap().contains("waiting 50 s").then_some(())
    });
    let started = std::time::Instant::now();
    std::process::Command::new("kill").arg(format!("-{}", "INT")).arg(scan.id().to_string()).status().unwrap();
    assert_eq!(scan.wait().unwrap().code(), Some(130));
    assert!(started.elapsed() < std::time::Duration::from_secs(40));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut scan.stdout.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("skipped") && said.contains("stopped after 1 file"), "{said}");
}

#[test]
fn the_same_file_by_several_names_is_one_file() {
    let library = Library::new();
    let song = library.put("a/song.flac", &song(1, &[]));
    std::os::unix::fs::symlink(&song, library.music().join("link.flac")).unwrap();
    std::os::unix::fs::symlink(library.music().join("a"), library.music().join("b")).unwrap();
    let run = library.scan(&["--jobs", "4"]).expect_code(0);
    assert_eq!(run.objects().len(), 3);
    assert!(run.objects().iter().all(|object| object["status"] == "tagged"), "{}", run.stdout);
    assert_eq!(run.objects().iter().filter(|object| object["action"] == "written").count(), 1);
    let review = library.run("review", &["--below", "1", "--json"]).expect_code(0);
    assert_eq!(review.objects().len(), 1, "one row, whatever its names: {}", review.stdout);
}

#[test]
fn more_workers_than_files_are_no_trouble() {
    let library = Library::new();
    library.put("song.flac", &song(1, &[]));
    library.scan(&["--jobs", "1024"]).expect_code(0);
}

#[test]
fn a_wider_window_may_find_what_a_narrow_one_missed() {
    let config = |seconds| format!("[tags]\nmin_confidence = 0.0\n[analysis]\nwindow_seconds = {seconds}\n");
    let mut library = Library::with_config(&config("2.0"));
    let mut samples = tune(1, 22_050, 4.0);
    samples.extend([0; 22_050 * 4]);
    samples.extend(tune(2, 22_050, 4.0));
    library.put("gap.flac", &flac(&samples, 22_050, &[vorbis_comment(&[])]));
    assert!(library.scan(&[]).expect_code(0).field("gap.flac", "reason").contains("silent"));
    library.set_config(&config("30.0"));
    assert_eq!(library.scan(&[]).expect_code(0).field("gap.flac", "status"), "tagged");
}

#[test]
fn a_renamed_album_is_in_review_once() {
    let library = Library::with_config("[tags]\nmin_confidence = 1.0\n");
    library.put("album/song.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    std::fs::rename(library.music().join("album"), library.music().join("Album (1999)")).unwrap();
    library.scan(&[]).expect_code(0);
    let review = library.run("review", &["--json"]).expect_code(0);
    assert_eq!(review.objects().len(), 1, "{}", review.stdout);
    std::fs::remove_dir_all(library.music().join("Album (1999)")).unwrap();
    assert_eq!(library.run("review", &["--json"]).expect_code(0).stdout, "", "what is gone needs no review");
}

#[test]
fn somebody_s_genre_is_never_touched() {
    let library = Library::new();
    library.put("song.flac", &song(1, &["GENRE=Polka"]));
    let before = library.contents();
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.field("song.flac", "status"), "kept");
    assert!(run.field("song.flac", "reason").contains("Polka"));
    assert_eq!(library.contents(), before);
}

#[test]
fn an_unsure_file_is_left_alone_and_waits_in_review() {
    let library = Library::with_config("[tags]\nmin_confidence = 1.0\n");
    library.put("song.flac", &song(1, &[]));
    let before = library.contents();
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.field("song.flac", "status"), "unsure");
    assert_eq!(library.contents(), before);
    let review = library.run("review", &["--json"]).expect_code(0);
    assert_eq!(review.field("song.flac", "status"), "unsure");
    assert_eq!(review.field("song.flac", "genre"), run.field("song.flac", "genre"));
    let text = library.run("review", &[]).expect_code(0).stdout;
    assert!(text.contains("song.flac") && text.contains('%'), "{text}");
    assert_eq!(library.run("review", &["--below", "0.0", "--json"]).expect_code(0).stdout, "");
}

#[test]
fn a_changed_threshold_is_applied_without_decoding() {
    let mut library = Library::with_config("[tags]\nmin_confidence = 1.0\n");
    library.put("song.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    library.set_config("[tags]\nmin_confidence = 0.0\n");
    let run = scan_and_watch_decoding(&library, &[]).expect_code(0);
    assert_eq!(run.field("song.flac", "action"), "written");
    assert_eq!(decoded(&run), 0);
}

#[test]
fn silence_and_very_short_files_get_no_genre() {
    let library = Library::new();
    library.put("silence.flac", &flac(&[0; 22_050 * 6], 22_050, &[]));
    library.put("jingle.flac", &flac(&tune(1, 22_050, 1.0), 22_050, &[]));
    let run = library.scan(&[]).expect_code(0);
    for (name, word) in [("silence.flac", "silent"), ("jingle.flac", "shorter")] {
        assert_eq!(run.field(name, "status"), "skipped");
        assert_eq!(run.field(name, "genre"), "null");
        assert!(run.field(name, "reason").contains(word), "{}", run.field(name, "reason"));
    }
}

#[test]
fn plain_output_has_a_line_a_file_and_a_sum() {
    let library = Library::new();
    library.put("song.flac", &song(1, &[]));
    let music = library.music();
    let run = library.run("scan", &[music.to_str().unwrap()]).expect_code(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("tagged") && lines[0].ends_with("song.flac"), "{}", run.stdout);
    assert!(
        lines[1].starts_with("1 file in ") && lines[1].contains("1 written, 0 kept, 0 unsure, 0 skipped, 0 failed")
    );
    assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "no colours into a pipe");
}

#[test]
fn configured_roots_are_scanned_and_a_missing_one_is_only_warned_about() {
    let mut library = Library::new();
    library.put("song.flac", &song(1, &[]));
    let (music, missing) = (library.music(), library.root().join("unplugged"));
    library.set_config(&format!("[library]\nroots = [{music:?}, {missing:?}]\n"));
    let run = library.run("scan", &["--json"]).expect_code(0);
    assert_eq!(run.objects().len(), 1);
    assert!(run.stderr.contains("unplugged"), "{}", run.stderr);
}

#[test]
fn wrong_use_is_told_apart_from_failed_files() {
    let mut library = Library::new();
    let run = library.run("scan", &["/no/such/folder"]).expect_code(2);
    assert!(run.stderr.contains("/no/such/folder"), "{}", run.stderr);
    library.run("scan", &[]).expect_code(2);
    library.run("scan", &["--jobs", "0", "."]).expect_code(2);
    library.run("review", &["--below", "7"]).expect_code(2);
    library.run("review", &["--database", "."]).expect_code(2);
    library.set_config("[models]\nenabled = [\"fma518-svm\"]\n");
    let run = library.run("scan", &["."]).expect_code(2);
    assert!(run.stderr.contains("fma518-svm") && run.stderr.contains("fma518-mlp"), "{}", run.stderr);
    library.set_config("[tags]\npolicy = \"fill\"\nmin_confidense = 0.5\n");
    let run = library.run("scan", &["."]).expect_code(2);
    assert!(run.stderr.contains("config.toml:3:") && run.stderr.contains("min_confidence"), "{}", run.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let library = Library::new();
    for seed in 0..3 {
        library.put(format!("{seed}.flac"), &song(seed, &[]));
    }
    let mut child = library
        .command("scan")
        .arg("--json")
        .arg(library.music())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn explain_shows_each_model_and_the_vote() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &["GENRE=Polka"]));
    let before = library.contents();
    let run = library.run("explain", &[path.to_str().unwrap()]).expect_code(0);
    for word in ["fma518-mlp", "logmel-cnn", "the vote", "█", "%", "mean", "temperature", "confidence", "Polka"] {
        assert!(run.stdout.contains(word), "{word} is missing in:\n{}", run.stdout);
    }
    assert_eq!(library.contents(), before);
}

#[test]
fn explain_says_the_steps_from_the_members_to_the_confidence_as_json_too() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &["GENRE=Polka"]));
    let run = library.run("explain", &["--json", path.to_str().unwrap()]).expect_code(0);
    let said: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let first = |step: &str| (said[step][0]["genre"].clone(), said[step][0]["share"].as_f64().unwrap());
    let (genre, mean) = first("mean");
    // The temperature and what follows change how sure the vote is, and not what it says.
    assert_eq!([first("tempered").0, first("families").0], [genre.clone(), genre.clone()]);
    let (temperature, tempered) = (said["temperature"].as_f64().unwrap(), first("tempered").1);
    assert_eq!(temperature < 1.0, tempered > mean, "{said}");
    let weights: Vec<f64> = said["members"].as_array().unwrap().iter().map(|m| m["weight"].as_f64().unwrap()).collect();
    assert!(weights.len() > 2 && weights.iter().sum::<f64>() > 0.99, "{said}");
    if let Some(confidence) = said["calibration"]["confidence"].as_f64() {
        assert!((first("families").1 - confidence).abs() < 2e-4, "{said}");
    }
    assert_eq!(said["in_the_file"][0], "Polka");
    assert_eq!((&said["genre"], said["confidence"].as_f64()), (&genre, Some(first("top").1)));
}
