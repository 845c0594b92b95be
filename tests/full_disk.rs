//! A disk without room for a copy: the file stays as it is, and the message says what is missing. (That a disk fills up
//! in the middle of a write is tested in `tagging/write`, at each of its steps.)
#![allow(clippy::unwrap_used)] // a test may panic

mod common;
#[path = "../src/tagging/fixtures.rs"]
mod fixtures;

use std::path::Path;
use std::process::Command;

use common::Library;
use common::service::{Service, eventually, quick_library};
use common::sound::{flac, tune, vorbis_comment};
use fixtures::mpeg_frames;

fn song(seed: u32) -> Vec<u8> {
    flac(&tune(seed, 22_050, 2.0), 22_050, &[vorbis_comment(&[])])
}

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

#[test]
fn a_service_says_once_that_a_disk_is_full_and_writes_as_soon_as_there_is_room() {
    const TEST: &str = "a_service_says_once_that_a_disk_is_full_and_writes_as_soon_as_there_is_room";
    let library = quick_library("");
    let music = library.music();
    let Some(disk) = SmallDisk::at(&music, "4m") else {
        return common::skipped(TEST, "only root may mount a small file system");
    };
    let filler = music.join("other");
    std::fs::write(&filler, vec![1; 3 << 20]).unwrap();
    let songs: Vec<_> = (0..4).map(|seed| library.put(format!("{seed}.flac"), &song(seed))).collect();
    let service = Service::start(&library);
    let waits =
        |status: &serde_json::Value| status["trouble"].as_str().is_some_and(|why| why.starts_with("4 files wait"));
    let status = eventually("all to wait for room", || service.status().filter(waits));
    assert!(status["trouble"].as_str().unwrap().contains("free some space"), "{status}");
    // Longer than a pause: what is tried again in vain is not worth a word.
    std::thread::sleep(std::time::Duration::from_secs(12));
    assert_eq!((service.logged("ERROR"), service.logged("WARN")), (1, 0), "{}", service.log());
    assert_eq!(service.status().unwrap()["counts"]["failed"], 4);
    std::fs::remove_file(&filler).unwrap();
    for (path, seed) in songs.iter().zip(0..) {
        eventually("room to be found", || (std::fs::read(path).unwrap() != song(seed)).then_some(()));
    }
    service.settled("all to be done", |status| status["trouble"].is_null());
    assert_eq!(service.logged("ERROR"), 1, "{}", service.log());
    assert_eq!(service.logged("decoding "), 4, "none was listened to twice");
    drop(service);
    drop(disk);
}

#[test]
fn a_scan_of_a_full_disk_says_so_once() {
    let library = quick_library("");
    let music = library.music();
    let Some(_disk) = SmallDisk::at(&music, "3m") else {
        return common::skipped("a_scan_of_a_full_disk_says_so_once", "only root may mount a small file system");
    };
    std::fs::write(music.join("other"), vec![1; 2 << 20]).unwrap();
    (0..3).for_each(|seed| drop(library.put(format!("{seed}.flac"), &song(seed))));
    let scan = library.run("scan", &[music.to_str().unwrap()]).expect_code(1);
    assert_eq!(scan.stdout.matches("bytes and the file system has").count(), 1, "{}", scan.stdout);
    assert!(scan.stdout.contains("2 more failed for want of room"), "{}", scan.stdout);
    assert!(scan.stdout.contains("3 failed"), "{}", scan.stdout);
}

#[test]
fn a_service_whose_database_is_on_a_full_disk_says_so_once_and_goes_on_when_there_is_room() {
    const TEST: &str = "a_service_whose_database_is_on_a_full_disk_says_so_once_and_goes_on_when_there_is_room";
    let library = quick_library("");
    let state = library.database().parent().unwrap().to_owned();
    std::fs::create_dir_all(&state).unwrap();
    let Some(disk) = SmallDisk::at(&state, "4m") else {
        return common::skipped(TEST, "only root may mount a small file system");
    };
    let service = Service::start(&library);
    service.settled("the start", |_| true);
    let filler = state.join("other");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
    drop(file);
    let songs: Vec<_> = (0..6).map(|seed| library.put(format!("{seed}.flac"), &song(seed))).collect();
    eventually("the disk to be found full", || (service.logged("the disk of the database is full") > 0).then_some(()));
    // Longer than a pause: what is tried again in vain is not worth a word.
    std::thread::sleep(std::time::Duration::from_secs(12));
    assert_eq!(service.logged("ERROR"), 1, "{}", service.log());
    assert!(!service.log().contains("permission"), "{}", service.log());
    let status = library.run("status", &[]);
    assert!(!status.stderr.contains("permission") && !status.stdout.contains("permission"), "{status:?}");
    std::fs::remove_file(&filler).unwrap();
    for (path, seed) in songs.iter().zip(0..) {
        eventually("work to go on", || (std::fs::read(path).unwrap() != song(seed)).then_some(()));
    }
    service.settled("all to be done", |status| status["trouble"].is_null());
    assert_eq!(service.logged("ERROR"), 1, "{}", service.log());
    drop(service);
    drop(disk);
}

#[test]
fn without_room_for_a_database_the_advice_is_about_room() {
    let library = Library::new();
    let state = library.database().parent().unwrap().to_owned();
    std::fs::create_dir_all(&state).unwrap();
    let Some(_disk) = SmallDisk::at(&state, "64k") else {
        let test = "without_room_for_a_database_the_advice_is_about_room";
        return common::skipped(test, "only root may mount a small file system");
    };
    let mut file = std::fs::File::create(state.join("other")).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
    for (command, arguments) in [("review", vec![]), ("watch", vec!["/nowhere"])] {
        let run = library.run(command, &arguments);
        assert!(run.code != Some(0) && run.stderr.contains("free some space"), "{command}: {}", run.stderr);
        assert!(!run.stderr.contains("permission"), "{command}: {}", run.stderr);
    }
}
