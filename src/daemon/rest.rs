//! When the service rests: outside of its hours, or on battery.

use std::path::Path;
use std::time::Duration;

use super::power;
use crate::config;

/// How often the battery is looked at, and the clock, which may have been set meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Whether to rest, and when to ask again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// Why no file is worked on now, if so.
    pub(super) why: Option<String>,
    /// After how long the answer may be another; `None`: never.
    pub(super) ask_again: Option<Duration>,
}

/// The answer for now.
pub(super) fn now(watch: &config::Watch) -> Rest {
    let time = jiff::ZonedDateTime::now().time();
    let second = u32::from(time.hour().unsigned_abs()) * 3600
        + u32::from(time.minute().unsigned_abs()) * 60
        + u32::from(time.second().unsigned_abs());
    at(watch, second, Path::new(power::SUPPLIES))
}

fn at(watch: &config::Watch, second_of_day: u32, supplies: &Path) -> Rest {
    let hours = watch.active_hours;
    let why = if !hours.contains(second_of_day) {
        Some(format!("outside of the hours {hours}"))
    } else if watch.pause_on_battery && power::is_on_battery(supplies) {
        Some("on battery".to_owned())
    } else {
        None
    };
    let change = hours.until_change(second_of_day).map(|change| change.min(LOOK_AGAIN));
    let battery = watch.pause_on_battery.then_some(LOOK_AGAIN);
    Rest { why, ask_again: change.into_iter().chain(battery).min() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_hours_and_battery_nobody_asks_again() {
        let rest = at(&config::Watch::default(), 3600, Path::new("/no"));
        assert_eq!(rest, Rest { why: None, ask_again: None });
    }

    #[test]
    fn outside_of_its_hours_it_rests_and_wakes_on_time() {
        let watch = config::Watch { active_hours: "22:00-07:00".parse().unwrap(), ..Default::default() };
        let rest = at(&watch, 12 * 3600, Path::new("/no"));
        assert!(rest.why.is_some_and(|why| why.contains("22:00-07:00")));
        let soon = at(&watch, 21 * 3600 + 59 * 60 + 58, Path::new("/no"));
        assert_eq!(soon.ask_again, Some(Duration::from_secs(2)));
        assert_eq!(at(&watch, 22 * 3600, Path::new("/no")).why, None);
    }
}
