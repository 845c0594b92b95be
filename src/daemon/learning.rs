//! Learning while there is nothing else to do: when to look whether it is time, a thread for it, and which generation
//! is worked with. What is learned and when enough was said for it is [`crate::learning`]'s.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::config::Config;
use crate::inference::learned_folder;
use crate::learning::{self, Generations, LearnError, Outcome, Report};
use crate::store::Store;

/// How often it is looked: a few bytes of one file.
const PAUSE: Duration = Duration::from_secs(10 * 60);

/// What a thread brings back; none where it was not time.
pub(super) type Learnt = Result<Option<Report>, LearnError>;

/// What is known of learning.
pub(super) struct Learning {
    pub(super) look_at: Instant,
    /// The generation that is worked with.
    generation: Option<u32>,
    is_at_work: bool,
}

fn current(database: &Path) -> Option<u32> {
    Generations::new(learned_folder(database)).current()
}

impl Learning {
    pub(super) fn begin(database: &Path, now: Instant) -> Self {
        Self { look_at: now + PAUSE, generation: current(database), is_at_work: false }
    }

    /// Whether another generation is in use than the one that is worked with; from now on it is that one.
    pub(super) fn look(&mut self, database: &Path, now: Instant) -> bool {
        self.look_at = now + PAUSE;
        let before = self.generation;
        self.generation = current(database);
        self.generation != before
    }

    /// Learns on a thread of its own, if it is time.
    pub(super) fn start(&mut self, store: &Arc<Store>, config: &Config, learnt: &mpsc::Sender<Learnt>) {
        // Whoever never learned has no such folder, and no thread is made for nothing.
        if self.is_at_work || !config.learn.auto || !learned_folder(store.path()).is_dir() {
            return;
        }
        let (store, config, learnt) = (Arc::clone(store), config.clone(), learnt.clone());
        let learn = move || {
            let _ = learnt.blocking_send(learning::learn_if_due(&store, &config));
        };
        self.is_at_work = std::thread::Builder::new().name("learning".to_owned()).spawn(learn).is_ok();
    }

    /// Says what came of it, and whether another generation is in use now.
    pub(super) fn enter(&mut self, learnt: Learnt, database: &Path) -> bool {
        self.is_at_work = false;
        match learnt {
            Ok(None) => return false,
            Ok(Some(report)) => match report.outcome {
                Outcome::Adopted { generation } => {
                    tracing::info!("learned anew from {} tracks: generation {generation} votes", report.examples);
                }
                Outcome::NotAdopted { why } => {
                    tracing::info!("tried to learn anew, and stays with what there is: {why}")
                }
                Outcome::WouldBeAdopted => {}
            },
            Err(error) => tracing::warn!("could not learn anew: {error}"),
        }
        let now = self.look_at;
        self.look(database, now.checked_sub(PAUSE).unwrap_or(now))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn another_generation_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("reclassd.db");
        let now = Instant::now();
        let mut learning = Learning::begin(&database, now);
        assert_eq!(learning.look_at, now + PAUSE);
        assert!(!learning.look(&database, now));
        let generations = Generations::new(learned_folder(&database));
        generations.lock().unwrap().add(1, &[("model.toml", b"x")]).unwrap();
        assert!(learning.look(&database, now));
        assert!(!learning.look(&database, now));
        generations.lock().unwrap().forget().unwrap();
        assert!(learning.enter(Err(LearnError::NothingLearned), &database), "whatever came of it");
    }
}
