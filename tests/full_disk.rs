//! A disk without room for a copy: the file stays as it is, and the message says what is missing. (That a disk fills up in the middle
//! of a write is tested in `tagging/write`, at each of its steps.)
#![allow(clippy::unwrap_used)] // a test may panic

mod common;
#[path = "../src/tagging/fixtures.rs"]
mod fixtures;

use std::path::Path;
use std::process::Command;

use common::Library;
use fixtures::mpeg_frames;

/// A file system of its own with little room, unmounted when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn at(folder: &'a Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

#[test]
fn a_full_disk_leaves_the_file_as_it_is_and_says_what_is_missing() {
    const TEST: &str = "a_full_disk_leaves_the_file_as_it_is_and_says_what_is_missing";
    let library = Library::new();
    let music = library.music();
    let Some(_disk) = SmallDisk::at(&music, "3m") else {
        common::skipped(TEST, "only root may mount a small file system");
        return;
    };
    let path = library.put("song.mp3", &mpeg_frames(1500));
    std::fs::write(music.join("other"), vec![1; 2 << 20]).unwrap();
    let before = std::fs::read(&path).unwrap();
    let run = library.run("tag", &["--genre", "Jazz", path.to_str().unwrap()]).expect_code(1);
    assert!(run.stdout.contains("free some space"), "{}", run.stdout);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(&music).unwrap().count(), 2, "nothing is left beside it");
    std::fs::remove_file(music.join("other")).unwrap();
    library.run("tag", &["--genre", "Jazz", path.to_str().unwrap()]).expect_code(0);
    assert_ne!(std::fs::read(&path).unwrap(), before);
}
