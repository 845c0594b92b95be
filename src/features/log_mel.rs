//! Log-mel spectrograms, the input of spectrogram models: librosa's `power_to_db(melspectrogram(y), ref=np.max)` with
//! the clip's true sample rate and zero padding.

use super::error::FeatureError;
use super::limits::MAX_SAMPLE_RATE;
use super::mel::{MelBank, MelShape};
use crate::simd::{LANES, Lanes};

/// How a log-mel spectrogram is made. The window is a periodic Hann of `n_fft` points, frames are centred, the bands
/// are Slaney's with unit area, decibels are relative to the loudest cell.
#[derive(Debug, Clone, PartialEq)]
pub struct LogMelParameters {
    /// The rate that the samples must have, in Hz.
    pub sample_rate: u32,
    /// Points of the transform: even, 16 to 65,536.
    pub n_fft: usize,
    /// Samples from frame to frame: 1 to `n_fft`.
    pub hop_length: usize,
    /// Mel bands: 1 to 1,024.
    pub n_mels: usize,
    /// The lowest band's lower edge in Hz.
    pub fmin: f64,
    /// The highest band's upper edge in Hz, at most half the sample rate.
    pub fmax: f64,
    /// The range in decibels: what is quieter, relative to the loudest cell, counts as `-top_db`.
    pub top_db: f32,
}

impl Default for LogMelParameters {
    /// 22,050 Hz, 2048 points every 512 samples, 128 bands from 0 to 11,025 Hz, 80 dB.
    fn default() -> Self {
        Self { sample_rate: 22_050, n_fft: 2048, hop_length: 512, n_mels: 128, fmin: 0.0, fmax: 11_025.0, top_db: 80.0 }
    }
}

impl LogMelParameters {
    pub(super) fn validate(&self) -> Result<(), FeatureError> {
        let invalid = |reason| Err(FeatureError::InvalidParameters { reason });
        if !(1..=MAX_SAMPLE_RATE).contains(&self.sample_rate) {
            return invalid("sample_rate must be 1 to 768000 Hz");
        }
        if !(16..=65_536).contains(&self.n_fft) || !self.n_fft.is_multiple_of(2) {
            return invalid("n_fft must be even and 16 to 65536");
        }
        if !(1..=self.n_fft).contains(&self.hop_length) {
            return invalid("hop_length must be 1 to n_fft");
        }
        if !(1..=1024).contains(&self.n_mels) {
            return invalid("n_mels must be 1 to 1024");
        }
        // Written so that NaN fails.
        if !(self.fmin >= 0.0 && self.fmin < self.fmax && self.fmax <= f64::from(self.sample_rate) / 2.0) {
            return invalid("fmin and fmax must satisfy 0 <= fmin < fmax <= sample_rate / 2");
        }
        if !(self.top_db > 0.0 && self.top_db.is_finite()) {
            return invalid("top_db must be positive");
        }
        Ok(())
    }

    pub(super) fn shape(&self) -> MelShape {
        MelShape::slaney(self.sample_rate, self.n_fft, self.n_mels, self.fmin, self.fmax)
    }
}

/// A log-mel spectrogram in decibels, 0 (the loudest cell) down to `-top_db`. Digital silence is 0 everywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct LogMel {
    /// `n_mels` x `n_frames`, row-major: time is the second axis, band 0 is the lowest.
    pub data: Vec<f32>,
    /// Mel bands.
    pub n_mels: usize,
    /// `1 + samples / hop_length`.
    pub n_frames: usize,
}

impl LogMel {
    /// One band over time; panics unless `band < n_mels`.
    pub fn band(&self, band: usize) -> &[f32] {
        &self.data[band * self.n_frames..][..self.n_frames]
    }
}

/// A spectrogram in the making: the reference is only known at the end.
pub(super) struct LogMelBuilder {
    n_frames: usize,
    n_mels: usize,
    top_db: f32,
    /// `n_mels` lanes a tile.
    mel_db: Vec<Lanes>,
    loudest: f32,
}

impl LogMelBuilder {
    pub(super) fn new(parameters: &LogMelParameters, n_frames: usize) -> Self {
        let n_mels = parameters.n_mels;
        Self {
            n_frames,
            n_mels,
            top_db: parameters.top_db,
            mel_db: vec![Lanes::ZERO; n_frames.div_ceil(LANES) * n_mels],
            loudest: f32::NEG_INFINITY,
        }
    }

    pub(super) fn add_tile(&mut self, bank: &MelBank, tile: usize, power: &[Lanes]) {
        let mel_db = &mut self.mel_db[tile * self.n_mels..][..self.n_mels];
        self.loudest = self.loudest.max(bank.db_tile(power, mel_db));
    }

    pub(super) fn finish(self) -> LogMel {
        let mut data = Vec::with_capacity(self.n_mels * self.n_frames);
        for band in 0..self.n_mels {
            let end = data.len() + self.n_frames;
            for lanes in self.mel_db.iter().skip(band).step_by(self.n_mels) {
                data.extend_from_slice(&lanes.map(|db| (db - self.loudest).max(-self.top_db)).0);
            }
            // The last tile has lanes to spare.
            data.truncate(end);
        }
        LogMel { data, n_mels: self.n_mels, n_frames: self.n_frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_make_no_sense_are_refused() {
        let good = LogMelParameters::default();
        assert_eq!(good.validate(), Ok(()));
        let bad: [fn(&mut LogMelParameters); 10] = [
            |p| p.sample_rate = 0,
            |p| p.n_fft = 2047,
            |p| p.n_fft = 1 << 40,
            |p| p.hop_length = 0,
            |p| p.hop_length = 2049,
            |p| p.n_mels = 0,
            |p| p.fmin = f64::NAN,
            |p| p.fmax = 11_026.0,
            |p| p.fmin = 11_025.0,
            |p| p.top_db = f32::INFINITY,
        ];
        for spoil in bad {
            let mut parameters = good.clone();
            spoil(&mut parameters);
            assert!(matches!(parameters.validate(), Err(FeatureError::InvalidParameters { .. })), "{parameters:?}");
        }
    }
}
