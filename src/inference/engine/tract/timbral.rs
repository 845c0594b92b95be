//! Filters that span some bands and a few frames, of whose answers only the loudest along the bands is wanted: the
//! timbral filters of musicnn, whose convolutions cost more than all the rest of that network together when they are
//! written out. It knows pictures of [`BANDS`] bands and no other, and says nothing of bias, rectifier and norm: those
//! are [conv_max](super::conv_max)'s.
//!
//! A correlation along the bands is a product of spectra (the convolution theorem), so each frame is transformed once,
//! each filter row once at load, and a product over the rows costs a complex number a bin instead of a tap a place.
//! Ninety-six points are enough for 96 bands: what wraps around lies at places where a filter would stand out of the
//! picture, which are not asked for. The way back is a real transform of 96 points as a complex one of 48 = 3 x 4 x 4
//! (Cooley and Tukey 1965; the packing of a real transform into half as many complex points is Sorensen et al. 1987),
//! sixteen filters in the lanes and [`AT_ONCE`] frames beside each other.

use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

use crate::simd::{LANES, Lanes, mul_add, multiversion};

/// Bands of the pictures, and points of the transform.
pub(super) const BANDS: usize = 96;

/// Bins of a real spectrum of [`BANDS`] points.
const BINS: usize = BANDS / 2 + 1;

/// Complex points that a real signal of [`BANDS`] points is packed into.
const HALF: usize = BANDS / 2;

/// Frames that are computed beside each other.
const AT_ONCE: usize = 4;

/// Values of a [`Point`]'s either part.
const WIDE: usize = AT_ONCE * LANES;

/// One complex value of each filter of a block, for each of the frames at once: frame by frame, a lane a filter.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Point {
    re: [f32; WIDE],
    im: [f32; WIDE],
}

impl Point {
    const ZERO: Self = Self { re: [0.0; WIDE], im: [0.0; WIDE] };
}

/// A complex number on its way through a butterfly.
type Complex = (f32, f32);

/// The filters of one layer.
pub(super) struct Timbral {
    filters: usize,
    /// Frames that a filter spans.
    height: usize,
    /// Bands that a filter spans.
    width: usize,
    /// By block of sixteen filters, bin and row of the filters: real part, then the imaginary part with its sign
    /// changed, divided by [`BANDS`], as the way back needs them.
    spectra: Vec<Lanes>,
    transform: Arc<dyn RealToComplex<f32>>,
    turns: Turns,
}

impl fmt::Debug for Timbral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} filters of {} frames and {} bands", self.filters, self.height, self.width)
    }
}

/// The roots of unity of the way back.
struct Turns {
    /// For packing: the k-th of 96.
    real: [Complex; HALF],
    /// Between the two passes of four: of sixteen, by column and row.
    sixteenth: [[Complex; 4]; 4],
    /// In the pass of three: of 48, by third of the result, summand and row.
    third: [[[Complex; 16]; 2]; 3],
}

/// The `part`-th of the `of` roots of unity.
fn turn(part: usize, of: usize) -> Complex {
    let angle = std::f64::consts::TAU * (part % of) as f64 / of as f64;
    (angle.cos() as f32, angle.sin() as f32)
}

impl Turns {
    fn new() -> Self {
        use std::array::from_fn;
        Self {
            real: from_fn(|k| turn(k, BANDS)),
            sixteenth: from_fn(|column| from_fn(|row| turn(column * row, 16))),
            third: from_fn(|third| from_fn(|summand| from_fn(|row| turn((row + 16 * third) * (summand + 1), HALF)))),
        }
    }
}

impl Timbral {
    /// Takes a kernel in row-major order of filters x `height` frames x `width` bands, at most [`BANDS`] wide.
    pub fn new(kernel: &[f32], height: usize, width: usize) -> Self {
        debug_assert!((1..=BANDS).contains(&width) && kernel.len().is_multiple_of(height * width));
        let transform = RealFftPlanner::<f32>::new().plan_fft_forward(BANDS);
        let filters = kernel.len() / (height * width);
        let mut spectra = vec![Lanes::ZERO; filters.div_ceil(LANES) * BINS * height * 2];
        let mut spectrum = vec![Complex32::default(); BINS];
        for (number, taps) in kernel.chunks_exact(width).enumerate() {
            let (filter, row) = (number / height, number % height);
            let mut padded = [0.0; BANDS];
            padded[..width].copy_from_slice(taps);
            transformed(transform.as_ref(), &mut padded, &mut spectrum);
            for (bin, value) in spectrum.iter().enumerate() {
                let at = ((filter / LANES * BINS + bin) * height + row) * 2;
                spectra[at].0[filter % LANES] = value.re / BANDS as f32;
                spectra[at + 1].0[filter % LANES] = -value.im / BANDS as f32;
            }
        }
        Self { filters, height, width, spectra, transform, turns: Turns::new() }
    }

    /// The loudest answer along the bands by filter and frame, for a picture of frames x [`BANDS`] with silence around
    /// it in time: `before` frames of it in front.
    pub fn loudest(&self, picture: &[f32], before: usize, loudest: &mut [f32]) {
        let frames = picture.len() / BANDS;
        // By bin, so that the frames under a filter lie beside each other. Room for frames of the last step that are
        // none.
        let padded = frames.next_multiple_of(AT_ONCE) + self.height;
        let mut sound = vec![[0.0f32; 2]; BINS * padded];
        let mut spectrum = vec![Complex32::default(); BINS];
        let mut row = [0.0; BANDS];
        for (frame, picture) in picture.chunks_exact(BANDS).enumerate() {
            row.copy_from_slice(picture);
            transformed(self.transform.as_ref(), &mut row, &mut spectrum);
            for (bin, value) in spectrum.iter().enumerate() {
                sound[bin * padded + before + frame] = [value.re, value.im];
            }
        }
        correlate(self, &sound, frames, loudest);
    }
}

/// Transforms `values`, which are lost, into `spectrum`.
fn transformed(transform: &dyn RealToComplex<f32>, values: &mut [f32; BANDS], spectrum: &mut [Complex32]) {
    // Both lengths are constants; a wrong one would show in every test.
    let done = transform.process(values, spectrum);
    debug_assert!(done.is_ok());
}

multiversion! {
    /// `sound` holds the spectra of the picture's rows by bin and frame, with the silence around them.
    fn correlate(this: &Timbral, sound: &[[f32; 2]], frames: usize, loudest: &mut [f32]) {
        let padded = sound.len() / BINS;
        let places = BANDS - this.width + 1;
        let mut spectrum = [Point::ZERO; BINS];
        let mut half_way = [Point::ZERO; HALF];
        let mut rows = [Point::ZERO; HALF];
        for (block, spectra) in this.spectra.chunks_exact(BINS * this.height * 2).enumerate() {
            for frame in (0..frames).step_by(AT_ONCE) {
                for ((bin, filters), point) in spectra.chunks_exact(this.height * 2).enumerate().zip(&mut spectrum) {
                    product::<FMA>(filters, &sound[bin * padded + frame..][..this.height + AT_ONCE - 1], point);
                }
                columns_of_four::<FMA>(&this.turns, &spectrum, &mut half_way);
                rows_of_four(&half_way, &mut rows);
                let mut largest = [f32::NEG_INFINITY; WIDE];
                for third in 0..places.div_ceil(32) {
                    largest_of_third::<FMA>(&this.turns, &rows, third, places - 32 * third, &mut largest);
                }
                for (ahead, lanes) in largest.chunks_exact(LANES).enumerate().take(frames - frame) {
                    for (lane, &value) in lanes.iter().enumerate().take(this.filters - block * LANES) {
                        loudest[(block * LANES + lane) * frames + frame + ahead] = value;
                    }
                }
            }
        }
    }
}

/// One bin of the answers: the sum over the rows of a filter.
// The four frames are written out: in a loop over them the compiler would gather across frames instead of using the
// lanes.
#[inline(always)]
fn product<const FMA: bool>(filters: &[Lanes], sound: &[[f32; 2]], point: &mut Point) {
    let mut sums = [[Lanes::ZERO; 2]; AT_ONCE];
    for (filters, sound) in filters.chunks_exact(2).zip(sound.windows(AT_ONCE)) {
        let [a, b, c, d] = &mut sums;
        add_product::<FMA>(a, filters, sound[0]);
        add_product::<FMA>(b, filters, sound[1]);
        add_product::<FMA>(c, filters, sound[2]);
        add_product::<FMA>(d, filters, sound[3]);
    }
    for (frame, [re, im]) in sums.iter().enumerate() {
        point.re[frame * LANES..][..LANES].copy_from_slice(&re.0);
        point.im[frame * LANES..][..LANES].copy_from_slice(&im.0);
    }
}

#[inline(always)]
fn add_product<const FMA: bool>(sum: &mut [Lanes; 2], filters: &[Lanes], [x, y]: [f32; 2]) {
    let (re, im) = (filters[0], filters[1]);
    let (x, y, minus_y) = (Lanes::splat(x), Lanes::splat(y), Lanes::splat(-y));
    sum[0] = im.mul_add::<FMA>(minus_y, re.mul_add::<FMA>(x, sum[0]));
    sum[1] = im.mul_add::<FMA>(x, re.mul_add::<FMA>(y, sum[1]));
}

/// The k-th complex value that stands for a real signal of twice as many points, from bin k and the one that mirrors
/// it.
#[inline(always)]
fn packed<const FMA: bool>(low: &Point, high: &Point, (c, s): Complex, at: usize) -> Complex {
    let (x, y) = (low.re[at] - high.re[at], low.im[at] + high.im[at]);
    let (u, v) = (low.re[at] + high.re[at], low.im[at] - high.im[at]);
    (mul_add::<FMA>(-x, s, mul_add::<FMA>(-y, c, u)), mul_add::<FMA>(x, c, mul_add::<FMA>(-y, s, v)))
}

#[inline(always)]
fn times<const FMA: bool>((x, y): Complex, (c, s): Complex) -> Complex {
    (mul_add::<FMA>(x, c, -y * s), mul_add::<FMA>(x, s, y * c))
}

/// An inverse transform of four points.
#[inline(always)]
fn four(a: Complex, b: Complex, c: Complex, d: Complex) -> [Complex; 4] {
    let (p, q) = ((a.0 + c.0, a.1 + c.1), (a.0 - c.0, a.1 - c.1));
    let (r, s) = ((b.0 + d.0, b.1 + d.1), (d.1 - b.1, b.0 - d.0));
    [(p.0 + r.0, p.1 + r.1), (q.0 + s.0, q.1 + s.1), (p.0 - r.0, p.1 - r.1), (q.0 - s.0, q.1 - s.1)]
}

/// Packs the spectrum and does the first pass: of each third (every third point), four columns of four.
#[inline(always)]
fn columns_of_four<const FMA: bool>(turns: &Turns, spectrum: &[Point; BINS], columns: &mut [Point; HALF]) {
    for (number, column) in columns.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let (third, q) = (number / 4, number % 4);
        let bins = [0, 12, 24, 36].map(|ahead| 3 * q + third + ahead);
        let [low_a, low_b, low_c, low_d] = bins.map(|k| &spectrum[k]);
        let [high_a, high_b, high_c, high_d] = bins.map(|k| &spectrum[HALF - k]);
        let [turn_a, turn_b, turn_c, turn_d] = bins.map(|k| turns.real[k]);
        let [_, one, two, three] = turns.sixteenth[q];
        let [a, b, c, d] = column;
        for at in 0..WIDE {
            let values = four(
                packed::<FMA>(low_a, high_a, turn_a, at),
                packed::<FMA>(low_b, high_b, turn_b, at),
                packed::<FMA>(low_c, high_c, turn_c, at),
                packed::<FMA>(low_d, high_d, turn_d, at),
            );
            (a.re[at], a.im[at]) = values[0];
            (b.re[at], b.im[at]) = times::<FMA>(values[1], one);
            (c.re[at], c.im[at]) = times::<FMA>(values[2], two);
            (d.re[at], d.im[at]) = times::<FMA>(values[3], three);
        }
    }
}

/// The second pass: of each third, four rows of four, which finishes its sixteen points.
#[inline(always)]
fn rows_of_four(columns: &[Point; HALF], rows: &mut [Point; HALF]) {
    for (columns, rows) in columns.as_chunks::<16>().0.iter().zip(rows.as_chunks_mut::<16>().0) {
        let [first, second, third, fourth] = rows.as_chunks_mut::<4>().0 else { return };
        for row in 0..4 {
            let (a, b, c, d) = (&columns[row], &columns[4 + row], &columns[8 + row], &columns[12 + row]);
            let (w, x, y, z) = (&mut first[row], &mut second[row], &mut third[row], &mut fourth[row]);
            for at in 0..WIDE {
                let values =
                    four((a.re[at], a.im[at]), (b.re[at], b.im[at]), (c.re[at], c.im[at]), (d.re[at], d.im[at]));
                (w.re[at], w.im[at]) = values[0];
                (x.re[at], x.im[at]) = values[1];
                (y.re[at], y.im[at]) = values[2];
                (z.re[at], z.im[at]) = values[3];
            }
        }
    }
}

/// The last pass, of three, for the third of the result that begins at place 32 x `third`: of its first `places` values
/// the largest.
#[inline(always)]
fn largest_of_third<const FMA: bool>(
    turns: &Turns,
    rows: &[Point; HALF],
    third: usize,
    places: usize,
    largest: &mut [f32; WIDE],
) {
    for row in 0..places.div_ceil(2).min(16) {
        let (a, b, c) = (&rows[row], &rows[16 + row], &rows[32 + row]);
        let [one, two] = &turns.third[third];
        let (one, two) = (one[row], two[row]);
        let both = 2 * row + 1 < places;
        for (at, largest) in largest.iter_mut().enumerate() {
            let b = times::<FMA>((b.re[at], b.im[at]), one);
            let c = times::<FMA>((c.re[at], c.im[at]), two);
            let even = a.re[at] + b.0 + c.0;
            let odd = if both { a.im[at] + b.1 + c.1 } else { even };
            let larger = if even > odd { even } else { odd };
            *largest = if larger > *largest { larger } else { *largest };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{numbers, worst};
    use super::*;

    /// What the sum says, written out.
    fn direct(kernel: &[f32], height: usize, width: usize, picture: &[f32], before: usize) -> Vec<f32> {
        let frames = picture.len() / BANDS;
        let mut loudest = Vec::new();
        for filter in kernel.chunks_exact(height * width) {
            for frame in 0..frames {
                let answer = |place: usize| -> f64 {
                    let under = |row: usize| (frame + row).checked_sub(before).filter(|&frame| frame < frames);
                    let rows = (0..height).filter_map(|row| Some((row, under(row)?)));
                    rows.map(|(row, frame)| {
                        let picture = &picture[frame * BANDS + place..][..width];
                        let taps = &filter[row * width..][..width];
                        picture.iter().zip(taps).map(|(&x, &tap)| f64::from(x) * f64::from(tap)).sum::<f64>()
                    })
                    .sum()
                };
                loudest.push((0..=BANDS - width).map(answer).fold(f64::NEG_INFINITY, f64::max) as f32);
            }
        }
        loudest
    }

    #[test]
    fn the_loudest_answer_is_that_of_the_sum_written_out() {
        for (filters, height, width, frames) in
            [(204, 7, 38, 9), (17, 7, 67, 11), (3, 1, 1, 4), (2, 3, 96, 5), (1, 2, 95, 1)]
        {
            let kernel = numbers(filters * height * width, 1);
            let picture = numbers(frames * BANDS, 2);
            let before = (height - 1) / 2;
            let expected = direct(&kernel, height, width, &picture, before);
            let timbral = Timbral::new(&kernel, height, width);
            crate::simd::forced::each_level(|level| {
                let mut loudest = vec![f32::NAN; filters * frames];
                timbral.loudest(&picture, before, &mut loudest);
                let off = worst(&expected, &loudest);
                assert!(off < 3e-6, "{filters} x {height} x {width}, {level:?}: {off}");
            });
        }
    }
}
