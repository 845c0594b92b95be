//! A playlist as a file that players read: extended M3U in UTF-8, with paths from its own folder.
//!
//! The second line says that this program wrote it, and by what; a file without it is somebody else's and is not
//! touched. A new list is written beside the old one and takes its place when it is whole. What would not change is not
//! written.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::PlaylistError;
use crate::store::ListedTrack;

const FIRST: &str = "#EXTM3U\n";
/// The beginning of the line that marks a list as ours.
const OURS: &str = "#RECLASSD:";

/// With this begins what the list of a group says that it was made by.
pub const GROUP: &str = "group ";

/// Whether the file is a list that was made of a group, by us.
pub fn is_group_list(path: &Path) -> bool {
    let ours = [FIRST, OURS, GROUP].concat();
    let mut start = vec![0; ours.len()];
    let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let mut read = || std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    is_file && read().is_ok() && start == ours.as_bytes()
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It was written.
    Written,
    /// It holds what would have been written.
    Unchanged,
}

/// What a playlist in this folder (without links and dots) holds; `by` says by what it was made. The second value are
/// tracks whose paths no list can hold, since they have a line break in them.
pub fn contents<'t>(
    tracks: impl IntoIterator<Item = &'t ListedTrack>,
    folder: &Path,
    by: &str,
) -> (Vec<u8>, Vec<&'t Path>) {
    let mut text = format!("{FIRST}{OURS}{}\n", on_one_line(by)).into_bytes();
    let mut left_out = Vec::new();
    for track in tracks {
        let path = from_folder(&track.path, folder);
        let bytes = path.as_os_str().as_bytes();
        if bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            left_out.push(track.path.as_path());
            continue;
        }
        let seconds = track.duration.map_or(-1, |d| i64::try_from(d.as_secs()).unwrap_or(-1));
        text.extend(format!("#EXTINF:{seconds},{}\n", on_one_line(&name(track))).into_bytes());
        // A name that begins like a comment, or with a space that players cut off, or as an address.
        if !bytes.starts_with(b"../") {
            text.extend(b"./");
        }
        text.extend(bytes);
        text.push(b'\n');
    }
    (text, left_out)
}

/// What a player shows.
fn name(track: &ListedTrack) -> String {
    let stem = || track.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    match (&track.credits.artist, &track.credits.title) {
        (Some(artist), Some(title)) => format!("{artist} - {title}"),
        (None, Some(title)) => title.clone(),
        _ => stem(),
    }
}

fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A path as it is found from a folder; both from the root, without links and dots.
fn from_folder(path: &Path, folder: &Path) -> PathBuf {
    let (mut its, mut ours) = (path.components().peekable(), folder.components().peekable());
    while let (Some(a), Some(b)) = (its.peek(), ours.peek()) {
        if a != b {
            break;
        }
        its.next();
        ours.next();
    }
    let up = ours.map(|_| Component::ParentDir);
    up.chain(its).map(|component| component.as_os_str()).collect()
}

/// Writes a playlist if it changed. Something else that has its name is left alone, unless `over_others`.
///
/// # Errors
/// [`PlaylistError::Foreign`] for what is not ours, [`PlaylistError::Write`] when it cannot be written; what was there
/// is then as it was.
pub fn save(path: &Path, contents: &[u8], over_others: bool) -> Result<Saved, PlaylistError> {
    let error = |source| PlaylistError::Write { path: path.to_owned(), source };
    // Of a link, what it leads to.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = match std::fs::symlink_metadata(&target) {
        Ok(metadata) if metadata.is_file() => Some(std::fs::read(&target).map_err(error)?),
        Ok(_) => return Err(PlaylistError::Foreign(path.to_owned())),
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => None,
        Err(other) => return Err(error(other)),
    };
    if old.as_deref() == Some(contents) {
        return Ok(Saved::Unchanged);
    }
    if old.as_ref().is_some_and(|old| !old.is_empty() && !is_ours(old)) && !over_others {
        return Err(PlaylistError::Foreign(path.to_owned()));
    }
    let name = target.file_name().unwrap_or(OsStr::new("playlist"));
    let mut hidden = OsStr::new(".").to_owned();
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    let unfinished = target.with_file_name(hidden);
    let put = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(contents)?;
        if old.is_some() {
            file.set_permissions(std::fs::metadata(&target)?.permissions())?;
        }
        file.sync_all()?;
        std::fs::rename(&unfinished, &target)
    };
    put()
        .inspect_err(|_| {
            if let Err(error) = std::fs::remove_file(&unfinished) {
                tracing::debug!("{}: cannot be removed: {error}", unfinished.display());
            }
        })
        .map_err(error)?;
    Ok(Saved::Written)
}

fn is_ours(contents: &[u8]) -> bool {
    contents.strip_prefix(FIRST.as_bytes()).is_some_and(|rest| rest.starts_with(OURS.as_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::time::Duration;

    use super::*;
    use crate::store::AudioKey;
    use crate::tagging::Credits;

    fn track(path: &str) -> ListedTrack {
        let credits = Credits { artist: Some("A\nB".to_owned()), title: Some("T".to_owned()), album: None };
        let (audio, duration) = (AudioKey::from_number(1), Some(Duration::from_millis(61_900)));
        let (path, genre, confidence) = (PathBuf::from(path), None, None);
        ListedTrack { path, audio, genre, confidence, credits, duration, added_at: 0, described: None }
    }

    #[test]
    fn paths_lead_from_the_list_to_the_tracks() {
        let tracks = ["/m/lists/#1.mp3", "/m/jazz/ä b.mp3", "/other/x.mp3", "/m/a\nb.mp3"].map(track);
        let (text, left_out) = contents(&tracks, Path::new("/m/lists"), "genre = Jazz\n#x");
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "#EXTM3U\n#RECLASSD:genre = Jazz #x\n#EXTINF:61,A B - T\n./#1.mp3\n#EXTINF:61,A B - T\n../jazz/ä b.mp3\n\
             #EXTINF:61,A B - T\n../../other/x.mp3\n"
        );
        assert_eq!(left_out, [Path::new("/m/a\nb.mp3")]);
    }

    #[test]
    fn only_our_own_list_is_written_over_and_only_when_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.m3u8");
        let (one, _) = contents([], folder.path(), "one");
        let (two, _) = contents([], folder.path(), "two");
        assert_eq!(save(&path, &one, false).unwrap(), Saved::Written);
        let inode = std::fs::metadata(&path).unwrap().ino();
        assert_eq!(save(&path, &one, false).unwrap(), Saved::Unchanged);
        assert_eq!(std::fs::metadata(&path).unwrap().ino(), inode);
        assert_eq!(save(&path, &two, false).unwrap(), Saved::Written);
        std::fs::write(&path, "#EXTM3U\nmine.mp3\n").unwrap();
        assert!(matches!(save(&path, &two, false), Err(PlaylistError::Foreign(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"#EXTM3U\nmine.mp3\n");
        assert_eq!(save(&path, &two, true).unwrap(), Saved::Written);
        assert!(matches!(save(folder.path(), &two, true), Err(PlaylistError::Foreign(_))));
        let nowhere = folder.path().join("missing/x.m3u8");
        assert!(matches!(save(&nowhere, &two, false), Err(PlaylistError::Write { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
