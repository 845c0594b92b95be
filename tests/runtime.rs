//! What runs the models: a library of ONNX Runtime where there is one, and the same genres without it.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::sound::{tune, wav};
use common::{Library, Run};
use reclassd::inference::{
    Active, Device, Model, ModelFeatures, ModelInput, Runtime, RuntimeSettings, Wanted, builtin_models,
};

/// The library of the Python package, beside the Python that the tests use.
fn library_of_python(test: &str) -> Option<PathBuf> {
    let python = std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = "import importlib.util, pathlib, sys\n\
                  spec = importlib.util.find_spec('onnxruntime')\n\
                  found = spec and sorted(pathlib.Path(spec.origin).parent.glob('capi/libonnxruntime.so.*'))\n\
                  sys.stdout.write(str(found[0]) if found else '')";
    let output = Command::new(python).args(["-c", script]).output().ok().filter(|output| output.status.success());
    let path = output.map(|output| String::from_utf8(output.stdout).unwrap()).filter(|path| !path.is_empty());
    if path.is_none() {
        common::skipped(
            test,
            "the Python package onnxruntime is not installed; name a Python that has it in $RECLASSD_PYTHON",
        );
    }
    path.map(PathBuf::from)
}

/// A shared library made of this C code.
fn library_of(code: &str, folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("made.c"), folder.join("libmade.so"));
    std::fs::write(&source, code).unwrap();
    let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap();
    assert!(status.success());
    library
}

/// Numbers of the size that a model takes, no two alike.
fn made_up(input: &ModelInput) -> Vec<f32> {
    let size = match input {
        ModelInput::Fma518 { .. } => 518,
        ModelInput::Joined(input) => input.size(),
        other => {
            let mel = other.log_mel().unwrap();
            mel.n_mels * 1292
        }
    };
    (0..size).map(|i| (i as f32 * 0.731).sin() * 20.0 - 30.0).collect()
}

fn probabilities(model: &Model, values: &[f32]) -> Vec<f32> {
    let features = match &model.manifest().input {
        ModelInput::Fma518 { .. } => ModelFeatures::Fma518(values),
        ModelInput::Joined(_) => ModelFeatures::Joined(values),
        other => {
            let n_mels = other.log_mel().unwrap().n_mels;
            ModelFeatures::LogMel { data: values, n_mels, n_frames: values.len() / n_mels }
        }
    };
    let scores = model.run(&features).unwrap();
    scores.probabilities.into_iter().chain(scores.embedding.unwrap_or_default()).collect()
}

#[test]
fn every_built_in_model_says_the_same_in_both_engines() {
    let test = "every_built_in_model_says_the_same_in_both_engines";
    let Some(library) = library_of_python(test) else { return };
    let settings = RuntimeSettings { library, device: Device::Cpu, ..RuntimeSettings::default() };
    let runtime = Runtime::start(&settings);
    let Active::OnnxRuntime { provider, .. } = runtime.active() else { panic!("{:?}", runtime.tried()) };
    assert_eq!(provider, "cpu");
    for (embedded, onnx) in builtin_models().unwrap().into_iter().zip(builtin_models().unwrap()) {
        embedded.load_in(Wanted::Embedded).unwrap();
        onnx.load_in(Wanted::Active).unwrap();
        let values = made_up(&onnx.manifest().input);
        let (expected, found) = (probabilities(&embedded, &values), probabilities(&onnx, &values));
        assert_eq!(expected.len(), found.len());
        for (a, b) in expected.iter().zip(&found) {
            let tolerance = 1e-5 * a.abs().max(1.0);
            assert!((a - b).abs() <= tolerance, "{}: {a} and {b}", onnx.manifest().name);
        }
        // Threads ask side by side, each its own session.
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(probabilities(&onnx, &values), found));
            }
        });
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
