//! Writes on a real file system.

#![allow(clippy::unwrap_used)] // a test may panic

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use super::super::fixtures::{
    Mp4, comments, flac, id3v2, mpeg_frames, ogg_lay_out, ogg_page, text, wav, wavpack_blocks,
};
use super::super::plan::TagField;
use super::super::{Cause, Refusal, TagState, read};
use super::*;

mod faults;
mod killed;
mod surroundings;
mod undo;

/// A journal in memory, which can be told to fail.
#[derive(Default)]
struct Memory {
    entries: RefCell<Vec<(JournalEntry, String)>>,
    fails_to: Cell<&'static str>,
    /// What the file held when the entry was made.
    content: RefCell<Vec<u8>>,
}

impl Memory {
    fn result(&self, call: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.fails_to.get() == call { Err("the database is locked".into()) } else { Ok(()) }
    }

    fn states(&self) -> Vec<String> {
        self.entries.borrow().iter().map(|(_, state)| state.clone()).collect()
    }
}

impl Journal for Memory {
    fn begin(&self, entry: &JournalEntry) -> Result<EntryId, Box<dyn Error + Send + Sync>> {
        self.result("begin")?;
        assert!(!entry.temporary_path.exists(), "the journal comes first");
        self.content.replace(fs::read(&entry.path)?);
        self.entries.borrow_mut().push((entry.clone(), "open".to_owned()));
        Ok(EntryId(self.entries.borrow().len() as i64 - 1))
    }

    fn overwriting(&self, id: EntryId) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.result("overwriting")?;
        self.entries.borrow_mut()[id.0 as usize].1 = "overwriting".to_owned();
        Ok(())
    }

    fn commit(&self, id: EntryId, after: &FileStamp) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.result("commit")?;
        let mut entries = self.entries.borrow_mut();
        let (entry, state) = &mut entries[id.0 as usize];
        // A folder that was renamed meanwhile has the file under another path.
        if entry.path.parent().is_some_and(Path::exists) {
            assert_eq!(FileStamp::of(&entry.path)?, *after, "the stamp is the file's");
        }
        *state = "committed".to_owned();
        Ok(())
    }

    fn abandon(&self, id: EntryId, reason: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.result("abandon")?;
        self.entries.borrow_mut()[id.0 as usize].1 = format!("abandoned: {reason}");
        Ok(())
    }
}

/// Lets the `nth` call of a step fail.
struct FailAt(Step, Cell<usize>, io::ErrorKind);

impl Hook for FailAt {
    fn before(&self, step: Step) -> io::Result<()> {
        if step != self.0 {
            return Ok(());
        }
        let left = self.1.get();
        self.1.set(left.wrapping_sub(1));
        if left == 0 { Err(self.2.into()) } else { Ok(()) }
    }
}

/// Does something at a step.
struct Meddle<F: Fn()>(Step, F);

impl<F: Fn()> Hook for Meddle<F> {
    fn before(&self, step: Step) -> io::Result<()> {
        if step == self.0 {
            (self.1)();
        }
        Ok(())
    }
}

/// The kinds of edit: in the padding, growing, in FLAC with blocks that move, without any tag, in Ogg with pages that
/// get other numbers, in chunks and atoms, behind the audio.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let title = text(3, "TIT2", "Title");
    vec![
        ("in the padding.mp3", [id3v2(3, 0, &title, 900), mpeg_frames(900)].concat()),
        ("growing.mp3", [id3v2(4, 0, &text(4, "TIT2", "Title"), 0), mpeg_frames(900)].concat()),
        ("no tag.mp3", mpeg_frames(900)),
        ("in the padding.flac", flac(&[comments(&[b"TITLE=x"]), (6, vec![5; 1000]), (1, vec![0; 300])])),
        ("growing.flac", flac(&[comments(&[b"TITLE=x"]), (6, vec![5; 1000])])),
        ("page more.opus", opus_that_needs_a_page_more()),
        ("no tag.wav", wav(&[], &[1; 400_001], &[])),
        ("no tag.wv", wavpack_blocks()),
        ("growing.m4a", Mp4 { audio: (0..3000u32).map(|n| (n * 7) as u8).collect(), ..Mp4::default() }.build()),
    ]
}

/// Its comments fill a page but for a few bytes; 600 KB of audio pages follow.
fn opus_that_needs_a_page_more() -> Vec<u8> {
    let fill = [b"FILL=".to_vec(), vec![b'x'; 64_950]].concat();
    let packet = [b"OpusTags".to_vec(), comments(&[&fill]).1].concat();
    let mut file = ogg_page(2, 0, 5, 0, &[19], b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0");
    file.extend(ogg_lay_out(5, 1, &[packet], 255).concat());
    for number in 2..32 {
        file.extend(ogg_page(
            0,
            i64::from(number) * 960,
            5,
            number,
            &[[255; 79].as_slice(), &[7]].concat(),
            &[number as u8; 79 * 255 + 7],
        ));
    }
    file
}

fn plan(state: &TagState) -> TagPlan {
    let fields = [(TagField::Genre, "Jazz"), (TagField::OwnGenre, "Jazz"), (TagField::OwnConfidence, "0.90")];
    TagPlan::new(state, fields.map(|(field, value)| (field, vec![value.to_owned()])))
}

/// What the next start makes of an entry. Another test may be starting a process in this moment, and until that runs
/// its own program it holds the locks of this one.
fn recover_in_peace(entry: &JournalEntry, was_overwriting: bool) -> Recovered {
    for _ in 0..500 {
        match recover(entry, was_overwriting).unwrap() {
            Recovered::InProgress => std::thread::sleep(Duration::from_millis(10)),
            recovered => return recovered,
        }
    }
    Recovered::InProgress
}

/// Whether files can change places here. Elsewhere a plain rename has to do, and nothing is left to discard.
fn files_change_places() -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    fs::write(&a, "").unwrap();
    fs::write(&b, "").unwrap();
    let can = renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).is_ok();
    if !can {
        println!("skipped: in part: the file system cannot exchange files");
    }
    can
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

struct Scene {
    folder: tempfile::TempDir,
    path: PathBuf,
    journal: Memory,
}

impl Scene {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        Self { folder, path, journal: Memory::default() }
    }

    fn mp3() -> Self {
        let (name, bytes) = files().swap_remove(0);
        Self::new(name, &bytes)
    }

    fn write_with(&self, options: &WriteOptions<'_>, hook: &dyn Hook) -> Result<Written, TagError> {
        write_with(&self.path, &plan(&read(&self.path).unwrap()), options, &self.journal, hook)
    }

    fn write(&self, options: &WriteOptions<'_>) -> Result<Written, TagError> {
        self.write_with(options, &NoHook)
    }

    fn refusal(&self) -> Refusal {
        let before = fs::read(&self.path).unwrap();
        match self.write(&WriteOptions::default()) {
            Err(TagError::Refused { reason, .. }) => {
                assert_eq!(fs::read(&self.path).unwrap(), before);
                reason
            }
            other => panic!("a refusal was expected, got {other:?}"),
        }
    }

    fn genres(&self) -> Vec<String> {
        read(&self.path).unwrap().genres
    }

    fn change(&self) -> TagChange {
        match self.write(&WriteOptions::default()) {
            Ok(Written::Changed(change)) => change,
            other => panic!("a change was expected, got {other:?}"),
        }
    }

    fn alone(&self) -> bool {
        names(self.folder.path()).len() == 1
    }
}

#[test]
fn a_write_changes_the_file_and_the_journal_holds_the_old_bytes() {
    for (name, bytes) in files() {
        let scene = Scene::new(name, &bytes);
        let change = scene.change();
        assert_eq!(scene.genres(), ["Jazz"]);
        assert_eq!(change.after, FileStamp::of(&scene.path).unwrap());
        assert_ne!(change.after.inode, change.before.inode);
        assert_eq!(change.fields.len(), 3);
        assert_eq!(scene.journal.states(), ["committed"]);
        assert_eq!(scene.journal.content.take(), bytes, "the file was untouched when the journal was written");
        assert!(scene.alone());
    }
}

#[test]
fn nothing_is_rewritten_when_nothing_would_change() {
    for (name, bytes) in files() {
        let scene = Scene::new(name, &bytes);
        scene.change();
        let stamp = FileStamp::of(&scene.path).unwrap();
        assert_eq!(scene.write(&WriteOptions::default()).unwrap(), Written::Unchanged);
        assert_eq!(FileStamp::of(&scene.path).unwrap(), stamp);
        assert_eq!(scene.journal.states().len(), 1);
    }
}

const IN_PLACE: WriteOptions<'static> = WriteOptions {
    hard_links: HardLinks::InPlace,
    preserve_mtime: false,
    symbolic_links: SymbolicLinks::Follow,
    id3_version_for_new_tags: Id3Version::V24,
    id3v23_values: Id3Values::Slash,
    verify: None,
};
