//! The 518 features and the log-mel against golden values that other code computed: always for sound synthesised here,
//! and for real recordings where the reference folder is at hand.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod gate;
mod recordings;
mod synthesis;

use std::path::{Path, PathBuf};

use gate::{Gate, Golden};
use ndarray::Array2;
use reclassd::features::{Extractor, FMA518_LEN, LogMelParameters, fma518_columns};

fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn reference_folder(test: &str) -> Option<PathBuf> {
    common::shared(test, "reference")
}

#[test]
fn features_of_synthesised_sound_are_fmas() {
    let clips = synthesis::clips();
    let mut extractor = Extractor::new();
    let mut mine = Array2::zeros((clips.len(), FMA518_LEN));
    for (clip, mut row) in clips.iter().zip(mine.rows_mut()) {
        let vector = extractor.fma518(&clip.samples, clip.sample_rate).expect(clip.name);
        row.assign(&ndarray::ArrayView1::from(vector.as_slice()).mapv(f64::from));
    }
    let names: Vec<String> = clips.iter().map(|clip| clip.name.to_owned()).collect();
    let golden = Golden::synthesised(&golden_folder());
    Gate::new(&golden, &names, &mine).assert_passed();
}

#[test]
fn the_log_mel_of_synthesised_sound_is_librosas() {
    let clips = synthesis::clips();
    let clip = clips.iter().find(|clip| clip.name == "short_22k").unwrap();
    let parameters = LogMelParameters::default();
    let log_mel = Extractor::new().log_mel(&clip.samples, clip.sample_rate, &parameters).unwrap();
    let golden: Array2<f32> = ndarray_npy::read_npy(golden_folder().join("log_mel_short_22k.npy")).unwrap();
    gate::assert_same_log_mel(clip.name, &log_mel, &golden);
}

#[test]
fn both_at_once_is_the_same_as_one_after_the_other() {
    for (rate, n_fft, n_mels) in [(22_050, 2048, 128), (22_050, 2048, 96), (16_000, 512, 64)] {
        for clip in synthesis::clips().iter().filter(|clip| clip.samples.len() < 100_000) {
            let parameters = LogMelParameters {
                sample_rate: rate,
                n_fft,
                n_mels,
                fmax: f64::from(rate) / 2.0,
                ..Default::default()
            };
            let mut extractor = Extractor::new();
            let (vector, log_mel) = extractor.fma518_and_log_mel(&clip.samples, rate, &parameters).unwrap();
            assert_eq!(vector, extractor.fma518(&clip.samples, rate).unwrap(), "{}", clip.name);
            assert_eq!(log_mel, extractor.log_mel(&clip.samples, rate, &parameters).unwrap(), "{}", clip.name);
        }
    }
}

#[test]
fn features_of_real_recordings_are_fmas() {
    let Some(folder) = reference_folder("features_of_real_recordings_are_fmas") else { return };
    let columns: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("columns.json")).unwrap()).unwrap();
    assert!(columns["columns"].as_array().unwrap().iter().eq(fma518_columns()));

    let golden = Golden::recorded(&folder);
    let mut extractor = Extractor::new();
    let mut mine = Array2::zeros((golden.rows.len(), FMA518_LEN));
    for clip in recordings::manifest(&folder) {
        let sound = recordings::decode(&clip.path);
        let vector = extractor.fma518(&sound.samples, sound.sample_rate).expect(&clip.name);
        let row = golden.rows.iter().position(|row| *row == clip.name).unwrap();
        mine.row_mut(row).assign(&ndarray::ArrayView1::from(vector.as_slice()).mapv(f64::from));
    }
    Gate::new(&golden, &golden.rows, &mine).assert_passed();
}

#[test]
fn the_log_mel_of_real_recordings_is_librosas() {
    let Some(folder) = reference_folder("the_log_mel_of_real_recordings_is_librosas") else { return };
    let parameters = LogMelParameters::default();
    let (mut exact, mut resampled) = (0, 0);
    for clip in recordings::manifest(&folder) {
        let sound = recordings::decode(&clip.path);
        let at_rate = sound.resampled(parameters.sample_rate).unwrap();
        let log_mel = Extractor::new().log_mel(&at_rate.samples, at_rate.sample_rate, &parameters).unwrap();
        let golden = ndarray_npy::read_npy(folder.join(format!("logmel22k/{}.npy", clip.name))).unwrap();
        if sound.sample_rate == parameters.sample_rate {
            gate::assert_same_log_mel(&clip.name, &log_mel, &golden);
            exact += 1;
        } else {
            // No two resamplers agree near the lower of the two Nyquist frequencies: 9.8 kHz is 89 % of 11,025 Hz.
            let nyquist = f64::from(sound.sample_rate.min(parameters.sample_rate)) / 2.0;
            gate::assert_same_below(&clip.name, &log_mel, &golden, nyquist * 9_800.0 / 11_025.0);
            resampled += 1;
        }
    }
    assert!(exact > 0 && resampled > 0);
}

/// Not a test: writes the synthesised clips where `tests/golden/make.py` reads them.
#[test]
#[ignore = "writes files: run with RECLASSD_SYNTHESIS=FOLDER, then tests/golden/make.py"]
fn write_the_synthesised_clips() {
    let folder = PathBuf::from(std::env::var_os("RECLASSD_SYNTHESIS").expect("RECLASSD_SYNTHESIS names a folder"));
    std::fs::create_dir_all(&folder).unwrap();
    for clip in synthesis::clips() {
        let path = folder.join(format!("{}.{}.npy", clip.name, clip.sample_rate));
        ndarray_npy::write_npy(path, &ndarray::Array1::from(clip.samples)).unwrap();
    }
}
