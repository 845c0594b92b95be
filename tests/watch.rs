//! `reclassd watch` as a user sees it: the stories of `src/watch/settling_stories.rs` with real files, a real kernel
//! and the whole service behind it.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use common::Library;
use common::service::{Service, eventually, files, quick_library};
use common::sound::{flac, tune, vorbis_comment};

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, 2.0), 22_050, &[vorbis_comment(comments)])
}

/// A song that has a genre, so that nothing is written into it.
fn kept_song(seed: u32, title: &str) -> Vec<u8> {
    song(seed, &["GENRE=Polka", &format!("TITLE={title}")])
}

fn genres(path: &Path) -> Vec<String> {
    use lofty::file::AudioFile;
    let Ok(mut file) = fs::File::open(path) else { return Vec::new() };
    let Ok(flac) = lofty::flac::FlacFile::read_from(&mut file, lofty::config::ParseOptions::new()) else {
        return Vec::new();
    };
    let Some(comments) = flac.vorbis_comments() else { return Vec::new() };
    let genres = comments.items().filter(|(key, _)| key.eq_ignore_ascii_case("GENRE"));
    genres.map(|(_, value)| value.to_owned()).collect()
}

#[track_caller]
fn tagged(path: &Path) {
    eventually(&format!("{} to be tagged", path.display()), || (genres(path).len() == 1).then_some(()));
}

#[track_caller]
fn have(library: &Library, status: &str, number: u64) {
    eventually(&format!("{number} {status} files"), || (files(library)[status] == number).then_some(()));
}

#[test]
fn what_was_there_and_what_turns_up_is_tagged() {
    let library = quick_library("");
    let old = library.put("old/song.flac", &song(1, &[]));
    let service = Service::start(&library);
    tagged(&old);
    let new = library.put("new/album/song.flac", &song(2, &[]));
    tagged(&new);
    let status = service.settled("both to be written", |status| status["counts"]["written"] == 2);
    assert_eq!(status["watch"]["watches"], 4, "{status}");
    assert_eq!(service.logged("decoding "), 2, "{}", service.log());
}

#[test]
fn an_album_that_is_copied_slowly_is_tagged_once_and_whole() {
    let library = quick_library("");
    let service = Service::start(&library);
    let path = library.music().join("album/song.flac");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let bytes = song(1, &[]);
    let mut file = fs::File::create(&path).unwrap();
    for piece in bytes.chunks(bytes.len() / 12 + 1) {
        file.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(file);
    tagged(&path);
    service.settled("the album", |status| status["counts"]["written"] == 1);
    assert_eq!(service.logged("decoding "), 1, "{}", service.log());
}

#[test]
fn files_in_the_making_are_left_alone_until_they_have_their_name() {
    let library = quick_library("");
    let service = Service::start(&library);
    let unfinished = ["torrent.flac.part", ".rsync.flac.Xy12", "editor.tmp", "chrome.flac.crdownload", "qb.flac.!qB"];
    let paths = unfinished.map(|name| library.put(name, &song(1, &[])));
    // What comes later is done, so the ones before were passed by.
    tagged(&library.put("sentinel.flac", &song(2, &[])));
    for name in unfinished {
        assert_eq!(service.logged(name), 0, "{name}: {}", service.log());
    }
    for (number, path) in paths.iter().enumerate() {
        let finished = library.music().join(format!("{number}.flac"));
        fs::rename(path, &finished).unwrap();
        tagged(&finished);
    }
    assert_eq!(service.logged("decoding "), 2, "one recording in five files, and the sentinel");
}

#[test]
fn two_thousand_files_that_are_unpacked_at_once_are_all_found() {
    let library = quick_library("");
    let service = Service::start(&library);
    let bytes = kept_song(1, "x");
    for number in 0..2000 {
        library.put(format!("{}/{}/{number}.flac", number / 400, number / 20), &bytes);
    }
    have(&library, "kept", 2000);
    service.settled("all to be done", |status| status["watch"]["watches"] == 1 + 5 + 100);
    // A worker may begin before another has remembered the recording.
    assert!(service.logged("decoding ") <= 2, "{}", service.logged("decoding "));
    let scan = library.scan(&[]).expect_code(0);
    assert!(scan.objects().iter().all(|object| object["action"] == "unchanged"));
    assert_eq!(scan.objects().len(), 2000);
}

#[test]
fn a_renamed_tree_takes_its_rows_along_and_is_watched_under_its_new_name() {
    let library = quick_library("");
    for number in 0..20 {
        library.put(format!("a/{}/{number}.flac", number % 3), &song(number, &[]));
    }
    let service = Service::start(&library);
    have(&library, "tagged", 20);
    service.settled("all to be done", |_| true);
    let decoded = service.logged("decoding ");
    fs::rename(library.music().join("a"), library.music().join("b")).unwrap();
    let new = library.put("b/1/new.flac", &song(100, &[]));
    tagged(&new);
    eventually("the rows to follow", || {
        let files = files(&library);
        (files["tagged"] == 21 && files["gone"] == 0).then_some(())
    });
    assert_eq!(service.logged("decoding "), decoded + 1, "only the new one was listened to");
    assert_eq!(service.settled("the rest", |_| true)["watch"]["watches"], 5);
    assert_eq!(service.open_and_watched().1, 7, "five folders, the bell, and the folder of the database");
}

#[test]
fn deleted_files_are_noted_as_gone_and_leave_review() {
    let library = quick_library("");
    for name in ["a/1.flac", "a/2.flac", "b/3.flac"] {
        library.put(name, &song(1, &[]));
    }
    let _service = Service::start(&library);
    have(&library, "tagged", 3);
    fs::remove_file(library.music().join("b/3.flac")).unwrap();
    have(&library, "gone", 1);
    fs::remove_dir_all(library.music().join("a")).unwrap();
    have(&library, "gone", 3);
    let review = library.run("review", &["--below", "1", "--json"]).expect_code(0);
    assert_eq!(review.stdout, "");
    let back = library.put("b/3.flac", &song(1, &[]));
    tagged(&back);
    have(&library, "gone", 2);
}

#[test]
fn a_retag_by_another_program_and_a_copy_cost_no_listening() {
    let library = quick_library("");
    let path = library.put("song.flac", &song(1, &[]));
    let service = Service::start(&library);
    tagged(&path);
    service.settled("the song", |_| true);
    library.put("song.flac", &song(1, &["GENRE=Polka", "TITLE=Mine"]));
    have(&library, "kept", 1);
    let copy = library.put("copy/song.flac", &song(1, &[]));
    tagged(&copy);
    service.settled("the copy", |status| status["counts"]["written"] == 2);
    assert_eq!(genres(&path), ["Polka"]);
    assert_eq!(service.logged("decoding "), 1, "{}", service.log());
}

#[test]
fn folders_that_arrive_as_links_are_found_as_a_scan_finds_them() {
    use std::os::unix::fs::symlink;
    let library = quick_library("");
    let disk = library.root().join("disk");
    let song_on_disk = |name: &str, seed: u32| {
        let path = disk.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, song(seed, &[])).unwrap();
        path
    };
    let songs = ["X/1.flac", "X/deep/2.flac", "Y/3.flac", "Z/4.flac"];
    let songs: Vec<_> = songs.into_iter().zip(1..).map(|(name, seed)| song_on_disk(name, seed)).collect();
    let service = Service::start(&library);
    let link = library.music().join("X");
    symlink(disk.join("X"), &link).unwrap();
    symlink(disk.join("Y"), library.music().join("Y.flac")).unwrap();
    songs[..3].iter().for_each(|path| tagged(path));
    service.settled("the links", |status| status["watch"]["watches"] == 4);
    // What happens behind a link is heard of.
    tagged(&song_on_disk("X/deep/5.flac", 5));
    fs::remove_file(&songs[1]).unwrap();
    // The link leads elsewhere, in one step, as `ln -sfn` does it.
    let other = library.music().join(".X.new");
    symlink(disk.join("Z"), &other).unwrap();
    fs::rename(&other, &link).unwrap();
    tagged(&songs[3]);
    let late = song_on_disk("X/6.flac", 6);
    tagged(&song_on_disk("Z/7.flac", 7));
    service.settled("the other link", |status| status["watch"]["watches"] == 3);
    assert_eq!(genres(&late).len(), 0, "it is not of the library any more");
    // Away with it: nothing is deleted, and nothing of it is listened to any more.
    fs::remove_file(&link).unwrap();
    service.settled("the end of the link", |status| status["watch"]["watches"] == 2);
    assert_eq!(service.open_and_watched().1, 4, "two folders, the bell, and the folder of the database");
    let scan = library.scan(&[]).expect_code(0);
    assert_eq!(scan.objects().len(), 1, "{}", scan.stdout);
    assert_eq!(scan.field("3.flac", "action"), "unchanged");
}

#[test]
fn a_folder_with_two_names_is_watched_when_one_of_them_goes() {
    use std::os::unix::fs::symlink;
    let library = quick_library("");
    library.put("b/1.flac", &song(1, &[]));
    symlink(library.music().join("b"), library.music().join("a")).unwrap();
    let service = Service::start(&library);
    service.settled("the start", |status| status["counts"]["seen"].as_u64() >= Some(1));
    fs::remove_file(library.music().join("a")).unwrap();
    let sentinel = library.put("sentinel.flac", &song(2, &[]));
    tagged(&sentinel);
    service.settled("the folders to be watched again", |status| status["watch"]["watches"] == 2);
    tagged(&library.put("b/3.flac", &song(3, &[])));
}

#[test]
fn a_link_back_into_the_library_is_not_followed_round_and_round() {
    let library = quick_library("");
    library.put("a/1.flac", &song(1, &[]));
    let service = Service::start(&library);
    std::os::unix::fs::symlink(library.music(), library.music().join("a/loop")).unwrap();
    tagged(&library.put("a/2.flac", &song(2, &[])));
    let status = service.settled("both", |status| status["counts"]["written"] == 2);
    assert_eq!(status["watch"]["watches"], 2, "{status}");
    assert_eq!(service.logged("a/loop/a/"), 0, "{}", service.log());
}

#[test]
fn a_folder_that_leaves_itself_out_is_left_alone_until_it_changes_its_mind() {
    let library = quick_library("");
    library.put("Audiobooks/.nomedia", b"");
    let hidden = library.put("Audiobooks/deep/1.flac", &song(1, &[]));
    library.put("#recycle/2.flac", &song(2, &[]));
    let service = Service::start(&library);
    tagged(&library.put("3.flac", &song(3, &[])));
    service.settled("the rest", |status| status["watch"]["watches"] == 2);
    library.put("Audiobooks/deep/4.flac", &song(4, &[]));
    fs::remove_file(library.music().join("Audiobooks/.nomedia")).unwrap();
    tagged(&hidden);
    tagged(&library.music().join("Audiobooks/deep/4.flac"));
    service.settled("the folder to be watched", |status| status["watch"]["watches"] == 3);
    // And back again: what is tagged stays as it is, and is not taken for deleted.
    library.put("Audiobooks/.ndignore", b"# not these\n*5.flac\n");
    library.put("Audiobooks/deep/5.flac", &song(5, &[]));
    tagged(&library.put("Audiobooks/deep/6.flac", &song(6, &[])));
    service.settled("all to be done", |status| status["watch"]["watches"] == 3);
    assert_eq!((&files(&library)["tagged"], &files(&library)["gone"]), (&4.into(), &0.into()));
    library.put("Audiobooks/.ndignore", b"");
    service.settled("the folder to be left out", |status| status["watch"]["watches"] == 2);
    assert_eq!(genres(&hidden).len(), 1);
    assert_eq!((&files(&library)["tagged"], &files(&library)["gone"]), (&4.into(), &0.into()));
    for (name, seed) in [("Audiobooks/deep/5.flac", 5), ("#recycle/2.flac", 2)] {
        assert_eq!(fs::read(library.music().join(name)).unwrap(), song(seed, &[]), "{name} is as it was");
    }
}

#[test]
fn a_file_that_is_replaced_by_another_recording_is_listened_to() {
    let library = quick_library("");
    let path = library.put("song.flac", &song(1, &[]));
    let service = Service::start(&library);
    tagged(&path);
    let elsewhere = library.root().join("another.flac");
    fs::write(&elsewhere, song(2, &[])).unwrap();
    fs::rename(&elsewhere, &path).unwrap();
    eventually("the replacement to be tagged", || (genres(&path).len() == 1).then_some(()));
    service.settled("the replacement", |status| status["counts"]["written"] == 2);
    assert_eq!(service.logged("decoding "), 2);
}

#[test]
fn a_root_that_goes_away_deletes_nothing_and_heals_when_it_is_back() {
    let library = quick_library("poll_interval = \"1s\"");
    for number in 0..30 {
        library.put(format!("{}/{number}.flac", number % 5), &song(number, &[]));
    }
    let service = Service::start(&library);
    eventually("some to be done", || (files(&library)["tagged"].as_u64() > Some(3)).then_some(()));
    let away = library.root().join("unplugged");
    fs::rename(library.music(), &away).unwrap();
    let is_away = |status: &serde_json::Value| !status["watch"]["roots"][0]["away"].is_null();
    eventually("the root to be away", || service.status().filter(is_away));
    // An empty mount point is not an empty library.
    fs::create_dir(library.music()).unwrap();
    service.settled("the rest to be given up", |status| {
        status["watch"]["roots"][0]["away"].as_str().is_some_and(|why| why.contains("empty"))
    });
    assert_eq!(files(&library)["gone"], 0);
    fs::remove_dir(library.music()).unwrap();
    fs::rename(&away, library.music()).unwrap();
    have(&library, "tagged", 30);
    tagged(&library.put("new/song.flac", &song(99, &[])));
    let status = service.settled("all to be well", |status| !is_away(status));
    assert_eq!((&status["watch"]["watches"], &files(&library)["gone"]), (&7.into(), &0.into()));
}

#[test]
fn a_late_track_of_an_album_makes_the_album_vote_again_and_then_there_is_peace() {
    let library = quick_library("[ensemble]\nalbum = true");
    for number in 0..3 {
        library.put(format!("album/{number}.flac"), &song(number, &["ALBUM=One"]));
    }
    let service = Service::start(&library);
    have(&library, "tagged", 3);
    service.settled("the album", |_| true);
    library.put("album/3.flac", &song(3, &["ALBUM=One"]));
    have(&library, "tagged", 4);
    service.settled("the album of four", |_| true);
    let genres: Vec<_> = (0..4).map(|n| genres(&library.music().join(format!("album/{n}.flac")))).collect();
    assert!(genres.iter().all(|genre| *genre == genres[0]), "{genres:?}");
    let scan = library.scan(&[]).expect_code(0);
    assert!(scan.objects().iter().all(|object| object["action"] == "unchanged"), "{}", scan.stdout);
}

#[test]
fn a_root_that_is_missing_at_the_start_is_waited_for() {
    let library = quick_library("poll_interval = \"1s\"");
    fs::remove_dir(library.music()).unwrap();
    let service = Service::start(&library);
    assert_eq!(service.logged("Nothing is deleted"), 1, "{}", service.log());
    tagged(&library.put("song.flac", &song(1, &[])));
}

#[test]
fn a_polled_root_is_looked_through_without_being_watched() {
    let library = quick_library("poll_interval = \"1s\"");
    let mut library = library;
    let music = library.music();
    library.set_config(&format!(
        "[tags]\nmin_confidence = 0.0\n[library]\nsettle_seconds = 1\nroots = [{music:?}]\n[analysis]\nmin_seconds = 0.5\n\
         [watch]\npriority = \"normal\"\npoll_interval = \"1s\"\npoll = [{music:?}]\n"
    ));
    let path = library.put("a/song.flac", &song(1, &[]));
    let service = Service::start_with(&library, |_| {});
    tagged(&path);
    tagged(&library.put("b/song.flac", &song(2, &[])));
    fs::remove_file(&path).unwrap();
    have(&library, "gone", 1);
    let status = service.settled("all to be done", |_| true);
    assert_eq!(status["watch"]["watches"], 0);
    assert!(status["watch"]["roots"][0]["polled"].is_string());
}

#[test]
fn events_that_the_kernel_could_not_keep_cost_no_file() {
    let library = quick_library("");
    let service = Service::start(&library);
    service.settled("the start", |_| true);
    let limit: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    // Two events a file: made, and closed.
    let number = limit / 2 + 500;
    if number > 50_000 {
        return common::skipped("events_that_the_kernel_could_not_keep_cost_no_file", "the kernel keeps too many");
    }
    service.signal("STOP");
    for number in 0..number {
        library.put(format!("{number}.mp3"), b"no music");
    }
    service.signal("CONT");
    have(&library, "skipped", number as u64);
    assert!(service.logged("more happened than could be listened to") > 0);
}

/// A service in a user namespace with a limit of its own, which only it feels; `None` where that cannot be had.
fn limited_service(library: &Library, limit: &str) -> Option<Service> {
    let setting = format!("/proc/sys/user/{limit}");
    let mut probe = std::process::Command::new("unshare");
    probe.args(["-Ur", "test", "-w", &setting]);
    if !probe.status().is_ok_and(|status| status.success()) {
        common::skipped(limit, "no user namespaces");
        return None;
    }
    // In it, even a few are too many.
    let number = if limit == "max_inotify_instances" { 0 } else { 4 };
    let limited = format!("echo {number} > {setting}; exec \"$0\" watch \"$1\"");
    let prepared = library.command("watch");
    let mut command = std::process::Command::new("unshare");
    command.args(["-Ur", "sh", "-c", &limited]).arg(prepared.get_program()).arg(library.music());
    command.env_clear().envs(prepared.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.env("RECLASSD_LOG", "reclassd=debug").current_dir(library.root());
    Some(Service::of(library, &mut command))
}

#[test]
fn without_watches_left_folders_are_polled_and_the_setting_is_named() {
    for (limit, named) in [("max_inotify_watches", "max_user_watches"), ("max_inotify_instances", "max_user_instances")]
    {
        let library = quick_library("poll_interval = \"1s\"");
        for number in 0..6 {
            library.put(format!("{number}/song.flac"), &song(number, &[]));
        }
        let Some(service) = limited_service(&library, limit) else { return };
        have(&library, "tagged", 6);
        assert!(service.logged(&format!("sysctl -w fs.inotify.{named}")) > 0, "{}", service.log());
        tagged(&library.put("5/new.flac", &song(50, &[])));
        let status = service.settled("all to be done", |_| true);
        assert!(status["watch"]["roots"][0]["polled"].as_str().unwrap().contains(named), "{status}");
    }
}

#[test]
fn a_root_whose_link_leads_elsewhere_is_followed_there() {
    let library = quick_library("poll_interval = \"1s\"");
    for (disk, seed) in [("a", 1), ("b", 2)] {
        let path = library.root().join(disk).join(format!("{seed}.flac"));
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, song(seed, &[])).unwrap();
    }
    let link = library.root().join("link");
    std::os::unix::fs::symlink(library.root().join("a"), &link).unwrap();
    let service = Service::start_with(&library, |command| {
        command.arg(&link);
    });
    tagged(&library.root().join("a/1.flac"));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(library.root().join("b"), &link).unwrap();
    tagged(&library.root().join("b/2.flac"));
    let later = library.root().join("b/3.flac");
    fs::write(&later, song(3, &[])).unwrap();
    tagged(&later);
    let status = service.settled("the other disk", |_| true);
    assert_eq!(status["watch"]["watches"], 1, "{status}");
}
