//! The mel filter bank: Slaney's scale, triangles of unit area.

use super::simd::{Lanes, multiversion};

/// Slaney's scale is linear up to 1 kHz (15 mel), then logarithmic with 27 mel for a factor of 6.4.
const LINEAR_HZ_PER_MEL: f64 = 200.0 / 3.0;
const BREAK_HZ: f64 = 1000.0;
const BREAK_MEL: f64 = BREAK_HZ / LINEAR_HZ_PER_MEL;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn hz_to_mel(hz: f64) -> f64 {
    if hz < BREAK_HZ { hz / LINEAR_HZ_PER_MEL } else { BREAK_MEL + (hz / BREAK_HZ).ln() / log_step() }
}

fn mel_to_hz(mel: f64) -> f64 {
    if mel < BREAK_MEL { mel * LINEAR_HZ_PER_MEL } else { BREAK_HZ * (log_step() * (mel - BREAK_MEL)).exp() }
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
    /// librosa's `filters.mel` with `htk=False, norm='slaney'`: each triangle is scaled by `2 / (right edge - left edge)`.
    pub(super) fn new(shape: &MelShape) -> Self {
        let MelShape { sample_rate, n_fft, n_mels, fmin, fmax } = *shape;
        let (low, high) = (hz_to_mel(fmin), hz_to_mel(fmax));
        let edge = |i: usize| mel_to_hz(low + (high - low) / (n_mels + 1) as f64 * i as f64);
        let bin_hz = f64::from(sample_rate) / n_fft as f64;
        let (mut bands, mut weights) = (Vec::with_capacity(n_mels), Vec::new());
        for band in 0..n_mels {
            let (left, centre, right) = (edge(band), edge(band + 1), edge(band + 2));
            let mut first_bin = None;
            for bin in 0..=n_fft / 2 {
                let hz = bin as f64 * bin_hz;
                let height = ((hz - left) / (centre - left)).min((right - hz) / (right - centre));
                if height > 0.0 {
                    first_bin.get_or_insert(bin);
                    weights.push((height * 2.0 / (right - left)) as f32);
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

    /// The mel spectrum of a tile in decibels (not yet clipped), one [`Lanes`] a band; returns the loudest value of all.
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
    fn the_scale_meets_itself_at_its_break_and_back() {
        for hz in [0.0, 60.0, 999.9, 1000.0, 1000.1, 6400.0, 11025.0] {
            assert!((mel_to_hz(hz_to_mel(hz)) - hz).abs() < 1e-9 * (1.0 + hz));
        }
        assert!((hz_to_mel(6400.0) - 42.0).abs() < 1e-12);
    }

    #[test]
    fn every_triangle_has_unit_area_and_few_bins() {
        let shape = MelShape { sample_rate: 22050, n_fft: 2048, n_mels: 128, fmin: 0.0, fmax: 11025.0 };
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
