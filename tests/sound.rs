//! What tracks sound like, as a user keeps it: groups of tracks, tags, pictures. A small library of synthesised sound is scanned once, and
//! everything else is asked of what the database remembers.
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
            library.put(&format!("{seed}.flac"), &flac(&tune(seed, 22_050, 6.0), 22_050, &[tags]));
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
