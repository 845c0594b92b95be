//! Writes on a real file system, with every step made to fail once.

#![allow(clippy::unwrap_used)] // a test may panic

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use super::super::fixtures::{
    comments, flac, id3v2, mp4, mpeg_frames, ogg_lay_out, ogg_page, text, wav, wavpack_blocks,
};
use super::super::plan::TagField;
use super::super::{Cause, Refusal, TagState, read};
use super::*;

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
        assert_eq!(FileStamp::of(&entry.path)?, *after, "the stamp is the file's");
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

/// The kinds of edit: in the padding, growing, in FLAC with blocks that move, without any tag, in Ogg with pages that get
/// other numbers, in chunks and atoms, behind the audio.
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
        ("growing.m4a", mp4(&[], true, false)),
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

#[test]
fn whatever_step_fails_the_old_file_stays_and_nothing_is_left_beside_it() {
    for (name, bytes) in files() {
        for step in Step::OF_A_WRITE {
            // The copy is written in pieces: let an early and a late one fail.
            for nth in 0..if step == Step::Copy { 3 } else { 1 } {
                let scene = Scene::new(name, &bytes);
                let hook = FailAt(step, Cell::new(nth), io::ErrorKind::StorageFull);
                let error = match scene.write_with(&WriteOptions::default(), &hook) {
                    Err(error) => error,
                    // There were not that many pieces.
                    Ok(_) if nth > 0 => continue,
                    Ok(_) => panic!("{step:?} of {name} did not fail"),
                };
                let (now, states) = (fs::read(&scene.path).unwrap(), scene.journal.states());
                if step >= Step::Discard {
                    assert!(error.is_written(), "{error}");
                    assert_eq!(scene.genres(), ["Jazz"]);
                    let left = step == Step::Discard;
                    assert_eq!(states, [if left { "open" } else { "committed" }]);
                    // The next start removes the old file, and knows what happened.
                    let entry = scene.journal.entries.borrow()[0].0.clone();
                    let stamp = FileStamp::of(&scene.path).unwrap();
                    assert_eq!(recover(&entry, false).unwrap(), Recovered::Committed(stamp));
                } else {
                    assert!(error.to_string().contains(name), "{error}");
                    assert!(!error.is_written());
                    assert_eq!(now, bytes, "{step:?} of {name}");
                    assert!(states.iter().all(|state| state.starts_with("abandoned: ")), "{states:?}");
                    assert_eq!(states.len(), usize::from(step > Step::Journal));
                }
                assert!(scene.alone(), "{step:?} of {name} left {:?}", names(scene.folder.path()));
            }
        }
    }
}

#[test]
fn a_full_disk_is_told_with_what_to_do() {
    let scene = Scene::mp3();
    let hook = FailAt(Step::Copy, Cell::new(1), io::ErrorKind::StorageFull);
    let line = scene.write_with(&WriteOptions::default(), &hook).unwrap_err().to_string();
    assert!(line.contains("writing the temporary copy") && line.contains("free some space"), "{line}");
}

#[test]
fn a_journal_that_fails_stops_the_write_before_it_starts() {
    let scene = Scene::mp3();
    let before = fs::read(&scene.path).unwrap();
    scene.journal.fails_to.set("begin");
    assert!(matches!(scene.write(&WriteOptions::default()), Err(TagError::Journal { .. })));
    assert_eq!(fs::read(&scene.path).unwrap(), before);
    assert!(scene.alone());
}

#[test]
fn a_journal_that_fails_at_the_end_leaves_an_entry_that_recovers_as_committed() {
    let scene = Scene::mp3();
    scene.journal.fails_to.set("commit");
    let error = scene.write(&WriteOptions::default()).unwrap_err();
    assert!(matches!(error, TagError::NotRecorded { .. }) && error.is_written());
    assert_eq!(scene.genres(), ["Jazz"]);
    let entry = scene.journal.entries.borrow()[0].0.clone();
    assert_eq!(recover(&entry, false).unwrap(), Recovered::Committed(FileStamp::of(&scene.path).unwrap()));
}

#[test]
fn an_interrupted_write_recovers_as_abandoned_and_its_copy_is_removed() {
    for (name, bytes) in files() {
        let scene = Scene::new(name, &bytes);
        scene.change();
        let entry = scene.journal.entries.borrow()[0].0.clone();
        // As if the process had been killed while it wrote the copy.
        let again = Scene::new(name, &bytes);
        let entry = JournalEntry {
            path: again.path.clone(),
            temporary_path: again.path.with_file_name(entry.temporary_path.file_name().unwrap()),
            before: FileStamp::of(&again.path).unwrap(),
            ..entry
        };
        fs::write(&entry.temporary_path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(recover(&entry, false).unwrap(), Recovered::Abandoned);
        assert!(again.alone());
        assert_eq!(fs::read(&again.path).unwrap(), bytes);
        assert_eq!(recover(&entry, false).unwrap(), Recovered::Abandoned, "a second time changes nothing");
        // Somebody else's edit is not ours.
        fs::write(&again.path, [bytes.clone(), mpeg_frames(1)].concat()).unwrap();
        assert_eq!(recover(&entry, false).unwrap(), Recovered::Abandoned);
        fs::remove_file(&again.path).unwrap();
        assert_eq!(recover(&entry, false).unwrap(), Recovered::Missing);
    }
}

#[test]
fn recovery_keeps_away_from_a_write_in_progress_and_from_files_that_are_not_ours() {
    let scene = Scene::mp3();
    let seen = RefCell::new(None);
    let hook = Meddle(Step::Verify, || {
        let entry = scene.journal.entries.borrow()[0].0.clone();
        seen.replace(Some(recover(&entry, false).unwrap()));
        assert!(entry.temporary_path.exists());
    });
    scene.write_with(&WriteOptions::default(), &hook).unwrap();
    assert_eq!(seen.take(), Some(Recovered::InProgress));

    let mut entry = scene.journal.entries.borrow()[0].0.clone();
    let foreign = scene.folder.path().join("precious.mp3");
    fs::write(&foreign, b"x").unwrap();
    entry.temporary_path = foreign.clone();
    recover(&entry, false).unwrap();
    assert!(foreign.exists(), "only names of ours are removed");
}

#[test]
fn a_file_that_changes_while_we_work_is_left_to_whoever_changed_it() {
    let scene = Scene::mp3();
    let path = scene.path.clone();
    let hook = Meddle(Step::Verify, || fs::write(&path, b"somebody else's file").unwrap());
    assert!(matches!(scene.write_with(&WriteOptions::default(), &hook), Err(TagError::Changed { .. })));
    assert_eq!(fs::read(&scene.path).unwrap(), b"somebody else's file");
    assert!(scene.alone());
    assert!(scene.journal.states()[0].starts_with("abandoned"));
}

#[test]
fn a_plan_for_an_older_state_of_the_file_is_not_carried_out() {
    let scene = Scene::mp3();
    let stale = plan(&read(&scene.path).unwrap());
    let longer = [fs::read(&scene.path).unwrap(), mpeg_frames(1)].concat();
    fs::write(&scene.path, &longer).unwrap();
    let result = write(&scene.path, &stale, &WriteOptions::default(), &scene.journal);
    assert!(matches!(result, Err(TagError::Changed { .. })));
    assert_eq!(fs::read(&scene.path).unwrap(), longer);
}

#[test]
fn the_callers_check_decides_as_well() {
    let scene = Scene::mp3();
    let before = fs::read(&scene.path).unwrap();
    let check = |original: &Path, copy: &Path| {
        assert_ne!(fs::read(original).unwrap(), fs::read(copy).unwrap());
        Err("it does not decode".to_owned())
    };
    let options = WriteOptions { verify: Some(&check), ..WriteOptions::default() };
    let error = scene.write(&options).unwrap_err();
    assert!(error.to_string().contains("it does not decode"));
    assert_eq!(fs::read(&scene.path).unwrap(), before);
    assert!(scene.alone());
}

#[test]
fn a_copy_that_was_spoilt_does_not_pass_the_check() {
    for (name, bytes) in files() {
        for place in [20, bytes.len() - 2000 % bytes.len(), bytes.len() - 5] {
            let scene = Scene::new(name, &bytes);
            let hook = Meddle(Step::Verify, || {
                let copy = scene.journal.entries.borrow()[0].0.temporary_path.clone();
                let mut spoilt = fs::read(&copy).unwrap();
                let from_end = bytes.len() - place;
                let at = if place < 100 { place } else { spoilt.len() - from_end };
                spoilt[at] ^= 0x10;
                fs::write(&copy, spoilt).unwrap();
            });
            let error = scene.write_with(&WriteOptions::default(), &hook).unwrap_err();
            assert!(matches!(error, TagError::VerifyFailed { .. }), "{name} at {place}: {error}");
            assert_eq!(fs::read(&scene.path).unwrap(), bytes);
            assert!(scene.alone());
        }
    }
}

#[test]
fn mode_and_attributes_go_with_the_file_and_inherited_ones_do_not_come() {
    let scene = Scene::mp3();
    fs::set_permissions(&scene.path, Permissions::from_mode(0o640)).unwrap();
    let file = fs::File::open(&scene.path).unwrap();
    let folder = fs::File::open(scene.folder.path()).unwrap();
    let set = rustix::fs::fsetxattr(&file, "user.comment", b"keep me", rustix::fs::XattrFlags::empty());
    // An ACL: owner rw, user 1234 r, group r, mask rw, other none.
    let entry = |tag: u16, permission: u16, id: u32| {
        [&tag.to_le_bytes()[..], &permission.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let none = u32::MAX;
    let acl = [
        2u32.to_le_bytes().to_vec(),
        entry(1, 6, none),
        entry(2, 4, 1234),
        entry(4, 4, none),
        entry(16, 6, none),
        entry(32, 0, none),
    ]
    .concat();
    let acl_set = rustix::fs::fsetxattr(&file, "system.posix_acl_access", &acl, rustix::fs::XattrFlags::empty());
    // The folder hands an ACL to files that are created in it; a file without one must not come by it.
    let plain = Scene { path: scene.folder.path().join("plain.mp3"), ..Scene::mp3() };
    fs::copy(&scene.path, &plain.path).unwrap();
    let default_set = rustix::fs::fsetxattr(&folder, "system.posix_acl_default", &acl, rustix::fs::XattrFlags::empty());
    let mode = scene.path.metadata().unwrap().mode();
    scene.change();
    if default_set.is_ok() {
        plain.change();
        let file = fs::File::open(&plain.path).unwrap();
        let inherited = rustix::fs::fgetxattr(&file, "system.posix_acl_access", &mut [0u8; 256][..]);
        assert_eq!(inherited, Err(rustix::io::Errno::NODATA));
    }
    let file = fs::File::open(&scene.path).unwrap();
    assert_eq!(file.metadata().unwrap().mode(), mode);
    let value = |name: &str| {
        let mut value = [0u8; 256];
        rustix::fs::fgetxattr(&file, name, &mut value[..]).map(|length| value[..length].to_vec())
    };
    match set {
        Ok(()) => assert_eq!(value("user.comment").unwrap(), b"keep me"),
        Err(_) => println!("skipped: user attributes: the file system has none"),
    }
    match acl_set {
        Ok(()) => assert_eq!(value("system.posix_acl_access").unwrap(), acl),
        Err(_) => println!("skipped: ACLs: the file system has none"),
    }
}

#[test]
fn the_owner_goes_with_the_file() {
    let scene = Scene::mp3();
    if std::os::unix::fs::chown(&scene.path, Some(1234), Some(4321)).is_err() {
        println!("skipped: the_owner_goes_with_the_file: only root may give files away");
        return;
    }
    fs::set_permissions(&scene.path, Permissions::from_mode(0o644)).unwrap();
    scene.change();
    let metadata = scene.path.metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321));
}

#[test]
fn the_modification_time_advances_unless_it_is_to_be_kept() {
    let old = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    for preserve_mtime in [false, true] {
        let scene = Scene::mp3();
        fs::File::options().write(true).open(&scene.path).unwrap().set_modified(old).unwrap();
        scene.write(&WriteOptions { preserve_mtime, ..WriteOptions::default() }).unwrap();
        assert_eq!(scene.path.metadata().unwrap().modified().unwrap() == old, preserve_mtime);
    }
}

#[test]
fn a_hard_linked_file_is_skipped_unless_the_owner_allows_it() {
    let scene = Scene::mp3();
    let other = scene.folder.path().join("seeded.mp3");
    fs::hard_link(&scene.path, &other).unwrap();
    assert_eq!(scene.refusal(), Refusal::HardLinked { links: 2 });
    let before = fs::read(&other).unwrap();
    scene.write(&WriteOptions { hard_links: HardLinks::Break, ..WriteOptions::default() }).unwrap();
    assert_eq!(scene.genres(), ["Jazz"]);
    assert_eq!(fs::read(&other).unwrap(), before, "the other name keeps the old file");
}

const IN_PLACE: WriteOptions<'static> = WriteOptions {
    hard_links: HardLinks::InPlace,
    preserve_mtime: false,
    symbolic_links: SymbolicLinks::Follow,
    id3_version_for_new_tags: Id3Version::V24,
    verify: None,
};

#[test]
fn a_file_with_several_names_is_overwritten_where_the_owner_wants_all_of_them_tagged() {
    for (name, bytes) in files() {
        let scene = Scene::new(name, &bytes);
        let other = scene.folder.path().join("other name");
        fs::hard_link(&scene.path, &other).unwrap();
        let inode = scene.path.metadata().unwrap().ino();
        let Ok(Written::Changed(change)) = scene.write(&IN_PLACE) else { panic!("{name} is written") };
        assert_eq!(change.after, FileStamp::of(&other).unwrap(), "one file, by both names");
        assert_eq!((change.after.inode, scene.genres()), (inode, vec!["Jazz".to_owned()]));
        assert_eq!(scene.journal.states(), ["committed"]);
        assert_eq!(names(scene.folder.path()).len(), 2);
        // The same file by a rename, for comparison.
        let renamed = Scene::new(name, &bytes);
        renamed.change();
        assert_eq!(fs::read(&other).unwrap(), fs::read(&renamed.path).unwrap());
    }
}

#[test]
fn overwriting_that_is_interrupted_is_finished_by_the_next_start() {
    for (name, bytes) in files() {
        let steps = Step::OF_A_WRITE.into_iter().filter(|step| *step != Step::Rename).chain([Step::Overwrite]);
        for step in steps {
            for nth in 0..if matches!(step, Step::Copy | Step::Overwrite) { 3 } else { 1 } {
                let scene = Scene::new(name, &bytes);
                fs::hard_link(&scene.path, scene.folder.path().join("other name")).unwrap();
                let label = format!("{nth} of {step:?} of {name}");
                let error = match scene.write_with(&IN_PLACE, &FailAt(step, Cell::new(nth), io::ErrorKind::StorageFull))
                {
                    Err(error) => error,
                    Ok(_) if nth > 0 => continue,
                    Ok(_) => panic!("{label} did not fail"),
                };
                let states = scene.journal.states();
                match states.first().map(String::as_str) {
                    Some("overwriting") => {
                        let entry = scene.journal.entries.borrow()[0].0.clone();
                        let halfway = matches!(error, TagError::HalfWritten { .. });
                        assert!(halfway || step == Step::Discard, "{label}: {error}");
                        let recovered = recover(&entry, true).unwrap();
                        assert_eq!(recovered, Recovered::Committed(FileStamp::of(&scene.path).unwrap()), "{label}");
                        assert_eq!(scene.genres(), ["Jazz"], "{label}");
                    }
                    Some("committed") => assert_eq!(step, Step::SyncFolder, "{label}"),
                    _ => assert_eq!(fs::read(&scene.path).unwrap(), bytes, "{label}"),
                }
                assert_eq!(names(scene.folder.path()).len(), 2, "{label}");
            }
        }
    }
}

#[test]
fn whoever_writes_in_the_last_moment_wins() {
    // Between the last look and the exchange, where a plain rename would destroy what they wrote.
    type Deed = fn(&Path);
    let deeds: [(&str, Deed); 3] = [
        ("writes", |path| fs::write(path, b"somebody else's bytes").unwrap()),
        ("replaces", |path| {
            fs::write(path.with_extension("new"), b"somebody else's bytes").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("removes", |path| fs::remove_file(path).unwrap()),
    ];
    for (name, deed) in deeds {
        let scene = Scene::mp3();
        let hook = Meddle(Step::Rename, || deed(&scene.path));
        let outcome = scene.write_with(&WriteOptions::default(), &hook);
        assert!(matches!(outcome, Err(TagError::Changed { .. })), "{name}: {outcome:?}");
        if name == "removes" {
            assert!(names(scene.folder.path()).is_empty(), "what was removed stays removed");
        } else {
            assert_eq!(fs::read(&scene.path).unwrap(), b"somebody else's bytes", "{name}");
            assert!(scene.alone(), "{name}");
        }
        assert!(scene.journal.states()[0].starts_with("abandoned"), "{name}");
    }
}

#[test]
fn a_crash_right_after_the_exchange_loses_neither_ours_nor_theirs() {
    // As a crash would leave it: the new file in place, beside it what it pushed out.
    for theirs in [false, true] {
        let scene = Scene::mp3();
        let hook = FailAt(Step::Discard, Cell::new(0), io::ErrorKind::Interrupted);
        assert!(matches!(scene.write_with(&WriteOptions::default(), &hook), Err(TagError::LeftBehind { .. })));
        let entry = scene.journal.entries.borrow()[0].0.clone();
        if theirs {
            // Somebody had the old file open and wrote to it in that moment.
            fs::write(&entry.temporary_path, b"somebody else's bytes").unwrap();
        }
        let recovered = recover(&entry, false).unwrap();
        if theirs {
            assert_eq!(recovered, Recovered::Abandoned);
            assert_eq!(fs::read(&scene.path).unwrap(), b"somebody else's bytes");
        } else {
            assert_eq!(recovered, Recovered::Committed(FileStamp::of(&scene.path).unwrap()));
            assert_eq!(scene.genres(), ["Jazz"]);
        }
        assert!(scene.alone());
    }
}

#[test]
fn holes_stay_holes() {
    let scene = Scene::mp3();
    let frames = mpeg_frames(40);
    let bytes = [id3v2(4, 0, &text(4, "TIT2", "Title"), 0), frames.clone()].concat();
    fs::write(&scene.path, &bytes).unwrap();
    let file = fs::File::options().write(true).open(&scene.path).unwrap();
    let length = 300 << 20;
    std::os::unix::fs::FileExt::write_all_at(&file, &frames, length).unwrap();
    // And a hole at the end.
    file.set_len(2 * length).unwrap();
    let used = |path: &Path| path.metadata().unwrap().blocks() * 512;
    if used(&scene.path) > 1 << 20 {
        println!("skipped: holes_stay_holes: the file system has none");
        return;
    }
    scene.change();
    assert_eq!(scene.genres(), ["Jazz"]);
    assert_eq!(scene.path.metadata().unwrap().len(), 2 * length + 4096, "the tag grew by a block");
    assert!(used(&scene.path) < 1 << 20, "{} bytes are used", used(&scene.path));
}

/// Everything in a file that is no audio, as the journal's undo is to bring it back.
fn pieces(path: &Path) -> Vec<super::super::editor::Piece> {
    let file = File::open(path).unwrap();
    let source = FileSource::new(&file).unwrap();
    let editor = editor::open(&source).unwrap();
    editor.layout(&source).unwrap().pieces
}

impl Scene {
    /// Takes back the entries with these numbers, newest first.
    fn undo(&self, numbers: &[usize]) -> (super::super::Undo, Written) {
        let entries = self.journal.entries.borrow().clone();
        let entries: Vec<&JournalEntry> = numbers.iter().map(|&number| &entries[number].0).collect();
        let undo = super::super::Undo::new(&read(&self.path).unwrap(), &entries);
        let written = write(&self.path, &undo.plan, &WriteOptions::default(), &self.journal).unwrap();
        (undo, written)
    }

    fn set(&self, genre: &str) {
        let fields = [(TagField::Genre, vec![genre.to_owned()]), (TagField::OwnGenre, vec![genre.to_owned()])];
        let plan = TagPlan::new(&read(&self.path).unwrap(), fields);
        write(&self.path, &plan, &WriteOptions::default(), &self.journal).unwrap();
    }
}

#[test]
fn an_undo_brings_every_field_back_as_it_was_after_one_write_or_several() {
    for (name, bytes) in files() {
        let scene = Scene::new(name, &bytes);
        let before = pieces(&scene.path);
        scene.change();
        scene.set("Blues");
        scene.set("A much longer name than any of those that were there before it");
        let (undo, written) = scene.undo(&[2]);
        assert!(matches!(written, Written::Changed(_)) && undo.foreign_genre.is_none(), "{name}");
        assert_eq!(scene.genres(), ["Blues"], "{name}");
        let (undo, _) = scene.undo(&[1, 0]);
        assert_eq!(undo.genre_after(), Some(&[][..]), "{name}");
        assert_eq!(pieces(&scene.path), before, "{name}");
        assert!(scene.alone());
        let last = scene.journal.entries.borrow().last().unwrap().0.clone();
        assert_eq!((last.cause, last.genre_before, last.genre_after), (Cause::Undo, vec!["Blues".to_owned()], vec![]));
    }
}

#[test]
fn an_mp3_that_had_no_tag_is_the_same_file_again_after_an_undo() {
    let bytes = mpeg_frames(900);
    let scene = Scene::new("no tag.mp3", &bytes);
    scene.change();
    scene.undo(&[0]);
    assert_eq!(fs::read(&scene.path).unwrap(), bytes);
}

#[test]
fn an_undo_leaves_alone_what_others_did_meanwhile_and_says_so_where_it_is_the_genre() {
    // The owner's player changed the title, in a tag of another version, and kept the genre and our fields.
    let scene = Scene::new("x.mp3", &[id3v2(3, 0, &text(3, "TCON", "Old"), 300), mpeg_frames(40)].concat());
    scene.change();
    let own = |name: &str, value: &str| {
        super::super::fixtures::frame(4, "TXXX", [0, 0], format!("\x03{name}\0{value}").as_bytes())
    };
    let frames = [
        text(4, "TIT2", "New title"),
        own("RECLASSD_GENRE", "Jazz"),
        text(4, "TCON", "Jazz"),
        own("RECLASSD_CONFIDENCE", "0.90"),
    ];
    fs::write(&scene.path, [id3v2(4, 0, &frames.concat(), 10), mpeg_frames(40)].concat()).unwrap();
    let (undo, _) = scene.undo(&[0]);
    assert_eq!(undo.foreign_genre, None);
    assert_eq!(scene.genres(), ["Old"], "by value, since the old bytes are those of another version");
    let restored = [text(4, "TIT2", "New title"), text(4, "TCON", "Old")].concat();
    assert_eq!(fs::read(&scene.path).unwrap()[10..10 + restored.len()], restored);

    // Somebody chose another genre: it stays, and only our own fields go.
    let scene = Scene::new("x.mp3", &[id3v2(4, 0, &text(4, "TIT2", "T"), 300), mpeg_frames(40)].concat());
    scene.change();
    let frames = [text(4, "TCON", "Zydeco"), own("RECLASSD_GENRE", "Jazz"), own("RECLASSD_CONFIDENCE", "0.90")];
    fs::write(&scene.path, [id3v2(4, 0, &frames.concat(), 10), mpeg_frames(40)].concat()).unwrap();
    let (undo, _) = scene.undo(&[0]);
    assert_eq!(undo.foreign_genre, Some(vec!["Zydeco".to_owned()]));
    let state = read(&scene.path).unwrap();
    assert_eq!((state.genres, state.own.genre), (vec!["Zydeco".to_owned()], vec![]));
}

#[test]
fn a_symbolic_link_is_refused_where_none_is_to_be_followed() {
    let scene = Scene::mp3();
    let link = scene.folder.path().join("link.mp3");
    symlink(&scene.path, &link).unwrap();
    let options = WriteOptions { symbolic_links: SymbolicLinks::Skip, ..WriteOptions::default() };
    let outcome = write(&link, &plan(&read(&link).unwrap()), &options, &scene.journal);
    assert!(matches!(outcome, Err(TagError::Refused { reason: Refusal::SymbolicLink, .. })));
}

#[test]
fn a_symbolic_link_stays_and_its_target_is_written() {
    let scene = Scene::mp3();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.mp3");
    symlink(&scene.path, &link).unwrap();
    let state = read(&link).unwrap();
    let Ok(Written::Changed(change)) = write(&link, &plan(&state), &WriteOptions::default(), &scene.journal) else {
        panic!("the target is written")
    };
    assert_eq!(change.path, scene.path.canonicalize().unwrap());
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(scene.genres(), ["Jazz"]);
    assert_eq!(names(elsewhere.path()), ["link.mp3"]);
    let dangling = elsewhere.path().join("dangling.mp3");
    symlink("nowhere", &dangling).unwrap();
    assert!(matches!(read(&dangling), Err(TagError::Io { .. })));
}

#[test]
fn read_only_files_and_folders_are_refused_even_for_root() {
    let scene = Scene::mp3();
    fs::set_permissions(&scene.path, Permissions::from_mode(0o444)).unwrap();
    assert_eq!(scene.refusal(), Refusal::ReadOnlyFile);
    fs::set_permissions(&scene.path, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(scene.folder.path(), Permissions::from_mode(0o555)).unwrap();
    assert_eq!(scene.refusal(), Refusal::ReadOnlyFolder);
    fs::set_permissions(scene.folder.path(), Permissions::from_mode(0o755)).unwrap();
    assert!(scene.journal.states().is_empty());
}

#[test]
fn names_of_any_bytes_and_of_full_length_are_written() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (_, bytes) = files().swap_remove(0);
    let long = [&[b'x'; 251][..], b".mp3"].concat();
    for name in [&b"\xff\xfe.mp3"[..], b"line\nbreak.mp3", &long, b"-rf.mp3"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OsStr::from_bytes(name));
        fs::write(&path, &bytes).unwrap();
        let journal = Memory::default();
        write(&path, &plan(&read(&path).unwrap()), &WriteOptions::default(), &journal).unwrap();
        assert_eq!(read(&path).unwrap().genres, ["Jazz"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn what_is_no_audio_file_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8], &str); 5] = [
        ("empty.mp3", b"", "not an audio file"),
        ("text.mp3", b"only words, no music\n", "not an audio file"),
        (
            "renamed.mp3",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead",
            "truncated: the file ends inside its Ogg headers",
        ),
        ("renamed.flac", b"DSD \0\0\0\0", "DSF tags are not written yet"),
        ("cut.flac", b"fLaC\0\0\0\x22", "truncated"),
    ];
    for (name, bytes, words) in cases {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let line = read(&path).unwrap_err().to_string();
        assert!(line.contains(words) && line.contains(name), "{line}");
    }
    assert!(read(folder.path()).unwrap_err().to_string().contains("not a regular file"));
    let awkward = folder.path().join("line\nbreak.mp3");
    fs::write(&awkward, b"").unwrap();
    assert!(!read(&awkward).unwrap_err().to_string().contains('\n'), "one error is one line");
}

/// The journal of a process that will be killed: a file.
struct OnDisk(PathBuf);

impl OnDisk {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(fs::write(self.0.join(name), bytes)?)
    }

    /// The entry, if one was begun, and whether it was closed as committed.
    fn entry(&self) -> Option<(JournalEntry, bool)> {
        let entry = serde_json::from_slice(&fs::read(self.0.join("begun")).ok()?).unwrap();
        Some((entry, self.0.join("committed").exists()))
    }

    fn was_overwriting(&self) -> bool {
        self.0.join("overwriting").exists()
    }
}

impl Journal for OnDisk {
    fn begin(&self, entry: &JournalEntry) -> Result<EntryId, Box<dyn Error + Send + Sync>> {
        self.put("begun", &serde_json::to_vec(entry)?)?;
        Ok(EntryId(0))
    }

    fn overwriting(&self, _: EntryId) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.put("overwriting", b"")
    }

    fn commit(&self, _: EntryId, _: &FileStamp) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.put("committed", b"")
    }

    fn abandon(&self, _: EntryId, _: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.put("abandoned", b"")
    }
}

/// Kills this very process, as a power cut or the kernel would.
struct DieAt(Step, Cell<usize>);

impl Hook for DieAt {
    fn before(&self, step: Step) -> io::Result<()> {
        if step == self.0 {
            if self.1.get() == 0 {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
            self.1.set(self.1.get().wrapping_sub(1));
        }
        Ok(())
    }
}

/// Not a test of its own: the process that the next test starts and lets die.
#[test]
#[ignore = "run by a_process_that_is_killed_leaves_the_old_file_or_the_new_one"]
fn dying_writer() {
    let Some(path) = std::env::var_os("RECLASSD_TEST_DIE_FILE").map(PathBuf::from) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<usize>().unwrap();
    let step = STEPS_TO_DIE_AT[number("RECLASSD_TEST_DIE_STEP")];
    let hook = DieAt(step, Cell::new(number("RECLASSD_TEST_DIE_CALL")));
    let journal = OnDisk(path.parent().unwrap().parent().unwrap().to_owned());
    let options = if path.metadata().unwrap().nlink() > 1 { IN_PLACE } else { WriteOptions::default() };
    write_with(&path, &plan(&read(&path).unwrap()), &options, &journal, &hook).unwrap();
}

/// Starts a process that writes the file and is killed at a call of a step. False: it was never killed.
fn kill_a_writer(path: &Path, step: Step, call: usize) -> bool {
    let number = STEPS_TO_DIE_AT.iter().position(|known| *known == step).unwrap();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "tagging::write::tests::dying_writer"])
        .env("RECLASSD_TEST_DIE_FILE", path)
        .env("RECLASSD_TEST_DIE_STEP", number.to_string())
        .env("RECLASSD_TEST_DIE_CALL", call.to_string())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    !status.success()
}

/// Those of a write by rename, and that of overwriting.
const STEPS_TO_DIE_AT: [Step; 14] = {
    let mut steps = [Step::Overwrite; 14];
    let mut number = 0;
    while number < Step::OF_A_WRITE.len() {
        steps[number] = Step::OF_A_WRITE[number];
        number += 1;
    }
    steps
};

#[test]
fn a_process_that_is_killed_while_it_overwrites_a_file_is_made_up_for_by_the_next_start() {
    let (mut killed, mut halfway) = (0, 0);
    for (name, bytes) in files() {
        for step in STEPS_TO_DIE_AT.into_iter().filter(|step| *step != Step::Rename) {
            for call in 0..if matches!(step, Step::Copy | Step::Overwrite) { 3 } else { 1 } {
                let room = tempfile::tempdir().unwrap();
                let folder = room.path().join("music");
                fs::create_dir(&folder).unwrap();
                let (path, other) = (folder.join(name), room.path().join("other name"));
                fs::write(&path, &bytes).unwrap();
                fs::hard_link(&path, &other).unwrap();
                let label = format!("{name}, call {call} of {step:?}");
                if !kill_a_writer(&path, step, call) {
                    assert!(call > 0, "{label} was not reached");
                    continue;
                }
                killed += 1;
                let journal = OnDisk(room.path().to_owned());
                let was_overwriting = journal.was_overwriting();
                halfway += usize::from(was_overwriting);
                match journal.entry() {
                    Some((entry, committed)) => {
                        assert!(!committed, "{label}");
                        let recovered = recover(&entry, was_overwriting).unwrap();
                        assert_eq!(recovered != Recovered::Abandoned, was_overwriting, "{label}");
                    }
                    None => assert!(step <= Step::Journal, "{label}"),
                }
                assert_eq!(names(&folder), [name], "{label}");
                assert_eq!(read(&other).unwrap().has_genre(), was_overwriting, "{label}");
                assert!(was_overwriting || fs::read(&other).unwrap() == bytes, "{label}");
            }
        }
    }
    assert!(killed >= 100 && halfway >= 25, "only {killed} processes were killed, {halfway} of them halfway");
}

#[test]
fn a_process_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let mut killed = 0;
    for (name, bytes) in files() {
        for step in Step::OF_A_WRITE {
            for call in 0..if step == Step::Copy { 4 } else { 1 } {
                let room = tempfile::tempdir().unwrap();
                let folder = room.path().join("music");
                fs::create_dir(&folder).unwrap();
                let path = folder.join(name);
                fs::write(&path, &bytes).unwrap();
                let label = format!("{name}, call {call} of {step:?}");
                if !kill_a_writer(&path, step, call) {
                    assert!(call > 0, "{label} was not reached");
                    continue;
                }
                killed += 1;
                let renamed = step > Step::Rename;
                let found = fs::read(&path).unwrap();
                assert_eq!(found == bytes, !renamed, "{label}");
                // The next start: the journal tells what was open, the file what happened.
                match OnDisk(room.path().to_owned()).entry() {
                    Some((entry, committed)) => {
                        assert!(!committed && step > Step::Journal, "{label}");
                        let recovered = recover(&entry, false).unwrap();
                        let expected = FileStamp::of(&path).unwrap();
                        let expected = if renamed { Recovered::Committed(expected) } else { Recovered::Abandoned };
                        assert_eq!(recovered, expected, "{label}");
                    }
                    None => assert!(step <= Step::Journal, "{label}"),
                }
                assert_eq!(names(&folder), [name], "{label}");
                assert_eq!(fs::read(&path).unwrap(), found);
                assert_eq!(read(&path).unwrap().has_genre(), renamed, "{label}");
            }
        }
    }
    assert!(killed >= 100, "only {killed} processes were killed");
}
