//! How the line ends for a file, and whether the next scan may pass it by.

use std::path::Path;

use super::report::{Action, WaitsFor};
use crate::genre::Verdict;
use crate::storage::says_full;
use crate::store::TrackStatus;
use crate::tagging::{FileStamp, Refusal, TagError};

/// How the line ended for a file.
pub(super) struct FileOutcome<'a> {
    pub(super) verdict: Option<&'a Verdict>,
    pub(super) status: TrackStatus,
    pub(super) action: Action,
    pub(super) reason: Option<String>,
    pub(super) settled: Settled,
    /// It was found just now that another program works against ours.
    pub(super) is_contested: bool,
}

/// Whether the next scan may pass the file by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// It looks again.
    No,
    /// It looks again, and so may this one once the file is still.
    OnceStill,
    /// It looks again, and so may this one once there is room.
    OnceThereIsRoom,
    /// As long as the file stays the same.
    Yes,
    /// As long as the file, its permissions, owner and number of names, and its folder's permissions stay the same.
    WhileSurroundingsStay,
}

impl Settled {
    /// What a file of this stamp waits for.
    pub(super) fn waits_for(self, stamp: &FileStamp) -> Option<WaitsFor> {
        match self {
            Settled::OnceStill => Some(WaitsFor::Stillness),
            Settled::OnceThereIsRoom => Some(WaitsFor::Room { device: stamp.device, size: stamp.size }),
            Settled::No | Settled::Yes | Settled::WhileSurroundingsStay => None,
        }
    }
}

impl<'a> FileOutcome<'a> {
    pub(super) fn skipped(reason: String) -> Self {
        Self {
            verdict: None,
            status: TrackStatus::Skipped,
            action: Action::None,
            reason: Some(reason),
            settled: Settled::Yes,
            is_contested: false,
        }
    }

    /// An analysed file that was not written. A safety rule about the file's own bytes or names is an answer; what its
    /// surroundings forbid, or what went wrong, may go right another time.
    pub(super) fn not_written(verdict: Option<&'a Verdict>, error: &TagError) -> Self {
        let (status, settled) = match error {
            TagError::Refused { reason: Refusal::NoSpace { .. }, .. } => {
                (TrackStatus::Failed, Settled::OnceThereIsRoom)
            }
            TagError::Io { source, .. } if says_full(source) => (TrackStatus::Failed, Settled::OnceThereIsRoom),
            TagError::Refused { reason, .. } if reason.is_about_content() => (TrackStatus::Skipped, Settled::Yes),
            TagError::Refused { reason: Refusal::HardLinked { .. } | Refusal::SymbolicLink, .. } => {
                (TrackStatus::Skipped, Settled::WhileSurroundingsStay)
            }
            TagError::Refused { .. } => (TrackStatus::Failed, Settled::WhileSurroundingsStay),
            TagError::Changed { .. } => (TrackStatus::Skipped, Settled::OnceStill),
            // The copy would not pass another time either.
            TagError::VerifyFailed { .. } => (TrackStatus::Failed, Settled::Yes),
            _ => (TrackStatus::Failed, Settled::No),
        };
        let (action, reason) = (Action::None, Some(error.reason()));
        Self { verdict, status, action, reason, settled, is_contested: false }
    }
}

/// What besides the file's content decides whether it may be written, in one word: permissions, owner and number of names of the
/// file, permissions of its folder, and who we are.
pub(super) fn surroundings_of(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let target = std::fs::canonicalize(path).ok()?;
    let (file, folder) = (target.metadata().ok()?, target.parent()?.metadata().ok()?);
    let (uid, user) = (file.uid(), rustix::process::geteuid().as_raw());
    Some(format!(" {:o} {uid}:{} x{} in {:o} as {user}", file.mode(), file.gid(), file.nlink(), folder.mode()))
}
