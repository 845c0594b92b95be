//! The models that are compiled in: they load, they run, and they compute what they computed where they were trained.
#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reclassd::genre::Taxonomy;
use reclassd::inference::{Ensemble, InferenceError, Model, ModelFeatures, ModelInput, Says, builtin_models};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

/// The input that `models/training/export.py` makes as well.
fn synthetic_row(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 % 101) as f32 - 50.0) / 10.0).collect()
}

/// Likewise; `n_mels` x `n_frames`, time along the second axis.
fn synthetic_log_mel(n_mels: usize, n_frames: usize) -> Vec<f32> {
    let cell = |band: usize, frame: usize| -(((band * 7 + frame * 3 + band * frame % 11) % 81) as f32);
    (0..n_mels).flat_map(|band| (0..n_frames).map(move |frame| cell(band, frame))).collect()
}

fn run(model: &Model) -> reclassd::inference::Scores {
    match &model.manifest().input {
        ModelInput::Fma518 { .. } => model.run(&ModelFeatures::Fma518(&synthetic_row(518))),
        ModelInput::LogMel(input) => {
            let data = synthetic_log_mel(input.n_mels, input.frames);
            model.run(&ModelFeatures::LogMel { data: &data, n_mels: input.n_mels, n_frames: input.frames })
        }
        ModelInput::Joined(input) => model.run(&ModelFeatures::Joined(&synthetic_row(input.size()))),
        _ => panic!("no built-in model hears this"),
    }
    .unwrap()
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{what}, value {i}: {a}, expected {b}");
    }
}

#[test]
fn every_builtin_model_computes_what_pytorch_computed() {
    for model in builtin_models().unwrap() {
        let manifest = model.manifest();
        let path = models().join(&manifest.name).join("reference.json");
        let reference: BTreeMap<String, Vec<f32>> =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let scores = run(&model);

        let logits = &reference["logits"];
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = logits.iter().map(|x| (x - largest).exp()).sum();
        let expected: Vec<f32> = logits.iter().map(|x| (x - largest).exp() / sum).collect();
        assert_close(&scores.probabilities, &expected, &manifest.name);
        // Ratios of probabilities show the small logits too.
        let differences: Vec<f32> =
            scores.probabilities.iter().map(|p| p.ln() - scores.probabilities[0].ln()).collect();
        let expected: Vec<f32> = logits.iter().map(|x| x - logits[0]).collect();
        assert_close(&differences, &expected, &manifest.name);
        assert_eq!(scores.embedding.is_some(), reference.contains_key("embedding"), "{}", manifest.name);
        if let Some(embedding) = scores.embedding {
            assert_eq!(embedding.len(), 128);
            assert_close(&embedding, &reference["embedding"], &manifest.name);
        }
    }
}

#[test]
fn every_label_of_a_builtin_model_is_a_canonical_genre() {
    let taxonomy = Taxonomy::builtin().unwrap();
    for model in builtin_models().unwrap().iter().filter(|model| model.manifest().says == Says::Genres) {
        let labels = &model.manifest().labels;
        let genres = taxonomy.canonical_all(labels).unwrap();
        let names: Vec<_> = genres.iter().map(ToString::to_string).collect();
        assert_eq!(&names, labels, "{}", model.manifest().name);
    }
}

#[test]
fn one_model_serves_many_threads_with_the_same_answer() {
    let ensemble = Ensemble::builtin().unwrap();
    for member in &ensemble.members {
        let expected = run(&member.model);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| run(&member.model))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|a| *a == expected), "{}", member.model.manifest().name);
    }
}

#[test]
fn a_short_clip_is_heard_and_sums_to_one() {
    for member in Ensemble::builtin().unwrap().members {
        if let ModelInput::LogMel(input) = &member.model.manifest().input {
            for n_frames in [1, 100, input.frames - 1, input.frames + 1, 3 * input.frames] {
                let data = synthetic_log_mel(input.n_mels, n_frames);
                let features = ModelFeatures::LogMel { data: &data, n_mels: input.n_mels, n_frames };
                let sum: f32 = member.model.run(&features).unwrap().probabilities.iter().sum();
                assert!((sum - 1.0).abs() < 1e-5, "{n_frames} frames: {sum}");
            }
        }
    }
}

#[test]
fn features_that_a_model_did_not_ask_for_are_refused_and_not_guessed_at() {
    for model in builtin_models().unwrap() {
        let mut not_finite = synthetic_row(518);
        not_finite[7] = f32::NAN;
        let silence = vec![f32::NAN; 128 * 1292];
        let wrong = [
            ModelFeatures::Fma518(&[]),
            ModelFeatures::Fma518(&not_finite[..517]),
            ModelFeatures::Fma518(&not_finite),
            ModelFeatures::LogMel { data: &silence, n_mels: 128, n_frames: 1292 },
            ModelFeatures::LogMel { data: &silence[..128 * 10], n_mels: 128, n_frames: 11 },
            ModelFeatures::LogMel { data: &silence[..96 * 10], n_mels: 96, n_frames: 10 },
            ModelFeatures::LogMel { data: &[], n_mels: 128, n_frames: 0 },
            ModelFeatures::LogMel { data: &[], n_mels: 128, n_frames: usize::MAX },
            ModelFeatures::MusicnnMel(&silence[..96 * 187]),
            ModelFeatures::Joined(&silence[..49]),
            ModelFeatures::Joined(&silence[..50]),
        ];
        for features in wrong {
            let error = model.run(&features).unwrap_err();
            assert!(matches!(error, InferenceError::Input { .. }), "{error}");
            assert!(error.to_string().contains(&model.manifest().name), "{error}");
        }
    }
}

#[test]
fn a_model_folder_opens_and_gives_the_same_answer_as_the_builtin_one() {
    for model in builtin_models().unwrap() {
        let opened = Model::open(&models().join(&model.manifest().name)).unwrap();
        opened.load().unwrap();
        assert_eq!(run(&opened), run(&model));
    }
}

#[test]
fn a_model_file_that_was_damaged_or_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = models().join("fma518-mlp");
    let error = Model::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("model.toml"), "{error}");

    std::fs::copy(source.join("model.toml"), folder.path().join("model.toml")).unwrap();
    let error = Model::open(folder.path()).unwrap().load().unwrap_err();
    assert!(matches!(&error, InferenceError::Read { path, .. } if path.ends_with("model.onnx")), "{error}");

    let mut bytes = std::fs::read(source.join("model.onnx")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.path().join("model.onnx"), bytes).unwrap();
    let model = Model::open(folder.path()).unwrap();
    for _ in 0..2 {
        let error = model.load().unwrap_err();
        assert!(matches!(error, InferenceError::Checksum { .. }), "{error}");
        assert!(error.to_string().contains("model.onnx"), "{error}");
    }
}

#[test]
fn a_graph_that_is_not_what_its_manifest_says_is_an_error_and_no_panic() {
    let text = std::fs::read_to_string(models().join("fma518-mlp/model.toml")).unwrap();
    let onnx = std::fs::read(models().join("fma518-mlp/model.onnx")).unwrap();
    let load = |manifest: &str, onnx: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let sha: String = {
            use sha2::{Digest, Sha256};
            Sha256::digest(onnx).iter().map(|b| format!("{b:02x}")).collect()
        };
        let old = text.lines().find(|l| l.starts_with("sha256")).unwrap();
        let manifest = manifest.replace(old, &format!("sha256 = \"{sha}\""));
        std::fs::write(folder.path().join("model.toml"), manifest).unwrap();
        std::fs::write(folder.path().join("model.onnx"), onnx).unwrap();
        Model::open(folder.path()).unwrap().load()
    };
    load(&text, &onnx).unwrap();
    for (manifest, onnx) in [
        (text.clone(), &onnx[..onnx.len() / 2]),
        (text.clone(), &b"not a graph"[..]),
        (text.clone(), &b""[..]),
        (text.replace("name = \"logits\"", "name = \"scores\""), &onnx),
        (text.replace("    \"Jazz\",\n", ""), &onnx),
    ] {
        let error = load(&manifest, onnx).unwrap_err();
        assert!(matches!(error, InferenceError::Graph { .. }), "{error}");
        assert!(error.to_string().contains("fma518-mlp"), "{error}");
    }
}
