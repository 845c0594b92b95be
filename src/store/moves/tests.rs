//! Stories of files that are moved, copied, deleted and put back: what of the database goes where.
#![allow(clippy::unwrap_used)] // a test may panic

use super::*;
use crate::audio::AudioId;
use crate::store::tests::fresh;
use crate::store::{AudioKey, JournalHandle, TrackStatus, TrackUpdate};
use crate::tagging::{Cause, Container, EntryId, FieldChange, Journal, JournalEntry, OwnFields, Scope};

struct Scene {
    folder: tempfile::TempDir,
    store: Store,
    audio: AudioKey,
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

impl Scene {
    fn new() -> Self {
        let (folder, store) = fresh();
        let audio = store.audio(AudioId::from_bytes([1; 16])).unwrap();
        Self { folder, store, audio }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn put(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, name).unwrap();
        path
    }

    /// A file that a scan has seen, as it is now.
    fn seen(&self, path: &Path) {
        self.seen_as(path, FileStamp::of(path).unwrap());
    }

    fn seen_as(&self, path: &Path, stamp: FileStamp) {
        let update = TrackUpdate {
            path,
            audio: Some(self.audio),
            stamp,
            status: TrackStatus::Tagged,
            genre: None,
            confidence: None,
            ranking: &[],
            reason: None,
            settled_by: Some("settings"),
        };
        self.store.record_track(&update).unwrap();
    }

    /// A file into which that was written, with our own fields if a scan did it, and which was seen then.
    fn written(&self, name: &str, cause: Cause, genre: &str) -> PathBuf {
        let path = if self.path(name).exists() { self.path(name) } else { self.put(name) };
        let stamp = FileStamp::of(&path).unwrap();
        self.written_as(&path, stamp, cause, genre, &[]);
        self.seen(&path);
        path
    }

    fn written_as(&self, path: &Path, stamp: FileStamp, cause: Cause, genre: &str, undoes: &[EntryId]) -> EntryId {
        let field = |name: &str| FieldChange {
            scope: Scope::VorbisComments,
            form: String::new(),
            name: name.to_owned(),
            position: 0,
            old: None,
            new: Some(b"x".to_vec()),
        };
        let own = (cause == Cause::Scan).then(|| field("RECLASSD_GENRE"));
        let entry = JournalEntry {
            path: path.to_owned(),
            temporary_path: path.with_extension("tmp"),
            container: Container::Flac,
            cause,
            before: stamp,
            audio_hash: [9; 32],
            fields: std::iter::once(field("GENRE")).chain(own).collect(),
            created: Vec::new(),
            genre_before: Vec::new(),
            genre_after: if genre.is_empty() { Vec::new() } else { strings(&[genre]) },
            values_before: Vec::new(),
            room_before: None,
        };
        let journal = JournalHandle::new(&self.store, Some(self.audio)).undoing(undoes.to_vec());
        let id = journal.begin(&entry).unwrap();
        journal.commit(id, &stamp).unwrap();
        id
    }

    fn moved(&self, old: &Path, new: &str) -> PathBuf {
        let new = self.path(new);
        std::fs::create_dir_all(new.parent().unwrap()).unwrap();
        std::fs::rename(old, &new).unwrap();
        new
    }

    fn copied(&self, old: &Path, new: &str) -> PathBuf {
        let new = self.path(new);
        std::fs::create_dir_all(new.parent().unwrap()).unwrap();
        std::fs::copy(old, &new).unwrap();
        new
    }

    /// A file turns up with these tags; by which name it was known.
    fn turns_up(&self, path: &Path, genres: &[&str], own: &[&str]) -> Option<PathBuf> {
        self.arrives(path, genres, own, |arrival| self.store.follow(arrival))
    }

    fn is_named_in_an_undo(&self, path: &Path, genres: &[&str], own: &[&str]) -> Option<PathBuf> {
        self.arrives(path, genres, own, |arrival| self.store.follow_by_hand(arrival))
    }

    fn arrives(
        &self,
        path: &Path,
        genres: &[&str],
        own: &[&str],
        follow: impl FnOnce(&Arrival<'_>) -> Result<Option<PathBuf>, StoreError>,
    ) -> Option<PathBuf> {
        let stamp = FileStamp::of(path).unwrap();
        let state = TagState {
            container: Container::Flac,
            stamp,
            genres: strings(genres),
            own: OwnFields { genre: strings(own), ..OwnFields::default() },
            fields: Vec::new(),
        };
        let recording = Recording::Audio(self.audio);
        follow(&Arrival { path, recording, stamp, tags: &|| Some(state.clone()) }).unwrap()
    }

    fn writes(&self, path: &Path) -> usize {
        self.store.history(path).unwrap().len()
    }

    fn choice(&self, path: &Path) -> Option<Origin> {
        self.store.choice(path, Some(self.audio)).unwrap().map(|choice| choice.origin)
    }

    fn has_row(&self, path: &Path) -> bool {
        self.store.track(path).unwrap().is_some()
    }
}

#[test]
fn a_moved_file_takes_row_history_and_choice_along() {
    let scene = Scene::new();
    let old = scene.written("a/x.flac", Cause::Owner, "Zydeco");
    let new = scene.moved(&old, "b/y.flac");
    assert_eq!(scene.turns_up(&new, &["Zydeco"], &[]), Some(old.clone()));
    assert_eq!((scene.writes(&old), scene.choice(&old), scene.has_row(&old)), (0, None, false));
    assert_eq!((scene.writes(&new), scene.choice(&new), scene.has_row(&new)), (1, Some(Origin::Chosen), true));
    assert_eq!(scene.store.history(&new).unwrap()[0].written_as, old);
    assert_eq!(scene.store.moved_to(&old).unwrap(), [new]);
}

#[test]
fn a_moved_file_from_which_only_our_genre_was_deleted_is_known_by_our_fields() {
    let scene = Scene::new();
    let old = scene.written("x.flac", Cause::Scan, "Jazz");
    let new = scene.moved(&old, "y.flac");
    assert_eq!(scene.turns_up(&new, &[], &["Jazz"]), Some(old));
}

#[test]
fn a_renamed_album_takes_the_rows_of_files_along_that_were_never_written() {
    let scene = Scene::new();
    let old = scene.put("album/1.flac");
    scene.seen(&old);
    let new = scene.moved(&old, "Album (1999)/1.flac");
    assert_eq!(scene.turns_up(&new, &[], &[]), Some(old.clone()));
    assert!(!scene.has_row(&old) && scene.has_row(&new));
}

#[test]
fn a_copy_begins_with_nothing_and_knows_its_twin() {
    let scene = Scene::new();
    let old = scene.written("x.flac", Cause::Owner, "Zydeco");
    let copy = scene.copied(&old, "copy.flac");
    assert_eq!(scene.turns_up(&copy, &["Zydeco"], &[]), None);
    assert_eq!((scene.writes(&old), scene.writes(&copy), scene.choice(&copy)), (1, 0, None));
    let twin = scene.store.written_elsewhere(&copy, &Recording::Audio(scene.audio)).unwrap();
    assert_eq!(twin, Some(old));
}

#[test]
fn the_original_that_turns_up_elsewhere_after_the_deletion_inherits_no_write() {
    let scene = Scene::new();
    let deleted = scene.written("a/x.flac", Cause::Scan, "Jazz");
    std::fs::remove_file(&deleted).unwrap();
    // File systems give a freed number to the next file.
    let other = scene.put("b/other.flac");
    assert_eq!(scene.turns_up(&other, &[], &[]), None);
    assert_eq!((scene.writes(&deleted), scene.writes(&other), scene.has_row(&deleted)), (1, 0, true));
}

#[test]
fn a_copy_that_was_tagged_otherwise_inherits_no_write() {
    let scene = Scene::new();
    let deleted = scene.written("a/x.flac", Cause::Scan, "Jazz");
    std::fs::remove_file(&deleted).unwrap();
    let other = scene.put("b/other.flac");
    for own in [&[][..], &["Ambient"]] {
        assert_eq!(scene.turns_up(&other, &["Ambient"], own), None);
        assert_eq!(scene.is_named_in_an_undo(&other, &["Ambient"], own), None);
    }
    assert_eq!((scene.writes(&deleted), scene.writes(&other)), (1, 0));
}

#[test]
fn a_copy_that_is_older_than_the_deletion_is_no_move() {
    let scene = Scene::new();
    let deleted = scene.written("a/x.flac", Cause::Scan, "Jazz");
    let copy = scene.copied(&deleted, "b/copy.flac");
    std::fs::remove_file(&deleted).unwrap();
    assert_eq!(scene.turns_up(&copy, &["Jazz"], &["Jazz"]), None);
    assert_eq!((scene.writes(&deleted), scene.writes(&copy)), (1, 0));
    // Who names it in an undo means it: what it holds can be taken back by what the lost one knew.
    assert_eq!(scene.is_named_in_an_undo(&copy, &["Jazz"], &["Jazz"]), Some(deleted.clone()));
    assert_eq!((scene.writes(&deleted), scene.writes(&copy)), (0, 1));
}

#[test]
fn what_the_owner_decided_holds_for_a_copy_too_once_the_file_is_gone() {
    let scene = Scene::new();
    let lost = scene.written("a/x.flac", Cause::Owner, "Zydeco");
    let copy = scene.copied(&lost, "b/copy.flac");
    std::fs::remove_file(&lost).unwrap();
    assert_eq!(scene.turns_up(&copy, &["Zydeco"], &[]), None);
    assert_eq!((scene.choice(&copy), scene.choice(&lost)), (Some(Origin::Chosen), Some(Origin::Chosen)));
    // Another copy that somebody gave another genre has nothing to do with it.
    let other = scene.put("c/copy.flac");
    assert_eq!(scene.turns_up(&other, &["Rock"], &[]), None);
    assert_eq!(scene.choice(&other), None);
}

#[test]
fn a_file_on_a_disk_that_is_not_mounted_keeps_its_history_and_its_twin_obeys() {
    let scene = Scene::new();
    let (away, twin) = (scene.path("away/x.flac"), scene.put("y.flac"));
    let here = FileStamp::of(&twin).unwrap();
    let stamp = FileStamp { device: here.device + 1, inode: here.inode + 1, ..here };
    scene.written_as(&away, stamp, Cause::Owner, "Zydeco", &[]);
    scene.seen_as(&away, stamp);
    assert_eq!(scene.turns_up(&twin, &["Zydeco"], &[]), None);
    assert_eq!((scene.writes(&away), scene.writes(&twin), scene.choice(&twin)), (1, 0, Some(Origin::Chosen)));
    assert!(scene.has_row(&away));
}

#[test]
fn a_file_that_comes_from_another_file_system_is_moved_if_it_is_new_there() {
    for (is_new, expected) in [(true, 1), (false, 0)] {
        let scene = Scene::new();
        let old = scene.written("a/x.flac", Cause::Scan, "Jazz");
        let new = scene.copied(&old, "b/x.flac");
        std::fs::remove_file(&old).unwrap();
        // The same file system has to pass for two: the old file had another number there.
        let elsewhere = FileStamp::of(&new).unwrap().device as i64 + 1;
        scene.store.execute("UPDATE track SET device = ?1", [elsewhere]).unwrap();
        scene.store.execute("UPDATE journal SET after_device = ?1", [elsewhere]).unwrap();
        let tags = &["Jazz"][..];
        assert_eq!(scene.turns_up(&new, tags, tags), None, "and may not be mounted");
        let trail = scene.store.trail(&old, &Recording::Audio(scene.audio)).unwrap();
        if !is_new {
            scene.store.execute("UPDATE track SET seen_at = seen_at + 1000", []).unwrap();
        }
        let trail = Trail { seen_at: if is_new { trail.seen_at } else { trail.seen_at + 1000 }, ..trail };
        let stamp = FileStamp::of(&new).unwrap();
        let recording = Recording::Audio(scene.audio);
        let arrival = Arrival { path: &new, recording, stamp, tags: &|| None };
        let state = TagState {
            container: Container::Flac,
            stamp,
            genres: strings(tags),
            own: OwnFields { genre: strings(tags), ..OwnFields::default() },
            fields: Vec::new(),
        };
        let kinship = trail.kinship(Absence::Gone, &arrival, Some(&state));
        assert_eq!(i32::from(kinship == Some(Kinship::Itself)), expected);
    }
}

#[test]
fn a_library_behind_a_link_in_its_place_is_the_same_library() {
    let scene = Scene::new();
    let old = scene.written("linked/x.flac", Cause::Owner, "Zydeco");
    std::fs::rename(scene.path("linked"), scene.path("real")).unwrap();
    std::os::unix::fs::symlink(scene.path("real"), scene.path("linked")).unwrap();
    let new = scene.path("real/x.flac");
    assert_eq!(scene.turns_up(&new, &["Zydeco"], &[]), Some(old));
    assert_eq!((scene.writes(&new), scene.choice(&new)), (1, Some(Origin::Chosen)));
}

#[test]
fn a_file_that_was_taken_back_and_moved_is_known_by_what_the_undo_left() {
    let scene = Scene::new();
    let old = scene.put("x.flac");
    let stamp = FileStamp::of(&old).unwrap();
    let scan = scene.written_as(&old, stamp, Cause::Scan, "Jazz", &[]);
    scene.written_as(&old, stamp, Cause::Undo, "", &[scan]);
    scene.seen(&old);
    let new = scene.moved(&old, "y.flac");
    assert_eq!(scene.turns_up(&new, &[], &[]), Some(old));
    assert_eq!((scene.writes(&new), scene.choice(&new)), (2, Some(Origin::TakenBack)));
}

#[test]
fn of_several_files_that_are_gone_the_one_goes_on_that_it_is() {
    let scene = Scene::new();
    let olds = ["a/1.flac", "a/2.flac", "a/3.flac"].map(|name| scene.written(name, Cause::Scan, "Jazz"));
    let news = [0, 1, 2].map(|i| scene.moved(&olds[i], &format!("b/{}.flac", 2 - i)));
    let tags = &["Jazz"][..];
    for (old, new) in olds.iter().zip(&news) {
        assert_eq!(scene.turns_up(new, tags, tags).as_ref(), Some(old));
        assert_eq!(scene.writes(new), 1);
    }
}

#[test]
fn a_deleted_file_ends_its_history_until_it_comes_back_as_it_was() {
    let scene = Scene::new();
    let path = scene.written("x.flac", Cause::Scan, "Jazz");
    let wastebasket = scene.moved(&path, ".Trash/x.flac");
    assert_eq!(scene.store.mark_gone(&path).unwrap(), 1);
    let last = |scene: &Scene| scene.store.known(&path, Some(scene.audio)).unwrap().last;
    assert_eq!(last(&scene), LastWrite::Nothing);
    assert!(scene.store.history(&path).unwrap()[0].has_ended, "and can still be read");
    // Another file in its place is another file.
    scene.put("x.flac");
    assert_eq!(scene.turns_up(&path, &[], &[]), None);
    assert_eq!(last(&scene), LastWrite::Nothing);
    std::fs::rename(&wastebasket, &path).unwrap();
    scene.turns_up(&path, &["Jazz"], &["Jazz"]);
    assert!(matches!(last(&scene), LastWrite::Wrote(_)));
}

#[test]
fn the_days_writes_are_counted_where_they_were_written() {
    let scene = Scene::new();
    let old = scene.written("x.flac", Cause::Scan, "Jazz");
    let new = scene.moved(&old, "y.flac");
    scene.turns_up(&new, &["Jazz"], &["Jazz"]);
    let times = |path: &Path| scene.store.known(path, Some(scene.audio)).unwrap().within_a_day.len();
    assert_eq!((times(&old), times(&new)), (1, 0));
    scene.store.execute("UPDATE journal SET begun_at = begun_at - 90000", []).unwrap();
    assert_eq!(times(&old), 0);
}
