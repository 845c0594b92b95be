//! Which way of gathering batches was found to be the best one here: a small file beside the installed library. It
//! holds for one version on one device; on another nothing is known.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::device::Device;

/// The file's name.
const NAME: &str = "batch.toml";
/// The file is a few lines.
const MAX_BYTES: u64 = 4096;

/// A way of gathering batches and what it was measured with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The version of ONNX Runtime.
    pub version: String,
    /// Where it computed.
    pub provider: Device,
    /// Windows at once.
    pub size: usize,
    /// How long a window waits for others.
    pub wait_ms: u32,
}

impl Choice {
    /// What was kept in a folder; none where nothing was, or nothing that can be used.
    pub fn read(folder: &Path) -> Option<Self> {
        let path = file(folder)?;
        let length = std::fs::metadata(&path).ok()?.len();
        let text = (length <= MAX_BYTES).then(|| std::fs::read_to_string(&path).ok())??;
        toml::from_str(&text).inspect_err(|error| tracing::debug!("{}: {error}", path.display())).ok()
    }

    /// Keeps it, for programs that start later. Makes the folder where there is none.
    ///
    /// # Errors
    /// Whatever the system says; nowhere to keep it is none.
    pub fn keep(&self, folder: &Path) -> io::Result<()> {
        let Some(path) = file(folder) else { return Ok(()) };
        let text = toml::to_string(self).map_err(io::Error::other)?;
        std::fs::create_dir_all(folder)?;
        let unfinished = path.with_extension("toml.part");
        std::fs::write(&unfinished, format!("# What `reclassd doctor` found best.\n{text}"))?;
        std::fs::rename(&unfinished, &path)
    }

    /// The batches to make, if this was measured with that version there.
    pub(super) fn holds_for(&self, version: &str, provider: Device) -> Option<Batch> {
        let is_usable = self.version == version && self.provider == provider && (1..=1024).contains(&self.size);
        is_usable.then(|| Batch { size: self.size, wait: Duration::from_millis(self.wait_ms.min(10_000).into()) })
    }
}

fn file(folder: &Path) -> Option<PathBuf> {
    (!folder.as_os_str().is_empty()).then(|| folder.join(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_best_holds_for_the_same_library_and_device_only() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("runtime");
        assert_eq!(Choice::read(&folder), None);
        let choice = Choice { version: "1.32.0".into(), provider: Device::Cuda(0), size: 16, wait_ms: 3 };
        choice.keep(&folder).unwrap();
        let read = Choice::read(&folder).unwrap();
        assert_eq!(read, choice);
        let batch = Batch { size: 16, wait: Duration::from_millis(3) };
        assert_eq!(read.holds_for("1.32.0", Device::Cuda(0)), Some(batch));
        assert_eq!(read.holds_for("1.32.0", Device::Cpu), None);
        assert_eq!(read.holds_for("1.33.0", Device::Cuda(0)), None);
        assert_eq!(Choice { size: 0, ..choice }.holds_for("1.32.0", Device::Cuda(0)), None);
        std::fs::write(folder.join(NAME), "size = \"many\"").unwrap();
        assert_eq!(Choice::read(&folder), None);
    }
}
