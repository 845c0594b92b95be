//! The models on a GPU, where there is one: the provider is at work, its answers are the processor's, and a scan finds
//! the same genres.
//!
//! Takes a library of ONNX Runtime with CUDA: `$RECLASSD_GPU_LIBRARY`, or that of the Python package `onnxruntime-gpu`.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::engines::{all_models, assert_alike, library_of_python, said, said_at_once};
use common::sound::{tune, wav};
use common::{Library, Run};
use reclassd::inference::{Active, Batch, Device, Runtime, RuntimeSettings, Wanted};

/// How much a probability may differ from the processor's.
const TOLERANCE: f32 = 1e-3;

/// A library that can use the GPU of this machine; none, with a word, where there is no GPU or no such library.
fn gpu_library(test: &str) -> Option<PathBuf> {
    if !Path::new("/dev/nvidia0").exists() {
        common::no_gpu(test, "there is no /dev/nvidia0");
        return None;
    }
    let named = std::env::var_os("RECLASSD_GPU_LIBRARY").map(PathBuf::from);
    let library = named.or_else(|| library_of_python(test))?;
    if !library.with_file_name("libonnxruntime_providers_cuda.so").exists() {
        common::no_gpu(test, &format!("{} is built without CUDA", library.display()));
        return None;
    }
    Some(library)
}

#[test]
fn every_model_agrees_with_the_processor_on_a_gpu_that_is_proven_active() {
    let test = "every_model_agrees_with_the_processor_on_a_gpu_that_is_proven_active";
    let Some(library) = gpu_library(test) else { return };
    let settings = RuntimeSettings { library, device: Device::Cuda(0), ..RuntimeSettings::default() };
    let runtime = Runtime::start(&settings);
    let folder = tempfile::tempdir().unwrap();
    let models = all_models(test, folder.path());
    runtime.set_batch(Some(Batch { size: 8, wait: Duration::from_millis(5) }));
    for (embedded, onnx) in all_models(test, folder.path()).iter().zip(&models) {
        embedded.load_in(Wanted::Embedded).unwrap();
        onnx.load_in(Wanted::Active).unwrap();
        let name = &onnx.manifest().name;
        for (seed, found) in said_at_once(onnx, 0..8).iter().enumerate() {
            assert_alike(name, &said(embedded, seed), found, TOLERANCE);
        }
        let Active::OnnxRuntime { provider, .. } = runtime.active() else { panic!("{:?}", runtime.tried()) };
        assert_eq!(provider, "cuda:0", "{name}");
    }
}

#[test]
fn a_scan_on_a_gpu_finds_the_genres_that_the_processor_finds() {
    let test = "a_scan_on_a_gpu_finds_the_genres_that_the_processor_finds";
    let Some(onnx) = gpu_library(test) else { return };
    let mut library = Library::new();
    for seed in 0..12 {
        library.put(format!("{seed}.wav"), &wav(&tune(seed, 22_050, 6.0), 22_050));
    }
    let [cpu, gpu] = ["cpu", "cuda:0"].map(|device| {
        library.set_config(&format!("[runtime]\ndevice = \"{device}\"\n"));
        let mut scan = library.command("scan");
        scan.arg("--json").arg("--dry-run").arg("--force").env("ORT_DYLIB_PATH", &onnx).arg(library.music());
        let run = Run::of(&mut scan).expect_code(0);
        assert!(!run.stderr.contains("the processor goes on"), "{}", run.stderr);
        run
    });
    for seed in 0..12 {
        let [a, b] = [&cpu, &gpu].map(|run| run.object(&format!("{seed}.wav")));
        assert_eq!(a["genre"], b["genre"], "{seed}");
        let (a, b) = (a["confidence"].as_f64().unwrap(), b["confidence"].as_f64().unwrap());
        assert!((a - b).abs() <= f64::from(TOLERANCE) + 5e-4, "{seed}: {a} and {b}");
    }
}
