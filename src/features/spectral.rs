//! The shape of a spectrum in one number a frame: centroid, bandwidth, rolloff, and its level.
//!
//! FMA's script does not hand librosa the file's sample rate here, so frequencies are those of 22,050 Hz whatever the
//! clip's rate is.

use crate::simd::{LANES, Lanes, multiversion};

/// The rate that librosa assumes when it is not told one, in Hz.
pub(super) const ASSUMED_RATE: f64 = 22050.0;
/// Points of the transform that all of the 518 use.
pub(super) const N_FFT: usize = 2048;
/// Samples from frame to frame.
pub(super) const HOP_LENGTH: usize = 512;
/// Bins of the transform.
pub(super) const N_BINS: usize = N_FFT / 2 + 1;

/// The share of the magnitude that lies below the rolloff.
const ROLLOFF_SHARE: f64 = 0.85;

/// Sums over bins are taken in pieces of this many: 1,025 single-precision additions in a row would lose a digit.
pub(super) const PIECE: usize = 32;

/// The frequency of a bin in Hz, at the assumed rate.
pub(super) fn bin_frequency(bin: usize) -> f64 {
    bin as f64 * (ASSUMED_RATE / N_FFT as f64)
}

/// What one tile gives.
pub(super) struct SpectralShape {
    /// Hz.
    pub centroid: Lanes,
    /// Hz.
    pub bandwidth: Lanes,
    /// Hz.
    pub rolloff: Lanes,
    /// The root of the mean power over the bins (librosa 0.5.0's formula: DC and Nyquist count like every bin).
    pub rmse: Lanes,
}

multiversion! {
    /// The shape of the spectra of one tile, from its power and magnitude (both [`N_BINS`] long).
    pub(super) fn spectral_shape(power: &[Lanes], magnitude: &[Lanes]) -> SpectralShape {
        let total = sum_over_bins(magnitude, |_, x| x);
        // A silent frame is left as it is instead of being divided by zero.
        let norm = total.map(|x| if x < f32::MIN_POSITIVE { 1.0 } else { x });
        let centroid = sum_over_bins(magnitude, |bin, x| x * Lanes::splat(bin_frequency(bin) as f32)) / norm;
        let spread = sum_over_bins(magnitude, |bin, x| {
            let distance = Lanes::splat(bin_frequency(bin) as f32) - centroid;
            x * distance * distance
        });
        SpectralShape {
            centroid,
            bandwidth: (spread / norm).map(f32::sqrt),
            rolloff: rolloff(magnitude),
            rmse: (sum_over_bins(power, |_, x| x) / Lanes::splat(N_BINS as f32)).map(f32::sqrt),
        }
    }
}

#[inline(always)]
fn sum_over_bins(bins: &[Lanes], term: impl Fn(usize, Lanes) -> Lanes) -> Lanes {
    let mut sum = Lanes::ZERO;
    for (piece, bins) in bins.chunks(PIECE).enumerate() {
        let mut partial = Lanes::ZERO;
        for (i, &bin) in bins.iter().enumerate() {
            partial += term(piece * PIECE + i, bin);
        }
        sum += partial;
    }
    sum
}

/// The first bin at which the running sum reaches [`ROLLOFF_SHARE`] of the whole. A frame's rolloff jumps by a bin when
/// the sum is a hair off, hence double precision.
#[inline(always)]
fn rolloff(magnitude: &[Lanes]) -> Lanes {
    let mut total = [0.0_f64; LANES];
    for bin in magnitude {
        for (total, &x) in total.iter_mut().zip(&bin.0) {
            *total += f64::from(x);
        }
    }
    let threshold = total.map(|x| ROLLOFF_SHARE * x);
    let mut running = [0.0_f64; LANES];
    let mut below = [0.0_f32; LANES];
    for bin in magnitude {
        for lane in 0..LANES {
            running[lane] += f64::from(bin.0[lane]);
            below[lane] += if running[lane] < threshold[lane] { 1.0 } else { 0.0 };
        }
    }
    Lanes(below).map(|bins| bins * bin_frequency(1) as f32)
}

multiversion! {
    /// Power to magnitude.
    pub(super) fn square_root(power: &[Lanes], magnitude: &mut [Lanes]) {
        for (root, &power) in magnitude.iter_mut().zip(power) {
            *root = power.map(f32::sqrt);
        }
    }
}

/// What librosa 0.5.0 returns as the bandwidth of a clip of a single frame: not one value but, by an accident of
/// broadcasting, one a bin, `|frequency - centroid|` (zero in a silent frame).
pub(super) fn single_frame_bandwidth(magnitude: &[Lanes], centroid: f32) -> Vec<f32> {
    let total: f64 = magnitude.iter().map(|bin| f64::from(bin.0[0])).sum();
    let norm = if total < f64::MIN_POSITIVE { 0.0 } else { 1.0 };
    (0..magnitude.len()).map(|bin| (norm * (bin_frequency(bin) - f64::from(centroid)).abs()) as f32).collect()
}
