//! `[log]`: how much is told, and in which form. Where it goes is the program's to find out: the journal, if that is
//! where standard error leads, else standard error.

use serde::{Deserialize, Serialize};

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // the names are tracing's levels
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// The level as a filter directive.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

/// The form of a message on standard error. The journal gets fields whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Human,
    /// A line that is one JSON object, with a time and fields.
    Json,
}

/// `[log]`: messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// The least urgent level that the commands show.
    pub level: Level,
    /// The same for the service, which nobody sits in front of.
    pub service_level: Level,
    /// The form of a message on standard error.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Warn, service_level: Level::Info, format: LogFormat::default() }
    }
}
