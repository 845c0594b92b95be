//! How many tracks a second the models manage when many ask at once: each for itself, and gathered into batches of
//! several sizes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reclassd::inference::{Batch, InferenceError, Model, Runtime, Scores};

use super::made_up::MadeUp;

/// Sizes that are tried.
const SIZES: [usize; 6] = [2, 4, 8, 16, 32, 64];
/// How long each is measured.
const PATIENCE: Duration = Duration::from_millis(600);
/// A batch that takes longer than this is not worth trying: a scan would stutter.
const SLOWEST: Duration = Duration::from_secs(1);
/// A larger batch has to be this much faster: smaller ones take less memory.
const WORTH_IT: f64 = 1.05;

/// Tracks a second by batch size; none where not one track was done within the time.
pub(super) struct Rates(Vec<(usize, Option<f64>)>);

impl Rates {
    /// Measures. `models` were loaded for questions one at a time, which is how they are asked now; `anew` are the same
    /// ones and not loaded.
    pub(super) fn measure(runtime: &Runtime, models: &[&Model], anew: &[Model]) -> Result<Self, InferenceError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut rates = Vec::new();
        rates.push((1, rate(models, cores)?));
        let gathered: Vec<&Model> = anew.iter().collect();
        for size in SIZES {
            let batch = Batch { size, wait: Duration::from_millis(20) };
            runtime.set_batch(Some(batch));
            for model in &gathered {
                model.load()?;
            }
            let rate = rate(&gathered, 2 * size + cores)?;
            rates.push((size, rate));
            if rate.is_none_or(|rate| 2.0 * size as f64 / rate > SLOWEST.as_secs_f64()) {
                break;
            }
        }
        runtime.set_batch(None);
        Ok(Self(rates))
    }

    /// Size and rate, as measured; none where the time was too short for one track.
    pub(super) fn all(&self) -> &[(usize, Option<f64>)] {
        &self.0
    }

    /// The smallest size that none beats by much. Others are waited for no longer than half a batch takes.
    pub(super) fn best(&self) -> Batch {
        let (mut size, mut best) = (1, 0.0);
        for &(candidate, rate) in &self.0 {
            if let Some(rate) = rate
                && rate > best * WORTH_IT
            {
                (size, best) = (candidate, rate);
            }
        }
        let wait = if size == 1 || best <= 0.0 { 0.0 } else { (size as f64 / best / 2.0).clamp(0.001, 0.05) };
        Batch { size, wait: Duration::from_millis((wait * 1e3).round() as u64) }
    }
}

/// How a rate is said: one that was not finished is not "0.0".
pub(super) fn words(rate: Option<f64>) -> String {
    match rate {
        Some(rate) => format!("{rate:.1} tracks a second"),
        None => format!("none was done within {} ms: too slow to be worth it", PATIENCE.as_millis()),
    }
}

/// Tracks a second when so many ask all models at once; `None` when none of them was answered within the time.
fn rate(models: &[&Model], askers: usize) -> Result<Option<f64>, InferenceError> {
    let inputs: Vec<MadeUp> = models.iter().map(|model| MadeUp::of(&model.manifest().input)).collect();
    let track = || -> Result<(), InferenceError> {
        let questions = models.iter().zip(&inputs).map(|(model, input)| model.ask(&input.features()));
        let questions = questions.collect::<Result<Vec<_>, _>>()?;
        questions.into_iter().map(|question| question.answer()).collect::<Result<Vec<Scores>, _>>().map(|_| ())
    };
    // The first batch of a size finds its memory and its algorithms.
    track()?;
    let (done, ended, started) = (AtomicUsize::new(0), AtomicBool::new(false), Instant::now());
    let failure = std::thread::scope(|scope| {
        let ask = || {
            while !ended.load(Ordering::Relaxed) {
                track()?;
                // What ends late was not within the time.
                if !ended.load(Ordering::Relaxed) {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(())
        };
        let threads: Vec<_> = (0..askers).map(|_| scope.spawn(ask)).collect();
        std::thread::sleep(PATIENCE);
        ended.store(true, Ordering::Relaxed);
        let elapsed = started.elapsed();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Result<(), _>>().map(|()| elapsed)
    });
    let elapsed = failure?;
    let done = done.into_inner();
    Ok((done > 0).then(|| done as f64 / elapsed.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_batch_that_is_nearly_the_fastest_is_chosen() {
        let best =
            |rates: &[(usize, f64)]| Rates(rates.iter().map(|&(size, rate)| (size, Some(rate))).collect()).best();
        assert_eq!(best(&[(1, 100.0), (2, 90.0), (4, 80.0)]), Batch { size: 1, wait: Duration::ZERO });
        let gpu = best(&[(1, 100.0), (2, 180.0), (4, 300.0), (8, 400.0), (16, 410.0), (32, 412.0)]);
        assert_eq!(gpu, Batch { size: 8, wait: Duration::from_millis(10) });
        assert_eq!(best(&[]), Batch { size: 1, wait: Duration::ZERO });
    }

    #[test]
    fn a_size_that_was_not_finished_is_no_rate_of_zero() {
        let rates = Rates(vec![(1, Some(4.0)), (2, None)]);
        assert_eq!(rates.best().size, 1);
        assert_eq!(words(rates.all()[0].1), "4.0 tracks a second");
        assert!(words(rates.all()[1].1).starts_with("none was done within"), "{}", words(rates.all()[1].1));
        assert_eq!(Rates(vec![(1, None)]).best(), Batch { size: 1, wait: Duration::ZERO });
    }
}
