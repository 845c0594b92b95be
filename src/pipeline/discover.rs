//! Folders become candidates: a walk that names every file worth looking at, and every place it could not look into.
//!
//! It opens no file and keeps no list: paths are handed on one by one, in the order of their names.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use walkdir::{DirEntry, WalkDir};

use crate::config::Library;

/// Which files count: endings, patterns to leave out, and whether links are followed.
#[derive(Debug, Clone)]
pub struct Selection {
    extensions: Vec<String>,
    exclude: GlobSet,
    follow_symlinks: bool,
}

/// What the walk came upon.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A file to look at.
    Candidate(PathBuf),
    /// A place that cannot be looked at, and why.
    Obstacle {
        /// The folder or link.
        path: PathBuf,
        /// What is the matter.
        obstacle: Obstacle,
    },
}

/// Why a place cannot be looked at, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// A link to a folder that holds it.
    #[error("this link leads back to {ancestor}: not followed; remove the link, or exclude it", ancestor = .0.display())]
    Loop(PathBuf),
    /// A link to a file, and no link is to be followed.
    #[error("a symbolic link, and [library] follow_symlinks is off")]
    Link,
    /// A link to nothing, or a file that went away during the walk.
    #[error("is not there: a dangling link, or it vanished during the walk")]
    Missing,
    /// A folder that may not be read.
    #[error("cannot be read: permission denied; run as a user who may read it, or exclude it")]
    Forbidden,
    /// Anything else that the system says.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

impl Selection {
    /// The selection that a configuration describes.
    ///
    /// # Errors
    /// The glob pattern that is not one; a configuration that was loaded from a file has none.
    pub fn new(library: &Library) -> Result<Self, globset::Error> {
        let mut exclude = GlobSetBuilder::new();
        for pattern in &library.exclude {
            exclude.add(Glob::new(pattern)?);
        }
        let extensions = library.extensions.iter().map(|e| e.trim_start_matches('.').to_lowercase()).collect();
        Ok(Self { extensions, exclude: exclude.build()?, follow_symlinks: library.follow_symlinks })
    }

    /// Walks a folder, or names the file itself: a file that was asked for by name is a candidate whatever its ending.
    pub fn walk<'a>(&'a self, root: &'a Path) -> impl Iterator<Item = Found> + 'a {
        self.find(root, WalkDir::new(root).sort_by_file_name())
    }

    /// The same in the order of the paths' bytes, which is the database's. Only what lies behind a link to a folder comes out of
    /// order.
    pub(super) fn walk_in_order_of_paths<'a>(&'a self, root: &'a Path) -> impl Iterator<Item = Found> + 'a {
        self.find(root, WalkDir::new(root).sort_by(by_path))
    }

    /// Every folder of a tree that is looked into, the tree's root first. A folder is handed on before it is read: who watches it
    /// at once hears of whatever the walk may miss.
    pub fn folders<'a>(&'a self, root: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let walk = WalkDir::new(root).follow_links(self.follow_symlinks).into_iter();
        let entries = walk.filter_entry(move |entry| entry.depth() == 0 || !self.leaves_out(entry));
        entries.filter_map(|entry| entry.ok().filter(|entry| entry.file_type().is_dir()).map(DirEntry::into_path))
    }

    /// Whether a path below `root` is one that a walk would come to, were there a folder.
    pub fn takes_folder(&self, root: &Path, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(root) else { return false };
        let mut whole = root.to_owned();
        below.components().all(|part| {
            whole.push(part);
            !self.leaves_out_path(&whole, part.as_os_str())
        })
    }

    /// Whether a path below `root` is one that a walk would hand on, were there a file.
    pub fn takes_file(&self, root: &Path, path: &Path) -> bool {
        self.has_known_extension(path) && self.takes_folder(root, path)
    }

    fn find<'a>(&'a self, root: &'a Path, walk: WalkDir) -> impl Iterator<Item = Found> + 'a {
        let walk = walk.follow_links(self.follow_symlinks);
        let entries = walk.into_iter().filter_entry(move |entry| entry.depth() == 0 || !self.leaves_out(entry));
        entries.filter_map(move |entry| match entry {
            Ok(entry) if !self.is_candidate(&entry) => None,
            // One that was named is the caller's to refuse.
            Ok(entry) if entry.depth() > 0 && entry.file_type().is_symlink() => {
                Some(Found::Obstacle { path: entry.into_path(), obstacle: Obstacle::Link })
            }
            Ok(entry) => Some(Found::Candidate(entry.into_path())),
            Err(error) => {
                let (path, obstacle) = (error.path().unwrap_or(root), obstacle(&error));
                // A dangling link to a cover is nobody's business here; one to a song is.
                let concerns_us = obstacle != Obstacle::Missing || error.depth() == 0 || self.has_known_extension(path);
                concerns_us.then(|| Found::Obstacle { path: path.to_owned(), obstacle })
            }
        })
    }

    /// The candidates that lie in a folder itself, by name; none of a folder that cannot be read.
    pub fn files_in(&self, folder: &Path) -> Vec<PathBuf> {
        let walk =
            WalkDir::new(folder).min_depth(1).max_depth(1).follow_links(self.follow_symlinks).sort_by_file_name();
        let entries = walk.into_iter().filter_map(Result::ok).filter(|entry| !self.leaves_out(entry));
        entries.filter(|entry| self.is_candidate(entry)).map(DirEntry::into_path).collect()
    }

    fn leaves_out(&self, entry: &DirEntry) -> bool {
        self.leaves_out_path(entry.path(), entry.file_name())
    }

    fn leaves_out_path(&self, path: &Path, name: &OsStr) -> bool {
        is_hidden(name) || self.exclude.is_match(path) || self.exclude.is_match(Path::new(name))
    }

    fn is_candidate(&self, entry: &DirEntry) -> bool {
        let kind = entry.file_type();
        if kind.is_dir() {
            return false;
        }
        if entry.depth() == 0 {
            return true;
        }
        // Without following, a link still shows as one; one to a song is worth a word.
        let is_file = kind.is_file() || (kind.is_symlink() && entry.path().is_file());
        is_file && self.has_known_extension(entry.path())
    }

    fn has_known_extension(&self, path: &Path) -> bool {
        let extension = path.extension().and_then(OsStr::to_str).map(str::to_lowercase);
        extension.is_some_and(|extension| self.extensions.contains(&extension))
    }
}

/// Hidden files and folders are other programs' business, our own temporary copies among them.
fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// The order of the whole paths' bytes: a folder's name is followed by a slash in them.
fn by_path(a: &DirEntry, b: &DirEntry) -> Ordering {
    let key = |entry: &DirEntry| entry.file_type().is_dir().then_some(b'/');
    let bytes = |entry: &'_ DirEntry| entry.file_name().as_encoded_bytes().to_vec();
    let (mut left, mut right) = (bytes(a), bytes(b));
    left.extend(key(a));
    right.extend(key(b));
    left.cmp(&right)
}

fn obstacle(error: &walkdir::Error) -> Obstacle {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => Obstacle::Loop(ancestor.to_owned()),
        (None, Some(io)) => match io.kind() {
            std::io::ErrorKind::NotFound => Obstacle::Missing,
            std::io::ErrorKind::PermissionDenied => Obstacle::Forbidden,
            _ => Obstacle::Unreadable(io.to_string()),
        },
        (None, None) => Obstacle::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    fn walk(library: &Library, root: &Path) -> (Vec<String>, Vec<(String, Obstacle)>) {
        let selection = Selection::new(library).unwrap();
        let (mut files, mut obstacles) = (Vec::new(), Vec::new());
        let name = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        for found in selection.walk(root) {
            match found {
                Found::Candidate(path) => files.push(name(&path)),
                Found::Obstacle { path, obstacle } => obstacles.push((name(&path), obstacle)),
            }
        }
        (files, obstacles)
    }

    fn tree(names: &[&[u8]]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            let path = root.path().join(OsStr::from_bytes(name));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn music_is_found_by_its_ending_in_any_case_and_in_order() {
        let root = tree(&[b"b/2.MP3", b"b/1.flac", b"a.Ogg", b"cover.jpg", b"notes", b"x.wv"]);
        assert_eq!(walk(&Library::default(), root.path()).0, ["a.Ogg", "b/1.flac", "b/2.MP3", "x.wv"]);
    }

    #[test]
    fn hidden_and_excluded_files_are_left_out() {
        let root =
            tree(&[b".trash/1.mp3", b".x.reclassd-1-1.tmp.mp3", b"Podcasts/1.mp3", b"a/demo.mp3", b"a/song.mp3"]);
        let library = Library { exclude: vec!["**/Podcasts".into(), "demo.*".into()], ..Library::default() };
        assert_eq!(walk(&library, root.path()).0, ["a/song.mp3"]);
    }

    #[test]
    fn a_file_asked_for_by_name_is_taken_whatever_its_ending() {
        let root = tree(&[b"song.bin"]);
        assert_eq!(walk(&Library::default(), &root.path().join("song.bin")).0.len(), 1);
    }

    #[test]
    fn names_that_are_not_utf_8_or_hold_newlines_are_found() {
        let root = tree(&[b"\xff\xfe.mp3", b"two\nlines.mp3"]);
        assert_eq!(walk(&Library::default(), root.path()).0.len(), 2);
    }

    #[test]
    fn a_link_loop_is_reported_and_the_rest_is_found() {
        let root = tree(&[b"a/1.mp3"]);
        symlink(root.path(), root.path().join("a/loop")).unwrap();
        let (files, obstacles) = walk(&Library::default(), root.path());
        assert_eq!(files, ["a/1.mp3"]);
        assert_eq!(obstacles, [("a/loop".to_owned(), Obstacle::Loop(root.path().to_owned()))]);
    }

    #[test]
    fn a_dangling_link_to_a_song_is_reported_and_one_to_a_cover_is_not() {
        let root = tree(&[b"1.mp3"]);
        symlink("/nowhere/2.mp3", root.path().join("2.mp3")).unwrap();
        symlink("/nowhere/c.jpg", root.path().join("c.jpg")).unwrap();
        let (files, obstacles) = walk(&Library::default(), root.path());
        assert_eq!((files, obstacles), (vec!["1.mp3".to_owned()], vec![("2.mp3".to_owned(), Obstacle::Missing)]));
    }

    #[test]
    fn links_are_followed_only_when_the_configuration_says_so() {
        let elsewhere = tree(&[b"2.mp3"]);
        let root = tree(&[b"1.mp3"]);
        symlink(elsewhere.path(), root.path().join("linked")).unwrap();
        symlink(elsewhere.path().join("2.mp3"), root.path().join("3.mp3")).unwrap();
        assert_eq!(walk(&Library::default(), root.path()).0, ["1.mp3", "3.mp3", "linked/2.mp3"]);
        let library = Library { follow_symlinks: false, ..Library::default() };
        let link = ("3.mp3".to_owned(), Obstacle::Link);
        assert_eq!(walk(&library, root.path()), (vec!["1.mp3".to_owned()], vec![link]));
    }
}
