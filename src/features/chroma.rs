//! Chroma: the energy of the twelve pitch classes, from the constant-Q transform and from the STFT.

use super::cqt::{BINS_PER_OCTAVE, N_OCTAVES};
use super::frame_matrix::FrameMatrix;
use super::spectral::{N_BINS, PIECE, bin_frequency};
use super::stft::hann;
use crate::simd::{LANES, Lanes, multiversion};

/// Pitch classes, C first.
pub(super) const N_CHROMA: usize = 12;

/// Points of the window that smooths CENS over time.
const CENS_WINDOW: usize = 43;
/// CENS counts how many of these a pitch class exceeds, a quarter each.
const CENS_STEPS: [f32; 4] = [0.4, 0.2, 0.1, 0.05];

/// The octaves of a constant-Q transform (84 x T) summed: 12 x T, not normalised.
pub(super) fn fold_octaves(cqt: &FrameMatrix) -> FrameMatrix {
    let mut fold = FrameMatrix::new(N_CHROMA, cqt.n_frames());
    for pitch_class in 0..N_CHROMA {
        let sums = fold.row_mut(pitch_class);
        for octave in 0..N_OCTAVES {
            for (sum, &magnitude) in sums.iter_mut().zip(cqt.row(octave * BINS_PER_OCTAVE + pitch_class)) {
                *sum += magnitude;
            }
        }
    }
    fold
}

/// Divides every frame by its largest value.
pub(super) fn normalize_max(matrix: &mut FrameMatrix) {
    normalize(matrix, Lanes::max, |norm| norm);
}

/// Divides every frame of a non-negative matrix by its sum.
pub(super) fn normalize_sum(matrix: &mut FrameMatrix) {
    normalize(matrix, |sum, x| sum + x, |norm| norm);
}

/// Divides every frame by its Euclidean norm.
fn normalize_euclidean(matrix: &mut FrameMatrix) {
    normalize(matrix, |sum, x| sum + x * x, |norm| norm.map(f32::sqrt));
}

/// Frames whose norm is below the smallest normal number are left as they are.
fn normalize(matrix: &mut FrameMatrix, accumulate: impl Fn(Lanes, Lanes) -> Lanes, finish: impl Fn(Lanes) -> Lanes) {
    for tile in 0..matrix.n_tiles() {
        let rows = 0..matrix.n_rows();
        let norm = finish(rows.clone().fold(Lanes::ZERO, |sum, row| accumulate(sum, matrix.lanes(row, tile))));
        let norm = norm.map(|x| if x < f32::MIN_POSITIVE { 1.0 } else { x });
        for row in rows {
            matrix.set_lanes(row, tile, matrix.lanes(row, tile) / norm);
        }
    }
}

/// Chroma energy normalised statistics, 12 x T, from the folded but not normalised constant-Q transform.
pub(super) fn chroma_cens(fold: &FrameMatrix) -> FrameMatrix {
    let mut quantized = fold.clone();
    normalize_sum(&mut quantized);
    // The window is the periodic one: its first point is zero and it leans half a frame to one side.
    let window = hann(CENS_WINDOW);
    let sum: f64 = window.iter().sum();
    let half = CENS_WINDOW / 2;
    let n_frames = fold.n_frames();
    let mut padded = vec![0.0_f32; n_frames + CENS_WINDOW];
    let mut smooth = FrameMatrix::new(N_CHROMA, n_frames);
    for row in 0..N_CHROMA {
        for (value, &share) in padded[half..].iter_mut().zip(quantized.row(row)) {
            *value = CENS_STEPS.iter().map(|&step| if share > step { 0.25 } else { 0.0 }).sum();
        }
        // out[t] = sum over j of w[j] q[t + half - j], and padded[t + i] is q[t + i - half].
        for (j, weight) in window.iter().map(|w| (w / sum) as f32).enumerate() {
            let delayed = &padded[2 * half - j..];
            for (out, &value) in smooth.row_mut(row).iter_mut().zip(delayed) {
                *out += weight * value;
            }
        }
    }
    normalize_euclidean(&mut smooth);
    smooth
}

/// The twelve filters over the STFT's bins, one row a bin, C first, for a recording `tuning` semitones off A440.
///
/// Each pitch class is a Gaussian on the circle of an octave, a bin or a semitone wide, whichever is more; a bin's
/// twelve weights have unit Euclidean norm, then octaves are weighted by a Gaussian two octaves wide around the fifth.
pub(super) fn chroma_filters(tuning: f64) -> Vec<[f32; N_CHROMA]> {
    let a0 = 440.0 * (tuning / 12.0).exp2() / 16.0;
    let semitones = |bin: usize| 12.0 * (bin_frequency(bin.max(1)) / a0).log2() - if bin == 0 { 18.0 } else { 0.0 };
    (0..N_BINS)
        .map(|bin| {
            let position = semitones(bin);
            let width = (semitones(bin + 1) - position).max(1.0);
            let weights: [f64; N_CHROMA] = std::array::from_fn(|chroma| {
                // Rows count from A in the formula; C is three semitones above it.
                let from_a = ((chroma + 3) % N_CHROMA) as f64;
                let distance = (position - from_a + 6.0).rem_euclid(12.0) - 6.0;
                (-0.5 * (2.0 * distance / width).powi(2)).exp()
            });
            let norm = weights.iter().map(|w| w * w).sum::<f64>().sqrt();
            let octave = (-0.5 * ((position / 12.0 - 5.0) / 2.0).powi(2)).exp();
            weights.map(|weight| (weight / norm * octave) as f32)
        })
        .collect()
}

/// 12 x T from the power spectra of a clip, [`N_BINS`] lanes a tile.
pub(super) fn chroma_stft(power: &[Lanes], n_frames: usize, tuning: f64) -> FrameMatrix {
    let filters = chroma_filters(tuning);
    let mut chroma = FrameMatrix::new(N_CHROMA, n_frames);
    for (tile, power) in power.chunks_exact(N_BINS).enumerate().take(n_frames.div_ceil(LANES)) {
        for (row, &lanes) in filter_tile(&filters, power).iter().enumerate() {
            chroma.set_lanes(row, tile, lanes);
        }
    }
    normalize_max(&mut chroma);
    chroma
}

multiversion! {
    fn filter_tile(filters: &[[f32; N_CHROMA]], power: &[Lanes]) -> [Lanes; N_CHROMA] {
        // Six sums at a time: twelve would not fit the sixteen registers of AVX2.
        const HALF: usize = N_CHROMA / 2;
        let mut chroma = [Lanes::ZERO; N_CHROMA];
        for (half, chroma) in chroma.chunks_exact_mut(HALF).enumerate() {
            for (filters, power) in filters.chunks(PIECE).zip(power.chunks(PIECE)) {
                let mut sums = [Lanes::ZERO; HALF];
                for (weights, &bin) in filters.iter().zip(power) {
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = bin.mul_add::<FMA>(Lanes::splat(weights[half * HALF + i]), *sum);
                    }
                }
                for (chroma, sum) in chroma.iter_mut().zip(sums) {
                    *chroma += sum;
                }
            }
        }
        chroma
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_follow_the_pitch_class_of_a_bin() {
        for tuning in [-0.5, 0.0, 0.3] {
            let filters = chroma_filters(tuning);
            for (hz, class) in [(440.0, 9), (523.25, 0), (1760.0, 9), (3951.0, 11)] {
                let bin = (hz * (tuning / 12.0_f64).exp2() / bin_frequency(1)).round() as usize;
                let strongest = (0..12).max_by(|&a, &b| filters[bin][a].total_cmp(&filters[bin][b]));
                assert!(strongest == Some(class) || hz < 600.0, "{hz}: {strongest:?}");
            }
        }
    }

    #[test]
    fn silence_stays_silent() {
        let mut silent = FrameMatrix::new(N_CHROMA, 20);
        normalize_max(&mut silent);
        assert!(chroma_cens(&silent).row(3).iter().all(|&x| x == 0.0));
    }

    #[test]
    fn smoothing_is_centred_half_a_frame_late() {
        let mut fold = FrameMatrix::new(N_CHROMA, 101);
        fold.row_mut(4)[50] = 1.0;
        let cens = chroma_cens(&fold);
        // The window has 42 points that are not zero; frames it does not reach stay zero, the others have unit norm.
        let lit: Vec<usize> = (0..101).filter(|&t| cens.row(4)[t] != 0.0).collect();
        assert_eq!((lit[0], lit[lit.len() - 1]), (30, 71));
    }
}
