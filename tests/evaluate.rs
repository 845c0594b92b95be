//! `reclassd evaluate` as a user sees it: figures that are those of the files, a picture that opens, no file touched.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::sound::{flac, tune, vorbis_comment};
use common::{Library, Run};
use serde_json::Value;

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, 5.0), 22_050, &[vorbis_comment(comments)])
}

/// What the program says of each of these seeds: synthesised sound has no genre, so that the labels are made to fit.
fn named(library: &Library, seeds: std::ops::Range<u32>) -> Vec<String> {
    for seed in seeds.clone() {
        library.put(format!("{seed}.flac"), &song(seed, &[]));
    }
    let run = library.scan(&["--dry-run"]).expect_code(0);
    seeds.map(|seed| run.field(&format!("/{seed}.flac"), "genre")).collect()
}

fn other_than(genre: &str) -> &'static str {
    if genre == "Reggae" { "Blues" } else { "Reggae" }
}

fn evaluate(library: &Library, arguments: &[&str]) -> Run {
    let mut command = library.command("evaluate");
    command.args(["--json", "figures.json", "--png", "figures.png"]).args(arguments);
    Run::of(&mut command)
}

fn json(library: &Library) -> Value {
    serde_json::from_slice(&std::fs::read(library.root().join("figures.json")).unwrap()).unwrap()
}

/// Four files of which three are labelled as the program names them, and what a real list has besides.
fn labelled() -> Library {
    let library = Library::with_config("[tags]\nmin_confidence = 0.7\n");
    let named = named(&library, 0..4);
    library.put("silence.flac", &flac(&[0; 22_050 * 5], 22_050, &[]));
    let list = format!(
        "path,labels,artist,split\n0.flac,{},A,valid\n1.flac,{}; Zeuhl,A,valid\n2.flac,{},B,valid\n3.flac,{},C,valid\n\
         gone.flac,Jazz,C,valid\nsilence.flac,Jazz,C,valid\n4.flac,Zeuhl,C,valid\n0.flac,Jazz,A,valid\n9.flac,Jazz,C,train\n",
        named[0],
        named[1],
        named[2],
        other_than(&named[3]),
    );
    std::fs::write(library.root().join("list.csv"), list).unwrap();
    library
}

#[test]
fn the_figures_are_those_of_the_labelled_files() {
    let library = labelled();
    let before = library.contents();
    let run = evaluate(&library, &["--labels", "list.csv", "--split", "valid", "music", "--per-member"]).expect_code(1);
    let json = json(&library);
    let figures = &json["figures"];
    assert_eq!((figures["clips"].as_u64(), figures["groups"].as_u64()), (Some(4), Some(3)));
    assert_eq!(figures["top1"], 0.75);
    let (low, high) = (&figures["top1_interval"]["low"], &figures["top1_interval"]["high"]);
    assert!(low.as_f64().unwrap() <= 0.75 && high.as_f64().unwrap() >= 0.75);
    assert!(figures["majority"]["top1"].as_f64().unwrap() >= 0.25);
    for share in ["macro_f1", "ece"] {
        assert!((0.0..=1.0).contains(&figures[share].as_f64().unwrap()), "{share}");
    }
    let counts = |list: &Value| list.as_array().unwrap().iter().map(|bin| bin["clips"].as_u64().unwrap()).sum::<u64>();
    assert_eq!((counts(&figures["reliability"]), figures["thresholds"].as_array().unwrap().len()), (4, 10));
    let cells = figures["confusion"]["counts"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    assert_eq!(cells.map(|cell| cell.as_f64().unwrap()).sum::<f64>(), 4.0);
    assert_eq!(json["members"].as_array().unwrap().len(), 3);
    let right: Vec<bool> =
        json["clips"].as_array().unwrap().iter().map(|clip| clip["right"].as_bool().unwrap()).collect();
    assert_eq!(right, [true, true, true, false], "in the order of the list");

    assert_eq!(json["left_out"]["count"], 4);
    assert_eq!(json["unknown_labels"]["Zeuhl"], 2);
    for words in [
        "4 files by 3 artists",
        "75.0 %",
        "fma518-mlp",
        "Left out: 4 files",
        "not there",
        "silent",
        "Zeuhl (2)",
        "1 line of other splits",
    ] {
        assert!(run.stdout.contains(words), "{words} is missing in:\n{}", run.stdout);
    }
    assert!(!run.stdout.contains('\u{1b}'), "no colours into a pipe");
    assert_eq!(library.contents(), before, "no file is touched");
}

#[test]
fn the_picture_is_a_png_that_opens() {
    let library = labelled();
    evaluate(&library, &["--labels", "list.csv", "--split", "valid", "music"]).expect_code(1);
    let png = std::fs::read(library.root().join("figures.png")).unwrap();
    let picture = tiny_skia::Pixmap::decode_png(&png).unwrap();
    assert_eq!((picture.width(), picture.height()), reclassd::evaluation::plot::SIZE);
}

#[test]
fn a_tagged_library_is_measured_against_its_own_tags_but_not_against_ours() {
    let library = Library::new();
    let named = named(&library, 0..3);
    library.put("A/right.flac", &song(0, &[&format!("GENRE={}", named[0])]));
    library.put("B/wrong.flac", &song(1, &[&format!("GENRE={}", other_than(&named[1]))]));
    library.put("B/strange.flac", &song(2, &["GENRE=Zeuhl"]));
    // 0, 1 and 2.flac get the program's own genre, which is nobody's word.
    library.scan(&[]).expect_code(0);
    library.put("C/untagged.flac", &song(3, &[]));
    let before = library.contents();
    let run = evaluate(&library, &["--from-tags", "music"]).expect_code(0);
    let json = json(&library);
    assert_eq!((json["figures"]["clips"].as_u64(), json["figures"]["top1"].as_f64()), (Some(2), Some(0.5)));
    let reasons = &json["left_out"]["reasons"];
    assert_eq!(reasons["the genre was written by reclassd"], 3);
    assert_eq!(reasons["no genre in the tags"], 1);
    assert_eq!(reasons["no label that the taxonomy knows"], 1);
    assert!(run.stdout.contains("2 files by 2 albums"), "{}", run.stdout);
    assert!(run.stdout.contains("one folder count as one album"), "{}", run.stdout);
    assert_eq!(library.contents(), before);
}

#[test]
fn what_is_known_is_not_decoded_again() {
    let library = labelled();
    let mut command = library.command("evaluate");
    command.env("RECLASSD_LOG", "reclassd=debug").args(["--labels", "list.csv", "--split", "valid", "music"]);
    let run = Run::of(&mut command).expect_code(1);
    let decoded: Vec<&str> = run.stderr.lines().filter(|line| line.contains("decoding ")).collect();
    assert!(decoded.iter().all(|line| line.contains("silence")), "{decoded:?}");
}

#[test]
fn wrong_use_says_what_would_be_right() {
    let library = Library::new();
    std::fs::write(library.root().join("bad.csv"), "name,mood\n1,sad\n").unwrap();
    std::fs::write(library.root().join("none.csv"), "path,genre\n1.mp3,Zeuhl\n").unwrap();
    for (arguments, code, words) in [
        (&[][..], 2, "--labels"),
        (&["--labels", "bad.csv", "--from-tags"], 2, "--from-tags"),
        (&["--from-tags", "--split", "valid"], 2, "--split"),
        (&["--from-tags"], 2, "reclassd evaluate --from-tags"),
        (&["--from-tags", "/no/such"], 2, "/no/such"),
        (&["--labels", "gone.csv"], 2, "gone.csv"),
        (&["--labels", "bad.csv"], 2, "no column `path`"),
        (&["--labels", "none.csv", "music", "music"], 2, "one folder"),
        (&["--labels", "none.csv", "bad.csv"], 2, "is no folder"),
        (&["--labels", "none.csv", "--png", "no/such/folder.png"], 2, "no/such"),
        (&["--labels", "none.csv"], 1, "no file is left to compare with"),
    ] {
        let run = library.run("evaluate", arguments).expect_code(code);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
}
