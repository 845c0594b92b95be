//! Convolutions of 3 x 3 taps with silence around the picture, written out, and of each two by two answers all or the
//! loudest: what spectrogram networks of the common shape consist of. Sixteen filters stand in the lanes and eight
//! places of the picture beside each other, four where registers are few, so that a tap is read once for all of them
//! and no place of the picture is copied nine times before. It knows nothing of where a layer's numbers come from: that
//! is [conv_block](super::conv_block)'s.

use crate::simd::{LANES, Lanes, multiversion};

/// Taps of a filter for one channel.
const TAPS: usize = 9;

/// Answers beside each other in a row; two rows are computed at once.
const ACROSS: usize = 4;

/// Numbers of a row of the picture that such answers need, at the larger step.
const UNDER: usize = 2 * (ACROSS - 1) + 3;

/// The filters of one layer.
#[derive(Debug)]
pub(super) struct Direct {
    filters: usize,
    channels: usize,
    /// Places of the picture from one answer to the next, in both directions: 1 or 2.
    step: usize,
    /// Whether of two by two answers only the loudest is wanted.
    pooled: bool,
    /// By block of sixteen filters, channel and tap.
    taps: Vec<Lanes>,
}

impl Direct {
    /// Takes a kernel in row-major order of filters x `channels` x 3 x 3.
    pub fn new(kernel: &[f32], channels: usize, step: usize, pooled: bool) -> Self {
        let filters = kernel.len() / (channels * TAPS).max(1);
        let mut taps = vec![Lanes::ZERO; filters.div_ceil(LANES) * channels * TAPS];
        for (filter, kernel) in kernel.chunks_exact((channels * TAPS).max(1)).enumerate() {
            for (at, &tap) in kernel.iter().enumerate() {
                taps[filter / LANES * channels * TAPS + at].0[filter % LANES] = tap;
            }
        }
        Self { filters, channels, step, pooled, taps }
    }

    /// Answers by filter, row and column, `behind` as many rows and columns, for a picture by channel, row and column:
    /// each sum times the first of its filter's two `weights` (by block of sixteen filters), plus the second, plus what
    /// stands at its place in the picture if the way goes `around`, and nothing below zero.
    pub fn run(
        &self,
        picture: &[f32],
        size: [usize; 2],
        behind: [usize; 2],
        weights: &[[Lanes; 2]],
        around: bool,
        out: &mut [f32],
    ) {
        let padded = Padded::new(picture, size, self.step);
        let finish = Finish { weights, around: if around { picture } else { &[] } };
        match self.step {
            1 => convolve_all(self, &padded, behind, &finish, out),
            _ => convolve_every_second(self, &padded, behind, &finish, out),
        }
    }
}

/// What is done with a sum; without a way `around` that is empty.
struct Finish<'a> {
    weights: &'a [[Lanes; 2]],
    around: &'a [f32],
}

/// A picture with zeros around it, as many as any step reads.
struct Padded {
    values: Vec<f32>,
    width: usize,
    plane: usize,
}

impl Padded {
    fn new(picture: &[f32], [rows, columns]: [usize; 2], step: usize) -> Self {
        let (height, width) = (rows + 2 + 2 * step, columns + 6 + UNDER);
        let mut values = vec![0.0; picture.len() / (rows * columns).max(1) * height * width];
        let planes = values.chunks_exact_mut(height * width).zip(picture.chunks_exact((rows * columns).max(1)));
        for (padded, plane) in planes {
            for (padded, row) in padded.chunks_exact_mut(width).skip(1).zip(plane.chunks_exact(columns)) {
                padded[1..=columns].copy_from_slice(row);
            }
        }
        Self { values, width, plane: height * width }
    }
}

multiversion! {
    fn convolve_all(this: &Direct, padded: &Padded, behind: [usize; 2], finish: &Finish, out: &mut [f32]) {
        convolve::<FMA, 1>(this, padded, behind, finish, out);
    }
}

multiversion! {
    fn convolve_every_second(this: &Direct, padded: &Padded, behind: [usize; 2], finish: &Finish, out: &mut [f32]) {
        convolve::<FMA, 2>(this, padded, behind, finish, out);
    }
}

#[inline(always)]
fn convolve<const FMA: bool, const STEP: usize>(
    this: &Direct,
    padded: &Padded,
    [rows, columns]: [usize; 2],
    finish: &Finish,
    out: &mut [f32],
) {
    let pool = if this.pooled { 2 } else { 1 };
    let wide = crate::simd::level().registers() > 2 * ACROSS;
    for (block, taps) in this.taps.chunks_exact((this.channels * TAPS).max(1)).enumerate() {
        let [scale, shift] = finish.weights[block];
        let (first, filters) = (block * LANES, (this.filters - block * LANES).min(LANES));
        for row in (0..rows * pool).step_by(2) {
            for column in (0..columns * pool).step_by(ACROSS) {
                let at = row * STEP * padded.width + column * STEP;
                let sums = sums::<FMA, STEP>(wide, taps, padded, at);
                let [a, b, c, d, e, f, g, h] = sums;
                let loudest = [a.max(b).max(e.max(f)), c.max(d).max(g.max(h))];
                let (answers, across): (&[Lanes], usize) = if this.pooled { (&loudest, 2) } else { (&sums, ACROSS) };
                for (number, &answer) in answers.iter().enumerate() {
                    let (row, column) = (row / pool + number / across, column / pool + number % across);
                    if row >= rows || column >= columns {
                        continue;
                    }
                    let mut answer = answer.mul_add::<FMA>(scale, shift);
                    let place = |lane: usize| ((first + lane) * rows + row) * columns + column;
                    if !finish.around.is_empty() {
                        for lane in 0..filters {
                            answer.0[lane] += finish.around[place(lane)];
                        }
                    }
                    let answer = answer.max(Lanes::ZERO);
                    for lane in 0..filters {
                        out[place(lane)] = answer.0[lane];
                    }
                }
            }
        }
    }
}

/// The answers of sixteen filters at two rows of four places, whose first tap lies `at`: all at once where the
/// registers hold them, else one half after the other.
#[inline(always)]
fn sums<const FMA: bool, const STEP: usize>(
    wide: bool,
    taps: &[Lanes],
    padded: &Padded,
    at: usize,
) -> [Lanes; 2 * ACROSS] {
    if wide {
        return over_taps::<FMA, STEP, true>(taps, padded, at);
    }
    let [a, b, e, f, ..] = over_taps::<FMA, STEP, false>(taps, padded, at);
    let [c, d, g, h, ..] = over_taps::<FMA, STEP, false>(taps, padded, at + 2 * STEP);
    [a, b, c, d, e, f, g, h]
}

/// The sums over all taps at two rows of four places, or of two: then they are the first four, and the others are
/// nothing.
// The places are written out: in a loop over them the compiler would gather across places instead of using the lanes.
#[inline(always)]
fn over_taps<const FMA: bool, const STEP: usize, const WIDE: bool>(
    taps: &[Lanes],
    padded: &Padded,
    at: usize,
) -> [Lanes; 2 * ACROSS] {
    let mut sums = [Lanes::ZERO; 2 * ACROSS];
    for (values, taps) in padded.values.chunks_exact(padded.plane).zip(taps.as_chunks::<TAPS>().0) {
        for y in 0..3 {
            let upper = at + y * padded.width;
            let lower = upper + STEP * padded.width;
            let (Some(upper), Some(lower)) =
                (values[upper..].first_chunk::<UNDER>(), values[lower..].first_chunk::<UNDER>())
            else {
                continue;
            };
            for x in 0..3 {
                let tap = taps[3 * y + x];
                let [a, b, c, d, e, f, g, h] = &mut sums;
                add::<FMA>(a, tap, upper[x]);
                add::<FMA>(b, tap, upper[x + STEP]);
                if WIDE {
                    add::<FMA>(c, tap, upper[x + 2 * STEP]);
                    add::<FMA>(d, tap, upper[x + 3 * STEP]);
                    add::<FMA>(e, tap, lower[x]);
                    add::<FMA>(f, tap, lower[x + STEP]);
                    add::<FMA>(g, tap, lower[x + 2 * STEP]);
                    add::<FMA>(h, tap, lower[x + 3 * STEP]);
                } else {
                    add::<FMA>(c, tap, lower[x]);
                    add::<FMA>(d, tap, lower[x + STEP]);
                }
            }
        }
    }
    sums
}

#[inline(always)]
fn add<const FMA: bool>(sum: &mut Lanes, tap: Lanes, value: f32) {
    *sum = tap.mul_add::<FMA>(Lanes::splat(value), *sum);
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{numbers, worst};
    use super::*;

    /// Height and width of what a layer makes of a picture.
    fn size_behind(size: [usize; 2], step: usize, pooled: bool) -> [usize; 2] {
        size.map(|side| side.div_ceil(step) >> usize::from(pooled))
    }

    /// The layer as it is defined.
    fn expected(
        kernel: &[f32],
        picture: &[f32],
        [channels, rows, columns]: [usize; 3],
        step: usize,
        pooled: bool,
        [scale, shift]: [f32; 2],
        around: bool,
    ) -> Vec<f32> {
        let value = |channel: usize, row: isize, column: isize| {
            let inside = (0..rows as isize).contains(&row) && (0..columns as isize).contains(&column);
            let at = || (channel * rows + row as usize) * columns + column as usize;
            if inside { f64::from(picture[at()]) } else { 0.0 }
        };
        let answer = |kernel: &[f32], row: usize, column: usize| -> f64 {
            let taps = kernel.iter().enumerate().map(|(at, &tap)| {
                let (channel, y, x) = (at / 9, (at / 3 % 3) as isize, (at % 3) as isize);
                f64::from(tap) * value(channel, (row * step) as isize + y - 1, (column * step) as isize + x - 1)
            });
            taps.sum()
        };
        let [high, wide] = size_behind([rows, columns], step, pooled);
        let mut out = Vec::new();
        for (filter, kernel) in kernel.chunks_exact(channels * 9).enumerate() {
            for row in 0..high {
                for column in 0..wide {
                    let sum = if pooled {
                        let four = [(0, 0), (0, 1), (1, 0), (1, 1)];
                        let four = four.map(|(y, x)| answer(kernel, 2 * row + y, 2 * column + x));
                        four.into_iter().fold(f64::NEG_INFINITY, f64::max)
                    } else {
                        answer(kernel, row, column)
                    };
                    let way = if around { value(filter, row as isize, column as isize) } else { 0.0 };
                    out.push((sum * f64::from(scale) + f64::from(shift) + way).max(0.0) as f32);
                }
            }
        }
        out
    }

    #[test]
    fn a_layer_answers_as_its_sums_written_out() {
        let cases = [
            (16, [1, 12, 21], 2, true, false),
            (32, [16, 9, 10], 1, true, false),
            (5, [5, 7, 9], 1, false, true),
            (20, [3, 5, 4], 2, false, false),
            (17, [2, 1, 1], 1, true, false),
            (3, [2, 2, 1], 1, false, false),
        ];
        for (filters, [channels, rows, columns], step, pooled, around) in cases {
            let kernel = numbers(filters * channels * 9, 1);
            let picture = numbers(channels * rows * columns, 2);
            let weights = [-0.7, 0.1];
            let expected = expected(&kernel, &picture, [channels, rows, columns], step, pooled, weights, around);
            let layer = Direct::new(&kernel, channels, step, pooled);
            let weights = vec![weights.map(Lanes::splat); filters.div_ceil(LANES)];
            crate::simd::forced::each_level(|level| {
                let mut out = vec![f32::NAN; expected.len()];
                let behind = size_behind([rows, columns], step, pooled);
                layer.run(&picture, [rows, columns], behind, &weights, around, &mut out);
                let off = worst(&expected, &out);
                assert!(off < 3e-6, "{filters} filters on {channels} x {rows} x {columns}, {level:?}: {off}");
            });
        }
    }
}
