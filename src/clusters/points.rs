//! Points: rows of numbers of the same length, filled up with zeros to whole [`Lanes`], and how far they are from some
//! centres.

use rayon::prelude::*;

use crate::likeness::LikenessError;
use crate::simd::{LANES, Lanes, multiversion};

/// Some points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Points {
    /// Lanes a point.
    width: usize,
    lanes: Vec<Lanes>,
}

/// Points that are read a part at a time, since all of them may not fit into memory. The parts are the same however
/// often they are read.
pub(super) trait Source: Sync {
    /// How many parts there are.
    fn parts(&self) -> usize;

    /// Reads one of them.
    fn read(&self, part: usize, into: &mut Points) -> Result<(), LikenessError>;
}

/// Parts that are worked on before they are put together.
const ROUND: usize = 32;

/// Works on all parts, several at once, and puts what comes of them together in their order, so that the same parts
/// give the same on any number of cores. `work` gets points to read into, which are like `like` and are used again.
pub(super) fn each_part<T: Send>(
    parts: usize,
    like: &Points,
    work: impl Fn(&mut Points, usize) -> Result<T, LikenessError> + Sync + Send,
    mut put: impl FnMut(T),
) -> Result<(), LikenessError> {
    for round in (0..parts).step_by(ROUND) {
        let round = round..(round + ROUND).min(parts);
        let done: Vec<T> = round.into_par_iter().map_init(|| Points::like(like), &work).collect::<Result<_, _>>()?;
        done.into_iter().for_each(&mut put);
    }
    Ok(())
}

impl Points {
    /// No points yet, of so many numbers each.
    pub(super) fn new(numbers: usize) -> Self {
        Self { width: numbers.div_ceil(LANES).max(1), lanes: Vec::new() }
    }

    /// No points yet, like these.
    pub(super) fn like(other: &Self) -> Self {
        Self { width: other.width, lanes: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.len() / self.width
    }

    pub(super) fn clear(&mut self) {
        self.lanes.clear();
    }

    /// Adds a point. Numbers beyond its length are left out, those that are missing are 0.
    pub(super) fn push(&mut self, numbers: impl IntoIterator<Item = f32>) {
        let start = self.lanes.len();
        self.lanes.resize(start + self.width, Lanes::ZERO);
        let places = self.lanes[start..].iter_mut().flat_map(|lanes| &mut lanes.0);
        places.zip(numbers).for_each(|(place, number)| *place = number);
    }

    pub(super) fn push_point(&mut self, point: &[Lanes]) {
        self.lanes.extend_from_slice(point);
    }

    pub(super) fn point(&self, index: usize) -> &[Lanes] {
        &self.lanes[index * self.width..(index + 1) * self.width]
    }

    /// The numbers of a point, with the zeros behind them.
    pub(super) fn numbers(&self, index: usize) -> impl Iterator<Item = f32> {
        self.point(index).iter().flat_map(|lanes| lanes.0)
    }

    /// Numbers a point takes, zeros included.
    pub(super) fn stored(&self) -> usize {
        self.width * LANES
    }

    /// The nearest of some centres to each point, and the square of how far it is; the first of equals.
    pub(super) fn nearest(&self, centres: &Self) -> Vec<(usize, f32)> {
        let mut squares = vec![0.0; self.len() * centres.len()];
        measure(&self.lanes, &centres.lanes, self.width, &mut squares);
        let nearest = |of_point: &[f32]| {
            let start = (0, f32::INFINITY);
            let smaller = |best: (usize, f32), next: (usize, f32)| if next.1 < best.1 { next } else { best };
            of_point.iter().copied().enumerate().fold(start, smaller)
        };
        squares.chunks_exact(centres.len().max(1)).map(nearest).collect()
    }

    /// The squares of how far each point is from this one.
    pub(super) fn squares_to(&self, point: &[Lanes]) -> Vec<f32> {
        let mut squares = vec![0.0; self.len()];
        measure(&self.lanes, point, self.width, &mut squares);
        squares
    }
}

multiversion! {
    /// The square of how far each of `points` is from each of `centres`, point by point. No rounding makes one
    /// negative.
    fn measure(points: &[Lanes], centres: &[Lanes], width: usize, squares: &mut [f32]) {
        let mut places = squares.iter_mut();
        for point in points.chunks_exact(width) {
            for (centre, place) in centres.chunks_exact(width).zip(&mut places) {
                let mut sums = Lanes::ZERO;
                for (a, b) in point.iter().zip(centre) {
                    let between = *a - *b;
                    sums = between.mul_add::<FMA>(between, sums);
                }
                let mut sum = 0.0;
                for lane in sums.0 {
                    sum += lane;
                }
                *place = sum;
            }
        }
    }
}

/// How many points a part of points in memory has.
const PART: usize = 1024;

impl Source for Points {
    fn parts(&self) -> usize {
        self.len().div_ceil(PART)
    }

    fn read(&self, part: usize, into: &mut Self) -> Result<(), LikenessError> {
        into.clear();
        let last = ((part + 1) * PART).min(self.len());
        into.lanes.extend_from_slice(&self.lanes[part * PART * self.width..last * self.width]);
        Ok(())
    }
}
