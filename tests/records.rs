//! Analysis beyond one machine, as its user sees it: records made side by side, taken in elsewhere, and a scan that
//! listens to nothing any more.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::service::eventually;
use common::sound::{flac, tune, vorbis_comment, wav};
use common::{Library, Run};
use serde_json::Value;

const TUNES: u32 = 6;

/// Tunes in two folders, a copy with other tags, something too short, and a file that is no sound.
fn library() -> Library {
    let library = Library::new();
    for seed in 0..TUNES {
        let sound = tune(seed, 22_050, 4.0);
        library.put(format!("{}/{seed}.flac", seed % 2), &flac(&sound, 22_050, &[vorbis_comment(&["TITLE=x"])]));
    }
    library.put("copy.flac", &flac(&tune(1, 22_050, 4.0), 22_050, &[vorbis_comment(&["TITLE=y"])]));
    library.put("short.wav", &wav(&tune(7, 22_050, 0.1), 22_050));
    library.put("text.mp3", b"no music");
    library
}

fn reclassd(library: &Library, command: &str, arguments: &[&str]) -> Run {
    library.run(command, arguments)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Records by the identity of their sound, without what tells one file of a recording from another.
fn by_sound(records: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    let records = records.into_iter().filter(|record| !record["audio"].is_null());
    let nameless = records.map(|mut record| {
        record.as_object_mut().unwrap().remove("path");
        (record["audio"].as_str().unwrap().to_owned(), record)
    });
    nameless.collect()
}

/// Fails with the sounds of which two machines say different things, and nothing of their thousands of numbers.
#[track_caller]
fn assert_alike(made: &BTreeMap<String, Value>, kept: &BTreeMap<String, Value>) {
    let sounds = made.keys().chain(kept.keys());
    let fields = |sound: &String| {
        let [made, kept] = [made, kept].map(|records| records.get(sound).and_then(Value::as_object));
        let names = made.into_iter().chain(kept).flat_map(|record| record.keys());
        names.filter(|name| made.and_then(|m| m.get(*name)) != kept.and_then(|k| k.get(*name))).cloned().collect()
    };
    let different: BTreeMap<&String, Vec<String>> = sounds.map(|sound| (sound, fields(sound))).collect();
    let different: Vec<_> = different.into_iter().filter(|(_, fields)| !fields.is_empty()).collect();
    assert!(different.is_empty(), "{different:?}");
}

/// All records in the files of a folder.
fn in_folder(folder: &Path) -> Vec<Value> {
    let mut records = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            let lines = fs::read_to_string(path).unwrap();
            records.extend(lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
    }
    records
}

#[test]
fn records_are_what_a_scan_would_keep_and_come_in_the_order_of_the_files() {
    let library = library();
    let before = library.contents();
    let run = reclassd(&library, "analyze", &[text(&library.music())]).expect_code(0);
    assert!(run.stderr.contains("2 without an analysis"), "{}", run.stderr);
    assert_eq!(library.contents(), before, "no file is touched");
    assert!(!library.database().exists(), "no database is made");
    let records = run.objects();
    let names: Vec<&str> = records.iter().map(|record| record["path"].as_str().unwrap()).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.len(), TUNES as usize + 3);
    let reason = |name: &str| {
        let record = records.iter().find(|record| record["path"].as_str().unwrap().ends_with(name)).unwrap();
        record["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason("text.mp3").contains("it is text"), "{}", reason("text.mp3"));
    assert!(!reason("short.wav").is_empty());

    library.scan(&["--dry-run"]).expect_code(0);
    let exported = reclassd(&library, "export", &[]).expect_code(0).objects();
    // What is too short is told so each time: nothing is kept of it.
    let heard = records.iter().filter(|record| record["reason"].is_null()).cloned();
    let [made, kept] = [by_sound(heard), by_sound(exported)];
    assert_eq!(made.len(), TUNES as usize, "a copy is the same sound");
    assert_alike(&made, &kept);
    // Every value that a model was fed and gave, and what came of it.
    let full = made.values().find(|record| record["reason"].is_null()).unwrap();
    assert!(
        full["features"].as_array().unwrap().iter().any(|feature| feature["values"].as_array().unwrap().len() == 518)
    );
    assert!(full["scores"].as_array().unwrap().len() > 1 && full["verdict"]["ranking"].as_array().unwrap().len() > 1);
}

#[test]
fn workers_side_by_side_of_which_one_is_killed_lose_nothing_and_a_scan_listens_to_nothing_then() {
    let library = library();
    let records = library.root().join("records");
    let halves = [0, 1].map(|half| library.music().join(half.to_string()));
    // One dies with a record in its hands: its file never gets its name.
    let mut dying = library.command("analyze");
    dying.args(["--from-file", "-", "--records"]).arg(&records);
    let mut dying = dying.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut list = dying.stdin.take().unwrap();
    writeln!(list, "{}", text(&halves[1])).unwrap();
    let part = records.join("records-000001.jsonl.part");
    eventually("the first record", || part.exists().then_some(()));
    dying.kill().unwrap();
    dying.wait().unwrap();
    drop(list);

    let work = |half: &PathBuf| {
        let mut command = library.command("analyze");
        command.arg("--records").arg(&records).arg(half);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    for mut worker in halves.each_ref().map(work) {
        assert!(worker.wait().unwrap().success());
    }
    let made = in_folder(&records);
    assert_eq!(made.len(), TUNES as usize, "nothing is lost or doubled");
    let imported = reclassd(&library, "import", &["--json", text(&records)]).expect_code(0);
    assert!(imported.stderr.contains("records-000001.jsonl.part: is not whole"), "{}", imported.stderr);
    assert_eq!(imported.summary()["new"], TUNES);
    let again = reclassd(&library, "import", &["--json", text(&records)]).expect_code(0);
    assert_eq!((&again.summary()["new"], &again.summary()["known"]), (&Value::from(0), &Value::from(TUNES)));
    let exported = by_sound(reclassd(&library, "export", &[]).expect_code(0).objects());
    assert_alike(&by_sound(made), &exported);

    fs::remove_file(library.music().join("short.wav")).unwrap();
    let scan =
        Run::of(library.command("scan").env("RECLASSD_LOG", "reclassd=debug").arg(library.music()).arg("--json"));
    let written = scan.objects().iter().filter(|object| object["action"] == "written").count();
    assert_eq!(written, TUNES as usize + 1, "the copy too: {}", scan.stderr);
    assert!(scan.stderr.contains("reclassd"), "the log is there");
    assert!(!scan.stderr.contains("decoding "), "{}", scan.stderr);
}

#[test]
fn bytes_from_standard_input_give_the_record_of_the_file() {
    let library = library();
    let file = library.music().join("0/0.flac");
    let of_file = reclassd(&library, "analyze", &[text(&file)]).expect_code(0).objects();
    let mut command = library.command("analyze");
    command.args(["--stdin-audio", "--name", text(&file)]).stdin(fs::File::open(&file).unwrap());
    assert_eq!(Run::of(&mut command).expect_code(0).objects(), of_file);
    let no_sound = library.music().join("text.mp3");
    let mut command = library.command("analyze");
    command.args(["--stdin-audio", "--name", "s3://bucket/text.mp3"]).stdin(fs::File::open(&no_sound).unwrap());
    let record = Run::of(&mut command).expect_code(0).objects().remove(0);
    assert_eq!(record["path"], "s3://bucket/text.mp3");
    assert!(record["reason"].as_str().unwrap().contains("it is text"));
}

#[test]
fn a_list_may_name_what_is_not_there_and_wrong_records_are_refused_by_their_line() {
    let library = library();
    let song = library.music().join("0/0.flac");
    let list = library.root().join("list.txt");
    fs::write(&list, format!("{}\r\n\n/no/such/file.flac\n", text(&song))).unwrap();
    let run = reclassd(&library, "analyze", &["--from-file", text(&list)]).expect_code(0);
    let records = run.objects();
    assert_eq!(records.len(), 2);
    assert_eq!(records[1]["path"], "/no/such/file.flac");
    assert!(records[1]["audio"].is_null() && records[1]["reason"].is_string());

    let good = serde_json::to_string(&records[0]).unwrap();
    let mut wrong = records[0].clone();
    wrong["scores"][0]["probabilities"][0] = 7.into();
    let lines = [good.clone(), "{\"record\":9}".to_owned(), String::new(), wrong.to_string(), good, "\u{0}".to_owned()];
    let file = library.root().join("records.jsonl");
    fs::write(&file, lines.join("\n")).unwrap();
    let run = reclassd(&library, "import", &["--json", text(&file)]).expect_code(1);
    assert_eq!((&run.summary()["new"], &run.summary()["refused"]), (&Value::from(1), &Value::from(3)));
    for (line, why) in [(2, "form 9"), (4, "scores"), (6, "no record")] {
        let found = run.stderr.lines().find(|said| said.contains(&format!("records.jsonl:{line}: ")));
        assert!(found.is_some_and(|said| said.contains(why)), "line {line}: {}", run.stderr);
    }
    reclassd(&library, "import", &["/no/such/records"]).expect_code(2);
    reclassd(&library, "analyze", &[]).expect_code(2);
}

#[test]
fn parallel_processes_of_a_shell_write_into_one_folder() {
    let library = library();
    let records = library.root().join("records");
    let program = library.command("analyze").get_program().to_owned();
    // As docs/cluster.md says it.
    let script = "find \"$1\" -name '*.flac' -print0 | xargs -0 -n 2 -P 3 \"$2\" analyze --records \"$3\"";
    let mut shell = Command::new("sh");
    for (name, value) in library.command("analyze").get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let run = Run::of(shell.args(["-c", script, "sh"]).arg(library.music()).arg(program).arg(&records)).expect_code(0);
    assert_eq!(in_folder(&records).len(), TUNES as usize + 1, "{}", run.stderr);
}
