//! The points of a library: its sounds as the atlas has them, each of their three parts (description, genres, moods)
//! brought to the same weight.
//!
//! The parts have length 1 each and differ by different amounts from track to track (of 330 clips with musicnn: 55, 29
//! and 16 % of the variance). So each is divided by the root of its whole variance, as single numbers are when they are
//! standardised. The mean is left where it is: it cancels out.

use super::points::{Points, Source};
use crate::chance::Chance;
use crate::likeness::{Atlas, LikenessError};

/// Rows that are read at once.
const PART: usize = 1024;
/// A part that varies by less is the same in all tracks.
const NOTHING: f64 = 1e-9;
/// The parts of a sound.
pub(super) const PARTS: usize = 3;

/// The sounds of an atlas as points.
pub(super) struct Standing<'a> {
    pub(super) atlas: &'a Atlas,
    /// Where the genres begin, and the moods.
    pub(super) genres_at: usize,
    pub(super) moods_at: usize,
    /// By what each part is multiplied.
    scales: [f32; PARTS],
}

impl<'a> Standing<'a> {
    /// The points of an atlas, and some of them: so many, or all if there are fewer, spread evenly over it.
    pub(super) fn new(atlas: &'a Atlas, most: usize) -> Result<(Self, Points), LikenessError> {
        let (genres_at, shares) = atlas.measure().sizes();
        let moods_at = genres_at + atlas.measure().genres().len();
        let mut standing = Self { atlas, genres_at, moods_at, scales: [1.0; PARTS] };
        let mut plain = Points::new(genres_at + shares);
        let mut chance = Chance::new(1);
        let (mut buffer, number) = (Vec::new(), atlas.len().min(most as u64));
        for nth in 0..number {
            // One from each of as many equal stretches: tracks of an album lie together.
            let from = nth * atlas.len() / number;
            let length = (nth + 1) * atlas.len() / number - from;
            let at = from + chance.below(usize::try_from(length).unwrap_or(usize::MAX)) as u64;
            atlas.for_rows(at, 1, &mut buffer, |_, numbers| plain.push(numbers.iter().copied()))?;
        }
        standing.scales = standing.scales_of(&plain);
        let mut some = Points::like(&plain);
        for index in 0..plain.len() {
            some.push(standing.scaled(plain.numbers(index)));
        }
        Ok((standing, some))
    }

    fn part_of(&self, at: usize) -> usize {
        usize::from(at >= self.genres_at) + usize::from(at >= self.moods_at)
    }

    fn scales_of(&self, points: &Points) -> [f32; PARTS] {
        let (mut sums, mut squares) = (vec![0.0_f64; points.stored()], vec![0.0_f64; points.stored()]);
        for index in 0..points.len() {
            for ((sum, square), number) in sums.iter_mut().zip(&mut squares).zip(points.numbers(index)) {
                *sum += f64::from(number);
                *square += f64::from(number) * f64::from(number);
            }
        }
        let number = points.len().max(1) as f64;
        let mut variances = [0.0; PARTS];
        for (at, (sum, square)) in sums.into_iter().zip(squares).enumerate() {
            variances[self.part_of(at)] += (square / number - (sum / number).powi(2)).max(0.0);
        }
        variances.map(|variance| if variance > NOTHING { (1.0 / variance.sqrt()) as f32 } else { 0.0 })
    }

    /// A sound's numbers as those of a point.
    fn scaled(&self, numbers: impl Iterator<Item = f32>) -> impl Iterator<Item = f32> {
        numbers.enumerate().map(|(at, number)| number * self.scales[self.part_of(at)])
    }

    /// The whole variance of the points: how many of their parts differ at all.
    pub(super) fn variance(&self) -> f64 {
        self.scales.iter().filter(|scale| **scale > 0.0).count() as f64
    }

    /// Reads a part, and hands whose each point is, with its numbers as the atlas has them, to `each`.
    pub(super) fn read_each(
        &self,
        part: usize,
        into: &mut Points,
        mut each: impl FnMut(crate::store::AudioKey, &[f32]),
    ) -> Result<(), LikenessError> {
        into.clear();
        let mut buffer = Vec::new();
        self.atlas.for_rows((part * PART) as u64, PART, &mut buffer, |audio, numbers| {
            into.push(self.scaled(numbers.iter().copied()));
            each(audio, numbers);
        })
    }
}

impl Source for Standing<'_> {
    fn parts(&self) -> usize {
        usize::try_from(self.atlas.len()).unwrap_or(usize::MAX).div_ceil(PART)
    }

    fn read(&self, part: usize, into: &mut Points) -> Result<(), LikenessError> {
        self.read_each(part, into, |_, _| {})
    }
}
