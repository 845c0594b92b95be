//! What runs the models: a library of ONNX Runtime where there is one, and the same genres without it.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::engines::{all_models, assert_alike, library_of_python, said, said_at_once};
use common::sound::{tune, wav};
use common::{Library, Run};
use reclassd::inference::{Active, Batch, Device, Runtime, RuntimeSettings, Wanted};

/// A shared library made of this C code.
fn library_of(code: &str, folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("made.c"), folder.join("libmade.so"));
    std::fs::write(&source, code).unwrap();
    let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap();
    assert!(status.success());
    library
}

#[test]
fn every_model_says_the_same_in_both_engines_alone_and_in_a_batch() {
    let test = "every_model_says_the_same_in_both_engines_alone_and_in_a_batch";
    let Some(library) = library_of_python(test) else { return };
    let settings = RuntimeSettings { library, device: Device::Cpu, ..RuntimeSettings::default() };
    let runtime = Runtime::start(&settings);
    let Active::OnnxRuntime { provider, .. } = runtime.active() else { panic!("{:?}", runtime.tried()) };
    assert_eq!((provider.as_str(), runtime.gathers()), ("cpu", false));
    let folder = tempfile::tempdir().unwrap();
    let models = || all_models(test, folder.path());
    let expected: Vec<Vec<Vec<f32>>> = models()
        .iter()
        .map(|model| {
            model.load_in(Wanted::Embedded).unwrap();
            (0..4).map(|seed| said(model, seed)).collect()
        })
        .collect();
    for (model, expected) in models().iter().zip(&expected) {
        // Threads ask side by side.
        std::thread::scope(|scope| {
            for (seed, expected) in expected.iter().enumerate() {
                let name = &model.manifest().name;
                scope.spawn(move || assert_alike(name, expected, &said(model, seed), 1e-5));
            }
        });
    }
    runtime.set_batch(Some(Batch { size: 4, wait: Duration::from_millis(20) }));
    assert!(runtime.gathers());
    for (model, expected) in models().iter().zip(&expected) {
        for (expected, found) in expected.iter().zip(said_at_once(model, 0..4)) {
            assert_alike(&model.manifest().name, expected, &found, 1e-5);
        }
    }
    runtime.set_batch(None);
}

#[test]
fn a_scan_in_batches_finds_the_same_genres() {
    let test = "a_scan_in_batches_finds_the_same_genres";
    let Some(onnx) = library_of_python(test) else { return };
    let mut library = Library::new();
    for seed in 0..6 {
        library.put(format!("{seed}.wav"), &wav(&tune(seed, 22_050, 6.0), 22_050));
    }
    let [alone, in_batches] = [1, 4].map(|batch| {
        library.set_config(&format!("[runtime]\nbatch = {batch}\nbatch_wait_ms = 50\n"));
        let mut scan = library.command("scan");
        scan.arg("--json").arg("--dry-run").arg("--force").env("ORT_DYLIB_PATH", &onnx).arg(library.music());
        let run = Run::of(&mut scan).expect_code(0);
        let ranking = |seed| run.object(&format!("{seed}.wav"))["top"].as_array().unwrap().clone();
        (0..6).map(ranking).collect::<Vec<_>>()
    });
    for (one, gathered) in alone.iter().zip(&in_batches) {
        assert!(!one.is_empty() && one.len() == gathered.len());
        for (a, b) in one.iter().zip(gathered) {
            assert_eq!(a["genre"], b["genre"]);
            let [a, b] = [a, b].map(|said| said["share"].as_f64().unwrap());
            assert!((a - b).abs() <= 2e-4, "{a} and {b}");
        }
    }
}

fn doctor(library: &Library, ort: Option<&Path>) -> serde_json::Value {
    let mut command = library.command("doctor");
    command.arg("--json");
    if let Some(path) = ort {
        command.env("ORT_DYLIB_PATH", path);
    }
    let run = Run::of(&mut command).expect_code(0);
    run.objects().remove(0)
}

#[test]
fn the_doctor_says_what_runs_the_models_and_how_long_they_take() {
    let test = "the_doctor_says_what_runs_the_models_and_how_long_they_take";
    let mut library = Library::new();
    library.set_config("[runtime]\nlibrary = \"none\"\n");
    let said = doctor(&library, None);
    assert_eq!(said["active"]["engine"], "tract");
    assert!(said["models"].as_array().unwrap().iter().all(|model| model["milliseconds"].as_f64().unwrap() > 0.0));

    let Some(onnx) = library_of_python(test) else { return };
    let library = Library::new();
    let said = doctor(&library, Some(&onnx));
    assert_eq!(
        (&said["active"]["engine"], &said["active"]["provider"]),
        (&"onnxruntime".into(), &"cpu".into()),
        "{said}"
    );
    assert!(said["models"].as_array().unwrap().iter().all(|model| model["in_tract"].as_f64().unwrap() > 0.0));
    // How many windows at once are best was measured, and is kept for the next start.
    let batch = &said["batch"];
    let measured = batch["measured"].as_array().unwrap();
    assert!(measured.len() > 1 && measured.iter().any(|rate| rate["size"] == batch["size"]), "{batch}");
    let kept = library.root().join(".local/share/reclassd/runtime/batch.toml");
    assert!(std::fs::read_to_string(&kept).unwrap().contains(&format!("size = {}", batch["size"])));
}

#[test]
fn a_library_that_is_none_or_too_old_is_named_and_the_scan_goes_on() {
    let library = Library::new();
    library.put("a.wav", &wav(&tune(1, 22_050, 5.0), 22_050));
    let garbage = library.root().join("garbage.so");
    std::fs::write(&garbage, "no library").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let old = "struct base { const void *(*api)(unsigned); const char *(*version)(void); };\n\
               static const void *api(unsigned v) { (void)v; return 0; }\n\
               static const char *version(void) { return \"1.10.0\"; }\n\
               static const struct base base = { api, version };\n\
               const struct base *OrtGetApiBase(void) { return &base; }\n";
    let stranger = tempfile::tempdir().unwrap();
    for (path, word) in [
        (library.root().join("nowhere.so"), "no such file"),
        (garbage, "garbage.so"),
        (library_of(old, folder.path()), "version 1.10.0"),
        (library_of("int answer(void) { return 42; }\n", stranger.path()), "no library of ONNX Runtime"),
    ] {
        let mut scan = library.command("scan");
        scan.arg("--json").arg("--dry-run").arg("--force").env("ORT_DYLIB_PATH", &path).arg(library.music());
        let run = Run::of(&mut scan).expect_code(0);
        assert!(run.object("a.wav")["genre"].is_string());
        let lines: Vec<&str> = run.stderr.lines().filter(|line| line.contains("WARN")).collect();
        assert_eq!(lines.len(), 1, "{}", run.stderr);
        assert!(lines[0].contains(word), "{}", run.stderr);
    }
}

#[test]
fn a_gpu_that_is_not_there_gives_way_to_the_processor_with_one_line() {
    let test = "a_gpu_that_is_not_there_gives_way_to_the_processor_with_one_line";
    let Some(onnx) = library_of_python(test) else { return };
    if Path::new("/dev/nvidia0").exists() {
        common::skipped(test, "there is a GPU");
        return;
    }
    let mut library = Library::new();
    library.put("a.wav", &wav(&tune(1, 22_050, 5.0), 22_050));
    library.set_config("[runtime]\ndevice = \"cuda:0\"\n[tags]\nmin_confidence = 0.0\n");
    let mut scan = library.command("scan");
    scan.arg("--json").arg("--dry-run").env("ORT_DYLIB_PATH", &onnx).arg(library.music());
    let run = Run::of(&mut scan).expect_code(0);
    assert!(run.object("a.wav")["genre"].is_string());
    let lines: Vec<&str> = run.stderr.lines().filter(|line| line.contains("cuda:0")).collect();
    assert_eq!(lines.len(), 1, "{}", run.stderr);
}
