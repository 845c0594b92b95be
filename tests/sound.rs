//! What tracks sound like, as a user keeps it: groups of tracks, tags, pictures. A small library of synthesised sound
//! is scanned once, and everything else is asked of what the database remembers.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;
use std::sync::OnceLock;

use common::Library;
use common::sound::{flac, tune, vorbis_comment, wav};

const DESCRIBED: &str = "[tags]\nmin_confidence = 0.0\n[analysis]\ndescriptors = true\n";

/// Six tunes, one of them in two files.
fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = Library::with_config(DESCRIBED);
        for seed in 1..6 {
            let title = format!("TITLE=Tune {seed}");
            let tags = vorbis_comment(&["ARTIST=Ana", &title]);
            library.put(format!("{seed}.flac"), &flac(&tune(seed, 22_050, 6.0), 22_050, &[tags]));
        }
        library.put("6.wav", &wav(&tune(60, 22_050, 7.0), 22_050));
        library.put("again/1.flac", &flac(&tune(1, 22_050, 6.0), 22_050, &[vorbis_comment(&["TITLE=Tune 1 again"])]));
        library.scan(&["--dry-run"]).expect_code(0);
        library
    })
}

fn rows(table: &Path) -> Vec<csv::StringRecord> {
    csv::Reader::from_path(table).unwrap().records().collect::<Result<_, _>>().unwrap()
}

#[test]
fn the_library_falls_into_groups_with_names_that_a_table_and_playlists_keep() {
    let library = library();
    let before = library.contents();
    let (table, lists) = (library.root().join("groups.csv"), library.root().join("groups"));
    let keep = ["-k", "2", "--json", "--csv", table.to_str().unwrap(), "--m3u8", lists.to_str().unwrap()];
    let run = library.run("cluster", &keep).expect_code(0);
    let (groups, summary) = (run.objects(), run.summary());
    assert_eq!(summary["groups"], 2);
    assert_eq!(summary["recordings"], 6, "two files of one recording are one");
    let recordings: Vec<u64> = groups.iter().map(|group| group["recordings"].as_u64().unwrap()).collect();
    assert!(recordings.is_sorted_by(|a, b| a >= b) && recordings.iter().sum::<u64>() == 6, "{recordings:?}");
    assert_ne!(groups[0]["name"], groups[1]["name"]);
    for group in &groups {
        let typical = group["typical"].as_array().unwrap();
        assert!((1..=3).contains(&typical.len()) && typical[0]["path"].is_string(), "{group}");
    }
    let rows = rows(&table);
    assert_eq!(rows.len(), 7, "a row a file");
    assert!(rows.iter().all(|row| row[2].parse::<f64>().unwrap().is_finite()));
    let group_of = |name: &str| rows.iter().find(|row| row[3].ends_with(name)).unwrap()[0].to_owned();
    assert_eq!(group_of("/1.flac"), group_of("again/1.flac"));
    let mut listed = Vec::new();
    for entry in std::fs::read_dir(&lists).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.starts_with("#EXTM3U\n#RECLASSD:group "), "{text}");
        listed.extend(text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned));
    }
    assert_eq!(listed.len(), 7);
    assert!(listed.iter().all(|line| lists.join(line).exists()), "{listed:?}");
    assert_eq!(library.contents(), before, "no file of music is touched");
}

#[test]
fn groups_are_the_same_every_time_and_lists_of_other_groups_go() {
    let library = library();
    let lists = library.root().join("other groups");
    let run = |k: &str| library.run("cluster", &["-k", k, "--m3u8", lists.to_str().unwrap()]).expect_code(0);
    let first = run("3");
    assert_eq!(first.stdout, run("3").stdout);
    let mine = lists.join("00 mine.m3u8");
    std::fs::write(&mine, "#EXTM3U\nmine.mp3\n").unwrap();
    run("1");
    let names: Vec<String> =
        std::fs::read_dir(&lists).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 2, "one group, and what is no list of ours: {names:?}");
    assert!(mine.exists());
    let more = library.run("cluster", &["-k", "50", "--json"]).expect_code(0);
    assert_eq!(more.summary()["groups"], 6, "no more groups than there are sounds");
    library.run("cluster", &["-k", "0"]).expect_code(2);
    let chosen = library.run("cluster", &["--json"]).expect_code(0);
    assert!(!chosen.summary()["silhouettes"].as_array().unwrap().is_empty());
}

#[test]
fn without_anything_analysed_there_are_no_groups_and_it_says_what_to_do() {
    let library = Library::with_config(DESCRIBED);
    let run = library.run("cluster", &[]).expect_code(2);
    assert!(run.stderr.contains("reclassd scan"), "{}", run.stderr);
}

/// What mutagen, and each further reader that is there, says of tempo, key and mood of a file: `bpm key mood`, with `-`
/// for none.
fn read_back(test: &str, files: &[&Path]) -> Option<Vec<String>> {
    const SCRIPT: &str = r#"
import json, shutil, subprocess, sys, mutagen
def first(tags, *names):
    for name in names:
        for key in (tags.keys() if tags else []):
            if key.lower() == name.lower():
                value = tags[key]
                value = value.text if hasattr(value, "text") else value
                value = value[0] if isinstance(value, list) else value
                return value.decode() if isinstance(value, bytes) else str(value)
    return "-"
def same(what, name, expected, found):
    if found not in ("-", expected) and not (found.replace(".", "").isdigit() and float(found) == float(expected)):
        sys.exit(f"{what} reads {found!r} in {name}, and mutagen {expected!r}")
for path in sys.argv[1:]:
    tags = mutagen.File(path).tags
    said = [first(tags, "TBPM", "BPM", "tmpo"),
            first(tags, "TKEY", "INITIALKEY", "----:com.apple.iTunes:initialkey"),
            first(tags, "TMOO", "TXXX:MOOD", "MOOD", "----:com.apple.iTunes:MOOD")]
    print(*said)
    if shutil.which("ffprobe"):
        out = subprocess.run(["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path], capture_output=True, text=True).stdout
        seen = json.loads(out)
        merged = {**seen["format"].get("tags", {}), **{k: v for s in seen["streams"] for k, v in s.get("tags", {}).items()}}
        same("ffprobe", path, said[0], first(merged, "TBPM", "BPM", "tmpo"))
        same("ffprobe", path, said[1], first(merged, "TKEY", "INITIALKEY", "initialkey"))
    if shutil.which("exiftool"):
        seen = json.loads(subprocess.run(["exiftool", "-json", path], capture_output=True, text=True).stdout)[0]
        same("exiftool", path, said[0], first(seen, "BeatsPerMinute", "BPM"))
        same("exiftool", path, said[1], first(seen, "InitialKey"))
    if shutil.which("kid3-cli"):
        for field, value in (("bpm", said[0]), ("initialkey", said[1])):
            out = subprocess.run(["kid3-cli", "-c", f"get {field}", path], capture_output=True, text=True).stdout.strip()
            same("kid3-cli", path, value, out or "-")
"#;
    let python = std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let run = std::process::Command::new(&python).arg("-c").arg(SCRIPT).args(files).output();
    let Ok(run) = run else {
        common::skipped(test, "there is no Python; name one that has mutagen in $RECLASSD_PYTHON");
        return None;
    };
    let errors = String::from_utf8_lossy(&run.stderr).into_owned();
    if errors.contains("No module named") {
        common::skipped(
            test,
            "the Python package mutagen is not installed; name a Python that has it in $RECLASSD_PYTHON",
        );
        return None;
    }
    assert!(run.status.success(), "{errors}");
    Some(String::from_utf8(run.stdout).unwrap().lines().map(str::to_owned).collect())
}

const FILLED: &str = "[tags]\nmin_confidence = 1.0\n[library]\nsettle_seconds = 0\n\
    [tags.write]\nbpm = \"fill\"\nkey = \"fill\"\nmood = \"fill\"\nmin_confidence = 0.0\n";

/// One tune in every kind of file that this machine can make of it.
fn every_kind(library: &Library) -> Vec<std::path::PathBuf> {
    let sound = tune(1, 44_100, 12.0);
    let mut files = vec![
        library.put("a.flac", &flac(&sound, 44_100, &[vorbis_comment(&["GENRE=Rock", "TITLE=x"])])),
        library.put("b.wav", &wav(&sound, 44_100)),
    ];
    for (name, arguments) in [
        ("c.mp3", &["-id3v2_version", "3", "-metadata", "genre=Rock", "-metadata", "title=x"][..]),
        ("d.mp3", &["-id3v2_version", "4", "-metadata", "title=x"]),
        ("e.m4a", &["-metadata", "genre=Rock"]),
        ("f.opus", &["-metadata", "title=x"]),
        ("g.aiff", &[]),
    ] {
        let path = library.music().join(name);
        let mut command = std::process::Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(&files[1]).args(arguments).arg(&path);
        match command.status() {
            Ok(status) if status.success() => files.push(path),
            _ => {
                common::skipped("tempo_key_and_mood_are_filled_in", &format!("ffmpeg is not here, or makes no {name}"))
            }
        }
    }
    files
}

#[test]
fn tempo_key_and_mood_are_filled_in_once_and_can_be_taken_back() {
    let library = Library::with_config(FILLED);
    let files = every_kind(&library);
    let before = library.contents();
    let rehearsed = library.scan(&["--dry-run"]).expect_code(0);
    assert_eq!(library.contents(), before);
    assert!(rehearsed.objects().iter().all(|object| object["action"] == "would-write"), "{}", rehearsed.stdout);
    let scan = library.scan(&[]).expect_code(0);
    let objects = scan.objects();
    assert!(objects.iter().all(|object| object["action"] == "written"), "{}", scan.stdout);
    let expected: Vec<String> = files
        .iter()
        .map(|path| {
            let described = &scan.object(path.file_name().unwrap().to_str().unwrap())["descriptors"];
            let (bpm, key) = (described["bpm"].as_f64().unwrap(), described["key"].as_str().unwrap());
            let key = key.replace(" minor", "m").replace(" major", "");
            let mood = described["mood"].as_str().unwrap();
            format!("{bpm:.0} {key} {}{}", mood[..1].to_uppercase(), &mood[1..])
        })
        .collect();
    let paths: Vec<&Path> = files.iter().map(|path| path.as_path()).collect();
    if let Some(found) = read_back("tempo_key_and_mood_are_filled_in", &paths) {
        assert_eq!(found, expected);
    }
    let again = library.scan(&[]).expect_code(0);
    assert!(again.objects().iter().all(|object| object["action"] == "unchanged"), "{}", again.stdout);
    let history = library.run("history", &[files[0].to_str().unwrap(), "--json"]).expect_code(0);
    assert_eq!(history.objects()[0]["cause"], "describe");
    library.run("undo", &["--all"]).expect_code(0);
    for (path, bytes) in library.contents() {
        let name = path.to_string_lossy();
        // Where the editor knows what room there was, every byte comes back; elsewhere what a tag has grown by stays as
        // padding.
        if [".flac", ".wav", ".m4a", ".opus"].iter().any(|ending| name.ends_with(ending)) {
            assert!(before[&path] == bytes, "{name}: every byte is as it was");
        }
    }
    if let Some(found) = read_back("tempo_key_and_mood_are_filled_in", &paths) {
        assert_eq!(found, vec!["- - -"; files.len()]);
    }
    let after = library.scan(&[]).expect_code(0);
    assert!(after.objects().iter().all(|object| object["action"] == "none"), "once is enough: {}", after.stdout);
}

#[test]
fn a_tempo_that_is_there_stays_and_so_does_what_was_decided_about_the_genre() {
    let mut library = Library::with_config("[tags]\nmin_confidence = 0.0\n[library]\nsettle_seconds = 0\n");
    let sound = tune(3, 22_050, 8.0);
    let path = library.put("a.flac", &flac(&sound, 22_050, &[vorbis_comment(&["TITLE=x", "BPM=99"])]));
    let file = path.to_str().unwrap();
    library.scan(&[]).expect_code(0);
    library.run("undo", &[file]).expect_code(0);
    let camelot = FILLED.replace("[library]", "key_notation = \"camelot\"\n[library]");
    library.set_config(&camelot.replace("min_confidence = 1.0", "min_confidence = 0.0"));
    let scan = library.scan(&[]).expect_code(0);
    let object = scan.object("a.flac");
    assert!(object["action"] == "written" && object["reason"].as_str().unwrap().contains("the key"), "{object}");
    let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()[..4096]).into_owned();
    let key = object["descriptors"]["camelot"].as_str().unwrap();
    assert!(
        text.contains("BPM=99") && !text.contains("GENRE") && text.contains(&format!("INITIALKEY={key}")),
        "{text}"
    );
    library.run("undo", &[file]).expect_code(0);
    let scan = library.scan(&["--force"]).expect_code(0);
    assert_eq!(
        scan.object("a.flac")["action"],
        "none",
        "our genre was taken back, and that still holds: {}",
        scan.stdout
    );
}

#[test]
fn the_name_of_the_group_goes_into_the_tags_only_when_asked_for_and_comes_out_again() {
    let library = Library::with_config(&format!("{DESCRIBED}[library]\nsettle_seconds = 0\n"));
    for seed in 1..4 {
        let sound = flac(&tune(seed, 22_050, 6.0), 22_050, &[vorbis_comment(&["GENRE=Rock"])]);
        library.put(format!("{seed}.flac"), &sound);
    }
    library.scan(&[]).expect_code(0);
    let before = library.contents();
    let rehearsed = library.run("cluster", &["-k", "2", "--write-tags", "-n"]).expect_code(0);
    assert!(rehearsed.stdout.contains("3 would be marked"), "{}", rehearsed.stdout);
    assert_eq!(library.contents(), before);
    library.run("cluster", &["-k", "2", "--write-tags"]).expect_code(0);
    for (path, bytes) in library.contents() {
        let text = String::from_utf8_lossy(&bytes[..4096]).into_owned();
        assert!(text.contains("RECLASSD_CLUSTER=") && text.contains("GENRE=Rock"), "{}", path.display());
    }
    let scan = library.scan(&[]).expect_code(0);
    assert!(scan.objects().iter().all(|object| object["action"] == "unchanged"), "{}", scan.stdout);
    library.run("undo", &["--all"]).expect_code(0);
    assert!(library.contents() == before, "every byte is as it was");
}

/// Width and height of a PNG.
fn size_of(png: &Path) -> (u32, u32) {
    let picture = tiny_skia::Pixmap::decode_png(&std::fs::read(png).unwrap()).unwrap();
    (picture.width(), picture.height())
}

#[test]
fn a_track_the_library_and_its_features_can_be_looked_at() {
    let library = library();
    let file = |name: &str| library.root().join(name).to_str().unwrap().to_owned();
    let tune = library.music().join("1.flac");
    library.run("explain", &[tune.to_str().unwrap(), "--json", "--png", &file("track.png")]).expect_code(0);
    assert!(size_of(Path::new(&file("track.png"))).0 > 1000);
    let stats = library.run("stats", &["--png", &file("stats.png"), "--svg", &file("stats.svg")]).expect_code(0);
    assert!(stats.stdout.contains("mood") && stats.stdout.contains("BPM"), "{}", stats.stdout);
    assert!(size_of(Path::new(&file("stats.png"))).0 > 1000);
    assert!(std::fs::read_to_string(file("stats.svg")).unwrap().starts_with("<svg"));
    let tunes = ["2.flac", "3.flac", "6.wav"].map(|name| library.music().join(name).to_str().unwrap().to_owned());
    let plots = [&tunes[0], &tunes[1], &tunes[2], "--plot", &file("plots")];
    library.run("features", &plots).expect_code(0);
    for name in ["distribution.png", "heat map.png", "means.png"] {
        assert!(size_of(&library.root().join("plots").join(name)).0 > 1000);
    }
    library.run("features", &[&tunes[0]]).expect_code(2);
    library.run("features", &[&tunes[0], "--plot", "x", "-o", "y.npy"]).expect_code(2);
}
