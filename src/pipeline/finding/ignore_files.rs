//! Files by which a folder says of itself what in it is no music: `.nomedia`, `.ndignore` and the like.
//!
//! Such a file means the whole folder and all below it, or, where its name ends in "ignore" and it holds patterns, what these match:
//! those of gitignore(5), each relative to the folder of its file. This reads ignore files and answers for paths; what else is left
//! out, and who walks, is [`super::discover`]'s.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// An ignore file is read no further than this, in bytes.
const LONGEST: u64 = 256 * 1024;

/// The names of ignore files.
#[derive(Debug, Clone)]
pub(super) struct IgnoreFiles(Vec<OsString>);

/// What the ignore files in one folder say of what is in it.
#[derive(Debug)]
enum Rules {
    /// All of it is left out, because of the file of this name.
    Whole(OsString),
    /// What these match, the last one that does. There may be none.
    Patterns(Vec<Pattern>),
}

#[derive(Debug)]
struct Pattern {
    glob: GlobMatcher,
    /// It is about names wherever they are below, and not about paths.
    is_of_names: bool,
    only_folders: bool,
    brings_back: bool,
}

impl IgnoreFiles {
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.iter().map(OsString::from).collect())
    }

    /// Whether a file of this name is one.
    pub(super) fn has(&self, name: &OsStr) -> bool {
        self.0.iter().any(|known| known == name)
    }

    /// The name of the file by which a folder leaves out all that is in it.
    pub(super) fn leaves_out_all_in(&self, folder: &Path) -> Option<OsString> {
        match self.rules_in(folder) {
            Rules::Whole(name) => Some(name),
            Rules::Patterns(_) => None,
        }
    }

    fn rules_in(&self, folder: &Path) -> Rules {
        let mut patterns = Vec::new();
        for name in &self.0 {
            match read(&folder.join(name)) {
                None => {}
                Some(text) if name.as_encoded_bytes().ends_with(b"ignore") && !is_blank(&text) => {
                    patterns.extend(text.lines().filter_map(Pattern::parse));
                }
                Some(_) => return Rules::Whole(name.clone()),
            }
        }
        Rules::Patterns(patterns)
    }
}

/// The text of an ignore file; none where there is no such file. What cannot be read says nothing, and a file that says nothing means
/// the whole folder.
fn read(path: &Path) -> Option<String> {
    let is_there = path.metadata().is_ok_and(|metadata| metadata.is_file());
    is_there.then(|| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path);
        let read = file.and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
        if let Err(error) = read {
            tracing::warn!("{}: cannot be read: {error}; its folder is left out", path.display());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').lines().all(|line| line.trim().is_empty() || line.starts_with('#'))
}

impl Pattern {
    /// A line of gitignore(5); none of a comment, a blank one, and one that is no pattern.
    fn parse(line: &str) -> Option<Self> {
        let line = without_trailing_blanks(line.trim_start_matches('\u{feff}'));
        let (brings_back, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (only_folders, line) = match line.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let is_of_names = !line.contains('/');
        let line = line.strip_prefix('/').unwrap_or(line);
        let glob = GlobBuilder::new(&with_plain_braces(line)).literal_separator(true).backslash_escape(true).build();
        match glob {
            Ok(glob) if !line.is_empty() => {
                Some(Self { glob: glob.compile_matcher(), is_of_names, only_folders, brings_back })
            }
            _ => {
                tracing::debug!("not a pattern of an ignore file: {line:?}");
                None
            }
        }
    }

    fn matches(&self, below: &Path, is_folder: bool) -> bool {
        let what = if self.is_of_names { below.file_name().map(Path::new) } else { Some(below) };
        (is_folder || !self.only_folders) && what.is_some_and(|what| self.glob.is_match(what))
    }
}

/// Blanks at the end mean nothing, but for one behind a backslash.
fn without_trailing_blanks(line: &str) -> &str {
    let trimmed = line.trim_end_matches(['\r', ' ', '\t']);
    let is_escaped = trimmed.ends_with('\\') && line.len() > trimmed.len();
    if is_escaped { &line[..trimmed.len() + 1] } else { trimmed }
}

/// Braces mean nothing in gitignore(5), and alternatives to the glob library.
fn with_plain_braces(pattern: &str) -> String {
    let (mut plain, mut in_class, mut is_escaped) = (String::with_capacity(pattern.len()), false, false);
    for c in pattern.chars() {
        if matches!(c, '{' | '}') && !in_class && !is_escaped {
            plain.push('\\');
        }
        in_class = match c {
            _ if is_escaped => in_class,
            '[' => true,
            ']' => false,
            _ => in_class,
        };
        is_escaped = c == '\\' && !is_escaped;
        plain.push(c);
    }
    plain
}

/// What the folders above a place say, for a walk that goes down and up again.
pub(super) struct Above<'f> {
    files: &'f IgnoreFiles,
    /// Folders from the outermost in, each in the one before it.
    folders: Vec<(PathBuf, Rules)>,
}

impl<'f> Above<'f> {
    /// For paths in `folder`, of a library that begins at `base`: folders above that have no say.
    pub(super) fn new(files: &'f IgnoreFiles, base: &Path, folder: &Path) -> Self {
        let mut above = Self { files, folders: Vec::new() };
        if let Ok(between) = folder.strip_prefix(base) {
            let mut outer = base.to_owned();
            for part in between.components() {
                above.enter(&outer);
                outer.push(part);
            }
        }
        above
    }

    fn enter(&mut self, folder: &Path) {
        while self.folders.last().is_some_and(|(last, _)| !folder.starts_with(last)) {
            self.folders.pop();
        }
        if self.folders.last().is_none_or(|(last, _)| last != folder) {
            self.folders.push((folder.to_owned(), self.files.rules_in(folder)));
        }
    }

    /// Whether a path is left out by the folder that it is in, or by one above. Folders have to be asked about before what is in them.
    pub(super) fn leave_out(&mut self, path: &Path, is_folder: bool) -> bool {
        let Some(folder) = path.parent().filter(|_| !self.files.0.is_empty()) else { return false };
        self.enter(folder);
        for (folder, rules) in self.folders.iter().rev() {
            let patterns = match rules {
                Rules::Whole(_) => return true,
                Rules::Patterns(patterns) => patterns,
            };
            let Ok(below) = path.strip_prefix(folder) else { continue };
            if let Some(last) = patterns.iter().rev().find(|pattern| pattern.matches(below, is_folder)) {
                return !last.brings_back;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(patterns: &str, path: &str) -> bool {
        let patterns: Vec<Pattern> = patterns.lines().filter_map(Pattern::parse).collect();
        let (path, is_folder) = path.strip_suffix('/').map_or((path, false), |folder| (folder, true));
        let last = patterns.iter().rev().find(|pattern| pattern.matches(Path::new(path), is_folder));
        last.is_some_and(|pattern| !pattern.brings_back)
    }

    #[test]
    fn patterns_mean_what_they_mean_in_a_gitignore() {
        for (patterns, yes, no) in [
            ("*.wav", vec!["a.wav", "a/b.wav"], vec!["a.wave", "wav"]),
            ("demos/", vec!["demos/", "a/demos/"], vec!["demos"]),
            ("/demos", vec!["demos", "demos/"], vec!["a/demos"]),
            ("a/*.mp3", vec!["a/1.mp3"], vec!["b/a/1.mp3", "a/b/1.mp3"]),
            ("a/**/x", vec!["a/x", "a/b/x", "a/b/c/x"], vec!["x"]),
            ("**/live", vec!["live/", "a/b/live/"], vec!["alive/"]),
            ("*.mp3\n!keep.mp3", vec!["a.mp3"], vec!["keep.mp3", "a/keep.mp3"]),
            ("# a comment\n\n\\#1.mp3\n\\!.mp3", vec!["#1.mp3", "!.mp3"], vec!["# a comment", "1.mp3"]),
            ("{a,b}.mp3", vec!["{a,b}.mp3"], vec!["a.mp3"]),
            ("[ab{].mp3  \r", vec!["a.mp3", "{.mp3"], vec!["c.mp3"]),
            ("end\\ ", vec!["end "], vec!["end"]),
        ] {
            for path in yes {
                assert!(left_out(patterns, path), "{patterns:?} leaves out {path}");
            }
            for path in no {
                assert!(!left_out(patterns, path), "{patterns:?} takes {path}");
            }
        }
    }

    #[test]
    fn a_file_that_lists_nothing_means_the_whole_folder() {
        for blank in ["", "\n \n", "# not these\n", "\u{feff}"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        assert!(!is_blank("# but\n*.wav\n"));
    }
}
