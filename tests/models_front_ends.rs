//! What other people's networks are fed with, compared with what their own programs compute.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;

use ndarray::{Array1, Array2};
use ndarray_npy::read_npy;
use reclassd::features::{Extractor, Framing, MelParameters};

/// Values may differ from Essentia's by this much,
const TOLERANCE: f32 = 1e-4;
/// but for one cell in five hundred (or one cell): a quiet cell beside loud ones, where Essentia's transform in single precision is
/// mostly rounding. There they may differ by this much.
const TOLERANCE_OF_QUIET_CELLS: f32 = 5e-4;

#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let differences: Vec<f32> = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).collect();
    let largest = differences.iter().copied().fold(0.0, f32::max);
    let beyond = differences.iter().filter(|difference| **difference > TOLERANCE).count();
    eprintln!("{what}: largest difference {largest:.1e}, {beyond} of {} cells beyond {TOLERANCE:.0e}", found.len());
    let allowed = (found.len() / 500).max(1);
    assert!(largest <= TOLERANCE_OF_QUIET_CELLS && beyond <= allowed, "{what}: {largest}, {beyond}");
}

/// Compares five seconds of music, frames from the first sample and centred ones, and two frames by themselves.
fn compare(folder: &Path, name: &str, parameters: &MelParameters) {
    let audio: Array1<f32> = read_npy(folder.join("audio16k_q4.npy")).unwrap();
    let mut extractor = Extractor::new();
    for (file, framing) in [("q4", Framing::FromTheStart), ("q4_centred", Framing::CentredToTheEnd)] {
        let expected: Array2<f32> = read_npy(folder.join(format!("{name}_{file}.npy"))).unwrap();
        let parameters = MelParameters { framing, ..parameters.clone() };
        let found = extractor.mel_spectrogram(audio.as_slice().unwrap(), 16_000, &parameters).unwrap();
        assert_eq!((found.n_frames, found.n_mels), expected.dim(), "{name}_{file}");
        assert_close(&format!("{name}_{file}"), &found.data, expected.as_standard_layout().as_slice().unwrap());
    }
    let length = parameters.win_length;
    let mut impulse = vec![0.0; length];
    impulse[length / 2] = 1.0;
    let sine = (0..length).map(|i| 0.5 * (std::f64::consts::TAU * 440.0 * i as f64 / 16_000.0).sin() as f32).collect();
    for (file, frame) in [("impulse", impulse), ("sine440", sine)] {
        let expected: Array1<f32> = read_npy(folder.join(format!("{name}_{file}.npy"))).unwrap();
        let parameters = MelParameters { framing: Framing::Whole, ..parameters.clone() };
        let found = extractor.mel_spectrogram(&frame, 16_000, &parameters).unwrap();
        assert_close(&format!("{name}_{file}"), &found.data, expected.as_slice().unwrap());
    }
}

#[test]
fn vggish_hears_what_essentia_lets_it_hear() {
    let Some(folder) = common::shared("vggish_hears_what_essentia_lets_it_hear", "reference/frontends") else { return };
    compare(&folder, "vggish", &MelParameters::vggish());
}

#[test]
fn networks_after_musicnn_hear_what_essentia_lets_them_hear() {
    const TEST: &str = "networks_after_musicnn_hear_what_essentia_lets_them_hear";
    let Some(folder) = common::shared(TEST, "reference/frontends") else { return };
    compare(&folder, "musicnn", &MelParameters::essentia_musicnn());
}
