//! `[watch]`: how the service looks for changes, when it may work, and how much of the machine it may take.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::hours::ActiveHours;

/// `[watch]`: the long-running service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// How often all roots are compared with the database, whatever was heard of them.
    pub reconcile_interval: Span,
    /// How often roots are looked through that cannot be watched.
    pub poll_interval: Span,
    /// Which roots are looked through at that interval instead of being watched.
    pub poll: Poll,
    /// The hours of the day in which files are worked on.
    pub active_hours: ActiveHours,
    /// Whether nothing is worked on while the machine runs on battery.
    pub pause_on_battery: bool,
    /// How the workers share the machine with others.
    pub priority: Priority,
    /// After how much idleness the models are dropped from memory.
    pub unload_models_after: Span,
    /// Files that wait for stillness at the most; beyond it folders are noted instead of files.
    pub max_pending: usize,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            reconcile_interval: Span::hours(6),
            poll_interval: Span::minutes(5),
            poll: Poll::Auto,
            active_hours: ActiveHours::default(),
            pause_on_battery: false,
            priority: Priority::Idle,
            unload_models_after: Span::minutes(5),
            max_pending: 20_000,
        }
    }
}

impl Watch {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let at_least = |key, name, span: Span, least: u64| {
            super::require(span.get() >= Duration::from_secs(least), key, || {
                format!("{name} must be at least {}, not {span}", Span(Duration::from_secs(least)))
            })
        };
        at_least("watch.reconcile_interval", "reconcile_interval", self.reconcile_interval, 1)?;
        at_least("watch.poll_interval", "poll_interval", self.poll_interval, 1)?;
        at_least("watch.unload_models_after", "unload_models_after", self.unload_models_after, 1)?;
        super::require((100..=10_000_000).contains(&self.max_pending), "watch.max_pending", || {
            format!("max_pending must lie between 100 and 10000000, not {}", self.max_pending)
        })
    }
}

/// Which roots are polled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PollText", into = "PollText")]
pub enum Poll {
    /// Those on file systems that tell nothing of other machines' changes: NFS, SMB, FUSE and the like.
    #[default]
    Auto,
    /// These, and no others.
    Roots(Vec<PathBuf>),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"auto\" or a list of roots")]
enum PollText {
    Word(String),
    Roots(Vec<PathBuf>),
}

impl TryFrom<PollText> for Poll {
    type Error = String;

    fn try_from(text: PollText) -> Result<Self, String> {
        match text {
            PollText::Word(word) if word == "auto" => Ok(Poll::Auto),
            PollText::Word(word) => Err(format!("expected \"auto\" or a list of roots, not \"{word}\"")),
            PollText::Roots(roots) => Ok(Poll::Roots(roots)),
        }
    }
}

impl From<Poll> for PollText {
    fn from(poll: Poll) -> Self {
        match poll {
            Poll::Auto => PollText::Word("auto".to_owned()),
            Poll::Roots(roots) => PollText::Roots(roots),
        }
    }
}

/// How the workers share the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// They take what nobody else wants, of the processor and of the disk.
    #[default]
    Idle,
    /// Like any other program.
    Normal,
}

/// A length of time as the configuration writes it: a whole number and `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    const fn hours(hours: u64) -> Self {
        Self(Duration::from_secs(hours * 3600))
    }

    const fn minutes(minutes: u64) -> Self {
        Self(Duration::from_secs(minutes * 60))
    }

    /// The length.
    pub fn get(self) -> Duration {
        self.0
    }
}

const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is no length of time: write a whole number and s, m, h or d, such as \"10m\"");
        let (number, seconds) =
            UNITS.iter().find_map(|(unit, s)| Some((text.strip_suffix(unit)?, *s))).ok_or_else(wrong)?;
        let number: u64 = number.trim_end().parse().map_err(|_| wrong())?;
        let seconds = number.checked_mul(seconds).filter(|&s| s <= 3650 * 86_400).ok_or_else(wrong)?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        // A day is as often said in hours.
        let whole = UNITS.iter().skip(1).find(|(_, unit)| seconds.is_multiple_of(*unit) && seconds > 0);
        let (unit, length) = whole.copied().unwrap_or(("s", 1));
        write!(f, "{}{unit}", seconds / length)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_said_alike() {
        for (text, seconds, said) in
            [("90s", 90, "90s"), ("10m", 600, "10m"), ("6h", 21_600, "6h"), ("2d", 172_800, "48h")]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.get().as_secs(), span.to_string().as_str()), (seconds, said));
        }
        for text in ["", "10", "m", "1.5h", "-1s", "99999999d", "10 weeks"] {
            assert!(text.parse::<Span>().is_err_and(|e| e.contains("10m")), "{text}");
        }
    }

    #[test]
    fn polled_roots_are_a_word_or_a_list() {
        let watch = |text: &str| toml::from_str::<Watch>(text);
        assert_eq!(watch("poll = \"auto\"").unwrap().poll, Poll::Auto);
        assert_eq!(watch("poll = [\"/m\"]").unwrap().poll, Poll::Roots(vec!["/m".into()]));
        assert!(watch("poll = \"never\"").unwrap_err().to_string().contains("auto"));
    }
}
