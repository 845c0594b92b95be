//! The seven numbers that a row over time becomes.

use crate::simd::multiversion;

/// Population statistics of a row; skewness and excess kurtosis are the biased estimates (scipy's defaults).
///
/// A constant row has skewness 0 and kurtosis -3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Statistics {
    pub kurtosis: f64,
    pub max: f64,
    pub mean: f64,
    pub median: f64,
    pub min: f64,
    pub skew: f64,
    pub std: f64,
}

impl Statistics {
    /// The names of [`Self::values`], in FMA's order.
    pub(super) const NAMES: [&'static str; 7] = ["kurtosis", "max", "mean", "median", "min", "skew", "std"];

    /// Of at least one value. `scratch` is room for the median to shuffle in.
    pub(super) fn of(row: &[f32], scratch: &mut Vec<f32>) -> Self {
        let (min, max) = range(row);
        let mean = sum(row) / row.len() as f64;
        let [second, third, fourth] = central_moments(row, mean);
        // A mean that rounds would make the moments of a constant row noise.
        let constant = min == max || second == 0.0;
        scratch.clear();
        scratch.extend_from_slice(row);
        Self {
            kurtosis: if constant { -3.0 } else { fourth / (second * second) - 3.0 },
            max: f64::from(max),
            mean,
            median: median(scratch),
            min: f64::from(min),
            skew: if constant { 0.0 } else { third / (second * second.sqrt()) },
            std: second.sqrt(),
        }
    }

    /// In the order of [`Self::NAMES`].
    pub(super) fn values(&self) -> [f64; 7] {
        [self.kurtosis, self.max, self.mean, self.median, self.min, self.skew, self.std]
    }
}

/// What a median can be taken of.
pub(super) trait Ordered: Copy {
    fn total_order(&self, other: &Self) -> std::cmp::Ordering;
    fn to_f64(self) -> f64;
}

impl Ordered for f32 {
    fn total_order(&self, other: &Self) -> std::cmp::Ordering {
        self.total_cmp(other)
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Ordered for f64 {
    fn total_order(&self, other: &Self) -> std::cmp::Ordering {
        self.total_cmp(other)
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// The middle value, or the mean of the middle two, of at least one value; leaves them in another order.
pub(super) fn median<T: Ordered>(values: &mut [T]) -> f64 {
    let half = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (lower, &mut upper, _) = values.select_nth_unstable_by(half, T::total_order);
    match lower.iter().copied().max_by(T::total_order) {
        Some(below) if !odd => (below.to_f64() + upper.to_f64()) / 2.0,
        _ => upper.to_f64(),
    }
}

/// Independent sums, so that additions need not wait for each other.
const SUMS: usize = 16;

multiversion! {
    fn range(row: &[f32]) -> (f32, f32) {
        let (mut low, mut high) = ([f32::INFINITY; SUMS], [f32::NEG_INFINITY; SUMS]);
        for values in row.chunks(SUMS) {
            for (i, &x) in values.iter().enumerate() {
                low[i] = if x < low[i] { x } else { low[i] };
                high[i] = if x > high[i] { x } else { high[i] };
            }
        }
        (low.into_iter().fold(f32::INFINITY, f32::min), high.into_iter().fold(f32::NEG_INFINITY, f32::max))
    }
}

multiversion! {
    fn sum(row: &[f32]) -> f64 {
        let mut sums = [0.0_f64; SUMS];
        let (blocks, rest) = row.as_chunks::<SUMS>();
        for values in blocks {
            for i in 0..SUMS {
                sums[i] += f64::from(values[i]);
            }
        }
        sums.iter().sum::<f64>() + rest.iter().map(|&x| f64::from(x)).sum::<f64>()
    }
}

multiversion! {
    /// The means of the second, third and fourth powers of the distance from the mean.
    fn central_moments(row: &[f32], mean: f64) -> [f64; 3] {
        let mut sums = [[0.0_f64; SUMS]; 3];
        let (blocks, rest) = row.as_chunks::<SUMS>();
        for values in blocks {
            for i in 0..SUMS {
                let distance = f64::from(values[i]) - mean;
                let square = distance * distance;
                sums[0][i] += square;
                sums[1][i] += square * distance;
                sums[2][i] += square * square;
            }
        }
        let mut moments = sums.map(|sums| sums.iter().sum::<f64>());
        for &value in rest {
            let distance = f64::from(value) - mean;
            for (power, moment) in (2..).zip(&mut moments) {
                *moment += distance.powi(power);
            }
        }
        moments.map(|moment| moment / row.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seven_numbers_of_a_small_row() {
        let statistics = Statistics::of(&[1.0, 2.0, 3.0, 10.0], &mut Vec::new());
        assert_eq!((statistics.min, statistics.max, statistics.mean, statistics.median), (1.0, 10.0, 4.0, 2.5));
        assert!((statistics.std - 12.5_f64.sqrt()).abs() < 1e-12);
        assert!((statistics.skew - 45.0 / 12.5_f64.powf(1.5)).abs() < 1e-12);
        assert!((statistics.kurtosis - (348.5 / 156.25 - 3.0)).abs() < 1e-12);
    }

    #[test]
    fn a_constant_row_has_no_shape() {
        for n in [1, 2, 3, 16, 17, 1000] {
            let statistics = Statistics::of(&vec![0.1; n], &mut Vec::new());
            assert_eq!((statistics.skew, statistics.kurtosis, statistics.median), (0.0, -3.0, f64::from(0.1_f32)));
        }
    }

    #[test]
    fn the_median_of_an_even_row_is_between_the_middle_two() {
        assert_eq!(median(&mut [5.0_f32, 1.0, 4.0]), 4.0);
        assert_eq!(median(&mut [5.0_f64, 1.0, 4.0, 2.0]), 3.0);
        assert_eq!(median(&mut [7.0_f32]), 7.0);
    }
}
