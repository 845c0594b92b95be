//! A CSV file of labels: which columns there are, and what each line says of which file. What a label means is
//! `truth`'s.
//!
//! | column | also called | what it holds |
//! |---|---|---|
//! | `path` | `file` | the file, relative to the folder of the sound; an absolute path stands for itself |
//! | `labels` | `genre`, `genres` | the genres, `;` between several |
//! | `artist_group` | `artist`, `group` | whose music it is; the album folder where the column or the cell is empty |
//! | `split` | | the part of the list that a line belongs to |
//! | `set` | | the collection that a line is of; a folder between the folder of the sound and `path`, where it is there |
//!
//! Names of columns may be in any case; other columns are ignored.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use csv::ByteRecord;

use super::truth::{Candidate, Labels, LeftOut, Truth, album_of};
use crate::genre::Taxonomy;

/// The labelled files of a list.
#[derive(Debug, Default)]
pub struct LabelList {
    /// Files with at least one label that the taxonomy knows, in the order of the list.
    pub candidates: Vec<Candidate>,
    /// Lines that cannot count, with the reason.
    pub left_out: Vec<(PathBuf, LeftOut)>,
    /// Labels that the taxonomy does not know, in the lines that were left out.
    pub unknown: Vec<String>,
    /// Lines of other splits, when one was asked for.
    pub other_splits: usize,
    /// The name of the column that clips are grouped by; none when there is no such column.
    pub group_column: Option<String>,
    /// Files whose group is their album folder, for want of an artist.
    pub grouped_by_album: usize,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelListError {
    /// It cannot be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Io {
        /// The list.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no CSV.
    #[error("{path}: {reason}; it has to be CSV: commas between the cells, quotes around a cell that holds one", path = path.display())]
    Syntax {
        /// The list.
        path: PathBuf,
        /// What is wrong, with the line.
        reason: String,
    },
    /// A column is missing.
    #[error("{path}: there is no column {wanted}; the first line has to name the columns, and names {found}", path = path.display())]
    NoColumn {
        /// The list.
        path: PathBuf,
        /// The column, by all its names.
        wanted: &'static str,
        /// The columns that there are.
        found: String,
    },
    /// No line belongs to the split that was asked for.
    #[error("{path}: no line belongs to the split `{split}`; there are {found}", path = path.display())]
    NoSuchSplit {
        /// The list.
        path: PathBuf,
        /// The split that was asked for.
        split: String,
        /// The splits that there are.
        found: String,
    },
}

/// Where the columns are.
struct Columns {
    path: usize,
    labels: usize,
    group: Option<usize>,
    split: Option<usize>,
    set: Option<usize>,
}

impl LabelList {
    /// Reads the list at `path`; the files are looked for below `folder`. With `split`, only its lines count. No file
    /// of sound is opened.
    ///
    /// # Errors
    /// [`LabelListError`] when the list cannot be read, is no CSV, lacks a column that is needed, or has no line of
    /// that split.
    pub fn read(path: &Path, folder: &Path, split: Option<&str>, taxonomy: &Taxonomy) -> Result<Self, LabelListError> {
        let file = std::fs::File::open(path).map_err(|source| LabelListError::Io { path: path.to_owned(), source })?;
        let broken = |error: csv::Error| match error.into_kind() {
            csv::ErrorKind::Io(source) => LabelListError::Io { path: path.to_owned(), source },
            other => LabelListError::Syntax { path: path.to_owned(), reason: describe(&other) },
        };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let header = reader.byte_headers().map_err(broken)?.clone();
        let columns = Columns::find(&header, path, split.is_some())?;
        let mut list = Self { group_column: columns.group.map(|i| text(&header, Some(i))), ..Self::default() };
        let (mut seen, mut splits) = (HashSet::new(), Vec::new());
        for record in reader.byte_records() {
            let record = record.map_err(broken)?;
            if let Some(wanted) = split {
                let its = text(&record, columns.split);
                if its != wanted {
                    list.other_splits += 1;
                    if !splits.contains(&its) {
                        splits.push(its);
                    }
                    continue;
                }
            }
            list.take(&record, &columns, folder, taxonomy, &mut seen);
        }
        match split {
            Some(split) if seen.is_empty() => {
                let found = if splits.is_empty() { "none".to_owned() } else { splits.join(", ") };
                Err(LabelListError::NoSuchSplit { path: path.to_owned(), split: split.to_owned(), found })
            }
            _ => Ok(list),
        }
    }

    fn take(
        &mut self,
        record: &ByteRecord,
        columns: &Columns,
        folder: &Path,
        taxonomy: &Taxonomy,
        seen: &mut HashSet<PathBuf>,
    ) {
        let path =
            locate(folder, columns.set.and_then(|i| record.get(i)), record.get(columns.path).unwrap_or_default());
        if !seen.insert(path.clone()) {
            self.left_out.push((path, LeftOut::Repeated));
            return;
        }
        let labels = Labels::parse([text(record, Some(columns.labels)).as_str()], taxonomy);
        if labels.genres.is_empty() {
            self.unknown.extend(labels.unknown.iter().cloned());
            let nothing = labels.unknown.is_empty();
            self.left_out.push((path, if nothing { LeftOut::NoLabel } else { LeftOut::OnlyUnknown(labels.unknown) }));
            return;
        }
        let artist = text(record, columns.group);
        let group = if artist.is_empty() {
            self.grouped_by_album += 1;
            album_of(&path)
        } else {
            artist
        };
        let set = text(record, columns.set);
        self.candidates.push(Candidate { path, group, set, truth: Truth::Known(labels) });
    }
}

impl Columns {
    fn find(header: &ByteRecord, path: &Path, needs_split: bool) -> Result<Self, LabelListError> {
        let find = |names: &[&str]| {
            names.iter().find_map(|name| header.iter().position(|cell| cell.eq_ignore_ascii_case(name.as_bytes())))
        };
        let missing = |wanted| {
            let names: Vec<String> = (0..header.len()).map(|i| format!("`{}`", text(header, Some(i)))).collect();
            LabelListError::NoColumn { path: path.to_owned(), wanted, found: names.join(", ") }
        };
        let split = find(&["split"]);
        if needs_split && split.is_none() {
            return Err(missing("`split`"));
        }
        Ok(Self {
            path: find(&["path", "file"]).ok_or_else(|| missing("`path` (or `file`)"))?,
            labels: find(&["labels", "genre", "genres"]).ok_or_else(|| missing("`labels` (or `genre`, `genres`)"))?,
            group: find(&["artist_group", "artist", "group"]),
            split,
            set: find(&["set"]),
        })
    }
}

/// The cell as text; empty where there is none. What is not UTF-8 is no label or artist that anybody could match.
fn text(record: &ByteRecord, column: Option<usize>) -> String {
    let cell = column.and_then(|i| record.get(i)).unwrap_or_default();
    String::from_utf8_lossy(cell).into_owned()
}

/// The file that a line means: below the folder of its set where that holds it, else below the folder itself.
fn locate(folder: &Path, set: Option<&[u8]>, path: &[u8]) -> PathBuf {
    let path = Path::new(OsStr::from_bytes(path));
    let in_set = set.filter(|set| !set.is_empty()).map(|set| folder.join(OsStr::from_bytes(set)).join(path));
    in_set.filter(|path| path.exists()).unwrap_or_else(|| folder.join(path))
}

fn describe(error: &csv::ErrorKind) -> String {
    match error {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} cells where the first line has {expected_len}")
        }
        other => format!("cannot be read: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(csv: &[u8], split: Option<&str>) -> Result<LabelList, LabelListError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        std::fs::write(&path, csv).unwrap();
        LabelList::read(&path, Path::new("/m"), split, &Taxonomy::builtin().unwrap())
    }

    fn shown(list: &LabelList) -> Vec<String> {
        let labels = |truth: &Truth| match truth {
            Truth::Known(labels) => labels.genres.iter().map(ToString::to_string).collect::<Vec<_>>().join("+"),
            Truth::InTags => "?".to_owned(),
        };
        let line = |c: &Candidate| format!("{} {} {}", c.path.display(), c.group, labels(&c.truth));
        list.candidates.iter().map(line).collect()
    }

    #[test]
    fn the_training_list_is_read_as_it_is() {
        let csv = b"set,path,artist_group,genres_as_given,labels,split\n\
            t,Q3/1.mp3,t:a,Country; International,Country; International,train\n\
            t,Q2/2.mp3,t:b,Pop/Rock,Electronic; Pop|Rock,valid\n\
            t,Q2/3.mp3,t:b,Religious,,valid\n";
        let list = read(csv, Some("valid")).unwrap();
        assert_eq!(shown(&list), ["/m/Q2/2.mp3 t:b Electronic+Pop Rock"]);
        assert_eq!(list.left_out, [(PathBuf::from("/m/Q2/3.mp3"), LeftOut::NoLabel)]);
        assert_eq!((list.other_splits, list.group_column.as_deref()), (1, Some("artist_group")));
        assert_eq!(read(csv, None).unwrap().candidates.len(), 2);
    }

    #[test]
    fn a_list_from_a_spreadsheet_is_read_too() {
        let list = read(b"\xef\xbb\xbfPath,Genre\r\n\"a, b.mp3\",\"Jazz;Blues\"\r\n/abs/x.mp3,Rock\r\n", None).unwrap();
        assert_eq!(shown(&list), ["/m/a, b.mp3 /m Jazz+Blues", "/abs/x.mp3 /abs Rock"]);
        assert_eq!((list.group_column, list.grouped_by_album), (None, 2));
    }

    #[test]
    fn a_file_that_is_listed_twice_counts_once() {
        let list = read(b"path,genre\n1.mp3,Jazz\n1.mp3,Blues\n", None).unwrap();
        assert_eq!(shown(&list), ["/m/1.mp3 /m Jazz"]);
        assert_eq!(list.left_out, [(PathBuf::from("/m/1.mp3"), LeftOut::Repeated)]);
    }

    #[test]
    fn labels_that_nobody_knows_are_kept_for_the_report() {
        let list = read(b"path,genre\n1.mp3,Zeuhl\n2.mp3,Jazz; Skweee\n", None).unwrap();
        assert_eq!(list.left_out[0].1, LeftOut::OnlyUnknown(vec!["Zeuhl".into()]));
        assert_eq!(list.unknown, ["Zeuhl"]);
        let Truth::Known(labels) = &list.candidates[0].truth else { panic!() };
        assert_eq!(labels.unknown, ["Skweee"]);
    }

    #[test]
    fn an_empty_artist_falls_back_to_the_album_and_is_counted() {
        let list = read(b"path,genre,artist\na/1.mp3,Jazz,\na/2.mp3,Jazz,Ella\n", None).unwrap();
        assert_eq!(shown(&list), ["/m/a/1.mp3 /m/a Jazz", "/m/a/2.mp3 Ella Jazz"]);
        assert_eq!(list.grouped_by_album, 1);
    }

    #[test]
    fn a_path_that_is_not_utf_8_is_the_file_of_these_bytes() {
        let list = read(b"path,genre\n\xff.mp3,Jazz\n", None).unwrap();
        assert_eq!(list.candidates[0].path.as_os_str().as_bytes(), b"/m/\xff.mp3");
    }

    #[test]
    fn a_list_that_cannot_be_used_says_what_it_lacks() {
        for (csv, split, part) in [
            (
                &b"name,genre\n1,Jazz\n"[..],
                None,
                "no column `path` (or `file`); the first line has to name the columns",
            ),
            (b"path;labels\n1;Jazz\n", None, "names `path;labels`"),
            (b"path,mood\n1,sad\n", None, "`labels` (or `genre`, `genres`)"),
            (b"path,genre\n1,Jazz\n", Some("valid"), "no column `split`"),
            (
                b"path,genre,split\n1,Jazz,train\n",
                Some("valid"),
                "no line belongs to the split `valid`; there are train",
            ),
            (b"path,genre\n1,Jazz,9\n", None, "line 2 has 3 cells where the first line has 2"),
            (b"", None, "no column `path`"),
        ] {
            let message = read(csv, split).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        let gone = LabelList::read(Path::new("/no/list.csv"), Path::new("/"), None, &Taxonomy::builtin().unwrap());
        assert!(gone.unwrap_err().to_string().contains("/no/list.csv"));
    }

    #[test]
    fn a_set_is_a_folder_where_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("s")).unwrap();
        std::fs::write(folder.path().join("s/1.mp3"), "").unwrap();
        assert_eq!(locate(folder.path(), Some(b"s"), b"1.mp3"), folder.path().join("s/1.mp3"));
        assert_eq!(locate(folder.path(), Some(b"s"), b"2.mp3"), folder.path().join("2.mp3"));
        assert_eq!(locate(folder.path(), None, b"1.mp3"), folder.path().join("1.mp3"));
    }
}
