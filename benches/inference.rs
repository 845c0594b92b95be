//! What it costs to ask a model: one run of each built-in one on one thread, and to load them. Of musicnn where it is
//! installed (`reclassd models install musicnn`) in the default place.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use divan::Bencher;
use reclassd::config::default_models_folder;
use reclassd::features::Extractor;
use reclassd::inference::{Ensemble, Model, ModelFeatures, ModelInput, ModelsFolder};

fn main() {
    divan::main();
}

fn member(name: &str) -> Model {
    let members = Ensemble::builtin().unwrap().members;
    let model = members.into_iter().map(|m| m.model).find(|m| m.manifest().name == name).unwrap();
    model.load().unwrap();
    model
}

#[divan::bench]
fn fma518_mlp(bencher: Bencher) {
    let model = member("fma518-mlp");
    let features: Vec<f32> = (0..518).map(|i| ((i * 37 % 101) as f32 - 50.0) / 10.0).collect();
    bencher.bench_local(|| model.run(&ModelFeatures::Fma518(&features)).unwrap());
}

#[divan::bench]
fn logmel_cnn_30_s(bencher: Bencher) {
    let model = member("logmel-cnn");
    let ModelInput::LogMel(input) = model.manifest().input.clone() else { panic!("not a spectrogram model") };
    let data: Vec<f32> = (0..input.n_mels * input.frames).map(|i| -((i * 7 % 81) as f32)).collect();
    let features = ModelFeatures::LogMel { data: &data, n_mels: input.n_mels, n_frames: input.frames };
    bencher.bench_local(|| model.run(&features).unwrap());
}

#[divan::bench(sample_count = 10)]
fn load_all() {
    for member in Ensemble::builtin().unwrap().members {
        member.model.load().unwrap();
    }
}

/// 30 s of 16 kHz sound.
fn samples() -> Vec<f32> {
    (0..30 * 16_000_u64).map(|i| ((i * i % 977) as f32 / 977.0 - 0.5) * 0.5).collect()
}

#[divan::bench]
fn musicnn_mel_30_s(bencher: Bencher) {
    let (mut extractor, samples) = (Extractor::new(), samples());
    bencher.bench_local(|| extractor.musicnn_mel(&samples, 16_000).unwrap());
}

/// Three patches of three seconds.
#[divan::bench(sample_count = 20)]
fn musicnn_msd_30_s(bencher: Bencher) {
    let folder = ModelsFolder::new(default_models_folder(|name| std::env::var_os(name)).unwrap());
    if !folder.contains("musicnn-msd") {
        return eprintln!("skipped: musicnn-msd is not installed");
    }
    let model = folder.open("musicnn-msd").unwrap();
    model.load().unwrap();
    let mel = Extractor::new().musicnn_mel(&samples(), 16_000).unwrap();
    bencher.bench_local(|| model.run(&ModelFeatures::MusicnnMel(&mel.data)).unwrap());
}
