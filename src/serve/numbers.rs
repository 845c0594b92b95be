//! The library in numbers, kept for a while: counting a million rows takes a moment, and whoever asks meanwhile is told what was
//! counted last.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::{ToSpan, ZonedDateTime};

use super::app::App;
use super::problem::Problem;
use crate::desk::{Desk, Library};
use crate::store::{LargeFolders, StatusCounts, StoreError};

/// What was counted.
pub struct Counted {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The library.
    pub library: Library,
    /// The roots that are there.
    pub roots: Vec<(std::path::PathBuf, StatusCounts)>,
    /// The larger folders.
    pub large: LargeFolders,
    fresh_until: Instant,
}

/// The numbers that were counted last.
#[derive(Default)]
pub struct Numbers {
    last: Mutex<Option<Arc<Counted>>>,
    /// Held by who counts.
    counting: Arc<tokio::sync::Mutex<()>>,
}

/// How long numbers are fresh at the least.
const FRESH: Duration = Duration::from_secs(5);
/// How many times as long as it took to count: so counting takes a twentieth of the time at the most.
const TIMES: u32 = 20;
/// Days that are told of.
const DAYS: i64 = 7;

impl Numbers {
    /// The numbers, at most some seconds old; the first to ask waits until they are counted.
    ///
    /// # Errors
    /// [`Problem`] when the database fails.
    pub async fn get(&self, app: &Arc<App>) -> Result<Arc<Counted>, Problem> {
        let last = self.last();
        match last {
            Some(last) if last.fresh_until > Instant::now() => Ok(last),
            Some(last) => {
                if let Ok(turn) = Arc::clone(&self.counting).try_lock_owned() {
                    let app = Arc::clone(app);
                    tokio::spawn(async move {
                        let counted = app.ask(count).await;
                        match counted {
                            Ok(counted) => app.numbers.keep(counted),
                            Err(problem) => tracing::debug!("the library is not counted: {}", problem.detail),
                        }
                        drop(turn);
                    });
                }
                Ok(last)
            }
            None => {
                let _turn = self.counting.lock().await;
                if let Some(last) = self.last() {
                    return Ok(last);
                }
                let counted = app.ask(count).await?;
                self.keep(counted);
                self.last().ok_or_else(|| Problem::new(super::problem::Kind::Internal, "nothing was counted"))
            }
        }
    }

    /// What was counted last, if anything was.
    pub fn last(&self) -> Option<Arc<Counted>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something was decided: the next to ask has it counted anew.
    pub fn are_stale(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = last.take() {
            let now = Instant::now();
            // What takes long to count is not counted for every decision.
            let is_cheap = counted.fresh_until.saturating_duration_since(now) <= FRESH;
            if !is_cheap {
                *last = Some(counted);
            }
        }
    }

    fn keep(&self, counted: Counted) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(counted));
    }
}

fn count(app: &Arc<App>, desk: &Desk) -> Result<Counted, StoreError> {
    let began = Instant::now();
    let library = desk.library(&midnights(&ZonedDateTime::now()))?;
    let large = desk.store().large_folders()?;
    let roots = app.roots.real().into_iter().map(|root| {
        let counts = match large.below(&root) {
            Some(counts) => counts,
            None => desk.store().count_below(&root)?,
        };
        Ok((root, counts))
    });
    let roots = roots.collect::<Result<_, StoreError>>()?;
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let fresh = (began.elapsed() * TIMES).max(FRESH);
    Ok(Counted {
        at: i64::try_from(at).unwrap_or(i64::MAX),
        library,
        roots,
        large,
        fresh_until: Instant::now() + fresh,
    })
}

/// The beginnings of the last days, the latest first, in seconds since 1970.
fn midnights(now: &ZonedDateTime) -> Vec<i64> {
    let day = |back: i64| {
        let day = now.checked_sub(back.days()).and_then(|day| day.start_of_day());
        day.map_or_else(|_| now.timestamp().as_second() - back * 86_400, |day| day.timestamp().as_second())
    };
    (0..DAYS).map(day).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_where_the_owner_lives_however_long_it_is() {
        let now: ZonedDateTime = "2026-03-30T10:00[Europe/Berlin]".parse().unwrap();
        let midnights = midnights(&now);
        assert_eq!(midnights.len(), 7);
        assert_eq!(midnights[0] - midnights[1], 23 * 3600, "the day on which the clocks go forward");
        assert_eq!(midnights[1] - midnights[2], 24 * 3600);
    }
}
