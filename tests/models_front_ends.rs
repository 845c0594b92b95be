//! What other people's networks are fed with, compared with what their own programs compute: Essentia on music, where
//! the reference values are at hand, and always librosa 0.11.0 and kaldi-native-fbank 1.23.0 on sound that is made
//! here.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;

use ndarray::{Array1, Array2};
use ndarray_npy::read_npy;
use reclassd::features::{Extractor, Framing, MelParameters, MelSpectrogram};
use reclassd::inference::Manifest;

/// Values may differ from Essentia's by this much,
const TOLERANCE: f32 = 1e-4;
/// but for one cell in five hundred (or one cell): a quiet cell beside loud ones, where Essentia's transform in single
/// precision is mostly rounding. There they may differ by this much.
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

/// A second at 16 kHz: a tone of 440 Hz and something like noise.
fn tone_and_noise() -> Vec<f32> {
    let sample = |i: u64| {
        let tone = 0.5 * (std::f64::consts::TAU * 440.0 * i as f64 / 16_000.0).sin();
        (tone + 0.2 * ((i * i % 97) as f64 / 97.0 - 0.5)) as f32
    };
    (0..16_000).map(sample).collect()
}

/// What a model is fed whose manifest has this table.
fn heard(table: &str) -> MelSpectrogram {
    let manifest = format!(
        "name = 'm'\nversion = '1'\nlicence = 'MIT'\nsha256 = '{}'\nlabels = ['Jazz', 'Blues']\n\
         [output]\nname = 'y'\nkind = 'logits'\n[input.{table}\n",
        "0".repeat(64)
    );
    let parameters = Manifest::parse(&manifest, "here").unwrap().input.mel().unwrap();
    Extractor::new().mel_spectrogram(&tone_and_noise(), 16_000, &parameters).unwrap()
}

#[track_caller]
fn assert_cells(found: &MelSpectrogram, shape: (usize, usize), tolerance: f32, cells: &[(usize, usize, f32)]) {
    assert_eq!((found.n_frames, found.n_mels), shape);
    for &(frame, band, expected) in cells {
        let cell = found.data[frame * found.n_mels + band];
        assert!((cell - expected).abs() <= tolerance, "frame {frame}, band {band}: {cell}, expected {expected}");
    }
}

#[test]
fn a_log_mel_by_other_parameters_is_librosas() {
    let logarithm = heard(
        "log-mel]\nsample_rate = 16000\nn_fft = 512\nwin_length = 400\nhop_length = 160\npad_mode = 'reflect'\npower = 1\n\
         n_mels = 40\nfmin = 50.0\nfmax = 7000.0\nscale = 'htk'\nnorm = 'none'\nlog = 'ln'\noffset = 0.001\nframes = 96\n\
         padding = 'floor'",
    );
    let cells = [(0, 0, 2.2204), (1, 5, 2.4403), (50, 9, -0.362), (50, 30, 2.11), (100, 39, 2.3482)];
    assert_cells(&logarithm, (101, 40), 2e-4, &cells);
    let decibels = heard(
        "log-mel]\nsample_rate = 16000\nn_fft = 1024\nhop_length = 480\npad_mode = 'reflect'\nn_mels = 64\nfmin = 50.0\n\
         fmax = 7000.0\nreference = 1.0\nframes = 96\npadding = 'floor'",
    );
    let cells = [(0, 0, 3.823), (1, 5, -3.423), (20, 9, 15.474), (20, 50, -6.487), (33, 63, -9.075)];
    assert_cells(&decibels, (34, 64), 2e-3, &cells);
}

#[test]
fn a_filter_bank_is_kaldis_with_either_window() {
    let with = |window: &str| {
        heard(&format!(
            "kaldi-fbank]\nsample_rate = 16000\nn_mels = 80\nwindow = '{window}'\nframes = 98\npadding = 'zero'\nmean = 0.0\n\
             std = 1.0"
        ))
    };
    let povey = [
        (0, 0, -9.7632),
        (0, 14, 4.3845),
        (10, 5, -3.3618),
        (50, 14, 4.4238),
        (50, 40, -2.478),
        (97, 60, -1.6435),
        (97, 79, 2.6682),
    ];
    assert_cells(&with("povey"), (98, 80), 1e-3, &povey);
    let hanning = [
        (0, 0, -10.5195),
        (0, 14, 4.2676),
        (10, 5, -3.4829),
        (50, 14, 4.3138),
        (50, 40, -2.5431),
        (97, 60, -1.7088),
        (97, 79, 2.5966),
    ];
    assert_cells(&with("hanning"), (98, 80), 1e-3, &hanning);
}
