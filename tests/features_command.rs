//! `reclassd features` as someone who trains a model uses it: matrices that NumPy reads, in the order of the arguments.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::sound::{flac, tune};
use common::{Library, Run};
use ndarray::Array2;
use ndarray_npy::{NpzReader, read_npy};
use reclassd::audio::{self, AnalysisWindow};
use reclassd::features::{Extractor, LogMelParameters};
use reclassd::inference::{Ensemble, ModelFeatures};

fn features(library: &Library, arguments: &[&str]) -> Run {
    Run::of(library.command("features").current_dir(library.music()).args(arguments))
}

fn library() -> Library {
    let library = Library::new();
    library.put("a.flac", &flac(&tune(1, 44_100, 2.0), 44_100, &[]));
    library.put("b.flac", &flac(&tune(2, 22_050, 2.0), 22_050, &[]));
    library
}

fn description(library: &Library, name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(library.music().join(name)).unwrap()).unwrap()
}

#[test]
fn the_matrix_has_a_row_a_file_and_its_columns_are_named() {
    let library = library();
    features(&library, &["b.flac", "a.flac", "-o", "out.npy"]).expect_code(0);
    let matrix: Array2<f32> = read_npy(library.music().join("out.npy")).unwrap();
    assert_eq!(matrix.shape(), [2, 518]);
    assert!(matrix.iter().all(|value| value.is_finite()));
    let description = description(&library, "out.json");
    assert_eq!(description["columns"].as_array().unwrap().len(), 518);
    assert_eq!(description["columns"][0], "chroma_cens.kurtosis.01");
    assert_eq!(description["files"], serde_json::json!(["b.flac", "a.flac"]));
    assert_eq!(description["rate"], 44_100);

    // The order of the arguments is the order of the rows.
    features(&library, &["a.flac", "-o", "alone.npy"]).expect_code(0);
    let alone: Array2<f32> = read_npy(library.music().join("alone.npy")).unwrap();
    assert_eq!(alone.row(0), matrix.row(1));
}

#[test]
fn native_leaves_each_file_at_its_own_rate() {
    let library = library();
    features(&library, &["a.flac", "b.flac", "-o", "native.npy", "--rate", "native"]).expect_code(0);
    features(&library, &["a.flac", "b.flac", "-o", "default.npy"]).expect_code(0);
    let [native, default]: [Array2<f32>; 2] =
        ["native.npy", "default.npy"].map(|name| read_npy(library.music().join(name)).unwrap());
    assert_eq!(native.row(0), default.row(0), "44.1 kHz is the default");
    assert_ne!(native.row(1), default.row(1));
}

#[test]
fn spectrograms_are_one_array_a_file_at_22_050_hz() {
    let library = library();
    features(&library, &["a.flac", "b.flac", "a.flac", "--kind", "log-mel", "-o", "out.npz"]).expect_code(0);
    let mut archive = NpzReader::new(std::fs::File::open(library.music().join("out.npz")).unwrap()).unwrap();
    assert_eq!(archive.names().unwrap(), ["a.flac", "b.flac", "a.flac#2"]);
    for name in ["a.flac", "b.flac", "a.flac#2"] {
        let array: Array2<f32> = archive.by_name(name).unwrap();
        assert_eq!(array.shape(), [128, 1 + 2 * 22_050 / 512]);
        assert!(array.iter().all(|db| (-80.0..=0.0).contains(db)));
        assert_eq!(array.iter().copied().fold(f32::MIN, f32::max), 0.0);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_are_done() {
    let library = library();
    library.put("bad.mp3", b"no music");
    let run = features(&library, &["a.flac", "bad.mp3", "b.flac", "-o", "out.npy"]).expect_code(1);
    assert!(run.stderr.contains("bad.mp3"), "{}", run.stderr);
    let matrix: Array2<f32> = read_npy(library.music().join("out.npy")).unwrap();
    assert_eq!(matrix.shape(), [2, 518]);
    assert_eq!(description(&library, "out.json")["failed"], serde_json::json!(["bad.mp3"]));
}

#[test]
fn an_older_output_survives_a_run_that_finds_nothing() {
    let library = library();
    library.put("bad.mp3", b"no music");
    library.put("old.npz", b"precious");
    features(&library, &["bad.mp3", "--kind", "log-mel", "-o", "old.npz"]).expect_code(1);
    assert_eq!(std::fs::read(library.music().join("old.npz")).unwrap(), b"precious");
    assert!(!library.music().join("old.npz.part").exists());
}

#[test]
fn an_output_of_the_wrong_kind_is_refused_before_any_work() {
    let library = library();
    let run = features(&library, &["a.flac", "-o", "out.npz"]).expect_code(2);
    assert!(run.stderr.contains(".npy"), "{}", run.stderr);
    features(&library, &["a.flac", "-o", "out.npy", "--rate", "fast"]).expect_code(2);
    features(&library, &["missing.flac", "-o", "out.npy"]).expect_code(2);
}

#[test]
fn what_a_model_says_is_what_the_line_hears_of_it() {
    let library = library();
    features(&library, &["b.flac", "a.flac", "--model", "logmel-cnn", "-o", "said.npz"]).expect_code(0);
    let mut archive = NpzReader::new(std::fs::File::open(library.music().join("said.npz")).unwrap()).unwrap();
    let scores: Array2<f32> = archive.by_name("scores").unwrap();
    let embedding: Array2<f32> = archive.by_name("embedding").unwrap();
    let description = description(&library, "said.json");
    assert_eq!(description["model"], "logmel-cnn");
    assert_eq!(description["files"], serde_json::json!(["b.flac", "a.flac"]));
    assert_eq!(scores.shape(), [2, description["labels"].as_array().unwrap().len()]);
    assert_eq!(embedding.shape(), [2, 128]);
    assert!(scores.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-5));

    // The same, asked step by step.
    let window = AnalysisWindow { seconds: 30.0, count: 1 };
    let recording = audio::decode(&library.music().join("a.flac"), &window).unwrap();
    let clip = recording.clips[0].resampled(22_050).unwrap();
    let mel = Extractor::new().log_mel(&clip.samples, 22_050, &LogMelParameters::default()).unwrap();
    let cnn = Ensemble::builtin().unwrap().members.into_iter().map(|member| member.model);
    let cnn = cnn.into_iter().find(|model| model.manifest().name == "logmel-cnn").unwrap();
    let fed = ModelFeatures::LogMel { data: &mel.data, n_mels: mel.n_mels, n_frames: mel.n_frames };
    let said = cnn.run(&fed).unwrap();
    assert!(scores.row(1).iter().zip(&said.probabilities).all(|(a, b)| (a - b).abs() < 1e-5));
    assert!(embedding.row(1).iter().zip(said.embedding.unwrap()).all(|(a, b)| (a - b).abs() < 1e-4));

    // A model without an embedding has none; one that is not there is wrong use.
    features(&library, &["a.flac", "--model", "fma518-mlp", "-o", "said.npz"]).expect_code(0);
    let mut archive = NpzReader::new(std::fs::File::open(library.music().join("said.npz")).unwrap()).unwrap();
    assert_eq!(archive.names().unwrap(), ["scores"]);
    features(&library, &["a.flac", "--model", "nobody", "-o", "said.npz"]).expect_code(2);
    features(&library, &["a.flac", "--model", "logmel-cnn", "--kind", "log-mel", "-o", "said.npz"]).expect_code(2);
}
