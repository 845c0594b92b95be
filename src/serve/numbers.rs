//! The library in numbers. What the database keeps is asked for each time; what has to be counted is counted beside the
//! requests, kept for a while, and told with the moment it is of.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{ToSpan, ZonedDateTime};

use super::app::App;
use super::kept::Kept;
use super::problem::Problem;
use crate::desk::{Desk, Survey};
use crate::store::LargeFolders;

/// What was counted.
pub struct Counted {
    /// When, in seconds since 1970.
    pub at: i64,
    /// What takes a while to tell.
    pub survey: Survey,
    /// The larger folders.
    pub large: LargeFolders,
}

/// Days that are told of.
const DAYS: i64 = 7;

/// What was counted last. Who asks before anything was counted waits.
///
/// # Errors
/// [`Problem`] when the database fails.
pub async fn counted(app: &Arc<App>) -> Result<Arc<Counted>, Problem> {
    Kept::get(app, |app| &app.counted, count).await
}

fn count(_: &Arc<App>, desk: &Desk) -> Result<Counted, Problem> {
    let survey = desk.survey(&midnights(&ZonedDateTime::now()))?;
    let large = desk.store().large_folders()?;
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Counted { at: i64::try_from(at).unwrap_or(i64::MAX), survey, large })
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
