//! A Python wheel as what it is: a ZIP archive, read only when its SHA-256 is the one that is known, and a member at a
//! time. It may be larger than the memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use sha2::{Digest, Sha256};

use super::InstallError;

/// The largest member that is read into memory: musicnn's have 9 MB.
const MAX_BYTES: u64 = 64 << 20;
/// The largest one that is unpacked into a file: ONNX Runtime's for GPUs have 300 MB.
const MAX_UNPACKED: u64 = 2 << 30;

/// An archive that is the one that was asked for.
pub(super) struct Wheel {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
}

impl Wheel {
    /// Reads the file and compares its digest; `name` is what the file should be.
    pub(super) fn open(path: &Path, name: &str, sha256: &str) -> Result<Self, InstallError> {
        let read = |source| InstallError::Read { path: path.into(), source };
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(read)?);
        let mut digest = Sha256::new();
        loop {
            let bytes = file.fill_buf().map_err(read)?;
            if bytes.is_empty() {
                break;
            }
            digest.update(bytes);
            let read = bytes.len();
            file.consume(read);
        }
        let found: String = digest.finalize().iter().map(|b| format!("{b:02x}")).collect();
        if found != sha256 {
            let (path, wheel, expected) = (path.into(), name.into(), sha256.into());
            return Err(InstallError::WrongFile { path, wheel, expected, found });
        }
        file.rewind().map_err(read)?;
        match ZipArchive::new(file) {
            Ok(archive) => Ok(Self { path: path.into(), archive }),
            Err(error) => Err(damaged(path, name, error.to_string())),
        }
    }

    /// A member, unpacked into a file.
    pub(super) fn unpack(&mut self, name: &str, into: &mut impl Write) -> Result<(), InstallError> {
        let unpacked = match self.archive.by_name(name) {
            Ok(member) => match std::io::copy(&mut member.take(MAX_UNPACKED), into) {
                Ok(MAX_UNPACKED) => Err(format!("has more than {} MiB", MAX_UNPACKED >> 20)),
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        };
        unpacked.map_err(|reason| damaged(&self.path, name, reason))
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
