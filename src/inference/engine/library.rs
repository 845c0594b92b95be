//! Opening a shared library of ONNX Runtime: it says its version before anything else is asked of it, and one that is
//! too old or is none is closed again, so that the next one can be tried.

use std::ffi::CStr;
use std::path::{Path, PathBuf};

use libloading::Library;

/// The oldest version whose interface has all that is used: 1.20.
const OLDEST: u32 = 20;

/// A library that is open for the rest of the process.
#[derive(Debug)]
pub(super) struct Opened {
    /// Its file, as far as the system tells.
    pub(super) path: PathBuf,
    /// What it calls itself: `1.32.0`.
    pub(super) version: String,
    pub(super) api: ort::sys::OrtApi,
}

/// Opens a library, by its path or by a name that the system looks up.
///
/// An error says what is the matter, on one line.
pub(super) fn open(path: &Path) -> Result<Opened, String> {
    // A path that is no file is said plainly; a bare name is the system's to find.
    if path.components().count() > 1 && !path.is_file() {
        return Err("there is no such file".to_owned());
    }
    preload_neighbours(path);
    #[allow(unsafe_code)] // its initialisers run: it is the library that the user named or installed
    let library = unsafe { Library::new(path) }.map_err(|error| one_line(&error))?;
    let (version, api) = handshake(&library)?;
    // What was loaded is used until the process ends.
    std::mem::forget(library);
    Ok(Opened { path: path.to_owned(), version, api })
}

type GetApiBase = unsafe extern "system" fn() -> *const ort::sys::OrtApiBase;

fn handshake(library: &Library) -> Result<(String, ort::sys::OrtApi), String> {
    #[allow(unsafe_code)] // this entry point and the two behind it have had the same signatures in every version
    unsafe {
        let entry = library.get::<GetApiBase>(b"OrtGetApiBase\0");
        let entry = entry.map_err(|_| "it is no library of ONNX Runtime".to_owned())?;
        let base = entry();
        let Some(base) = base.as_ref() else { return Err("it gives no interface".to_owned()) };
        let version = (base.GetVersionString)();
        if version.is_null() {
            return Err("it does not say its version".to_owned());
        }
        let version = CStr::from_ptr(version).to_string_lossy().into_owned();
        if !is_new_enough(&version) {
            return Err(format!("it is version {version}, older than 1.{OLDEST}"));
        }
        let api = (base.GetApi)(ort::sys::ORT_API_VERSION.max(OLDEST));
        match api.as_ref() {
            Some(api) => Ok((version, api.clone())),
            None => Err(format!("version {version} does not have the interface of 1.{OLDEST}")),
        }
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    match (numbers.next(), numbers.next()) {
        (Some(1), Some(minor)) => minor >= OLDEST,
        (Some(major), _) => major > 1,
        _ => false,
    }
}

/// NVIDIA's libraries as pip installs them lie in folders beside the package and on no search path: they are loaded
/// first, where they are.
fn preload_neighbours(path: &Path) {
    // .../site-packages/onnxruntime/capi/libonnxruntime.so, and .../site-packages/nvidia/*/lib.
    let Some(packages) = path.ancestors().nth(3).filter(|folder| folder.join("nvidia").is_dir()) else { return };
    let folders = walkdir::WalkDir::new(packages.join("nvidia")).max_depth(3).sort_by_file_name();
    let files = folders.into_iter().filter_map(Result::ok).map(walkdir::DirEntry::into_path);
    let mut waiting: Vec<PathBuf> = files.filter(|file| file.to_string_lossy().contains(".so.")).collect();
    // They need each other: whatever loads is loaded, until nothing more does.
    loop {
        let before = waiting.len();
        #[allow(unsafe_code)] // as above
        waiting.retain(|file| match unsafe { Library::new(file) } {
            Ok(library) => {
                std::mem::forget(library);
                false
            }
            Err(_) => true,
        });
        if waiting.len() == before || waiting.is_empty() {
            return;
        }
    }
}

fn one_line(error: &dyn std::error::Error) -> String {
    // The loader's own words are the cause's.
    let cause = std::iter::successors(error.source(), |cause| cause.source()).last();
    cause.map_or_else(|| error.to_string(), ToString::to_string).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (version, enough) in [
            ("1.20.0", true),
            ("1.32.1", true),
            ("2.0.0", true),
            ("1.19.2", false),
            ("1.9.0", false),
            ("x", false),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }

    #[test]
    fn a_file_that_is_no_library_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libonnxruntime.so");
        assert_eq!(open(&file).err().unwrap(), "there is no such file");
        std::fs::write(&file, "no library").unwrap();
        assert!(!open(&file).err().unwrap().contains('\n'));
    }
}
