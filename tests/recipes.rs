//! The recipes of `models/training/recipes`, tried on made-up tables and sounds in the formats of FMA and GTZAN: from
//! the data to a model that this program loads and lets vote. How good a model of the real data is, they cannot say.
//!
//! They run where a Python with NumPy and onnx is at hand (`RECLASSD_PYTHON`), and say so where not.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::sound::wav;
use common::{Library, Run};
use reclassd::features::fma518_columns;
use reclassd::genre::Taxonomy;
use reclassd::inference::{Model, ModelFeatures};

fn recipes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/training/recipes")
}

fn python() -> Command {
    let mut command = Command::new(std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".to_owned()));
    // One thread: the same sums in the same order, whatever the machine. No compiled files beside the scripts.
    command.env("OPENBLAS_NUM_THREADS", "1").env("PYTHONDONTWRITEBYTECODE", "1").current_dir(recipes());
    command
}

/// Whether the recipes can run here; a word about the test that needs them where not.
fn ready(test: &str) -> bool {
    let ready = python().args(["-c", "import numpy, onnx, tomllib"]).output().is_ok_and(|out| out.status.success());
    if !ready {
        common::skipped(test, "Python 3.11 with numpy and onnx is not at hand");
    }
    ready
}

fn recipe(script: &str, folder: &Path, out: &Path, more: &[&str]) -> Run {
    let arguments = [folder.as_os_str(), "--out".as_ref(), out.as_os_str()];
    Run::of(python().arg(recipes().join(script)).args(arguments).args(["--members", "2"]).args(more))
}

/// Numbers between -1 and 1 that look like chance and are always the same.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// FMA's names of the made-up genres, and the family of features that is high in each.
const GENRES: [(&str, &str); 4] = [
    ("Electronic", "tonnetz."),
    ("Hip-Hop", "mfcc."),
    ("Old-Time / Historic", "chroma_cens."),
    ("Rock", "spectral_contrast."),
];
const TRACKS: usize = 240;

/// Features like those of a genre's tracks, in the program's order.
fn features_of(genre: usize, noise: &mut Noise) -> Vec<f32> {
    let high = |column: &String| f32::from(u8::from(column.starts_with(GENRES[genre].1)));
    fma518_columns().iter().map(|column| 2.0 + noise.next() + high(column)).collect()
}

fn part(track: usize) -> &'static str {
    ["training", "training", "training", "validation", "test"][track / 4 % 5]
}

/// `features.csv` and `tracks.csv` as FMA has them, the feature columns in this order.
fn fma_tables(folder: &Path, order: &[usize]) {
    std::fs::create_dir_all(folder).unwrap();
    let names: Vec<Vec<&str>> = order.iter().map(|&i| fma518_columns()[i].split('.').collect()).collect();
    let mut features = String::new();
    for (row, title) in ["feature", "statistics", "number"].into_iter().enumerate() {
        let cells: Vec<&str> = names.iter().map(|name| name[row]).collect();
        writeln!(features, "{title},{}", cells.join(",")).unwrap();
    }
    writeln!(features, "track_id{}", ",".repeat(518)).unwrap();
    let mut tracks =
        ",album,artist,set,set,track,track\n,title,id,split,subset,genre_top,title\ntrack_id,,,,,,\n".to_owned();
    let mut noise = Noise(1);
    for track in 0..TRACKS {
        let (genre, id) = (track % 4, 2 * track + 3);
        let row = features_of(genre, &mut noise);
        let cells: Vec<String> = order.iter().map(|&i| row[i].to_string()).collect();
        writeln!(features, "{id},{}", cells.join(",")).unwrap();
        // Two tracks in a row are of one artist, who stays in one part.
        let subset = ["small", "medium", "large"][track / 20 % 3];
        let title = "\"Title, with\na \"\"new\"\" line\"";
        writeln!(tracks, "{id},{title},{},{},{subset},{},{title}", 100 + track / 2, part(track), GENRES[genre].0)
            .unwrap();
    }
    // Nobody knows the genre of this one, of which there is much to tell; nobody has computed the features of that one.
    let long = "word ".repeat(40_000);
    writeln!(tracks, "900,{long},900,training,large,,x\n901,x,901,training,large,Rock,x").unwrap();
    std::fs::write(folder.join("features.csv"), features).unwrap();
    std::fs::write(folder.join("tracks.csv"), tracks).unwrap();
}

fn replace_in(file: &Path, old: &str, new: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "{old}");
    std::fs::write(file, text.replacen(old, new, 1)).unwrap();
}

/// The graph, as the program runs it, against the forward pass of the script that fitted it.
fn assert_computes_what_the_recipe_computed(model: &Model, folder: &Path) {
    let reference = std::fs::read_to_string(folder.join("reference.json")).unwrap();
    let reference: BTreeMap<String, Vec<f32>> = serde_json::from_str(&reference).unwrap();
    let found = model.run(&ModelFeatures::Fma518(&reference["features"])).unwrap().probabilities;
    let logits = &reference["logits"];
    assert_eq!(found.len(), logits.len());
    // Ratios of probabilities show the small logits too.
    for (share, logit) in found.iter().zip(logits) {
        let (difference, expected) = (share.ln() - found[0].ln(), logit - logits[0]);
        assert!((difference - expected).abs() <= 1e-4 * expected.abs().max(1.0), "{difference}, expected {expected}");
    }
}

fn named(model: &Model, features: &[f32]) -> String {
    let shares = model.run(&ModelFeatures::Fma518(features)).unwrap().probabilities;
    let best = (0..shares.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b])).unwrap();
    model.manifest().labels[best].clone()
}

/// Lets nobody but this model vote.
fn enable(library: &mut Library, folder: &Path, name: &str) {
    let place = folder.parent().unwrap().display();
    library
        .set_config(&format!("[models]\nfolder = \"{place}\"\nenabled = [\"{name}\"]\n[tags]\nmin_confidence = 0.0\n"));
}

#[test]
fn a_model_made_of_fma_tables_votes() {
    if !ready("a_model_made_of_fma_tables_votes") {
        return;
    }
    let mut library = Library::new();
    let out = library.root().join("models/fma-mine");
    let (straight, mixed) = (library.root().join("fma"), library.root().join("mixed"));
    fma_tables(&straight, &(0..518).collect::<Vec<_>>());
    let run = recipe("fma.py", &straight, &out, &["--epochs", "15"]).expect_code(0);
    let line = run.stdout.lines().find(|line| line.starts_with("test: ")).unwrap();
    // The three subsets are the same number of tracks here; `large` is left out of what is measured.
    assert!(line.starts_with("test: 32 tracks, top-1 100.0%, macro-F1 1.000, ECE "), "{line}");
    assert!(run.stdout.contains("1 tracks have no row in features.csv"), "{}", run.stdout);

    let model = Model::open(&out).unwrap();
    assert_eq!(model.manifest().labels, ["Rock", "Electronic", "Hip-Hop", "Old-Time"]);
    assert_computes_what_the_recipe_computed(&model, &out);
    let mut noise = Noise(7);
    for (genre, label) in ["Electronic", "Hip-Hop", "Old-Time", "Rock"].into_iter().enumerate() {
        assert_eq!(named(&model, &features_of(genre, &mut noise)), label);
    }
    let card = std::fs::read_to_string(out.join("CARD.md")).unwrap();
    for part in ["CC BY 4.0", "| test | 32 | 100.0% |", "Old-Time"] {
        assert!(card.contains(part), "{part}: {card}");
    }

    // The order of the table's columns is of no account.
    let order: Vec<usize> = (0..518).map(|i| i * 211 % 518).collect();
    fma_tables(&mixed, &order);
    let again = library.root().join("again/fma-mine");
    recipe("fma.py", &mixed, &again, &["--epochs", "15"]).expect_code(0);
    let graph = |folder: &Path| std::fs::read(folder.join("model.onnx")).unwrap();
    assert_eq!(graph(&out), graph(&again), "another order of columns made another model");

    library.put("a.wav", &wav(&common::sound::tune(1, 22_050, 5.0), 22_050));
    enable(&mut library, &out, "fma-mine");
    library.run("models", &["verify", "fma-mine"]).expect_code(0);
    let file = library.music().join("a.wav");
    let explained = library.run("explain", &[file.to_str().unwrap()]).expect_code(0);
    assert!(explained.stdout.contains("fma-mine (weight 1.00)"), "{}", explained.stdout);
    assert_eq!(library.scan(&[]).expect_code(0).field("a.wav", "status"), "tagged");
}

#[test]
fn tables_that_would_make_a_wrong_model_are_refused() {
    if !ready("tables_that_would_make_a_wrong_model_are_refused") {
        return;
    }
    let library = Library::new();
    let out = library.root().join("models/never");
    let folder = library.root().join("fma");
    type Change = fn(&Path);
    let cases: [(Change, &[&str]); 9] = [
        (|f| std::fs::remove_file(f.join("features.csv")).unwrap(), &["features.csv", "is not there"]),
        (|f| replace_in(&f.join("tracks.csv"), "genre_top", "genre"), &["tracks.csv", "('track', 'genre_top')"]),
        (
            |f| replace_in(&f.join("features.csv"), "feature,chroma_cens", "feature,chroma_sens"),
            &["features.csv", "1 of the 518 columns", "chroma_cens.kurtosis.01"],
        ),
        (
            |f| replace_in(&f.join("features.csv"), "number,01", "number,02"),
            &["chroma_cens.kurtosis.02 is there 2 times"],
        ),
        (|f| replace_in(&f.join("features.csv"), "\n5,", "\n5,?"), &["features.csv: line 6: track 5"]),
        // The artist of the last track of the training part is one of the first of the test part.
        (|f| replace_in(&f.join("tracks.csv"), ",108,test,", ",100,test,"), &["tracks.csv: 1 artists", "artist 100"]),
        (|f| replace_in(&f.join("tracks.csv"), ",training,", ",trainng,"), &["tracks.csv: line ", "trainng"]),
        (|f| replace_in(&f.join("tracks.csv"), "Hip-Hop", "Zeuhl"), &["Zeuhl", "taxonomy.toml"]),
        (
            |f| {
                let file = f.join("tracks.csv");
                let text = std::fs::read_to_string(&file).unwrap();
                std::fs::write(file, text.replace(",test,", ",training,")).unwrap();
            },
            &["tracks.csv", "no track", "part test"],
        ),
    ];
    for (change, words) in cases {
        fma_tables(&folder, &(0..518).collect::<Vec<_>>());
        change(&folder);
        let run = recipe("fma.py", &folder, &out, &["--epochs", "1"]).expect_code(1);
        for word in words {
            assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
        }
        assert!(!run.stderr.contains("Traceback") && !out.exists(), "{}", run.stderr);
    }
    std::fs::create_dir_all(&out).unwrap();
    std::fs::write(out.join("CARD.md"), "mine").unwrap();
    let run = recipe("fma.py", &folder, &out, &[]).expect_code(1);
    assert!(run.stderr.contains("is there already"), "{}", run.stderr);
}

#[test]
fn tracks_of_an_artist_in_two_parts_are_left_out_when_asked_for() {
    if !ready("tracks_of_an_artist_in_two_parts_are_left_out_when_asked_for") {
        return;
    }
    let library = Library::new();
    let folder = library.root().join("fma");
    fma_tables(&folder, &(0..518).collect::<Vec<_>>());
    replace_in(&folder.join("tracks.csv"), ",108,test,", ",100,test,");
    let out = library.root().join("models/fma-apart");
    let run = recipe("fma.py", &folder, &out, &["--epochs", "2", "--drop-shared-artists"]).expect_code(0);
    assert!(run.stdout.contains("2 tracks of 1 artists in more than one part"), "{}", run.stdout);
    let card = std::fs::read_to_string(out.join("CARD.md")).unwrap();
    // 144 with features are for training; two of artist 100 are not learned from.
    assert!(card.contains("; 142 of `large` for training"), "{card}");
}

#[test]
fn genres_that_are_none_here_are_left_out_with_the_reason() {
    if !ready("genres_that_are_none_here_are_left_out_with_the_reason") {
        return;
    }
    let library = Library::new();
    let folder = library.root().join("fma");
    fma_tables(&folder, &(0..518).collect::<Vec<_>>());
    let file = folder.join("tracks.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, text.replace("Electronic", "Holiday")).unwrap();
    let out = library.root().join("models/fma-none");
    let run = recipe("fma.py", &folder, &out, &["--epochs", "2"]).expect_code(0);
    assert!(run.stdout.contains("Holiday: no genre here: it says whom or what it is for"), "{}", run.stdout);
    assert_eq!(Model::open(&out).unwrap().manifest().labels, ["Rock", "Hip-Hop", "Old-Time"]);
}

#[test]
fn the_recipes_read_genre_names_as_the_program_does() {
    if !ready("the_recipes_read_genre_names_as_the_program_does") {
        return;
    }
    let taxonomy = Taxonomy::builtin().unwrap();
    let mut names: Vec<String> = include_str!("genre_lists.txt").lines().map(str::to_owned).collect();
    names.extend(taxonomy.genres().iter().flat_map(|genre| taxonomy.aliases(genre).iter().cloned()));
    names.extend(
        ["Drum 'n' Bass", "RHYTHM+BLUES", "alt. rock", "Musique  Concrète", "Zeuhl", "", "/"].map(str::to_owned),
    );
    let script = "import json, sys; from names import Taxonomy, fold; t = Taxonomy()\n\
                  print(json.dumps([[t.meaning.get(fold(n)), t.none.get(fold(n))] for n in json.load(open(sys.argv[1]))]))";
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("names.json");
    std::fs::write(&file, serde_json::to_string(&names).unwrap()).unwrap();
    let run = Run::of(python().args(["-c", script]).arg(file)).expect_code(0);
    let read: Vec<(Option<String>, Option<String>)> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(read.len(), names.len());
    for (name, (genre, why)) in names.iter().zip(read) {
        assert_eq!(genre.as_deref(), taxonomy.canonical(name).map(|genre| genre.as_str()), "{name}");
        assert_eq!(why.as_deref(), taxonomy.why_no_genre(name), "{name}");
    }
}

/// The clips of each part of GTZAN's fault-filtered split.
fn gtzan_split() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(recipes().join("gtzan-split.csv")).unwrap();
    let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let [part, genre, numbers] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        for range in numbers.split(' ') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let clips = (first.parse::<u32>().unwrap()..=last.parse().unwrap()).map(|n| format!("{genre}.{n:05}"));
            parts.entry(part.to_owned()).or_default().extend(clips);
        }
    }
    parts
}

#[test]
fn no_clip_of_gtzan_is_in_two_parts_of_the_split() {
    let parts = gtzan_split();
    let sizes: Vec<(&str, usize)> = parts.iter().map(|(part, clips)| (part.as_str(), clips.len())).collect();
    assert_eq!(sizes, [("test", 290), ("training", 443), ("validation", 197)]);
    let all: BTreeSet<&String> = parts.values().flatten().collect();
    assert_eq!(all.len(), 930);
}

/// Four seconds that sound like nothing else of another kind: low chords, hiss, or high beeps.
fn sound_of(kind: usize, seed: u32) -> Vec<i16> {
    let mut noise = Noise(seed.wrapping_mul(747_796_405).wrapping_add(kind as u32));
    let pitch = 1.0 + f64::from(seed % 7) / 20.0;
    let sample = |i: usize| {
        let t = i as f64 / 22_050.0;
        let tone = |hertz: f64| (std::f64::consts::TAU * hertz * pitch * t).sin();
        let hiss = f64::from(noise.next());
        match kind {
            0 => 0.2 * (tone(110.0) + tone(138.6) + tone(164.8)) + 0.01 * hiss,
            1 => 0.5 * hiss * (0.3 + (-(t % 0.25) * 12.0).exp()),
            _ => 0.4 * tone(3_000.0) * f64::from(u8::from(t % 0.3 < 0.15)) + 0.01 * hiss,
        }
    };
    (0..4 * 22_050).map(sample).map(|x| (x * 30_000.0) as i16).collect()
}

/// Sun audio: a header of 28 bytes, then big-endian samples.
fn au(samples: &[i16]) -> Vec<u8> {
    let mut file = b".snd".to_vec();
    for word in [28, u32::MAX, 3, 22_050, 1, 0] {
        file.extend(word.to_be_bytes());
    }
    file.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
    file
}

/// Clips of three genres for all parts, under the names that the split knows, in the folder that the usual archive has.
fn gtzan_folder(folder: &Path) {
    let parts = gtzan_split();
    for (kind, genre) in ["blues", "metal", "jazz"].into_iter().enumerate() {
        let place = folder.join("genres_original").join(genre);
        std::fs::create_dir_all(&place).unwrap();
        for (part, count) in [("training", 5), ("validation", 2), ("test", 2)] {
            let start = format!("{genre}.");
            let clips = parts[part].iter().filter(|clip| clip.starts_with(&start) && *clip != "jazz.00054");
            for (seed, clip) in clips.take(count).enumerate() {
                let samples = sound_of(kind, (seed + part.len() * 10) as u32);
                // Some are in the original's format.
                match seed {
                    1 => std::fs::write(place.join(format!("{clip}.au")), au(&samples)).unwrap(),
                    _ => std::fs::write(place.join(format!("{clip}.wav")), wav(&samples, 22_050)).unwrap(),
                }
            }
        }
    }
    std::fs::write(folder.join("genres_original/jazz/jazz.00054.wav"), b"no sound").unwrap();
}

#[test]
fn a_model_made_of_gtzan_clips_votes() {
    if !ready("a_model_made_of_gtzan_clips_votes") {
        return;
    }
    let mut library = Library::new();
    let folder = library.root().join("gtzan");
    gtzan_folder(&folder);
    let out = library.root().join("models/gtzan-mine");
    let program = ["--reclassd", env!("CARGO_BIN_EXE_reclassd")];
    let run = recipe("gtzan.py", &folder, &out, &program).expect_code(1);
    assert!(
        run.stderr.contains("902 clips of the split are missing") && run.stderr.contains("--partial"),
        "{}",
        run.stderr
    );

    let more = [&program[..], &["--partial", "--epochs", "40"]].concat();
    let run = recipe("gtzan.py", &folder, &out, &more).expect_code(0);
    assert!(run.stdout.contains("jazz.00054: skipped"), "{}", run.stdout);
    assert!(run.stdout.contains("no clip to learn from: Classical, Country, Disco"), "{}", run.stdout);
    assert!(run.stdout.contains("\ntest: 6 tracks, top-1 100.0%"), "{}", run.stdout);
    let model = Model::open(&out).unwrap();
    assert_eq!(model.manifest().labels, ["Blues", "Metal", "Jazz"]);
    assert_computes_what_the_recipe_computed(&model, &out);
    let card = std::fs::read_to_string(out.join("CARD.md")).unwrap();
    assert!(card.contains("15 of 443 clips for training, 6 of 197"), "{card}");

    enable(&mut library, &out, "gtzan-mine");
    for (kind, genre) in ["Blues", "Metal", "Jazz"].into_iter().enumerate() {
        library.put(format!("{genre}.wav"), &wav(&sound_of(kind, 99), 22_050));
    }
    let run = library.scan(&[]).expect_code(0);
    for genre in ["Blues", "Metal", "Jazz"] {
        assert_eq!(run.field(&format!("{genre}.wav"), "genre"), genre);
    }
}

#[test]
fn a_collection_that_cannot_be_used_is_refused_with_what_is_wrong() {
    if !ready("a_collection_that_cannot_be_used_is_refused_with_what_is_wrong") {
        return;
    }
    let library = Library::new();
    let folder = library.root().join("gtzan");
    let out = library.root().join("models/never");
    let program = ["--partial", "--reclassd", env!("CARGO_BIN_EXE_reclassd")];
    let fails = |more: &[&str], words: &[&str]| {
        let run = recipe("gtzan.py", &folder, &out, more).expect_code(1);
        for word in words {
            assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
        }
        assert!(!run.stderr.contains("Traceback") && !out.exists(), "{}", run.stderr);
    };
    std::fs::create_dir_all(&folder).unwrap();
    fails(&program, &["holds none of the folders", "genres_original"]);
    gtzan_folder(&folder);
    fails(&["--partial", "--reclassd", "/nowhere/reclassd"], &["/nowhere/reclassd", "cannot be run"]);
    std::fs::write(folder.join("genres_original/blues/blues.00029.wav"), b"no sound").unwrap();
    fails(&program, &["1 clips cannot be decoded", "blues.00029.wav"]);
    // 8-bit mu-law, which telephones use.
    let mut telephone = au(&[0; 100]);
    telephone[15] = 1;
    std::fs::write(folder.join("genres_original/blues/blues.00030.au"), telephone).unwrap();
    fails(&program, &["blues.00030.au", "16-bit PCM"]);
}
