//! The one object that others hold: it owns plans, filter banks and buffers, and runs the families over a clip.

use super::chroma;
use super::contrast::Contrast;
use super::cqt::ConstantQ;
use super::error::FeatureError;
use super::fma518::{FAMILIES, Fma518};
use super::frame_matrix::FrameMatrix;
use super::limits::MAX_SAMPLE_RATE;
use super::log_mel::{LogMel, LogMelBuilder, LogMelParameters};
use super::mel::{MelBanks, MelShape};
use super::mel_parameters::MelParameters;
use super::mel_spectrogram::{MelFrontEnd, MelSpectrogram};
use super::mfcc::{Mfcc, N_MELS};
use super::musicnn_mel::{self, MusicnnFrontEnd, MusicnnMel};
use super::spectral::{ASSUMED_RATE, HOP_LENGTH, N_BINS, N_FFT, single_frame_bandwidth, spectral_shape, square_root};
use super::statistics::Statistics;
use super::stft::{Padding, Stft, frame_count};
use super::tonnetz::tonnetz;
use super::tuning::PitchPeaks;
use super::zcr::zcr;
use crate::simd::{LANES, Lanes, multiversion};

/// Samples beyond this are no sound, and their squares would leave single precision.
const MAX_MAGNITUDE: f32 = 1e9;
/// The longest clip for the 518: the power spectrum that is held meanwhile takes 8 bytes a sample, so a quarter of a
/// GiB.
const MAX_SAMPLES: usize = 1 << 25;
/// The most cells in a log-mel spectrogram, a quarter of a GiB.
const MAX_CELLS: usize = 1 << 26;
/// Buffers that a long clip has blown up beyond this many tiles' bins are given back after it (32 MiB).
const KEPT_LANES: usize = 1 << 19;

/// Computes features. Making one plans transforms and allocates buffers, so keep it: one a worker thread.
///
/// Samples are mono, full scale 1, at most 1e9 in magnitude. The results depend on the samples alone, not on what the
/// extractor did before.
pub struct Extractor {
    stft: Stft,
    power: Vec<Lanes>,
    magnitude: Vec<Lanes>,
    mel_db: Vec<Lanes>,
    mel_banks: MelBanks,
    mfcc: Mfcc,
    cqt_peaks: PitchPeaks,
    stft_peaks: PitchPeaks,
    cqt: ConstantQ,
    median_scratch: Vec<f32>,
    log_mel_stft: Option<Stft>,
    log_mel_power: Vec<Lanes>,
    musicnn: Option<Box<MusicnnFrontEnd>>,
    mel: Option<Box<MelFrontEnd>>,
}

impl Default for Extractor {
    fn default() -> Self {
        Self::new()
    }
}

impl Extractor {
    /// An extractor for clips of any rate.
    pub fn new() -> Self {
        Self {
            stft: Stft::new(N_FFT, HOP_LENGTH),
            power: Vec::new(),
            magnitude: vec![Lanes::ZERO; N_BINS],
            mel_db: Vec::new(),
            mel_banks: MelBanks::default(),
            mfcc: Mfcc::new(),
            cqt_peaks: PitchPeaks::default(),
            stft_peaks: PitchPeaks::default(),
            cqt: ConstantQ::new(),
            median_scratch: Vec::new(),
            log_mel_stft: None,
            log_mel_power: Vec::new(),
            musicnn: None,
            mel: None,
        }
    }

    /// The 518 FMA features of mono samples at `sample_rate` Hz.
    ///
    /// # Errors
    ///
    /// An empty clip, or one too short (65 samples are needed at 44,100 Hz) or too long (2^25 samples); a rate too low
    /// for the constant-Q transform (8,500 Hz always suffice, 8,000 never do) or above 768,000 Hz; samples that are not
    /// finite or beyond 1e9.
    pub fn fma518(&mut self, samples: &[f32], sample_rate: u32) -> Result<Fma518, FeatureError> {
        check_fma518(samples, sample_rate)?;
        self.vector(samples, sample_rate, None)
    }

    /// The log-mel spectrogram of mono samples, which must already be at the rate of the parameters.
    ///
    /// # Errors
    ///
    /// Another rate; parameters out of range; an empty clip; samples that are not finite or beyond 1e9; a result of
    /// more than 2^26 cells.
    pub fn log_mel(
        &mut self,
        samples: &[f32],
        sample_rate: u32,
        parameters: &LogMelParameters,
    ) -> Result<LogMel, FeatureError> {
        let n_frames = check_log_mel(samples, sample_rate, parameters)?;
        let bank = self.mel_banks.get(&parameters.shape());
        let mut builder = LogMelBuilder::new(parameters, n_frames);
        let framing = (parameters.n_fft, parameters.hop_length);
        let stft = self
            .log_mel_stft
            .take_if(|stft| (stft.n_fft(), stft.hop_length()) == framing)
            .unwrap_or_else(|| Stft::new(framing.0, framing.1));
        let stft = self.log_mel_stft.insert(stft);
        self.log_mel_power.resize(stft.n_bins(), Lanes::ZERO);
        for tile in 0..n_frames.div_ceil(LANES) {
            stft.power_tile(samples, Padding::Zero, tile, &mut self.log_mel_power);
            builder.add_tile(&bank, tile, &self.log_mel_power);
        }
        Ok(builder.finish())
    }

    /// The spectrogram that musicnn hears of mono samples, which must already be at [`MusicnnMel::SAMPLE_RATE`].
    ///
    /// # Errors
    ///
    /// Another rate; an empty clip; samples that are not finite or beyond 1e9; a result of more than 2^26 cells.
    pub fn musicnn_mel(&mut self, samples: &[f32], sample_rate: u32) -> Result<MusicnnMel, FeatureError> {
        if sample_rate != MusicnnMel::SAMPLE_RATE {
            return Err(FeatureError::RateMismatch { found: sample_rate, wanted: MusicnnMel::SAMPLE_RATE });
        }
        check_samples(samples)?;
        let limit = MAX_CELLS / MusicnnMel::N_MELS * musicnn_mel::HOP_LENGTH;
        if samples.len() > limit {
            return Err(FeatureError::TooLong { samples: samples.len(), limit });
        }
        let front_end = self.musicnn.get_or_insert_with(|| Box::new(MusicnnFrontEnd::new()));
        Ok(front_end.spectrogram(samples))
    }

    /// A mel spectrogram as some network wants it of mono samples, which must already be at the rate of the parameters.
    ///
    /// # Errors
    ///
    /// Another rate; parameters out of range; an empty clip; samples that are not finite or beyond 1e9; a result of
    /// more than 2^26 cells.
    pub fn mel_spectrogram(
        &mut self,
        samples: &[f32],
        sample_rate: u32,
        parameters: &MelParameters,
    ) -> Result<MelSpectrogram, FeatureError> {
        parameters.validate()?;
        if sample_rate != parameters.sample_rate {
            return Err(FeatureError::RateMismatch { found: sample_rate, wanted: parameters.sample_rate });
        }
        check_samples(samples)?;
        let limit = MAX_CELLS / parameters.n_mels * parameters.hop_length;
        if samples.len() > limit {
            return Err(FeatureError::TooLong { samples: samples.len(), limit });
        }
        let planned = self.mel.take_if(|front_end| front_end.parameters() == parameters);
        let planned = planned.unwrap_or_else(|| Box::new(MelFrontEnd::new(parameters)));
        Ok(self.mel.insert(planned).spectrogram(samples))
    }

    /// Both at once. Where the parameters frame the clip as the 518 do (2048 points every 512 samples), they share the
    /// transform, of which only the few frames that reach outside of the clip differ.
    ///
    /// # Errors
    ///
    /// Those of [`Self::fma518`] and [`Self::log_mel`].
    pub fn fma518_and_log_mel(
        &mut self,
        samples: &[f32],
        sample_rate: u32,
        parameters: &LogMelParameters,
    ) -> Result<(Fma518, LogMel), FeatureError> {
        let n_frames = check_log_mel(samples, sample_rate, parameters)?;
        check_fma518(samples, sample_rate)?;
        if (parameters.n_fft, parameters.hop_length) != (N_FFT, HOP_LENGTH) {
            let vector = self.vector(samples, sample_rate, None)?;
            return Ok((vector, self.log_mel(samples, sample_rate, parameters)?));
        }
        let mut builder = LogMelBuilder::new(parameters, n_frames);
        let vector = self.vector(samples, sample_rate, Some((&parameters.shape(), &mut builder)))?;
        Ok((vector, builder.finish()))
    }

    /// The 518 of a checked clip; on the way every power spectrum is offered to a log-mel spectrogram.
    fn vector(
        &mut self,
        samples: &[f32],
        sample_rate: u32,
        log_mel: Option<(&MelShape, &mut LogMelBuilder)>,
    ) -> Result<Fma518, FeatureError> {
        let spectral = self.spectral_pass(samples, sample_rate, log_mel);
        let n_frames = frame_count(samples.len(), HOP_LENGTH);

        let cqt = self.cqt.magnitudes(samples, sample_rate, self.cqt_peaks.tuning())?;
        let fold = chroma::fold_octaves(&cqt);
        let cens = chroma::chroma_cens(&fold);
        let tonnetz = tonnetz(&cens);
        let mut chroma_cqt = fold;
        chroma::normalize_max(&mut chroma_cqt);

        let chroma_stft = chroma::chroma_stft(&self.power, n_frames, self.stft_peaks.tuning());
        self.power.shrink_to(KEPT_LANES);
        let families: [FrameMatrix; FAMILIES.len()] = [
            cens,
            chroma_cqt,
            chroma_stft,
            spectral.mfcc,
            spectral.rmse,
            spectral.bandwidth,
            spectral.centroid,
            spectral.contrast,
            spectral.rolloff,
            tonnetz,
            zcr(samples),
        ];
        let scratch = std::cell::RefCell::new(&mut self.median_scratch);
        Ok(Fma518::from_statistics(|family, row| Statistics::of(families[family].row(row), &mut scratch.borrow_mut())))
    }

    /// Everything that looks at one tile of spectra at a time. Leaves the power of the whole clip in `self.power`,
    /// since the chroma filters wait for the tuning, and the tuning for the last frame.
    fn spectral_pass(
        &mut self,
        samples: &[f32],
        sample_rate: u32,
        mut log_mel: Option<(&MelShape, &mut LogMelBuilder)>,
    ) -> SpectralRows {
        let n_frames = frame_count(samples.len(), HOP_LENGTH);
        let n_tiles = n_frames.div_ceil(LANES);
        let row = || FrameMatrix::new(1, n_frames);
        let (mut centroid, mut bandwidth, mut rolloff, mut rmse) = (row(), row(), row(), row());
        let mut contrast = Contrast::new(n_frames);
        let nyquist = f64::from(sample_rate) / 2.0;
        let bank = self.mel_banks.get(&MelShape::slaney(sample_rate, N_FFT, N_MELS, 0.0, nyquist));
        let log_mel_bank = log_mel.as_ref().map(|(shape, _)| self.mel_banks.get(shape));
        let mut loudest_mel = f32::NEG_INFINITY;

        // Not cleared: every tile is written whole, and zeroing ten megabytes takes its time.
        self.power.resize(n_tiles * N_BINS, Lanes::ZERO);
        self.mel_db.resize(n_tiles * N_MELS, Lanes::ZERO);
        self.cqt_peaks.start(f64::from(sample_rate));
        self.stft_peaks.start(ASSUMED_RATE);
        for (tile, power) in self.power.chunks_exact_mut(N_BINS).enumerate() {
            self.stft.power_tile(samples, Padding::Reflect, tile, power);
            square_root(power, &mut self.magnitude);

            let shape = spectral_shape(power, &self.magnitude);
            centroid.set_lanes(0, tile, shape.centroid);
            bandwidth.set_lanes(0, tile, shape.bandwidth);
            rolloff.set_lanes(0, tile, shape.rolloff);
            rmse.set_lanes(0, tile, shape.rmse);
            contrast.add_tile(tile, &self.magnitude);
            self.cqt_peaks.add_tile(&self.magnitude);
            self.stft_peaks.add_tile(power);
            let mel_db = &mut self.mel_db[tile * N_MELS..][..N_MELS];
            loudest_mel = loudest_mel.max(bank.db_tile(power, mel_db));

            if let (Some((_, builder)), Some(bank)) = (&mut log_mel, &log_mel_bank) {
                let power = zero_padded(&mut self.stft, samples, tile, power, &mut self.log_mel_power);
                builder.add_tile(bank, tile, power);
            }
        }
        if n_frames == 1 {
            let values = single_frame_bandwidth(&self.magnitude, centroid.row(0)[0]);
            bandwidth = FrameMatrix::new(1, values.len());
            bandwidth.row_mut(0).copy_from_slice(&values);
        }
        let mfcc = self.mfcc.matrix(&self.mel_db, loudest_mel, n_frames);
        SpectralRows { mfcc, rmse, bandwidth, centroid, contrast: contrast.matrix(), rolloff }
    }
}

/// What [`Extractor::spectral_pass`] finds, a matrix a family.
struct SpectralRows {
    mfcc: FrameMatrix,
    rmse: FrameMatrix,
    bandwidth: FrameMatrix,
    centroid: FrameMatrix,
    contrast: FrameMatrix,
    rolloff: FrameMatrix,
}

/// A tile of reflected spectra with the frames that reach outside of the clip done again with zeros there. Most tiles
/// have none and are handed through.
fn zero_padded<'a>(
    stft: &mut Stft,
    samples: &[f32],
    tile: usize,
    power: &'a [Lanes],
    copy: &'a mut Vec<Lanes>,
) -> &'a [Lanes] {
    let n_frames = frame_count(samples.len(), stft.hop_length());
    let first = tile * LANES;
    let frames = first..n_frames.min(first + LANES);
    if !frames.clone().any(|frame| stft.is_padded(frame, samples.len())) {
        return power;
    }
    copy.clear();
    copy.extend_from_slice(power);
    for frame in frames {
        if stft.is_padded(frame, samples.len()) {
            stft.power_lane(samples, Padding::Zero, frame, frame - first, copy);
        }
    }
    copy
}

fn check_samples(samples: &[f32]) -> Result<(), FeatureError> {
    if samples.is_empty() {
        return Err(FeatureError::Empty);
    }
    if all_valid(samples) {
        return Ok(());
    }
    let first_invalid = samples.iter().enumerate().find(|(_, value)| !is_valid(**value));
    match first_invalid {
        Some((index, &value)) => Err(FeatureError::InvalidSample { index, value, limit: MAX_MAGNITUDE }),
        None => Ok(()),
    }
}

#[inline(always)]
fn is_valid(sample: f32) -> bool {
    // False for NaN.
    sample.abs() <= MAX_MAGNITUDE
}

multiversion! {
    fn all_valid(samples: &[f32]) -> bool {
        // Without an early exit, which would keep the loop from being vectorised.
        samples.iter().fold(true, |valid, &sample| valid & is_valid(sample))
    }
}

fn check_fma518(samples: &[f32], sample_rate: u32) -> Result<(), FeatureError> {
    check_samples(samples)?;
    if sample_rate > MAX_SAMPLE_RATE {
        return Err(FeatureError::RateTooHigh { sample_rate, limit: MAX_SAMPLE_RATE });
    }
    if samples.len() > MAX_SAMPLES {
        return Err(FeatureError::TooLong { samples: samples.len(), limit: MAX_SAMPLES });
    }
    ConstantQ::check(samples.len(), sample_rate)
}

/// The number of frames, if there is nothing to object to.
fn check_log_mel(samples: &[f32], sample_rate: u32, parameters: &LogMelParameters) -> Result<usize, FeatureError> {
    parameters.validate()?;
    if sample_rate != parameters.sample_rate {
        return Err(FeatureError::RateMismatch { found: sample_rate, wanted: parameters.sample_rate });
    }
    check_samples(samples)?;
    let limit = MAX_CELLS / parameters.n_mels * parameters.hop_length;
    if samples.len() > limit {
        return Err(FeatureError::TooLong { samples: samples.len(), limit });
    }
    Ok(frame_count(samples.len(), parameters.hop_length))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_gives_the_same_features() {
        let samples: Vec<f32> = (0..60_000_u32)
            .map(|i| {
                let tone = (f64::from(i) * 0.0627 * (1.0 + f64::from(i / 7000))).sin();
                let hiss = f64::from(i.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 - 0.5;
                (((0.4 * tone + 0.05 * hiss) * 32_768.0).round() / 32_768.0) as f32
            })
            .collect();
        let mut first: Option<(Fma518, LogMel)> = None;
        crate::simd::forced::each_level(|level| {
            let parameters = LogMelParameters::default();
            let found = Extractor::new().fma518_and_log_mel(&samples, 22_050, &parameters).unwrap();
            let (vector, log_mel) = first.get_or_insert_with(|| found.clone());
            for (i, (a, b)) in vector.as_slice().iter().zip(found.0.as_slice()).enumerate() {
                let column = &crate::features::fma518_columns()[i];
                assert!((a - b).abs() <= 1e-4 * (1.0 + a.abs()), "{level:?} {column}: {a} {b}");
            }
            for (a, b) in log_mel.data.iter().zip(&found.1.data) {
                assert!((a - b).abs() <= 1e-4, "{level:?}: {a} dB, {b} dB");
            }
        });
    }
}
