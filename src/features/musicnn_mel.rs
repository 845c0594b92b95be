//! The spectrogram that musicnn hears: 96 mel bands at 16 kHz, compressed by a logarithm without a reference.
//!
//! It is that network's own front end, with its parameters fixed here, and no general log-mel (that is
//! [`super::LogMel`]): the power is not related to the clip's loudest cell, and time is the first axis, as the network
//! takes it.

use super::mel::{MelBank, MelShape};
use super::stft::{Padding, Stft, frame_count};
use crate::simd::{LANES, Lanes};

/// Points of the transform, and length of its periodic Hann window.
const N_FFT: usize = 512;
/// Samples from frame to frame.
pub(super) const HOP_LENGTH: usize = 256;

/// The spectrogram `log10(10000 p + 1)` of the mel power `p` (full scale 1): 0 for silence, about 6 for the loudest
/// music.
#[derive(Debug, Clone, PartialEq)]
pub struct MusicnnMel {
    /// `n_frames` x 96, row-major: time is the first axis, band 0 is the lowest.
    pub data: Vec<f32>,
    /// `1 + samples / 256`: 62.5 frames a second.
    pub n_frames: usize,
}

impl MusicnnMel {
    /// The rate that the samples must have, in Hz.
    pub const SAMPLE_RATE: u32 = 16_000;
    /// Mel bands (Slaney's scale, unit area, 0 to 8,000 Hz).
    pub const N_MELS: usize = 96;
}

/// The planned transform, the bands and the buffers of one tile.
pub(super) struct MusicnnFrontEnd {
    stft: Stft,
    bank: MelBank,
    power: Vec<Lanes>,
    mel: Vec<Lanes>,
}

impl MusicnnFrontEnd {
    pub(super) fn new() -> Self {
        let stft = Stft::new(N_FFT, HOP_LENGTH);
        let sample_rate = MusicnnMel::SAMPLE_RATE;
        let n_mels = MusicnnMel::N_MELS;
        let fmax = f64::from(sample_rate) / 2.0;
        let bank = MelBank::new(&MelShape::slaney(sample_rate, N_FFT, n_mels, 0.0, fmax));
        let power = vec![Lanes::ZERO; stft.n_bins()];
        Self { stft, bank, power, mel: vec![Lanes::ZERO; n_mels] }
    }

    /// The spectrogram of samples that were checked.
    pub(super) fn spectrogram(&mut self, samples: &[f32]) -> MusicnnMel {
        let n_frames = frame_count(samples.len(), HOP_LENGTH);
        let mut data = vec![0.0; n_frames * MusicnnMel::N_MELS];
        for (tile, rows) in data.chunks_mut(LANES * MusicnnMel::N_MELS).enumerate() {
            self.stft.power_tile(samples, Padding::Zero, tile, &mut self.power);
            self.bank.power_tile(&self.power, &mut self.mel);
            for (lane, row) in rows.chunks_exact_mut(MusicnnMel::N_MELS).enumerate() {
                for (cell, band) in row.iter_mut().zip(&self.mel) {
                    *cell = (10_000.0 * band.0[lane] + 1.0).log10();
                }
            }
        }
        MusicnnMel { data, n_frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_zero_and_a_tone_lights_its_band() {
        let mut front_end = MusicnnFrontEnd::new();
        let silent = front_end.spectrogram(&[0.0; 16_000]);
        assert_eq!(silent.n_frames, 63);
        assert_eq!(silent.data, [0.0; 63 * 96]);

        let tone: Vec<f32> =
            (0..16_000).map(|i| (i as f32 * std::f32::consts::TAU * 1000.0 / 16_000.0).sin()).collect();
        let spectrogram = front_end.spectrogram(&tone);
        for row in spectrogram.data.chunks_exact(96).skip(2).take(58) {
            let loudest = (0..96).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
            // 1 kHz is 15 mel, and 97 steps divide the 45.2 mel up to 8 kHz.
            assert_eq!(loudest, 31, "{row:?}");
        }
    }

    #[test]
    fn frames_past_the_end_of_the_last_tile_are_not_handed_out() {
        let mut front_end = MusicnnFrontEnd::new();
        for samples in [1, 255, 256, 16 * 256 - 1, 16 * 256] {
            let spectrogram = front_end.spectrogram(&vec![0.5; samples]);
            assert_eq!(spectrogram.n_frames, 1 + samples / 256);
            assert_eq!(spectrogram.data.len(), spectrogram.n_frames * 96);
            assert!(spectrogram.data[spectrogram.data.len() - 96..].iter().any(|v| *v > 0.0), "{samples}");
        }
    }
}
