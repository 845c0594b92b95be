//! One file a subcommand: read the arguments, call the library, print. What they share is here: the settings that every
//! command takes, logging, and exit codes.

pub mod analyze;
pub mod cluster;
pub mod completions;
pub mod config;
pub mod doctor;
pub mod evaluate;
pub mod explain;
pub mod export;
pub mod features;
pub mod genres;
pub mod history;
pub mod import;
pub mod learn;
pub mod man;
pub mod models;
pub mod playlist;
pub mod review;
pub mod runtime;
pub mod scan;
pub mod serve;
pub mod similar;
pub mod stats;
pub mod status;
pub mod tag;
pub mod undo;
pub mod watch;

mod allocator;
mod bars;
mod by_hand;
mod described;
mod fold;
pub mod global_options;
mod hints;
mod interrupt;
mod lists;
mod logging;
mod offer;
mod output;
mod plots;
mod setup;
mod since;

use std::process::ExitCode;

use reclassd::daemon::{DaemonError, LockError, WatchSetupError};
use reclassd::learning::LearnError;
use reclassd::likeness::LikenessError;
use reclassd::playlists::PlaylistError;
use reclassd::serve::{ServeError, TokenError};
use reclassd::store::StoreError;

/// How a command ended, when nothing stopped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is done.
    Done,
    /// Some files failed; each was named.
    SomeFailed,
    /// The user asked to stop.
    Interrupted,
}

/// The command cannot do what was asked, because of what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

/// Prints what stopped a command, and chooses the exit code: 0 done, 1 some files failed, 2 wrong use or configuration,
/// 3 the database was deleted or replaced meanwhile, 130 interrupted. A reader that went away (`| head`) is no error.
pub fn exit_code(outcome: anyhow::Result<Outcome>) -> ExitCode {
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::from(1),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", fold::for_stderr(&format!("reclassd: {}", in_one_line(&error))));
            ExitCode::from(match &error {
                error if has_lost_its_database(error) => 3,
                error if is_wrong_use(error) => 2,
                _ => 1,
            })
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

/// What the database said, if it is that. An error that only passes it on is no link of the chain of causes.
fn store_error<'e>(cause: &'e (dyn std::error::Error + 'static)) -> Option<&'e StoreError> {
    match cause.downcast_ref::<DaemonError>() {
        Some(DaemonError::Store(error) | DaemonError::Setup(WatchSetupError::Store(error))) => Some(error),
        _ => cause.downcast_ref::<StoreError>(),
    }
}

fn has_lost_its_database(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(store_error(cause), Some(StoreError::Lost { .. })))
}

fn is_wrong_use(error: &anyhow::Error) -> bool {
    use reclassd::pipeline::LineError;
    error.chain().any(|cause| {
        cause.is::<WrongUse>()
            || cause.is::<reclassd::config::ConfigError>()
            || matches!(cause.downcast_ref::<ServeError>(), Some(ServeError::Listen(_)))
            || matches!(cause.downcast_ref::<TokenError>(), Some(TokenError::Taken(_) | TokenError::Missing(_)))
            || matches!(
                cause.downcast_ref::<LearnError>(),
                Some(LearnError::Busy { .. } | LearnError::NothingBefore { .. } | LearnError::NothingLearned)
            )
            || matches!(
                cause.downcast_ref::<PlaylistError>(),
                Some(PlaylistError::Foreign(_) | PlaylistError::Query(_))
            )
            || matches!(
                cause.downcast_ref::<LikenessError>(),
                Some(LikenessError::Nothing | LikenessError::NotDescribed)
            )
            || matches!(
                store_error(cause),
                Some(
                    StoreError::Folder { .. }
                        | StoreError::NotADatabase { .. }
                        | StoreError::TooNew { .. }
                        | StoreError::CannotOpen { .. }
                        | StoreError::NotInGroup { .. }
                )
            )
            || matches!(
                cause.downcast_ref::<DaemonError>(),
                Some(DaemonError::Lock(LockError::Held { .. }) | DaemonError::Setup(WatchSetupError::NoRoots))
            )
            || matches!(
                cause.downcast_ref::<LineError>(),
                Some(
                    LineError::NobodyVotes
                        | LineError::UnknownModel { .. }
                        | LineError::NeedsModel { .. }
                        | LineError::NoGenres { .. }
                        | LineError::NoStages
                        | LineError::Stages { .. }
                        | LineError::Pattern(_)
                )
            )
    })
}

/// An error and its causes in one line. Many messages quote their cause already; what was said is not said again.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    #[test]
    fn a_cause_is_said_once() {
        let missing = || std::io::Error::other("no such thing");
        let quoted: anyhow::Result<()> = Err(missing()).context("x.toml: cannot be read: no such thing; check it");
        assert_eq!(super::in_one_line(&quoted.unwrap_err()), "x.toml: cannot be read: no such thing; check it");
        let bare: anyhow::Result<()> = Err(missing()).context("x.toml");
        assert_eq!(super::in_one_line(&bare.unwrap_err()), "x.toml: no such thing");
    }
}
