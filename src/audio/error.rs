//! Why a file did not become sound, in words its owner understands. Inside this folder a failure is a [Fault], which
//! does not know the path; at the public boundary it becomes an [AudioError], which does.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What went wrong with one file. Every message names the file, the reason and, where there is one, the remedy.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AudioError {
    /// A sound file of a kind that no decoder is built in for: nothing is wrong with the file.
    #[error("{path}: {what}; {advice}", path = path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The container, codec or protection, as its users call it, and that it is not decoded.
        what: String,
        /// What the owner can do about it.
        advice: &'static str,
    },
    /// The bytes contradict themselves, or too little of the sound could be decoded.
    #[error("{path}: the file is damaged: {why}; play it to check, or restore it from its source", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What contradicts what.
        why: String,
    },
    /// The file ends before the length that it declares: a copy or download that stopped.
    #[error("{path}: the file is incomplete: {why}; copy or download it again", path = path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What is declared and what is there.
        why: String,
    },
    /// There is no sound in it: no bytes at all, or a stream without samples.
    #[error("{path}: the file is empty: {why}", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// No bytes, or no samples.
        why: &'static str,
    },
    /// The contents are no known kind of sound file, whatever the name says.
    #[error("{path}: this is not a sound file: {found}", path = path.display())]
    NotAudio {
        /// The file.
        path: PathBuf,
        /// What the contents look like.
        found: &'static str,
    },
    /// A folder, a named pipe, a device: never opened, since reading it could block for ever.
    #[error("{path}: {kind} cannot be read as a sound file", path = path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The operating system refused to open or read it.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A clip cannot be brought to the wanted rate.
    #[error("cannot resample from {from} Hz to {to} Hz: {why}")]
    Resample {
        /// The clip's rate in Hz.
        from: u32,
        /// The wanted rate in Hz.
        to: u32,
        /// The resampler's reason.
        why: String,
    },
}

/// The kinds of failure that a report counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Nothing is wrong with the file; no decoder for it is built in.
    Unsupported,
    /// The bytes contradict themselves: only another file would help.
    Damaged,
    /// The file stops before its declared end: worth a retry when the file changes.
    Truncated,
    /// No bytes or no samples.
    Empty,
    /// Not a sound file, or not a file.
    NotAudio,
    /// The operating system failed: worth a retry of the same file.
    Io,
    /// A request that cannot be met (a rate of 0 Hz). A fault of the caller.
    Request,
}

impl AudioError {
    /// The message without the path, for a place that shows the path already.
    pub fn reason(&self) -> String {
        let text = self.to_string();
        let path = match self {
            Self::Unsupported { path, .. }
            | Self::Damaged { path, .. }
            | Self::Truncated { path, .. }
            | Self::Empty { path, .. }
            | Self::NotAudio { path, .. }
            | Self::NotAFile { path, .. }
            | Self::Io { path, .. } => path,
            Self::Resample { .. } => return text,
        };
        text.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&text).to_owned()
    }

    /// What kind of failure this is: `Io` may go right another time, the rest stays as long as the file does.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Unsupported { .. } => FailureKind::Unsupported,
            Self::Damaged { .. } => FailureKind::Damaged,
            Self::Truncated { .. } => FailureKind::Truncated,
            Self::Empty { .. } => FailureKind::Empty,
            Self::NotAudio { .. } | Self::NotAFile { .. } => FailureKind::NotAudio,
            Self::Io { .. } => FailureKind::Io,
            Self::Resample { .. } => FailureKind::Request,
        }
    }
}

/// A failure that does not know its path yet.
#[derive(Debug)]
pub(crate) enum Fault {
    Unsupported { what: String, advice: &'static str },
    Damaged(String),
    Truncated(String),
    Empty(&'static str),
    NotAudio(&'static str),
    NotAFile(&'static str),
    Io(io::Error),
}

/// Runs what reads a file. Most of the parsers and decoders underneath are other people's: should one of them panic on
/// a hostile file, the file is reported as damaged and the scan goes on. What they log is logged with the file's name
/// around it.
pub(crate) fn guard<T>(path: &Path, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, AudioError> {
    let _reading = tracing::error_span!("reading", file = %path.display()).entered();
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Fault::damaged("a decoder gave up on it")))
        .map_err(|fault| fault.at(path))
}

/// The usual advice for a format that other programs can read.
const CONVERT: &str = "convert it, for example to FLAC, to have it classified";

impl Fault {
    /// A kind of sound, by its name, that nothing is wrong with.
    pub(crate) fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::Unsupported { what: format!("{what} is not decoded yet"), advice: CONVERT }
    }

    pub(crate) fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged(why.into())
    }

    pub(crate) fn truncated(why: impl Into<String>) -> Self {
        Self::Truncated(why.into())
    }

    /// The public error: this failure, of that file.
    pub(crate) fn at(self, path: &Path) -> AudioError {
        let path = path.to_path_buf();
        match self {
            Self::Unsupported { what, advice } => AudioError::Unsupported { path, what, advice },
            Self::Damaged(why) => AudioError::Damaged { path, why },
            Self::Truncated(why) => AudioError::Truncated { path, why },
            Self::Empty(why) => AudioError::Empty { path, why },
            Self::NotAudio(found) => AudioError::NotAudio { path, found },
            Self::NotAFile(kind) => AudioError::NotAFile { path, kind },
            Self::Io(source) => AudioError::Io { path, source },
        }
    }
}

/// Whether an error of input and output is one that symphonia made up about the contents, such as "end of bitstream",
/// and not the system's.
pub(crate) fn is_synthetic(error: &io::Error) -> bool {
    error.raw_os_error().is_none() && error.kind() != io::ErrorKind::UnexpectedEof
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        // A read past the end is a statement about the file, not about the disk.
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated("it ends in the middle of the sound".into()),
            _ => Self::Io(error),
        }
    }
}

impl From<symphonia::core::errors::Error> for Fault {
    fn from(error: symphonia::core::errors::Error) -> Self {
        use symphonia::core::errors::Error;
        match error {
            Error::IoError(error) if is_synthetic(&error) => Self::damaged(error.to_string()),
            Error::IoError(error) => error.into(),
            Error::Unsupported(what) => Self::unsupported(format!("this kind of stream ({what})")),
            Error::DecodeError(why) | Error::LimitError(why) => Self::damaged(why),
            other => Self::damaged(other.to_string()),
        }
    }
}
