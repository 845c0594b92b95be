//! The first hour of somebody who has just got the program: the commands of README on a terminal, one after the other,
//! and what each says. Every test is named after what is seen.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;
#[path = "common/pty.rs"]
mod pty;

use std::path::PathBuf;
use std::process::Command;

use common::service::Service;
use common::sound::{flac, tune, vorbis_comment, wav};
use common::{Library, Run};
use pty::Pty;

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, 4.0), 22_050, &[vorbis_comment(comments)])
}

/// Two songs without a genre, one with, and a file that is none.
fn library() -> Library {
    let library = Library::new();
    library.put("Band/One.flac", &song(1, &["ALBUM=First"]));
    library.put("Band/Two.wav", &wav(&tune(2, 22_050, 4.0), 22_050));
    library.put("Mine.flac", &song(3, &["GENRE=Electro Swing"]));
    library.put("broken.flac", b"no music");
    library
}

/// A command of README as it is typed in the folder that holds the music, on a terminal of that width; gives what it
/// showed and its code.
fn typed(library: &Library, line: &str, columns: u16) -> (String, i32) {
    let mut words = line.split(' ');
    let mut command = library.command(words.next().unwrap());
    command.args(words);
    let mut terminal = Pty::start(&mut command, 100, columns);
    let code = terminal.end().code().unwrap();
    (terminal.screen(), code)
}

fn music(library: &Library) -> String {
    library.music().to_str().unwrap().to_owned()
}

#[test]
fn the_first_hour_goes_as_the_readme_tells_it() {
    let library = library();
    let before = library.contents();
    let (dry, code) = typed(&library, "scan --dry-run music", 120);
    assert_eq!(code, 0, "{dry}");
    assert!(dry.contains("would tag") && dry.contains("2 would be written, 1 kept, 0 unsure, 1 skipped"), "{dry}");
    assert!(!dry.contains("[y/N]"), "{dry}");
    // What better ears cost is said once, behind the results, and nothing is asked.
    let last = dry.trim_end().lines().last().unwrap();
    assert!(last.contains("reclassd models install musicnn") && dry.matches("musicnn").count() == 1, "{dry}");
    assert_eq!(library.contents(), before);

    let (scan, _) = typed(&library, "scan music", 120);
    assert!(scan.contains("tagged ") && scan.contains(": 2 written, 0 kept, 0 unsure, 0 skipped, 0 failed"), "{scan}");
    assert!(scan.contains("2 unchanged") && scan.contains("1 kept, 1 skipped"), "{scan}");
    assert!(!scan.contains("musicnn"), "said once: {scan}");

    let (again, _) = typed(&library, "scan music", 120);
    assert!(again.contains(": 0 written, 0 kept") && again.contains("4 unchanged"), "{again}");
    assert!(again.contains("unchanged since an earlier scan: 2 with our genre, 1 kept, 1 skipped"), "{again}");

    // A correction, and what it says of itself.
    let (set, _) = typed(&library, "tag --genre Zydeco music/Band/One.flac", 120);
    assert!(set.contains("→ Zydeco") && set.contains("1 tagged, 0 failed"), "{set}");
    let (kept, _) = typed(&library, "scan --force music/Band/One.flac", 120);
    assert!(kept.contains("kept") && kept.contains("its owner chose: Zydeco"), "{kept}");
    let (history, _) = typed(&library, "history music/Band/One.flac", 120);
    assert!(history.contains("scan  (no genre) → ") && history.contains("tag   "), "{history}");

    let (undo, _) = typed(&library, "undo --since 1h", 120);
    assert!(undo.contains("2 undone, 0 failed"), "{undo}");
    assert_eq!(library.contents(), before, "every byte is back");
    let (status, _) = typed(&library, "status", 120);
    assert!(status.contains("not running, and never did"), "{status}");
}

#[test]
fn a_run_says_what_it_did_and_not_what_others_did() {
    let library = library();
    library.scan(&[]).expect_code(0);
    let plain =
        |arguments: &[&str]| library.run("scan", &[arguments, &[&music(&library)]].concat()).expect_code(0).stdout;
    let forced = plain(&["--force", "--dry-run"]);
    assert!(
        forced.contains(": 0 would be written, 2 had our genre, 1 kept, 0 unsure, 1 skipped, 0 failed"),
        "{forced}"
    );
    assert!(forced.contains("has ours") && !forced.contains("tagged"), "{forced}");
    let again = library.scan(&[]).expect_code(0);
    let sum = again.summary();
    assert_eq!((&sum["files"], &sum["written"], &sum["unchanged"]), (&4.into(), &0.into(), &4.into()));
    assert_eq!(sum["unchanged_files"]["has_ours"], 2, "{sum}");
    assert_eq!(again.field("One.flac", "outcome"), "unchanged");
    let forced = library.scan(&["--force"]).expect_code(0);
    assert_eq!(
        (forced.field("One.flac", "status"), forced.field("One.flac", "outcome")),
        ("tagged".into(), "has-ours".into())
    );
    let tag = |more: &[&str]| {
        library
            .run("tag", &[&["--genre", "Jazz", "--json"], more, &["music/Mine.flac"]].concat())
            .expect_code(0)
            .summary()
    };
    assert_eq!((&tag(&["-n"])["would_be_tagged"], &tag(&["-n"])["tagged"]), (&1.into(), &0.into()));
    assert_eq!((&tag(&[])["tagged"], &tag(&[])["unchanged"]), (&1.into(), &1.into()));
    let undo = library.run("undo", &["-n", "--json", "music/Mine.flac"]).expect_code(0).summary();
    assert_eq!((&undo["would_be_undone"], &undo["undone"]), (&1.into(), &0.into()));
    let undo = library.run("undo", &["-n", "music/Mine.flac"]).expect_code(0).stdout;
    assert!(undo.contains("1 would be undone"), "{undo}");
    let set = library.run("review", &["set", "Folk", "--dry-run", "--", "music/Mine.flac"]).expect_code(0).stdout;
    assert!(set.contains("1 would be set"), "{set}");
}

#[test]
fn nothing_is_asked_or_suggested_where_nobody_reads_it() {
    let library = library();
    let run = library.run("scan", &["--dry-run", &music(&library)]).expect_code(0);
    assert!(!run.stdout.contains("musicnn") && !run.stderr.contains("musicnn"), "{}{}", run.stdout, run.stderr);
    for line in ["scan --no-input --dry-run music", "scan --dry-run music --quiet"] {
        let (shown, _) = typed(&library, line, 120);
        assert!(!shown.contains("musicnn"), "{shown}");
    }
    // A list that waits for keys is printed instead.
    let (list, code) = typed(&library, "review --no-input --tagged", 120);
    assert_eq!(code, 0, "{list}");
}

#[test]
fn on_60_columns_no_word_is_cut_and_no_row_too_long() {
    let library = library();
    library.put(
        "A long name of an artist/And of an album/07 - A song whose name is longer than a row.flac",
        &song(4, &[]),
    );
    for line in ["scan --dry-run music", "scan music", "status", "stats", "genres", "genres hiphop", "history music"] {
        let mut words = line.split(' ');
        let mut command = library.command(words.next().unwrap());
        command.args(words);
        let mut terminal = Pty::start(&mut command, 200, 60);
        terminal.end();
        let wrapped = terminal.with_screen(|screen| (0..200).filter(|row| screen.row_wrapped(*row)).count());
        assert_eq!(wrapped, 0, "{line}:\n{}", terminal.screen());
    }
}

#[test]
fn a_service_that_has_stopped_says_only_what_it_can_know() {
    let mut library = library();
    library.set_config("[tags]\nmin_confidence = 0.0\n[watch]\npriority = \"normal\"\n");
    let nowhere = library.root().join("nowhere");
    let service = Service::start_with(&library, |command| {
        command.env("RECLASSD_LOG", "debug").arg(library.music()).arg(&nowhere);
    });
    // A file that was written is looked at again where nothing has to be still; that counts as unchanged.
    let kept = |status: &serde_json::Value, files: u64| {
        let counts = &status["counts"];
        counts["written"] == 2 && counts["skipped"] == 1 && counts["kept"] == files
    };
    service.settled("all to be done", |status| kept(status, 1));
    let running = library.run("status", &[]).expect_code(0).stdout;
    assert!(running.contains("being worked on") && running.contains("watches"), "{running}");
    assert!(running.contains("nowhere (has never been there"), "{running}");
    std::fs::rename(library.music().join("Mine.flac"), library.music().join("Renamed.flac")).unwrap();
    service.settled("the new name to be known", |status| kept(status, 2));
    let renamed = library.run("status", &[]).expect_code(0).stdout;
    assert!(renamed.contains("0 gone") && !renamed.contains("1 gone"), "{renamed}");
    let log = service.log();
    service.stop();
    let ended = library.run("status", &[]).expect_code(0).stdout;
    for word in ["in memory", "files/s", "settling", "ripe", "(watched"] {
        assert!(!ended.contains(word), "{word} in:\n{ended}");
    }
    assert!(ended.contains(" looked at: 2 written, 0 unsure, 1 skipped"), "{ended}");
    let last = std::fs::read_to_string(library.root().join("service.log")).unwrap();
    assert!(last.contains("stopping") && last.contains("nowhere: was not there in all that time"), "{last}");
    // Each line says when; nothing in it is of the crates within.
    let is_dated = |line: &str| line.starts_with("20") && line.as_bytes().get(16) == Some(&b':');
    assert!(log.lines().all(is_dated), "{log}");
    assert!(!log.contains("TRACE") && !log.contains("symphonia"), "{log}");
}

#[test]
fn history_shows_values_and_sums_up_folders_and_knows_gone_files() {
    let library = library();
    library.scan(&[]).expect_code(0);
    library.run("tag", &["--genre", "Zydeco", "music/Band/One.flac"]).expect_code(0);
    let history = |arguments: &[&str]| library.run("history", arguments).expect_code(0).stdout;
    let fields = history(&["--fields", "music/Band/One.flac"]);
    assert!(fields.contains("GENRE: nothing → ") && fields.contains("→ Zydeco"), "{fields}");
    assert!(fields.contains("RECLASSD_CONFIDENCE: nothing → 0.") && !fields.contains(" bytes"), "{fields}");
    let wav = history(&["--fields", "music/Band/Two.wav"]);
    assert!(!wav.contains(" bytes") || wav.contains("chunks"), "{wav}");
    let first = history(&["music/Band/One.flac"]);
    let line = first.lines().nth(1).unwrap();
    assert!(line.trim_start().starts_with("20"), "it begins with the time: {line}");
    let folder = history(&["music"]);
    assert!(folder.contains("scan  2 writes into 2 files") && folder.contains("tag   1 write into 1 file"), "{folder}");
    std::fs::remove_file(library.music().join("Band/One.flac")).unwrap();
    assert!(history(&["music/Band/One.flac"]).contains("Zydeco"));
    for since in ["yesterday", "2 days", "2020-01-01"] {
        assert!(history(&["--since", since, "music/Band/Two.wav"]).contains("(no genre) →"), "{since}");
    }
    let none = history(&["--since", "2199-01-01", "music/Band/Two.wav"]);
    assert!(none.contains("wrote nothing into it since then"), "{none}");
    library.run("history", &["--since", "the other day", "music"]).expect_code(2);
}

#[test]
fn a_genre_is_written_as_it_is_said_and_its_usual_spelling_is_named() {
    let library = library();
    let run = library.run("tag", &["--genre", "hip hop", "music/Mine.flac"]).expect_code(0);
    assert!(run.stdout.contains("→ hip hop"), "{}", run.stdout);
    assert!(run.stderr.contains("known as Hip-Hop: --genre Hip-Hop"), "{}", run.stderr);
    let two = library.run("tag", &["--genre", "Rock", "--genre", "Pop", "music/Mine.flac"]).expect_code(0);
    let one = library.run("tag", &["--genre", "Rock; Pop", "music/Mine.flac"]).expect_code(0);
    assert!(two.stdout.contains("→ \"Rock\" + \"Pop\""), "{}", two.stdout);
    assert!(one.stdout.contains("\"Rock\" + \"Pop\" → Rock; Pop  "), "{}", one.stdout);
    assert!(two.stderr.is_empty(), "{}", two.stderr);
    // Left alone after it was taken back: both ways on are named.
    library.scan(&[]).expect_code(0);
    library.run("undo", &["music/Band/One.flac"]).expect_code(0);
    let run = library.scan(&["--force"]).expect_code(0);
    let reason = run.field("One.flac", "reason");
    assert!(reason.contains("tag --genre NAME") && reason.contains("tag --forget"), "{reason}");
}

#[test]
fn json_names_a_file_alike_whatever_the_command() {
    let library = library();
    let scan = library.scan(&[]).expect_code(0);
    let path = scan.field("One.flac", "path");
    let here = "music/Band/../Band/One.flac";
    for (command, arguments) in [
        ("tag", vec!["--show"]),
        ("tag", vec!["--forget"]),
        ("tag", vec!["--genre", "Folk"]),
        ("undo", vec![]),
        ("history", vec![]),
        ("explain", vec![]),
        ("scan", vec!["--force"]),
    ] {
        let run = library.run(command, &[&arguments[..], &["--json", here]].concat());
        assert_eq!(run.objects()[0]["path"], path.as_str(), "{command} {arguments:?}");
    }
    let failed = library.run("tag", &["--json", "--genre", "Folk", "music/broken.flac"]).expect_code(1);
    assert_eq!(
        failed.objects()[0]["path"],
        library.music().canonicalize().unwrap().join("broken.flac").to_str().unwrap()
    );
}

#[test]
fn a_name_that_is_not_known_is_answered_with_what_is_near() {
    let library = library();
    let run = library.run("genres", &["Bossa"]).expect_code(1);
    assert!(
        run.stdout.contains("Bossa: not known; did you mean ") && run.stdout.contains("Bossa Nova"),
        "{}",
        run.stdout
    );
    let run = library.run("genres", &["hiphop"]).expect_code(0);
    assert!(run.stdout.contains("Hip-Hop") && !run.stdout.contains("musicnn"), "only what is there: {}", run.stdout);
}

#[test]
fn a_configuration_is_begun_checked_and_shown() {
    let library = library();
    let of = |arguments: &[&str]| {
        let mut command = library.command("config");
        command.env_remove("RECLASSD_CONFIG").args(arguments);
        Run::of(&mut command)
    };
    assert!(of(&["show"]).expect_code(0).stdout.starts_with("# from the defaults"));
    assert!(of(&["check"]).expect_code(0).stdout.contains("the defaults are in force"));
    let written = of(&["init"]).expect_code(0).stdout;
    let path = library.root().join(".config/reclassd/config.toml");
    assert!(written.contains(path.to_str().unwrap()), "{written}");
    assert!(of(&["init"]).expect_code(2).stderr.contains("is there already"));
    assert!(of(&["check"]).expect_code(0).stdout.contains("config.toml: valid"));
    let shown = of(&["show"]).expect_code(0).stdout;
    assert!(shown.contains(path.to_str().unwrap()) && shown.contains("min_confidence = 0.7"), "{shown}");
    // What is shown is a configuration.
    std::fs::write(library.root().join("again.toml"), &shown).unwrap();
    of(&["check", "again.toml"]).expect_code(0);
    std::fs::write(&path, "[library]\nroots = [\"/nowhere/at all\"]\n[models]\nenabled = [\"nobody\"]\n").unwrap();
    let doubts = of(&["check"]).expect_code(1).stdout;
    assert!(doubts.contains("/nowhere/at all is not there") && doubts.contains("no model nobody"), "{doubts}");
    std::fs::write(&path, "[tags]\nmin_confidense = 1\n").unwrap();
    assert!(of(&["check"]).expect_code(2).stderr.contains("did you mean `min_confidence`"));
}

#[test]
fn the_library_is_shown_in_numbers() {
    let library = library();
    let none = library.run("stats", &[]).expect_code(0).stdout;
    assert!(none.contains("nothing is known yet"), "{none}");
    library.scan(&[]).expect_code(0);
    library.run("undo", &["music/Band/Two.wav"]).expect_code(0);
    let shown = library.run("stats", &[]).expect_code(0).stdout;
    assert!(shown.contains("2 tagged") || shown.contains("1 tagged"), "{shown}");
    assert!(shown.contains("written    by scan  2 times into 2 files, 1 taken back since"), "{shown}");
    assert!(shown.contains("of 3 files") && shown.contains("how sure") && shown.contains("the first guess"), "{shown}");
    let json: serde_json::Value =
        serde_json::from_str(&library.run("stats", &["--json"]).expect_code(0).stdout).unwrap();
    assert_eq!(json["written"]["scan"]["writes"], 2);
    let models = &json["models"];
    assert_eq!(models["agree"].as_u64().unwrap() + models["differ"].as_u64().unwrap(), 3, "{json}");
    let files: u64 = json["confidence"].as_array().unwrap().iter().map(|bin| bin["files"].as_u64().unwrap()).sum();
    assert_eq!(files, 3, "{json}");
}

#[test]
fn quiet_says_only_what_failed_and_verbose_says_all() {
    let library = library();
    let folder = music(&library);
    let quiet = library.run("scan", &["-q", &folder]).expect_code(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let verbose = library.run("scan", &["-v", &folder]).expect_code(0).stdout;
    assert!(verbose.contains("unchanged ") && verbose.contains("Mine.flac"), "{verbose}");
    let failed = library.run("tag", &["-q", "--genre", "Folk", &folder]).expect_code(1).stdout;
    assert_eq!(failed.lines().count(), 1, "{failed}");
    assert!(failed.contains("broken.flac"), "{failed}");
    library.run("scan", &["-q", "-v", &folder]).expect_code(2);
    let coloured = |arguments: &[&str], no_color: &str| {
        let mut command = library.command("history");
        let run = Run::of(command.args(arguments).arg("music/Band/One.flac").env("NO_COLOR", no_color));
        run.stdout.contains('\u{1b}')
    };
    assert!(coloured(&["--color", "always"], "1") && !coloured(&["--color", "never"], "") && !coloured(&[], ""));
    let mut command = library.command("history");
    let mut terminal = Pty::start(command.arg("music/Band/One.flac").env("NO_COLOR", "1"), 40, 100);
    terminal.end();
    assert!(!String::from_utf8_lossy(&terminal.bytes()).contains("\u{1b}[1m"), "NO_COLOR is heeded on a terminal");
}

#[test]
fn shells_complete_genres_and_models() {
    let library = library();
    let script = |shell: &str| library.run("completions", &[shell]).expect_code(0).stdout;
    assert!(script("fish").contains("Pop Rock") && script("zsh").contains("Hip-Hop"));
    assert!(script("fish").contains("musicnn") && script("bash").contains("Hip-Hop"));
    assert!(!script("bash").contains("Easy"), "bash would take Easy Listening apart");
    // No name is refused for being none of these.
    library.run("tag", &["--genre", "Nobody's Own", "music/Mine.flac"]).expect_code(0);
}

#[test]
fn an_album_is_judged_together_where_that_is_asked_for() {
    let library = Library::new();
    let path = |n: u32| PathBuf::from(format!("Album/{n}.flac"));
    (1..4).for_each(|n| drop(library.put(path(n), &song(n, &["ALBUM=One"]))));
    let genres = |arguments: &[&str]| -> Vec<String> {
        let run = library.scan(arguments).expect_code(0);
        (1..4).map(|n| run.field(&format!("{n}.flac"), "genre")).collect()
    };
    let together = genres(&["--dry-run", "--album"]);
    assert!(together.iter().all(|genre| *genre == together[0]), "{together:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let library = library();
    let program = library.command("genres").get_program().to_owned();
    let line = format!("{} genres --aliases | head -1", program.to_str().unwrap());
    let status =
        Command::new("bash").args(["-o", "pipefail", "-c", &line]).env("HOME", library.root()).status().unwrap();
    assert!(status.success());
}
