//! Danceability in Streich's and Herrera's sense (2005): the inverse of the exponent of detrended fluctuation analysis
//! of the level.
//!
//! The level of dance music swings evenly, that of a symphony wanders; the exponent tells by how much more the level
//! wanders in longer stretches (0.31 to 8.8 s). About 0.5 to 3; it has no labels here and says nothing of taste.

use super::absent::Absent;

/// Seconds of a block of which the level is taken.
const BLOCK: f64 = 0.01;
/// Blocks of the shortest and the longest stretch, and the factor from one to the next.
const SHORTEST: f64 = 31.0;
const LONGEST: f64 = 880.0;
const GROWTH: f64 = 1.2;

/// The danceability of mono samples at `sample_rate` Hz.
pub(super) fn danceability(samples: &[f32], sample_rate: u32) -> Result<f64, Absent> {
    let block = (f64::from(sample_rate) * BLOCK) as usize;
    if block == 0 {
        return Err(Absent::NoFeatures);
    }
    let levels: Vec<f64> = samples
        .chunks_exact(block)
        .map(|block| (block.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / block.len() as f64).sqrt())
        .collect();
    let mean = levels.iter().sum::<f64>() / levels.len().max(1) as f64;
    let mut sum = 0.0;
    let walk: Vec<f64> = levels
        .iter()
        .map(|level| {
            sum += level - mean;
            sum
        })
        .collect();
    let mut points = Vec::new();
    let mut length = SHORTEST;
    while length <= LONGEST && 2.0 * length <= walk.len() as f64 {
        let stretch = length as usize;
        let residuals: Vec<f64> = walk.chunks_exact(stretch).map(residual).collect();
        let fluctuation = (residuals.iter().sum::<f64>() / residuals.len() as f64).sqrt();
        if fluctuation > 1e-9 {
            points.push(((stretch as f64).ln(), fluctuation.ln()));
        }
        length *= GROWTH;
    }
    let exponent = slope(&points).filter(|exponent| *exponent > 0.1).ok_or(Absent::TooShort)?;
    Ok(1.0 / exponent)
}

/// The mean square of what is left of a stretch without its straight line.
fn residual(stretch: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> = stretch.iter().enumerate().map(|(i, y)| (i as f64, *y)).collect();
    let n = points.len() as f64;
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let slope = slope(&points).unwrap_or(0.0);
    points.iter().map(|(x, y)| (y - my - slope * (x - mx)).powi(2)).sum::<f64>() / n
}

/// The slope of the line through points, at least three of them.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let n = points.len() as f64;
    if points.len() < 3 {
        return None;
    }
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let (xy, xx) = points.iter().fold((0.0, 0.0), |(xy, xx), (x, y)| (xy + (x - mx) * (y - my), xx + (x - mx).powi(2)));
    (xx > 0.0).then(|| xy / xx)
}
