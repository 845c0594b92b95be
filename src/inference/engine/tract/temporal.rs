//! Filters that span many frames of one band, of whose answers only the loudest along the bands is wanted: the temporal
//! filters of musicnn. The sums are computed as they are written; what is saved is to write the answers of every band
//! into memory and to read them again. Like [timbral](super::timbral) it knows pictures of [`BANDS`] bands and says
//! nothing of bias, rectifier and norm.

use super::timbral::BANDS;
use crate::simd::{LANES, Lanes, multiversion};

/// A frame of the picture.
type Row = [Lanes; BANDS / LANES];

/// Filters that are computed beside each other: with a row each they fill the registers of AVX-512.
const TOGETHER: usize = 4;

/// The filters of one layer.
#[derive(Debug)]
pub(super) struct Temporal {
    filters: usize,
    /// Frames that a filter spans.
    height: usize,
    /// By group of filters and frame, a tap of each.
    taps: Vec<[f32; TOGETHER]>,
}

impl Temporal {
    /// Takes a kernel in row-major order of filters x `height` frames.
    pub fn new(kernel: &[f32], height: usize) -> Self {
        let filters = kernel.len() / height;
        let mut taps = vec![[0.0; TOGETHER]; filters.div_ceil(TOGETHER) * height];
        for (filter, kernel) in kernel.chunks_exact(height).enumerate() {
            for (frame, &tap) in kernel.iter().enumerate() {
                taps[filter / TOGETHER * height + frame][filter % TOGETHER] = tap;
            }
        }
        Self { filters, height, taps }
    }

    /// The loudest answer along the bands by filter and frame, for a picture of frames x [`BANDS`] with silence around
    /// it in time: `before` frames of it in front.
    pub fn loudest(&self, picture: &[f32], before: usize, loudest: &mut [f32]) {
        let frames = picture.len() / BANDS;
        let mut padded = vec![[Lanes::ZERO; BANDS / LANES]; frames + self.height - 1];
        for (row, picture) in padded[before..].iter_mut().zip(picture.chunks_exact(BANDS)) {
            for (lanes, values) in row.iter_mut().zip(picture.chunks_exact(LANES)) {
                lanes.0.copy_from_slice(values);
            }
        }
        correlate(self, &padded, frames, loudest);
    }
}

multiversion! {
    fn correlate(this: &Temporal, padded: &[Row], frames: usize, loudest: &mut [f32]) {
        for (group, taps) in this.taps.chunks_exact(this.height).enumerate() {
            for (frame, rows) in padded.windows(this.height).enumerate().take(frames) {
                let mut sums = [[Lanes::ZERO; BANDS / LANES]; TOGETHER];
                for (row, taps) in rows.iter().zip(taps) {
                    for (sums, &tap) in sums.iter_mut().zip(taps) {
                        let tap = Lanes::splat(tap);
                        for (sum, &x) in sums.iter_mut().zip(row) {
                            *sum = x.mul_add::<FMA>(tap, *sum);
                        }
                    }
                }
                for (filter, sums) in sums.iter().enumerate().take(this.filters - group * TOGETHER) {
                    let lanes = sums.iter().fold(Lanes::splat(f32::NEG_INFINITY), |largest, &sum| largest.max(sum));
                    loudest[(group * TOGETHER + filter) * frames + frame] = lanes.largest();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{numbers, worst};
    use super::*;

    #[test]
    fn the_loudest_answer_is_that_of_the_sum_written_out() {
        for (filters, height, before, frames) in [(51, 128, 63, 20), (5, 33, 16, 40), (1, 1, 0, 3), (4, 2, 0, 1)] {
            let kernel = numbers(filters * height, 3);
            let picture = numbers(frames * BANDS, 4);
            let mut expected = Vec::new();
            for filter in kernel.chunks_exact(height) {
                for frame in 0..frames {
                    let answer = |band: usize| -> f64 {
                        let under = |row: usize| (frame + row).checked_sub(before).filter(|&frame| frame < frames);
                        let taps = filter.iter().enumerate().filter_map(|(row, &tap)| Some((tap, under(row)?)));
                        taps.map(|(tap, frame)| f64::from(tap) * f64::from(picture[frame * BANDS + band])).sum()
                    };
                    expected.push((0..BANDS).map(answer).fold(f64::NEG_INFINITY, f64::max) as f32);
                }
            }
            let temporal = Temporal::new(&kernel, height);
            crate::simd::forced::each_level(|level| {
                let mut loudest = vec![f32::NAN; filters * frames];
                temporal.loudest(&picture, before, &mut loudest);
                let off = worst(&expected, &loudest);
                assert!(off < 3e-6, "{filters} x {height}, {level:?}: {off}");
            });
        }
    }
}
