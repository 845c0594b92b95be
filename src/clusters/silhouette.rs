//! How well groups are set apart: the silhouette (Rousseeuw 1987), by which the number of groups is chosen where nobody
//! said one.
//!
//! Of each point: how much farther it is, in the mean, from the points of the nearest other group than from those of
//! its own, over the larger of the two; from -1 to 1. Of a group of one it is 0.

use rayon::prelude::*;

use super::points::Points;

/// How far some points are from each other.
pub(super) struct Distances {
    rows: Vec<Vec<f32>>,
}

impl Distances {
    pub(super) fn between(points: &Points) -> Self {
        let row = |index: usize| points.squares_to(points.point(index)).into_iter().map(f32::sqrt).collect();
        Self { rows: (0..points.len()).into_par_iter().map(row).collect() }
    }

    /// The mean silhouette of the points, each in the group of that number below `k`.
    pub(super) fn silhouette(&self, groups: &[usize], k: usize) -> f64 {
        let mut sizes = vec![0_u32; k];
        groups.iter().for_each(|group| sizes[*group] += 1);
        let of_point = |index: usize| {
            let mut sums = vec![0.0_f64; k];
            self.rows[index].iter().zip(groups).for_each(|(distance, group)| sums[*group] += f64::from(*distance));
            let own = groups[index];
            let others = (0..k).filter(|group| *group != own && sizes[*group] > 0);
            let nearest = others.map(|group| sums[group] / f64::from(sizes[group])).min_by(f64::total_cmp);
            let Some(nearest) = nearest.filter(|_| sizes[own] > 1) else { return 0.0 };
            let within = sums[own] / f64::from(sizes[own] - 1);
            let larger = nearest.max(within);
            if larger > 0.0 { (nearest - within) / larger } else { 0.0 }
        };
        let all: Vec<f64> = (0..groups.len()).into_par_iter().map(of_point).collect();
        all.iter().sum::<f64>() / all.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_are_set_apart_have_a_silhouette_near_one() {
        let mut points = Points::new(1);
        [0.0, 1.0, 10.0, 11.0].into_iter().for_each(|x| points.push([x]));
        let distances = Distances::between(&points);
        // By hand: (10.5 - 1) / 10.5 and (9.5 - 1) / 9.5.
        let expected = (9.5 / 10.5 + 8.5 / 9.5) / 2.0;
        assert!((distances.silhouette(&[0, 0, 1, 1], 2) - expected).abs() < 1e-6);
        assert!(distances.silhouette(&[0, 1, 0, 1], 2) < 0.0);
        assert_eq!(distances.silhouette(&[0, 0, 0, 0], 1), 0.0);
        assert_eq!(distances.silhouette(&[0, 1, 2, 3], 4), 0.0);
    }
}
