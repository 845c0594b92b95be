//! A Python wheel as what it is: a ZIP archive, read only when its SHA-256 is the one that is known, and a member at a time.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::InstallError;
use crate::inference::model::sha256_hex;

/// The largest archive and the largest member that are read: musicnn's have 22 and 9 MB.
const MAX_BYTES: u64 = 64 << 20;

/// An archive that is the one that was asked for.
pub(super) struct Wheel {
    path: PathBuf,
    archive: ZipArchive<Cursor<Vec<u8>>>,
}

impl Wheel {
    /// Reads the file and compares its digest; `name` is what the file should be.
    pub(super) fn open(path: &Path, name: &str, sha256: &str) -> Result<Self, InstallError> {
        let read = |source| InstallError::Read { path: path.into(), source };
        let bytes = bounded(&mut File::open(path).map_err(read)?, 0).map_err(read)?;
        let found = sha256_hex(&bytes);
        if found != sha256 {
            let (path, wheel, expected) = (path.into(), name.into(), sha256.into());
            return Err(InstallError::WrongFile { path, wheel, expected, found });
        }
        match ZipArchive::new(Cursor::new(bytes)) {
            Ok(archive) => Ok(Self { path: path.into(), archive }),
            Err(error) => Err(damaged(path, name, error.to_string())),
        }
    }

    /// A member, unpacked.
    pub(super) fn member(&mut self, name: &str) -> Result<Vec<u8>, InstallError> {
        let unpacked = match self.archive.by_name(name) {
            Ok(mut member) => {
                let size = member.size();
                bounded(&mut member, size).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        unpacked.map_err(|reason| damaged(&self.path, name, reason))
    }

    /// The error that says what is wrong with a member.
    pub(super) fn damaged(&self, member: &str, reason: String) -> InstallError {
        damaged(&self.path, member, reason)
    }
}

fn damaged(path: &Path, member: &str, reason: String) -> InstallError {
    InstallError::Damaged { path: path.into(), member: member.into(), reason }
}

/// All that a reader gives, if it is not more than is sensible; the size that it announces is no more than a hint.
fn bounded(reader: &mut impl Read, size: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size.min(MAX_BYTES) as usize);
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other(format!("more than {} MiB, at most that is read", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}
