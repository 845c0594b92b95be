//! The moment that a person means by `--since`: how long ago, which day, or when exactly; in local time.

use std::path::Path;

use jiff::civil::{DateTime, Time};
use jiff::{Span, Timestamp, ToSpan, ZonedDateTime};

use super::WrongUse;
use super::output::display_path;

/// The moment in seconds since 1970.
pub fn seconds(text: &str) -> Result<i64, WrongUse> {
    moment(text, &ZonedDateTime::now()).map(|moment| moment.as_second()).map_err(WrongUse)
}

/// What "2h", "3 days", "yesterday", "2026-11-24" or "2026-11-24 18:00" mean. A day begins at its midnight.
fn moment(text: &str, now: &ZonedDateTime) -> Result<Timestamp, String> {
    let wrong = || {
        let shown = display_path(Path::new(text));
        format!(
            "\"{shown}\" is no moment: say how long ago (\"2h\", \"3 days\"), \"today\", \"yesterday\", or when (\"2026-11-24 18:00\")"
        )
    };
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let local = |local: DateTime| {
        local.to_zoned_datetime(now.time_zone().clone()).map(|zoned| zoned.timestamp()).map_err(|_| wrong())
    };
    let days_ago = match text.to_lowercase().as_str() {
        "today" => Some(0),
        "yesterday" => Some(1),
        _ => None,
    };
    if let Some(days) = days_ago {
        let day = now.date().checked_sub(days.days()).map_err(|_| wrong())?;
        return local(day.to_datetime(Time::midnight()));
    }
    if let Ok(datetime) = text.parse::<DateTime>() {
        return local(datetime);
    }
    let span = text.strip_suffix(" ago").unwrap_or(text);
    let span: Span = span.parse().map_err(|_| wrong())?;
    let ago = now.checked_sub(span.abs()).map_err(|_| wrong())?;
    Ok(ago.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_a_person_would() {
        let now: ZonedDateTime = "2026-11-24T12:00:00+01:00[+01:00]".parse().unwrap();
        let at = |text: &str| moment(text, &now).map(|moment| moment.to_string());
        assert_eq!(at("2h").as_deref(), Ok("2026-11-24T09:00:00Z"));
        assert_eq!(at("90min").as_deref(), Ok("2026-11-24T09:30:00Z"));
        assert_eq!(at("3 days").as_deref(), Ok("2026-11-21T11:00:00Z"));
        assert_eq!(at("2026-11-24 08:00").as_deref(), Ok("2026-11-24T07:00:00Z"));
        assert_eq!(at("2026-11-24").as_deref(), Ok("2026-11-23T23:00:00Z"));
        assert_eq!(at("2026-11-24T07:00:00Z").as_deref(), Ok("2026-11-24T07:00:00Z"));
        assert_eq!(at("today").as_deref(), Ok("2026-11-23T23:00:00Z"));
        assert_eq!(at("Yesterday").as_deref(), Ok("2026-11-22T23:00:00Z"));
        assert_eq!(at("2 days"), at("2 days ago"));
        assert_eq!(at("1 week").as_deref(), Ok("2026-11-17T11:00:00Z"));
        for nonsense in ["", "yesterday-ish", "2 parsecs"] {
            assert!(at(nonsense).unwrap_err().contains("is no moment"), "{nonsense}");
        }
    }
}
