//! Writes taken back, right after them and after others have been at the file.

use super::super::super::Undo;
use super::super::super::editor::Piece;
use super::super::super::fixtures::frame;
use super::*;

/// Everything in a file that is no audio, as the journal's undo is to bring it back.
fn pieces(path: &Path) -> Vec<Piece> {
    let file = File::open(path).unwrap();
    let source = FileSource::new(&file).unwrap();
    let editor = editor::open(&source).unwrap();
    editor.layout(&source).unwrap().pieces
}

impl Scene {
    /// Takes back the entries with these numbers, newest first.
    fn undo(&self, numbers: &[usize]) -> (Undo, Written) {
        let entries = self.journal.entries.borrow().clone();
        let entries: Vec<&JournalEntry> = numbers.iter().map(|&number| &entries[number].0).collect();
        let undo = Undo::new(&read(&self.path).unwrap(), &entries);
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
fn mp4_flac_and_ogg_are_the_same_files_again_after_an_undo_of_one_write_or_several() {
    let is_meant = |name: &str| [".m4a", ".flac", ".opus"].iter().any(|kind| name.ends_with(kind));
    for (name, bytes) in files().into_iter().filter(|(name, _)| is_meant(name)) {
        let scene = Scene::new(name, &bytes);
        scene.change();
        let first = fs::read(&scene.path).unwrap();
        scene.set("A much longer name than any of those that were there before it, so that there is need of room");
        scene.undo(&[1]);
        assert!(fs::read(&scene.path).unwrap() == first, "{name}");
        scene.set("Blues");
        scene.undo(&[3, 0]);
        assert!(fs::read(&scene.path).unwrap() == bytes, "{name}");
    }
}

#[test]
fn an_undo_leaves_alone_what_others_did_meanwhile_and_says_so_where_it_is_the_genre() {
    // The owner's player changed the title, in a tag of another version, and kept the genre and our fields.
    let scene = Scene::new("x.mp3", &[id3v2(3, 0, &text(3, "TCON", "Old"), 300), mpeg_frames(40)].concat());
    scene.change();
    let own = |name: &str, value: &str| frame(4, "TXXX", [0, 0], format!("\x03{name}\0{value}").as_bytes());
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
fn a_tag_that_somebody_changed_stays_and_the_others_are_taken_back() {
    use super::super::super::fixtures::{ape_item, ape_tag};
    let ape = |genre: &[u8]| ape_tag(&[ape_item("Genre", genre, 0), ape_item("Title", b"T", 0)]);
    let id3 = |genre| id3v2(4, 0, &text(4, "TCON", genre), 300);
    let scene = Scene::new("x.mp3", &[id3("Old"), mpeg_frames(40), ape(b"Older")].concat());
    scene.set("Jazz");
    // A player that knows only APEv2 has its way with that tag.
    let bytes = fs::read(&scene.path).unwrap();
    let at = bytes.windows(8).position(|window| window == b"APETAGEX").unwrap();
    fs::write(&scene.path, [&bytes[..at], &ape(b"Metal")].concat()).unwrap();
    assert!(!read(&scene.path).unwrap().genre_is_ours(), "a scan has to leave it alone too");
    let (undo, _) = scene.undo(&[0]);
    assert_eq!(undo.foreign_genre, Some(vec!["Metal".to_owned()]));
    let held: Vec<Vec<String>> = read(&scene.path).unwrap().fields.into_iter().map(|held| held.values).collect();
    assert_eq!(held, [["Old"], ["Metal"]]);
}
