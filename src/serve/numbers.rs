//! The library in numbers. What the database keeps is asked for each time; what has to be counted is counted beside the requests, kept
//! for a while, and told with the moment it is of.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::{ToSpan, ZonedDateTime};

use super::app::App;
use super::problem::{Kind, Problem};
use crate::desk::{Desk, Survey};
use crate::store::{LargeFolders, StoreError};

/// What was counted.
pub struct Counted {
    /// When, in seconds since 1970.
    pub at: i64,
    /// What takes a while to tell.
    pub survey: Survey,
    /// The larger folders.
    pub large: LargeFolders,
    took: Duration,
}

/// What was counted last.
#[derive(Default)]
pub struct Numbers {
    last: Mutex<Last>,
    /// Held by who counts.
    counting: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Last {
    counted: Option<Arc<Counted>>,
    fresh_until: Option<Instant>,
}

/// How long numbers are fresh at the least.
const FRESH: Duration = Duration::from_secs(5);
/// How many times as long as it took to count: so counting takes a twentieth of the time at the most.
const TIMES: u32 = 20;
/// Days that are told of.
const DAYS: i64 = 7;

impl Numbers {
    /// What was counted last; if that was a while ago, it is counted anew meanwhile. Who asks before anything was counted waits.
    ///
    /// # Errors
    /// [`Problem`] when the database fails.
    pub async fn get(&self, app: &Arc<App>) -> Result<Arc<Counted>, Problem> {
        let (counted, is_fresh) = self.last();
        let Some(counted) = counted else {
            let _turn = self.counting.lock().await;
            if let (Some(counted), _) = self.last() {
                return Ok(counted);
            }
            let counted = app.ask(count).await?;
            self.keep(counted);
            return self.last().0.ok_or_else(|| Problem::new(Kind::Internal, "nothing was counted"));
        };
        if !is_fresh && let Ok(turn) = Arc::clone(&self.counting).try_lock_owned() {
            let app = Arc::clone(app);
            tokio::spawn(async move {
                match app.ask(count).await {
                    Ok(counted) => app.numbers.keep(counted),
                    Err(problem) => tracing::debug!("the library is not counted: {}", problem.detail),
                }
                drop(turn);
            });
        }
        Ok(counted)
    }

    fn last(&self) -> (Option<Arc<Counted>>, bool) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (last.counted.clone(), last.fresh_until.is_some_and(|until| until > Instant::now()))
    }

    /// Something was decided: if it is counted quickly, the next to ask has it done anew.
    pub fn are_stale(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.counted.as_ref().is_some_and(|counted| counted.took * TIMES <= FRESH) {
            last.fresh_until = None;
        }
    }

    fn keep(&self, counted: Counted) {
        let fresh = (counted.took * TIMES).max(FRESH);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Last { counted: Some(Arc::new(counted)), fresh_until: Some(Instant::now() + fresh) };
    }
}

fn count(_: &Arc<App>, desk: &Desk) -> Result<Counted, StoreError> {
    let began = Instant::now();
    let survey = desk.survey(&midnights(&ZonedDateTime::now()))?;
    let large = desk.store().large_folders()?;
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Counted { at: i64::try_from(at).unwrap_or(i64::MAX), survey, large, took: began.elapsed() })
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
