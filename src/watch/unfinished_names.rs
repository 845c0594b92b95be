//! Names under which a file is never ripe: others are still making it, whatever its ending says.

use std::ffi::OsStr;
use std::path::Path;

/// Endings of downloads and copies in progress, in lower case.
const UNFINISHED: [&str; 11] =
    ["part", "partial", "tmp", "temp", "crdownload", "!qb", "!ut", "aria2", "download", "opdownload", "filepart"];

/// Whether the name is a hidden one: neither files nor folders of such a name are ever looked at.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Whether the name says that the file is not finished: `song.mp3.part`, `.song.mp3.aX12`, or a temporary copy of ours.
pub(super) fn is_unfinished(path: &Path) -> bool {
    if is_hidden(path) {
        return true;
    }
    let ending = path.extension().and_then(OsStr::to_str).map(str::to_lowercase);
    ending.is_some_and(|ending| UNFINISHED.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_are_still_making_is_never_ripe() {
        for name in ["a.mp3.part", "a.tmp", "A.FLAC.CRDOWNLOAD", "x.mp3.!qB", ".a.mp3.Xy3Z", ".a.mp3.reclassd-1-2.tmp"]
        {
            assert!(is_unfinished(Path::new("/m").join(name).as_path()), "{name}");
        }
        for name in ["a.mp3", "part.flac", "tmp", "My.part.one.ogg"] {
            assert!(!is_unfinished(Path::new("/m").join(name).as_path()), "{name}");
        }
    }
}
