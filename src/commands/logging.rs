//! Where messages go and what they look like. Where standard error leads to the journal, each message goes there with
//! its fields; elsewhere it is a line on standard error, for people or as JSON. A line for people is the message and
//! nothing else: whatever has fields says in its message what matters of them.

use std::ffi::OsString;

use reclassd::config::{Level, LogFormat};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::WrongUse;

/// Our own variable, and the one that other programs in Rust obey as well.
const VARIABLES: [&str; 2] = ["RECLASSD_LOG", "RUST_LOG"];

/// Whether lines for people begin with the time: those of a command that ends do not need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    Shown,
    LeftOut,
}

/// Starts logging.
pub fn start(level: Level, format: LogFormat, times: Times) -> anyhow::Result<()> {
    let registry = tracing_subscriber::registry().with(filter(level, |name| std::env::var(name).ok())?);
    // A second start in the same process (tests) keeps the first subscriber.
    let _ = match (journal(), format) {
        (Some(journal), _) => registry.with(journal).try_init(),
        (None, LogFormat::Json) => {
            let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
            let lines = lines.with_current_span(true).with_span_list(false);
            registry.with(lines.with_writer(std::io::stderr)).try_init()
        }
        (None, LogFormat::Human) => {
            let lines = tracing_subscriber::fmt::layer().with_target(false);
            let lines = lines.with_ansi(console::colors_enabled_stderr()).with_writer(std::io::stderr);
            let lines = lines.fmt_fields(debug_fn(message_only));
            match times {
                Times::Shown => registry.with(lines.with_timer(LocalTime)).try_init(),
                Times::LeftOut => registry.with(lines.without_time()).try_init(),
            }
        }
    };
    Ok(())
}

fn filter(level: Level, env: impl Fn(&str) -> Option<String>) -> Result<EnvFilter, WrongUse> {
    let set = VARIABLES.iter().find_map(|name| Some((name, env(name).filter(|value| !value.is_empty())?)));
    match set {
        // What the insides of other crates say at that level is for who asks for it: by "debug,lofty=debug", or by
        // everybody's variable.
        Some((name, directives)) if *name == VARIABLES[0] && is_talkative(&directives) => {
            EnvFilter::try_new(format!("{},reclassd={directives}", others(&directives)))
                .map_err(|error| WrongUse(format!("${name}: {error}")))
        }
        Some((name, directives)) => EnvFilter::try_new(&directives)
            .map_err(|error| WrongUse(format!("${name}: {error}; use \"info\" or \"warn,reclassd=debug\""))),
        // What other crates tell is about the insides of files, which we report in our own words. Their words are for
        // who looks closer.
        None => Ok(EnvFilter::new(format!("{},reclassd={}", others(level.as_str()), level.as_str()))),
    }
}

/// Whether a filter is no more than one level, at which other crates would drown what we say.
fn is_talkative(directives: &str) -> bool {
    ["trace", "debug"].iter().any(|level| level.eq_ignore_ascii_case(directives.trim()))
}

/// How much other crates may say at a level of ours.
fn others(level: &str) -> &'static str {
    match level.trim().to_ascii_lowercase().as_str() {
        "trace" => "debug",
        "debug" => "warn",
        _ => "off",
    }
}

/// The moment in local time, to the second.
struct LocalTime;

impl FormatTime for LocalTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{}", jiff::ZonedDateTime::now().strftime("%Y-%m-%d %H:%M:%S"))
    }
}

/// The way to the journal, if standard error leads there. Without a journal that listens, lines on standard error reach
/// it still.
fn journal() -> Option<tracing_journald::Layer> {
    let error = rustix::fs::fstat(std::io::stderr()).ok()?;
    if !is_stream(std::env::var_os("JOURNAL_STREAM"), error.st_dev, error.st_ino) {
        return None;
    }
    let priorities =
        PriorityMappings { info: Priority::Informational, debug: Priority::Debug, ..PriorityMappings::new() };
    Some(tracing_journald::layer().ok()?.with_field_prefix(None).with_priority_mappings(priorities))
}

/// Whether `$JOURNAL_STREAM` names this file by device and inode (systemd.exec(5)). A program that was started by a
/// service may have inherited the variable and write elsewhere.
fn is_stream(variable: Option<OsString>, device: u64, inode: u64) -> bool {
    variable.is_some_and(|stream| stream.to_str() == Some(&format!("{device}:{inode}")))
}

/// The field of a span that names the file being read: what a decoder complains of says by itself nothing of where.
const FILE: &str = "file";

/// Shows the message, and the file around it, on one line, whatever is in it.
fn message_only(
    writer: &mut Writer<'_>,
    field: &tracing::field::Field,
    value: &dyn std::fmt::Debug,
) -> std::fmt::Result {
    if !["message", FILE].contains(&field.name()) {
        return Ok(());
    }
    format!("{value:?}")
        .chars()
        .try_for_each(|c| if c.is_control() { write!(writer, "{}", c.escape_default()) } else { writer.write_char(c) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&str, &str)]) -> Result<String, String> {
        let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        filter(Level::Warn, env).map(|filter| filter.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn our_own_variable_wins_over_everybody_s_and_both_over_the_configuration() {
        assert_eq!(chosen(&[("RECLASSD_LOG", "debug"), ("RUST_LOG", "trace")]).unwrap(), "reclassd=debug,warn");
        assert_eq!(chosen(&[("RECLASSD_LOG", "error")]).unwrap(), "error", "what decoders complain of is told");
        assert_eq!(chosen(&[("RECLASSD_LOG", "debug,lofty=debug")]).unwrap(), "lofty=debug,debug", "who asks for it");
        assert_eq!(chosen(&[("RECLASSD_LOG", ""), ("RUST_LOG", "trace")]).unwrap(), "trace");
        assert_eq!(chosen(&[]).unwrap(), "reclassd=warn,off");
        assert!(chosen(&[("RUST_LOG", "reclassd=loud")]).unwrap_err().contains("$RUST_LOG"));
    }

    #[test]
    fn only_the_very_file_that_the_system_names_is_the_journal() {
        let is = |text: &str| is_stream(Some(text.into()), 9, 1234);
        assert!(is("9:1234"));
        for other in ["9:1235", "8:1234", "", "9", "9:1234:1"] {
            assert!(!is(other), "{other}");
        }
        assert!(!is_stream(None, 9, 1234));
    }
}
