//! k-means: centres such that the points are, in the mean of squares, as near as can be to the nearest of them.
//!
//! They start as k-means++ has it (Arthur and Vassilvitskii 2007), of each draw the best of a few, and are moved to the
//! mean of the points that are nearest to them (Lloyd 1982). A centre to which no point is nearest goes to the point
//! that is farthest from its own. All sums are taken in the order of the parts, so that the same points give the same
//! centres on any number of cores.

use rayon::prelude::*;

use super::points::{Points, Source, each_part};
use crate::chance::Chance;
use crate::likeness::LikenessError;
use crate::simd::Lanes;

/// Moves at the most; most often it is a dozen.
const MOVES: usize = 40;
/// A move that makes the mean of squares smaller by less than this share is the last.
const ENOUGH: f64 = 1e-4;

/// What one look at all points says of some centres.
pub(super) struct Look {
    /// The sums of the points that are nearest to each centre, and how many they are.
    sums: Vec<f64>,
    pub(super) counts: Vec<u64>,
    /// The sum of the squares.
    pub(super) squares: f64,
    /// Points far from their centres, each with its square.
    far: Vec<(f32, Vec<Lanes>)>,
}

impl Look {
    fn of(points: &Points, centres: &Points) -> Self {
        let (k, stored) = (centres.len(), centres.stored());
        let mut look = Self { sums: vec![0.0; k * stored], counts: vec![0; k], squares: 0.0, far: Vec::new() };
        let mut farthest: Option<(f32, usize)> = None;
        for (index, (nearest, square)) in points.nearest(centres).into_iter().enumerate() {
            let sums = &mut look.sums[nearest * stored..(nearest + 1) * stored];
            sums.iter_mut().zip(points.numbers(index)).for_each(|(sum, number)| *sum += f64::from(number));
            look.counts[nearest] += 1;
            look.squares += f64::from(square);
            if farthest.is_none_or(|(most, _)| square > most) {
                farthest = Some((square, index));
            }
        }
        look.far.extend(farthest.map(|(square, index)| (square, points.point(index).to_vec())));
        look
    }

    fn add(&mut self, other: Self) {
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, more)| *sum += more);
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.squares += other.squares;
        self.far.extend(other.far);
        self.far.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        self.far.truncate(self.counts.len());
    }

    /// The centres moved to the means of their points.
    fn moved(self, centres: &Points) -> Points {
        let mut moved = Points::like(centres);
        let mut far = self.far.into_iter().filter(|(square, _)| *square > 0.0);
        let sums = self.sums.chunks_exact(centres.stored());
        for (index, (sums, count)) in sums.zip(self.counts).enumerate() {
            if count > 0 {
                moved.push(sums.iter().map(|sum| (sum / count as f64) as f32));
            } else {
                let far = far.next();
                moved.push_point(far.as_ref().map_or(centres.point(index), |(_, point)| point));
            }
        }
        moved
    }
}

/// Looks at all points.
pub(super) fn look(source: &impl Source, centres: &Points) -> Result<Look, LikenessError> {
    let mut whole = Look::of(&Points::like(centres), centres);
    let read = |points: &mut Points, part| source.read(part, points).map(|()| Look::of(points, centres));
    each_part(source.parts(), centres, read, |look| whole.add(look))?;
    Ok(whole)
}

/// Moves centres until they stay, or so many times.
pub(super) fn settle(source: &impl Source, centres: Points, moves: usize) -> Result<(Points, f64), LikenessError> {
    let (mut centres, mut before) = (centres, f64::INFINITY);
    for _ in 0..moves {
        let look = look(source, &centres)?;
        let (squares, has_empty) = (look.squares, look.counts.contains(&0));
        if !has_empty && squares >= before * (1.0 - ENOUGH) {
            return Ok((centres, squares));
        }
        before = squares;
        centres = look.moved(&centres);
    }
    Ok((centres, before))
}

/// Centres for points in memory: the best of a few starts.
pub(super) fn fit(points: &Points, k: usize, starts: u32, seed: u64) -> Result<Points, LikenessError> {
    let mut best: Option<(Points, f64)> = None;
    for start in 0..starts {
        let first = begin(points, k, &mut Chance::new(seed + u64::from(start)));
        let settled = settle(points, first, MOVES)?;
        if best.as_ref().is_none_or(|(_, squares)| settled.1 < *squares) {
            best = Some(settled);
        }
    }
    Ok(best.map_or_else(|| Points::like(points), |(centres, _)| centres))
}

/// Points to start from, far from each other: fewer than `k` where fewer differ.
fn begin(points: &Points, k: usize, chance: &mut Chance) -> Points {
    let mut centres = Points::like(points);
    if points.len() == 0 {
        return centres;
    }
    let first = points.point(chance.below(points.len()));
    centres.push_point(first);
    let mut squares = points.squares_to(first);
    let draws = 2 + k.max(1).ilog2();
    while centres.len() < k {
        let all: f64 = squares.iter().map(|square| f64::from(*square)).sum();
        if all <= 0.0 {
            break;
        }
        let drawn: Vec<usize> = (0..draws).map(|_| drawn(&squares, all * chance.unit())).collect();
        let with = |index: usize| {
            let to_it = points.squares_to(points.point(index));
            let smaller: Vec<f32> = squares.iter().zip(to_it).map(|(a, b)| a.min(b)).collect();
            let all: f64 = smaller.iter().map(|square| f64::from(*square)).sum();
            (all, index, smaller)
        };
        let tried: Vec<_> = drawn.into_par_iter().map(with).collect();
        let Some((_, index, smaller)) = tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        centres.push_point(points.point(index));
        squares = smaller;
    }
    centres
}

/// The point at which the squares so far come to more than this.
fn drawn(squares: &[f32], beyond: f64) -> usize {
    let mut so_far = 0.0;
    let at = squares.iter().position(|square| {
        so_far += f64::from(*square);
        so_far > beyond
    });
    // Rounding may let the end be missed.
    at.or_else(|| squares.iter().rposition(|square| *square > 0.0)).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    /// Three heaps of points around corners.
    fn heaps(number: usize) -> Points {
        let mut points = Points::new(18);
        let mut chance = Chance::new(3);
        for i in 0..number {
            let corner = i % 3;
            points.push((0..18).map(|at| if at % 3 == corner { 10.0 } else { 0.0 } + chance.unit() as f32));
        }
        points
    }

    #[test]
    fn heaps_are_found_and_the_same_ones_every_time() {
        let points = heaps(3000);
        let centres = fit(&points, 3, 2, 0).unwrap();
        let look = look(&points, &centres).unwrap();
        assert_eq!(look.counts, [1000; 3]);
        let mut on_one_core = None;
        rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap()
            .install(|| on_one_core = Some(fit(&points, 3, 2, 0).unwrap()));
        assert_eq!(on_one_core, Some(centres));
    }

    #[test]
    fn more_groups_than_different_points_are_not_made_up() {
        let mut points = Points::new(2);
        for i in 0..50 {
            points.push([(i % 3) as f32, 1.0]);
        }
        let centres = fit(&points, 10, 2, 0).unwrap();
        assert_eq!(centres.len(), 3);
        assert!(look(&points, &centres).unwrap().counts.iter().all(|count| *count > 0));
        assert_eq!(fit(&Points::new(4), 5, 1, 0).unwrap().len(), 0);
    }

    #[test]
    fn an_empty_group_goes_to_where_points_are_badly_served() {
        let points = heaps(300);
        let mut centres = Points::like(&points);
        // One in the middle of all, two where nothing is.
        centres.push([3.0; 18]);
        centres.push([-500.0; 18]);
        centres.push([900.0; 18]);
        let (centres, _) = settle(&points, centres, MOVES).unwrap();
        assert!(look(&points, &centres).unwrap().counts.iter().all(|count| *count > 0));
        assert!((0..3).flat_map(|i| centres.numbers(i)).all(f32::is_finite));
    }
}
