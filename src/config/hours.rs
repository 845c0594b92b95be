//! The hours of the day in which the service may work: `"22:00-07:00"`, by the machine's own clock and zone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const DAY: u32 = 24 * 60;

/// A daily window, or the whole day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActiveHours(Option<Window>);

/// Minutes of the day; `from` and `to` differ, and `to` may lie in the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    from: u32,
    to: u32,
}

impl ActiveHours {
    /// Whether work is allowed at this second of the day (0 to 86,399).
    pub fn contains(&self, second_of_day: u32) -> bool {
        let Some(Window { from, to }) = self.0 else { return true };
        let minute = second_of_day / 60;
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }

    /// How long from this second of the day until the answer changes; `None` where it never does.
    pub fn until_change(&self, second_of_day: u32) -> Option<Duration> {
        let Window { from, to } = self.0?;
        let until = |minute: u32| (minute * 60 + DAY * 60 - second_of_day - 1) % (DAY * 60) + 1;
        Some(Duration::from_secs(until(from).min(until(to)).into()))
    }
}

impl FromStr for ActiveHours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let wrong = || format!("\"{text}\" are no hours: write \"22:00-07:00\", or \"\" for the whole day");
        let minute = |text: &str| -> Option<u32> {
            let (hour, minute) = text.trim().split_once(':')?;
            let digits = |s: &str| (s.len() <= 2 && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok())?;
            let (hour, minute): (u32, u32) = (digits(hour)?, digits(minute)?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let (from, to) = (minute(from).ok_or_else(wrong)?, minute(to).ok_or_else(wrong)?);
        if from == to { Err(wrong()) } else { Ok(Self(Some(Window { from, to }))) }
    }
}

impl fmt::Display for ActiveHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(Window { from, to }) => {
                write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
            }
        }
    }
}

impl TryFrom<String> for ActiveHours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ActiveHours> for String {
    fn from(hours: ActiveHours) -> Self {
        hours.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u32, minute: u32) -> u32 {
        hour * 3600 + minute * 60
    }

    #[test]
    fn a_window_may_lie_across_midnight() {
        let night: ActiveHours = "22:00-07:00".parse().unwrap();
        let open = |hour, minute| night.contains(at(hour, minute));
        assert!(open(22, 0) && open(23, 59) && open(0, 0) && open(6, 59));
        assert!(!open(7, 0) && !open(12, 0) && !open(21, 59));
        let day: ActiveHours = "9:30-17:00".parse().unwrap();
        assert!(day.contains(at(9, 30)) && !day.contains(at(17, 0)) && !day.contains(at(3, 0)));
    }

    #[test]
    fn the_next_change_is_known_to_the_second() {
        let night: ActiveHours = "22:00-07:00".parse().unwrap();
        let until = |second| night.until_change(second).unwrap().as_secs();
        assert_eq!(until(at(21, 0)), 3600);
        assert_eq!(until(at(22, 0)), 9 * 3600);
        assert_eq!(until(at(6, 59) + 59), 1);
        assert_eq!(until(at(23, 0)), 8 * 3600);
        assert_eq!(ActiveHours::default().until_change(5), None);
    }

    #[test]
    fn what_are_no_hours_is_refused_with_an_example() {
        for text in ["22:00", "25:00-07:00", "22:60-07:00", "22-7", "07:00-07:00", "a:b-c:d", "+1:00-2:00"] {
            assert!(text.parse::<ActiveHours>().is_err_and(|e| e.contains("22:00-07:00")), "{text}");
        }
        assert_eq!("".parse(), Ok(ActiveHours::default()));
        assert_eq!("9:30-17:05".parse::<ActiveHours>().unwrap().to_string(), "09:30-17:05");
    }
}
