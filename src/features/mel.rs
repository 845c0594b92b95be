//! Mel filter banks: triangles side by side on Slaney's scale or HTK's, of unit area or of height 1.

use crate::simd::{Lanes, multiversion};

/// Slaney's scale is linear up to 1 kHz (15 mel), then logarithmic with 27 mel for a factor of 6.4.
const LINEAR_HZ_PER_MEL: f64 = 200.0 / 3.0;
const BREAK_HZ: f64 = 1000.0;
const BREAK_MEL: f64 = BREAK_HZ / LINEAR_HZ_PER_MEL;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

/// HTK's scale: `1127 ln(1 + hz / 700)`.
const HTK_FACTOR: f64 = 1127.0;
const HTK_BREAK_HZ: f64 = 700.0;

/// How frequencies become mel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MelScale {
    /// Slaney's (the Auditory Toolbox, librosa): linear up to 1 kHz, logarithmic above.
    Slaney,
    /// HTK's: `1127 ln(1 + hz / 700)`.
    Htk,
}

/// How high a triangle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MelNorm {
    /// `2 / (right edge - left edge)`, in Hz: unit area (librosa's `slaney`).
    UnitArea,
    /// 1.
    UnitHeight,
}

/// Along what the sides of a triangle are straight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MelSlopes {
    /// Frequency in Hz (librosa).
    Hertz,
    /// Mel (HTK, Kaldi, VGGish).
    Mel,
}

impl MelScale {
    fn mel(self, hz: f64) -> f64 {
        match self {
            Self::Slaney if hz < BREAK_HZ => hz / LINEAR_HZ_PER_MEL,
            Self::Slaney => BREAK_MEL + (hz / BREAK_HZ).ln() / log_step(),
            Self::Htk => HTK_FACTOR * (1.0 + hz / HTK_BREAK_HZ).ln(),
        }
    }

    fn hz(self, mel: f64) -> f64 {
        match self {
            Self::Slaney if mel < BREAK_MEL => mel * LINEAR_HZ_PER_MEL,
            Self::Slaney => BREAK_HZ * (log_step() * (mel - BREAK_MEL)).exp(),
            Self::Htk => HTK_BREAK_HZ * ((mel / HTK_FACTOR).exp() - 1.0),
        }
    }
}

/// What a bank depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MelShape {
    pub sample_rate: u32,
    pub n_fft: usize,
    pub n_mels: usize,
    /// Hz.
    pub fmin: f64,
    /// Hz.
    pub fmax: f64,
    pub scale: MelScale,
    pub norm: MelNorm,
    pub slopes: MelSlopes,
}

impl MelShape {
    /// librosa's default: Slaney's scale, unit area.
    pub(super) fn slaney(sample_rate: u32, n_fft: usize, n_mels: usize, fmin: f64, fmax: f64) -> Self {
        let (scale, norm, slopes) = (MelScale::Slaney, MelNorm::UnitArea, MelSlopes::Hertz);
        Self { sample_rate, n_fft, n_mels, fmin, fmax, scale, norm, slopes }
    }
}

/// One triangle: its first bin, and where its weights end in the bank's list (they start where the one before ends).
#[derive(Debug, Clone, Copy)]
struct Band {
    first_bin: usize,
    weights_end: usize,
}

/// `n_mels` triangles over the bins of a power spectrum; only the bins under a triangle are kept.
#[derive(Debug)]
pub(super) struct MelBank {
    bands: Vec<Band>,
    weights: Vec<f32>,
}

impl MelBank {
    /// librosa's `filters.mel`; with [`MelSlopes::Mel`], the triangles of HTK, which are straight along the mel scale.
    pub(super) fn new(shape: &MelShape) -> Self {
        let MelShape { sample_rate, n_fft, n_mels, fmin, fmax, scale, norm, slopes } = *shape;
        let (low, high) = (scale.mel(fmin), scale.mel(fmax));
        let edge_mel = |i: usize| low + (high - low) / (n_mels + 1) as f64 * i as f64;
        // Where an edge or a bin lies on the axis along which the sides are straight.
        let edge = |i: usize| match slopes {
            MelSlopes::Hertz => scale.hz(edge_mel(i)),
            MelSlopes::Mel => edge_mel(i),
        };
        let bin_hz = f64::from(sample_rate) / n_fft as f64;
        let at = |bin: usize| match slopes {
            MelSlopes::Hertz => bin as f64 * bin_hz,
            MelSlopes::Mel => scale.mel(bin as f64 * bin_hz),
        };
        let bins: Vec<f64> = (0..=n_fft / 2).map(at).collect();
        let (mut bands, mut weights) = (Vec::with_capacity(n_mels), Vec::new());
        for band in 0..n_mels {
            let (left, centre, right) = (edge(band), edge(band + 1), edge(band + 2));
            let factor = match norm {
                MelNorm::UnitArea => 2.0 / (scale.hz(edge_mel(band + 2)) - scale.hz(edge_mel(band))),
                MelNorm::UnitHeight => 1.0,
            };
            let mut first_bin = None;
            for (bin, &position) in bins.iter().enumerate() {
                let height = ((position - left) / (centre - left)).min((right - position) / (right - centre));
                if height > 0.0 {
                    first_bin.get_or_insert(bin);
                    weights.push((height * factor) as f32);
                }
            }
            bands.push(Band { first_bin: first_bin.unwrap_or(0), weights_end: weights.len() });
        }
        Self { bands, weights }
    }

    /// The mel power of a tile, one [`Lanes`] a band.
    pub(super) fn power_tile(&self, power: &[Lanes], mel: &mut [Lanes]) {
        power_tile(&self.bands, &self.weights, power, mel);
    }

    /// The mel spectrum of a tile in decibels (not yet clipped), one [`Lanes`] a band; returns the loudest value of
    /// all.
    pub(super) fn db_tile(&self, power: &[Lanes], mel_db: &mut [Lanes]) -> f32 {
        db_tile(&self.bands, &self.weights, power, mel_db)
    }
}

/// What one triangle weighs in a spectrum; `bins` begins at the triangle's first bin.
#[inline(always)]
fn weighted_sum<const FMA: bool>(weights: &[f32], bins: &[Lanes]) -> Lanes {
    let mut sum = Lanes::ZERO;
    for (&weight, &bin) in weights.iter().zip(bins) {
        sum = bin.mul_add::<FMA>(Lanes::splat(weight), sum);
    }
    sum
}

multiversion! {
    fn power_tile(bands: &[Band], weights: &[f32], power: &[Lanes], mel: &mut [Lanes]) {
        let mut start = 0;
        for (band, mel) in bands.iter().zip(mel) {
            *mel = weighted_sum::<FMA>(&weights[start..band.weights_end], &power[band.first_bin..]);
            start = band.weights_end;
        }
    }
}

multiversion! {
    fn db_tile(bands: &[Band], weights: &[f32], power: &[Lanes], mel_db: &mut [Lanes]) -> f32 {
        let mut start = 0;
        let mut loudest = Lanes::splat(f32::NEG_INFINITY);
        for (band, db) in bands.iter().zip(mel_db) {
            let weights = &weights[start..band.weights_end];
            start = band.weights_end;
            let sum = weighted_sum::<FMA>(weights, &power[band.first_bin..]);
            *db = super::decibel::power_to_db::<FMA>(sum);
            loudest = loudest.max(*db);
        }
        loudest.largest()
    }
}

/// The banks that were used last: a library has few sample rates, so making one is rare, and hostile files cannot pile
/// them up.
#[derive(Default)]
pub(super) struct MelBanks {
    banks: Vec<(MelShape, std::sync::Arc<MelBank>)>,
}

impl MelBanks {
    const CAPACITY: usize = 8;

    pub(super) fn get(&mut self, shape: &MelShape) -> std::sync::Arc<MelBank> {
        if let Some((_, bank)) = self.banks.iter().find(|(known, _)| known == shape) {
            return bank.clone();
        }
        if self.banks.len() == Self::CAPACITY {
            self.banks.remove(0);
        }
        let bank = std::sync::Arc::new(MelBank::new(shape));
        self.banks.push((*shape, bank.clone()));
        bank
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_meets_itself_at_its_break_and_back() {
        for scale in [MelScale::Slaney, MelScale::Htk] {
            for hz in [0.0, 60.0, 999.9, 1000.0, 1000.1, 6400.0, 11025.0] {
                assert!((scale.hz(scale.mel(hz)) - hz).abs() < 1e-9 * (1.0 + hz), "{scale:?} {hz}");
            }
        }
        assert!((MelScale::Slaney.mel(6400.0) - 42.0).abs() < 1e-12);
        // HTK's scale is made so that 1 kHz is 1000 mel.
        assert!((MelScale::Htk.mel(1000.0) - 1000.0).abs() < 0.1);
    }

    #[test]
    fn triangles_of_height_one_share_each_bin_between_two_of_them() {
        for slopes in [MelSlopes::Hertz, MelSlopes::Mel] {
            let (scale, norm) = (MelScale::Htk, MelNorm::UnitHeight);
            let shape = MelShape { scale, norm, slopes, ..MelShape::slaney(16_000, 1024, 20, 0.0, 8000.0) };
            let bank = MelBank::new(&shape);
            let mut sums = vec![0.0_f32; 513];
            let mut start = 0;
            for band in &bank.bands {
                for (sum, weight) in sums[band.first_bin..].iter_mut().zip(&bank.weights[start..band.weights_end]) {
                    *sum += weight;
                }
                start = band.weights_end;
            }
            // Between the tops of the first and the last triangle.
            assert!(sums[10..400].iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{slopes:?}: {sums:?}");
        }
    }

    #[test]
    fn every_triangle_has_unit_area_and_few_bins() {
        let shape = MelShape::slaney(22050, 2048, 128, 0.0, 11025.0);
        let bank = MelBank::new(&shape);
        assert_eq!(bank.bands.len(), 128);
        assert!(bank.weights.len() < 2 * 1025);
        let bin_hz = 22050.0 / 2048.0;
        let mut start = 0;
        for (i, band) in bank.bands.iter().enumerate() {
            let area: f32 = bank.weights[start..band.weights_end].iter().sum::<f32>() * bin_hz;
            start = band.weights_end;
            // Narrow triangles are sampled coarsely; wide ones come close to their area.
            assert!((area - 1.0).abs() < if i < 60 { 0.3 } else { 0.05 }, "{i}: {area}");
        }
    }
}
