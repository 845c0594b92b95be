//! ONNX Runtime's shared library, out of the Python package that carries it, into the data folder. No Python code of it
//! is run.
//!
//! The files are pinned by their SHA-256: one wheel an architecture, whatever Python the user has, since only its C
//! library is taken.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::client::{self, Wish};
use super::wheel::Wheel;
use super::{InstallError, folder};
use crate::inference::Runtime;

/// What `Runtime` looks for.
const LIBRARY: &str = "libonnxruntime.so";

/// A wheel that holds the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuntimePackage {
    /// Its name on the Python index.
    pub name: &'static str,
    /// The version that is known.
    pub version: &'static str,
    /// Megabytes to fetch and to keep.
    pub megabytes: (u32, u32),
    wheel: &'static str,
    sha256: &'static str,
    platform: &'static str,
    /// Members, and what they are called in the data folder.
    files: &'static [(&'static str, &'static str)],
}

const CPU_FILES: &[(&str, &str)] = &[
    ("onnxruntime/capi/libonnxruntime.so.1.32.0", LIBRARY),
    ("onnxruntime/capi/libonnxruntime_providers_shared.so", "libonnxruntime_providers_shared.so"),
    ("onnxruntime/LICENSE", "LICENSE"),
    ("onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt"),
];

const CPU_X86_64: RuntimePackage = RuntimePackage {
    name: "onnxruntime",
    version: "1.32.0",
    megabytes: (28, 35),
    wheel: "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
    platform: "manylinux_2_28_x86_64",
    files: CPU_FILES,
};

const CPU_AARCH64: RuntimePackage = RuntimePackage {
    megabytes: (23, 30),
    wheel: "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_aarch64.whl",
    sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
    platform: "manylinux_2_28_aarch64",
    ..CPU_X86_64
};

const GPU_X86_64: RuntimePackage = RuntimePackage {
    name: "onnxruntime-gpu",
    version: "1.31.1",
    megabytes: (255, 315),
    wheel: "onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl",
    sha256: "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
    platform: "manylinux_2_28_x86_64",
    files: &[
        ("onnxruntime/capi/libonnxruntime.so.1.31.1", LIBRARY),
        ("onnxruntime/capi/libonnxruntime_providers_shared.so", "libonnxruntime_providers_shared.so"),
        ("onnxruntime/capi/libonnxruntime_providers_cuda.so", "libonnxruntime_providers_cuda.so"),
        ("onnxruntime/capi/libonnxruntime_providers_tensorrt.so", "libonnxruntime_providers_tensorrt.so"),
        ("onnxruntime/LICENSE", "LICENSE"),
        ("onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt"),
    ],
};

impl RuntimePackage {
    /// The package for this machine's processor, or for its NVIDIA GPU; none where there is no such wheel.
    pub fn here(gpu: bool) -> Option<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH, gpu) {
            ("linux", "x86_64", false) => Some(CPU_X86_64),
            ("linux", "aarch64", false) => Some(CPU_AARCH64),
            ("linux", "x86_64", true) => Some(GPU_X86_64),
            _ => None,
        }
    }

    /// Fetches the wheel with the user's package client and installs the library. What the client fetched is removed
    /// again.
    ///
    /// # Errors
    /// When there is no client or it fails; those of [`RuntimePackage::install`].
    pub fn fetch_and_install(&self, into: &Path) -> Result<PathBuf, InstallError> {
        let staged = Staging::beside(into, "download")?;
        let wish = Wish {
            package: self.name,
            version: self.version,
            wheel: self.wheel,
            platform: Some((self.platform, "3.12")),
        };
        let wheel = client::fetch(&wish, &staged.path)?;
        self.install(&wheel, into)
    }

    /// Installs the library of a wheel: all of its files or, where something is wrong, none. One that is there gives
    /// way. Gives the library's path.
    ///
    /// # Errors
    /// When the file cannot be read, is not the known one or does not hold what it should; when the library does not
    /// open; when the folder cannot be written.
    pub fn install(&self, wheel: &Path, into: &Path) -> Result<PathBuf, InstallError> {
        let mut wheel = Wheel::open(wheel, self.wheel, self.sha256)?;
        let staged = Staging::beside(into, "new")?;
        for (member, name) in self.files {
            let path = staged.path.join(name);
            let mut file = File::create_new(&path).map_err(folder::write_error(&path))?;
            wheel.unpack(member, &mut file)?;
            file.sync_all().map_err(folder::write_error(&path))?;
        }
        Runtime::check(&staged.path.join(LIBRARY)).map_err(|reason| wheel.damaged(LIBRARY, reason))?;
        let old = Staging::beside(into, "old")?;
        let error = folder::write_error(into);
        if into.exists() {
            fs::rename(into, old.path.join("runtime")).map_err(&error)?;
        }
        fs::rename(&staged.path, into).map_err(&error)?;
        Ok(into.join(LIBRARY))
    }
}

/// Removes the installed library; whether there was one.
///
/// # Errors
/// [`InstallError::Write`] when it cannot be removed.
pub fn remove_runtime(folder: &Path) -> Result<bool, InstallError> {
    if !folder.join(LIBRARY).exists() {
        return Ok(false);
    }
    fs::remove_dir_all(folder).map_err(folder::write_error(folder)).map(|()| true)
}

/// A hidden folder beside the place, removed when dropped.
struct Staging {
    path: PathBuf,
}

impl Staging {
    fn beside(place: &Path, purpose: &str) -> Result<Self, InstallError> {
        let parent = place.parent().unwrap_or(Path::new("."));
        let path = parent.join(format!(".reclassd-runtime-{purpose}"));
        // What a crash left is in the way and nobody's.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).map_err(folder::write_error(&path))?;
        Ok(Self { path })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Put in place, it is gone already.
        let _ = fs::remove_dir_all(&self.path);
    }
}
