//! Folders become candidates: a walk that names every file worth looking at, and every place it could not look into.
//!
//! It opens no file and keeps no list: paths are handed on one by one, in the order of their names.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use walkdir::{DirEntry, WalkDir};

use super::ignore_files::{Above, IgnoreFiles};
use crate::config::Library;

/// Which files count: endings, patterns and files by which others are left out, and whether links are followed.
#[derive(Debug, Clone)]
pub struct Selection {
    extensions: Vec<String>,
    exclude: GlobSet,
    /// Patterns of bare names of what storage systems and sync tools put beside music.
    exclude_names: GlobSet,
    ignore_files: IgnoreFiles,
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
    /// A folder that was asked for, and that says of itself that it is left out.
    #[error(
        "left out, with all below it, by its {name}: remove that file, or its name from [library] ignore_files",
        name = .0.display()
    )]
    LeftOut(OsString),
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
        let mut exclude_names = GlobSetBuilder::new();
        for pattern in &library.exclude_defaults {
            exclude_names.add(GlobBuilder::new(pattern).case_insensitive(true).build()?);
        }
        Ok(Self {
            extensions: library.extensions.iter().map(|e| e.trim_start_matches('.').to_lowercase()).collect(),
            exclude: exclude.build()?,
            exclude_names: exclude_names.build()?,
            ignore_files: IgnoreFiles::new(&library.ignore_files),
            follow_symlinks: library.follow_symlinks,
        })
    }

    /// Walks a folder, or names the file itself: a file that was asked for by name is a candidate whatever its ending, and wherever
    /// it is.
    pub fn walk<'a>(&'a self, root: &'a Path) -> impl Iterator<Item = Found> + 'a {
        self.walk_in(root, root)
    }

    /// Walks a folder of the library that begins at `base`: what folders on the way say of themselves holds in it.
    pub fn walk_in<'a>(&'a self, base: &Path, folder: &'a Path) -> impl Iterator<Item = Found> + 'a {
        self.find(base, folder, WalkDir::new(folder).sort_by_file_name())
    }

    /// The same in the order of the paths' bytes, which is the database's. Only what lies behind a link to a folder comes out of
    /// order.
    pub(in crate::pipeline) fn walk_in_order_of_paths<'a>(
        &'a self,
        base: &Path,
        folder: &'a Path,
    ) -> impl Iterator<Item = Found> + 'a {
        self.find(base, folder, WalkDir::new(folder).sort_by(by_path))
    }

    /// Every folder of a tree that is looked into, the tree's root first. A folder is handed on before it is read: who watches it
    /// at once hears of whatever the walk may miss. One that leaves itself out is handed on too, since it may change its mind.
    pub fn folders<'a>(&'a self, base: &Path, folder: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let walk = WalkDir::new(folder).follow_links(self.follow_symlinks).into_iter();
        let entries = walk.filter_entry(self.filter(base, folder));
        entries.filter_map(|entry| entry.ok().filter(|entry| entry.file_type().is_dir()).map(DirEntry::into_path))
    }

    /// Whether a path below `root` is one that a walk would come to, were there a folder.
    pub fn takes_folder(&self, root: &Path, path: &Path) -> bool {
        self.takes(root, path, true)
    }

    /// Whether a path below `root` is one that a walk would hand on, were there a file.
    pub fn takes_file(&self, root: &Path, path: &Path) -> bool {
        self.has_known_extension(path) && self.takes(root, path, false)
    }

    fn takes(&self, root: &Path, path: &Path, is_folder: bool) -> bool {
        let Ok(below) = path.strip_prefix(root) else { return false };
        let mut above = Above::new(&self.ignore_files, root, root);
        let mut whole = root.to_owned();
        let mut parts = below.components().peekable();
        while let Some(part) = parts.next() {
            whole.push(part);
            let is_folder = is_folder || parts.peek().is_some();
            if self.leaves_out_name(&whole, part.as_os_str()) || above.leave_out(&whole, is_folder) {
                return false;
            }
        }
        true
    }

    /// Whether symbolic links are followed.
    pub fn follows_links(&self) -> bool {
        self.follow_symlinks
    }

    /// Whether a file of this name changes what counts in its folder.
    pub fn is_ignore_file(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| self.ignore_files.has(name))
    }

    fn find<'a>(&'a self, base: &Path, root: &'a Path, walk: WalkDir) -> impl Iterator<Item = Found> + 'a {
        let walk = walk.follow_links(self.follow_symlinks);
        let entries = walk.into_iter().filter_entry(self.filter(base, root));
        let is_left_out = self.ignore_files.leaves_out_all_in(root);
        let left_out =
            is_left_out.map(|name| Found::Obstacle { path: root.to_owned(), obstacle: Obstacle::LeftOut(name) });
        left_out.into_iter().chain(self.found(root, entries))
    }

    fn found<'a>(
        &'a self,
        root: &'a Path,
        entries: impl Iterator<Item = walkdir::Result<DirEntry>> + 'a,
    ) -> impl Iterator<Item = Found> + 'a {
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
        let mut above = Above::new(&self.ignore_files, folder, folder);
        let entries = walk.into_iter().filter_map(Result::ok).filter(|entry| !self.leaves_out(entry, &mut above));
        entries.filter(|entry| self.is_candidate(entry)).map(DirEntry::into_path).collect()
    }

    /// Whether a walk of `folder`, in the library that begins at `base`, goes on at an entry.
    fn filter<'a>(&'a self, base: &Path, folder: &Path) -> impl FnMut(&DirEntry) -> bool + use<'a> {
        let mut above = Above::new(&self.ignore_files, base, folder);
        let outer = folders_above(base, folder);
        move |entry| !leads_back(entry, &outer) && (entry.depth() == 0 || !self.leaves_out(entry, &mut above))
    }

    fn leaves_out(&self, entry: &DirEntry, above: &mut Above<'_>) -> bool {
        self.leaves_out_name(entry.path(), entry.file_name()) || {
            let kind = entry.file_type();
            // A cover is no candidate anyway, whatever its folder says of it.
            (kind.is_dir() || self.has_known_extension(entry.path())) && above.leave_out(entry.path(), kind.is_dir())
        }
    }

    fn leaves_out_name(&self, path: &Path, name: &OsStr) -> bool {
        let by_name = Path::new(name);
        is_hidden(name)
            || self.exclude.is_match(path)
            || self.exclude.is_match(by_name)
            || self.exclude_names.is_match(by_name)
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

/// What identifies a folder under all its names.
fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The folders that a folder of a library lies in, from the library's own on.
fn folders_above(base: &Path, folder: &Path) -> Vec<(u64, u64)> {
    let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(base));
    above.filter_map(|above| above.metadata().ok()).map(|metadata| identity(&metadata)).collect()
}

/// Whether an entry is a link to one of those. Of links back into the walk itself the walk knows.
fn leads_back(entry: &DirEntry, outer: &[(u64, u64)]) -> bool {
    let is_linked_folder = entry.path_is_symlink() && entry.file_type().is_dir();
    !outer.is_empty() && is_linked_folder && entry.metadata().is_ok_and(|metadata| outer.contains(&identity(&metadata)))
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
    fn bins_snapshots_and_conflicting_copies_are_no_music() {
        let left_out = [
            "#recycle",
            "@Recycle",
            "$RECYCLE.BIN",
            "$Recycle.Bin",
            "lost+found",
            "#snapshot",
            ".snapshot",
            ".snapshots",
            "@eaDir",
            "System Volume Information",
            ".Trash-1000",
            ".Trashes",
            ".stversions",
            "@tmp",
            "RECYCLER",
            "Recycled",
            ".@__thumb",
        ];
        let files = [
            "song.sync-conflict-20260105-101500-ABCDEFG.mp3",
            "~syncthing~song.mp3.mp3",
            "song (Bob's conflicted copy 2026-01-05).mp3",
            "song (conflicted copy 2026-01-05 101500).mp3",
            "song (SFConflict bob@example.org 2026-01-05-10-15-00).mp3",
        ];
        let names = left_out.iter().map(|folder| format!("{folder}/song.mp3")).chain(files.map(str::to_owned));
        let mut names: Vec<String> = names.collect();
        names.push("Recycle/My conflicted heart.mp3".to_owned());
        let root = tree(&names.iter().map(String::as_bytes).collect::<Vec<_>>());
        assert_eq!(walk(&Library::default(), root.path()).0, ["Recycle/My conflicted heart.mp3"]);
        let selection = Selection::new(&Library::default()).unwrap();
        let (taken, rest): (Vec<_>, Vec<_>) =
            names.iter().partition(|name| selection.takes_file(root.path(), &root.path().join(name)));
        assert_eq!(
            (taken.len(), rest.len()),
            (1, left_out.len() + files.len()),
            "an event is judged like a walk: {taken:?}"
        );
        let library = Library { exclude_defaults: vec!["@eaDir".to_owned()], ..Library::default() };
        assert_eq!(walk(&library, root.path()).0.len(), 1 + files.len() + 10, "each can be taken out of the list");
    }

    #[test]
    fn a_folder_says_of_itself_what_in_it_is_no_music() {
        let root = tree(&[
            b"Audiobooks/.nomedia",
            b"Audiobooks/1.mp3",
            b"Audiobooks/deep/2.mp3",
            b"Band/.ndignore",
            b"Band/demo 1.mp3",
            b"Band/live/demo 2.mp3",
            b"Band/live/best demo.mp3",
            b"Band/live/song.mp3",
            b"Band/rehearsal/song.mp3",
            b"Hidden/.ndignore",
            b"Hidden/1.mp3",
            b"song.mp3",
        ]);
        std::fs::write(root.path().join("Audiobooks/.nomedia"), "*.whatever").unwrap();
        std::fs::write(root.path().join("Band/.ndignore"), "# not done\n*demo*\n!best*\n/rehearsal/\n").unwrap();
        let (files, obstacles) = walk(&Library::default(), root.path());
        assert_eq!(files, ["Band/live/best demo.mp3", "Band/live/song.mp3", "song.mp3"]);
        assert_eq!(obstacles, []);
        let selection = Selection::new(&Library::default()).unwrap();
        let below: Vec<Found> = selection.walk_in(root.path(), &root.path().join("Band/live")).collect();
        assert_eq!(below.len(), 2, "a part of the library is walked as the whole: {below:?}");
        let takes = |name: &str| selection.takes_file(root.path(), &root.path().join(name));
        assert!(takes("Band/live/song.mp3") && takes("Band/live/best demo.mp3"));
        assert!(!takes("Band/demo 1.mp3") && !takes("Band/rehearsal/song.mp3") && !takes("Audiobooks/deep/2.mp3"));
        let watched: Vec<_> = selection.folders(root.path(), root.path()).collect();
        assert!(watched.contains(&root.path().join("Audiobooks")), "it may change its mind");
        assert!(!watched.contains(&root.path().join("Audiobooks/deep")));
        let library = Library { ignore_files: vec![], ..Library::default() };
        assert_eq!(walk(&library, root.path()).0.len(), 9, "nothing is honoured that is not in the list");
    }

    #[test]
    fn a_folder_that_was_asked_for_and_leaves_itself_out_says_so() {
        let root = tree(&[b".nomedia", b"1.mp3"]);
        let (files, obstacles) = walk(&Library::default(), root.path());
        assert_eq!((files.len(), obstacles.len()), (0, 1));
        assert!(obstacles[0].1.to_string().contains(".nomedia"), "{}", obstacles[0].1);
        assert_eq!(walk(&Library::default(), &root.path().join("1.mp3")).0.len(), 1, "a file by its name is taken");
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
    fn a_link_back_out_of_a_part_of_the_library_is_not_followed_either() {
        let root = tree(&[b"a/1.mp3", b"b/2.mp3"]);
        symlink(root.path(), root.path().join("a/loop")).unwrap();
        symlink(root.path().join("b"), root.path().join("a/other")).unwrap();
        let selection = Selection::new(&Library::default()).unwrap();
        for (folder, files) in [("a", 2), ("a/loop", 0), ("a/other", 1)] {
            let folder = root.path().join(folder);
            assert_eq!(selection.walk_in(root.path(), &folder).count(), files, "{}", folder.display());
        }
        assert_eq!(selection.folders(root.path(), &root.path().join("a/loop")).count(), 0);
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
