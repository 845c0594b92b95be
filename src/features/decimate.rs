//! Sample rate division by a whole number, as resampy 0.1.5's `kaiser_fast` did it for librosa 0.5.0.
//!
//! This is part of the constant-Q transform's definition and not a resampler to use elsewhere: the filter is short, its
//! right edge is cut wrongly, and an odd clip gets a zero appended. All of it shows in the features.

use crate::simd::{mul_add, multiversion};

/// The filter's cutoff as a share of the new Nyquist frequency.
const ROLLOFF: f64 = 0.85;
/// Zero crossings of the sinc on each side.
const N_ZEROS: usize = 16;
/// The Kaiser window's shape.
const BETA: f64 = 8.555504641634386;
/// Taps a phase: offsets -16 ..= 15 in output samples.
const PHASE_TAPS: usize = 2 * N_ZEROS;
/// Outputs computed together: enough accumulators to keep the multipliers busy, few enough to stay in registers.
const BLOCK: usize = 64;

/// Divides the rate by `factor` and multiplies by a gain.
pub(super) struct Decimator {
    factor: usize,
    /// `h[0..]`, gain included: one side of the symmetric filter without its outermost tap, which resampy leaves out.
    half: Vec<f64>,
    /// The filter split by phase: output `m` is the sum over `p` and `j` of `taps[p][j] * y[factor * (m + j - 16) +
    /// p]`.
    taps: Vec<[f32; PHASE_TAPS]>,
    /// The input split by phase and padded with zeros.
    phases: Vec<Vec<f32>>,
}

impl Decimator {
    /// `h[i] = gain * 0.85 / F sinc(0.85 i / F) I0(beta sqrt(1 - (i / 16F)^2)) / I0(beta)` for `|i| < 16 F`.
    pub(super) fn new(factor: usize, gain: f64) -> Self {
        let n = N_ZEROS * factor;
        let scale = ROLLOFF / factor as f64;
        let half: Vec<f64> = (0..n)
            .map(|i| {
                let window = bessel_i0(BETA * (1.0 - (i as f64 / n as f64).powi(2)).sqrt()) / bessel_i0(BETA);
                gain * scale * sinc(scale * i as f64) * window
            })
            .collect();
        let taps = (0..factor)
            .map(|phase| {
                std::array::from_fn(|j| {
                    let i = (factor * j + phase).abs_diff(factor * N_ZEROS);
                    half.get(i).map_or(0.0, |&h| h as f32)
                })
            })
            .collect();
        Self { factor, half, taps, phases: vec![Vec::new(); factor] }
    }

    /// `ceil(N / factor)` samples.
    pub(super) fn process(&mut self, samples: &[f32], output: &mut Vec<f32>) {
        let (n, factor) = (samples.len(), self.factor);
        let n_out = n.div_ceil(factor);
        let n_padded = n_out.next_multiple_of(BLOCK);
        for phase in &mut self.phases {
            phase.resize(n_padded + PHASE_TAPS, 0.0);
            phase[..N_ZEROS].fill(0.0);
            phase[N_ZEROS + n / factor..].fill(0.0);
        }
        split(samples, &mut self.phases);
        output.resize(n_padded, 0.0);
        filter(&self.taps, &self.phases, output);
        output.truncate(n_out);
        self.mend_like_resampy(samples, output);
    }

    /// Near the end resampy 0.1.5 stops the right wing of the filter too early, by as many taps as the left wing has,
    /// and librosa then fills up to `ceil(N / factor)` with zeros.
    fn mend_like_resampy(&self, samples: &[f32], output: &mut [f32]) {
        let (n, factor, wing) = (samples.len(), self.factor, self.half.len());
        let first = n.saturating_sub(2 * wing + 4) / factor;
        for (m, value) in output.iter_mut().enumerate().take(n / factor).skip(first) {
            let centre = factor * m;
            let left = (centre + 1).min(wing);
            let right = (n + 2).saturating_sub(left + centre).min(wing - 1).min(n - centre - 1);
            let mut sum = 0.0;
            for i in 0..left {
                sum += self.half[i] * f64::from(samples[centre - i]);
            }
            for i in 1..=right {
                sum += self.half[i] * f64::from(samples[centre + i]);
            }
            *value = sum as f32;
        }
        output[n / factor..].fill(0.0);
    }
}

/// `sin(pi x) / (pi x)`.
fn sinc(x: f64) -> f64 {
    let x = std::f64::consts::PI * x;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

/// The modified Bessel function of the first kind and order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > sum * f64::EPSILON / 4.0 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

multiversion! {
    /// Deals the samples out to the phases.
    fn split(samples: &[f32], phases: &mut [Vec<f32>]) {
        match phases.len() {
            2 => deal::<2>(samples, phases),
            4 => deal::<4>(samples, phases),
            8 => deal::<8>(samples, phases),
            other => unreachable!("a decimator by {other} is never made"),
        }
    }
}

#[inline(always)]
fn deal<const FACTOR: usize>(samples: &[f32], phases: &mut [Vec<f32>]) {
    // Short pieces, so that the samples are still in the nearest cache when the second phase asks for them.
    const PIECE: usize = 1024;
    let (groups, rest) = samples.as_chunks::<FACTOR>();
    for (piece, groups) in groups.chunks(PIECE).enumerate() {
        for (p, phase) in phases.iter_mut().enumerate() {
            for (value, group) in phase[N_ZEROS + piece * PIECE..].iter_mut().zip(groups) {
                *value = group[p];
            }
        }
    }
    for (phase, &sample) in phases.iter_mut().zip(rest) {
        phase[N_ZEROS + groups.len()] = sample;
    }
}

multiversion! {
    fn filter(taps: &[[f32; PHASE_TAPS]], phases: &[Vec<f32>], output: &mut [f32]) {
        for (block, output) in output.chunks_exact_mut(BLOCK).enumerate() {
            let mut sums = [0.0_f32; BLOCK];
            for (taps, phase) in taps.iter().zip(phases) {
                let phase = &phase[block * BLOCK..][..BLOCK + PHASE_TAPS];
                for (j, &tap) in taps.iter().enumerate() {
                    for (sum, &sample) in sums.iter_mut().zip(&phase[j..j + BLOCK]) {
                        *sum = mul_add::<FMA>(tap, sample, *sum);
                    }
                }
            }
            output.copy_from_slice(&sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_the_published_one() {
        let decimator = Decimator::new(2, 1.0);
        assert_eq!(decimator.half.len(), 32);
        assert!((decimator.half[0] - 0.425).abs() < 1e-15);
        let sum = decimator.half[0] + 2.0 * decimator.half[1..].iter().sum::<f64>();
        assert!((sum - 1.0000281).abs() < 1e-7);
    }

    #[test]
    fn lengths_round_up_and_an_odd_clip_ends_in_zero() {
        let mut output = Vec::new();
        for (n, factor, expected) in [(1, 2, 1), (2, 2, 1), (5, 2, 3), (1000, 4, 250), (1001, 4, 251), (1001, 8, 126)] {
            Decimator::new(factor, 1.0).process(&vec![1.0; n], &mut output);
            assert_eq!(output.len(), expected);
            assert_eq!(output.last() == Some(&0.0), n % factor != 0, "{n} / {factor}");
        }
    }

    #[test]
    fn the_middle_is_a_plain_convolution() {
        let samples: Vec<f32> = (0..999).map(|i| ((i * i) % 41) as f32 / 41.0 - 0.5).collect();
        for factor in [2, 4, 8] {
            let mut decimator = Decimator::new(factor, 3.0);
            let mut output = Vec::new();
            decimator.process(&samples, &mut output);
            let unmended = (999 - 2 * 16 * factor - 4) / factor;
            for (m, &value) in output.iter().enumerate().take(unmended) {
                let expected: f64 = (0..999)
                    .filter_map(|i: usize| {
                        decimator.half.get(i.abs_diff(factor * m)).map(|h| h * f64::from(samples[i]))
                    })
                    .sum();
                assert!((f64::from(value) - expected).abs() < 1e-5);
            }
        }
    }
}
