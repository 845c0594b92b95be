//! Spectral contrast: how far the peaks of an octave band stand above its valleys.
//!
//! Peaks and valleys are the means of the largest and smallest magnitudes of a band, turned into decibels as if they
//! were powers and each clipped 80 dB below its own maximum, as librosa 0.5.0 has it.

use super::frame_matrix::FrameMatrix;
use crate::simd::{Lanes, multiversion};

/// Six octaves from 200 Hz, and what lies below them.
pub(super) const N_BANDS: usize = 7;
/// Both matrices are cut this far below their maximum.
const TOP_DB: f32 = 80.0;

/// Peaks and valleys of a clip in decibels, and the loudest of each.
pub(super) struct Contrast {
    peak: FrameMatrix,
    valley: FrameMatrix,
    loudest_peak: f32,
    loudest_valley: f32,
}

impl Contrast {
    pub(super) fn new(n_frames: usize) -> Self {
        Self {
            peak: FrameMatrix::new(N_BANDS, n_frames),
            valley: FrameMatrix::new(N_BANDS, n_frames),
            loudest_peak: f32::NEG_INFINITY,
            loudest_valley: f32::NEG_INFINITY,
        }
    }

    /// Takes one tile of magnitudes (1,025 bins).
    pub(super) fn add_tile(&mut self, tile: usize, magnitude: &[Lanes]) {
        let (peaks, valleys) = extremes(magnitude);
        for band in 0..N_BANDS {
            self.loudest_peak = self.loudest_peak.max(peaks[band].largest());
            self.loudest_valley = self.loudest_valley.max(valleys[band].largest());
            self.peak.set_lanes(band, tile, peaks[band]);
            self.valley.set_lanes(band, tile, valleys[band]);
        }
    }

    /// 7 x T decibels.
    pub(super) fn matrix(self) -> FrameMatrix {
        let (peak_floor, valley_floor) =
            (Lanes::splat(self.loudest_peak - TOP_DB), Lanes::splat(self.loudest_valley - TOP_DB));
        let mut contrast = self.peak;
        for band in 0..N_BANDS {
            for tile in 0..contrast.n_tiles() {
                let peak = contrast.lanes(band, tile).max(peak_floor);
                let valley = self.valley.lanes(band, tile).max(valley_floor);
                contrast.set_lanes(band, tile, peak - valley);
            }
        }
        contrast
    }
}

multiversion! {
    /// Peaks and valleys of every band in decibels.
    ///
    /// The bands are those of 0, 200, 400 .. 12,800 Hz at the assumed rate, each with the bin below it; all but the
    /// last then lose their last bin. The number of values averaged is 2 % of the bins before that loss, at least one.
    fn extremes(magnitude: &[Lanes]) -> ([Lanes; N_BANDS], [Lanes; N_BANDS]) {
        let bands = [
            band::<1, FMA>(&magnitude[0..18]),
            band::<1, FMA>(&magnitude[18..37]),
            band::<1, FMA>(&magnitude[37..74]),
            band::<2, FMA>(&magnitude[74..148]),
            band::<3, FMA>(&magnitude[148..297]),
            band::<6, FMA>(&magnitude[297..594]),
            band::<9, FMA>(&magnitude[594..1025]),
        ];
        (bands.map(|(peak, _)| peak), bands.map(|(_, valley)| valley))
    }
}

#[inline(always)]
fn band<const COUNT: usize, const FMA: bool>(bins: &[Lanes]) -> (Lanes, Lanes) {
    let peak = mean_of_extreme::<COUNT>(bins, f32::NEG_INFINITY, |kept, x| (kept.max(x), kept.min(x)));
    let valley = mean_of_extreme::<COUNT>(bins, f32::INFINITY, |kept, x| (kept.min(x), kept.max(x)));
    (super::decibel::power_to_db::<FMA>(peak), super::decibel::power_to_db::<FMA>(valley))
}

/// The mean of the `COUNT` most extreme bins of every lane: each bin sinks through a sorted list, every step keeping
/// the more extreme of two values and handing the other on. For lists this short that is far cheaper than to sort.
#[inline(always)]
fn mean_of_extreme<const COUNT: usize>(
    bins: &[Lanes],
    nothing: f32,
    keep_and_pass: impl Fn(Lanes, Lanes) -> (Lanes, Lanes),
) -> Lanes {
    let mut kept = [Lanes::splat(nothing); COUNT];
    for &bin in bins {
        let mut passed = bin;
        for kept in &mut kept {
            (*kept, passed) = keep_and_pass(*kept, passed);
        }
    }
    let mut sum = Lanes::ZERO;
    for value in kept {
        sum += value;
    }
    sum / Lanes::splat(COUNT as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_and_valleys_are_those_of_a_sorted_band() {
        let magnitude: Vec<Lanes> = (0..1025)
            .map(|bin| Lanes(std::array::from_fn(|lane| ((bin * 7919 + lane * 104_729) % 1009) as f32 + 1.0)))
            .collect();
        let (peaks, valleys) = extremes(&magnitude);
        let bands = [(0, 18, 1), (18, 37, 1), (37, 74, 1), (74, 148, 2), (148, 297, 3), (297, 594, 6), (594, 1025, 9)];
        for (band, (first, end, count)) in bands.into_iter().enumerate() {
            for lane in 0..16 {
                let mut sorted: Vec<f32> = magnitude[first..end].iter().map(|bin| bin.0[lane]).collect();
                sorted.sort_by(f32::total_cmp);
                let mean = |values: &[f32]| values.iter().sum::<f32>() / count as f32;
                let (low, high) = (mean(&sorted[..count]), mean(&sorted[sorted.len() - count..]));
                assert!((peaks[band].0[lane] - 10.0 * high.log10()).abs() < 1e-4);
                assert!((valleys[band].0[lane] - 10.0 * low.log10()).abs() < 1e-4);
            }
        }
    }
}
