//! The clips of the reference folder, decoded by the program.

use std::path::{Path, PathBuf};

use reclassd::audio::{AnalysisWindow, Clip};

/// One entry of `manifest.json`.
pub struct Recording {
    pub name: String,
    pub path: PathBuf,
}

pub fn manifest(folder: &Path) -> Vec<Recording> {
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let recording = |entry: &serde_json::Value| Recording {
        name: entry["name"].as_str().unwrap().to_owned(),
        path: folder.join(entry["file"].as_str().unwrap()),
    };
    manifest.as_array().unwrap().iter().map(recording).collect()
}

/// The whole file as the program decodes it: the mean of the channels, at the file's own rate.
pub fn decode(path: &Path) -> Clip {
    let whole = AnalysisWindow { seconds: 600.0, count: 1 };
    reclassd::audio::decode(path, &whole).unwrap().clips.remove(0)
}
