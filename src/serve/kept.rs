//! Something that takes a while to make of the database: made beside the requests, given as it was made last while it
//! is made anew.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::app::App;
use super::problem::{Kind, Problem};
use crate::desk::Desk;

/// How long it is fresh at the least.
const FRESH: Duration = Duration::from_secs(5);
/// How many times as long as it took to make: so making takes a twentieth of the time at the most.
const TIMES: u32 = 20;

/// What was made last.
pub struct Kept<T> {
    last: Mutex<Last<T>>,
    /// Held by who makes.
    making: Arc<tokio::sync::Mutex<()>>,
}

struct Last<T> {
    made: Option<Arc<T>>,
    took: Duration,
    fresh_until: Option<Instant>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        let last = Last { made: None, took: Duration::ZERO, fresh_until: None };
        Self { last: Mutex::new(last), making: Arc::default() }
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// What was made last; if that was a while ago, it is made anew meanwhile. Who asks before anything was made waits.
    ///
    /// # Errors
    /// [`Problem`] of making it.
    pub async fn get(
        app: &Arc<App>,
        of: fn(&App) -> &Self,
        make: fn(&Arc<App>, &Desk) -> Result<T, Problem>,
    ) -> Result<Arc<T>, Problem> {
        let kept = of(app);
        let (made, is_fresh) = kept.last();
        let Some(made) = made else {
            let _turn = kept.making.lock().await;
            if let (Some(made), _) = kept.last() {
                return Ok(made);
            }
            kept.keep(app.ask(timed(make)).await?);
            return kept.last().0.ok_or_else(|| Problem::new(Kind::Internal, "nothing was made"));
        };
        if !is_fresh && let Ok(turn) = Arc::clone(&kept.making).try_lock_owned() {
            let app = Arc::clone(app);
            tokio::spawn(async move {
                match app.ask(timed(make)).await {
                    Ok(made) => of(&app).keep(made),
                    Err(problem) => tracing::debug!("what was made before is given: {}", problem.detail),
                }
                drop(turn);
            });
        }
        Ok(made)
    }

    fn last(&self) -> (Option<Arc<T>>, bool) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (last.made.clone(), last.fresh_until.is_some_and(|until| until > Instant::now()))
    }

    /// Something changed: if it is made quickly, the next to ask has it done anew.
    pub fn is_stale(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.took * TIMES <= FRESH {
            last.fresh_until = None;
        }
    }

    /// It is of something else now: the next to ask waits for another one.
    pub fn forget(&self) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).made = None;
    }

    fn keep(&self, (made, took): (T, Duration)) {
        let fresh_until = Some(Instant::now() + (took * TIMES).max(FRESH));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Last { made: Some(Arc::new(made)), took, fresh_until };
    }
}

/// Says too how long it took.
fn timed<T>(
    make: fn(&Arc<App>, &Desk) -> Result<T, Problem>,
) -> impl FnOnce(&Arc<App>, &Desk) -> Result<(T, Duration), Problem> {
    move |app, desk| {
        let began = Instant::now();
        Ok((make(app, desk)?, began.elapsed()))
    }
}
