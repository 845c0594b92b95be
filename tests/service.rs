//! `reclassd watch` as a service: signals, reload, readiness, rest, one a database, and the commands beside it.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use common::Library;
use common::service::{PATIENCE, Service, eventually, files, quick_library};
use common::sound::{flac, tune, vorbis_comment};

fn song(seed: u32) -> Vec<u8> {
    flac(&tune(seed, 22_050, 2.0), 22_050, &[vorbis_comment(&[])])
}

#[track_caller]
fn have(library: &Library, status: &str, number: u64) {
    eventually(&format!("{number} {status} files"), || (files(library)[status] == number).then_some(()));
}

#[test]
fn a_second_service_of_the_same_database_is_refused_with_the_number_of_the_first() {
    let library = quick_library("");
    let service = Service::start(&library);
    let music = library.music();
    let second = library.run("watch", &[music.to_str().unwrap()]).expect_code(2);
    assert!(second.stderr.contains(&format!("process {}", service.child.id())), "{}", second.stderr);
    drop(service);
    let (code, _) = Service::start(&library).stop();
    assert_eq!(code, Some(0), "a killed service leaves no lock behind");
}

#[test]
fn without_a_folder_to_watch_it_says_what_to_do() {
    let run = quick_library("").run("watch", &[]).expect_code(2);
    assert!(run.stderr.contains("[library] roots"), "{}", run.stderr);
}

#[test]
fn status_tells_how_the_service_stands_and_that_it_ended() {
    let library = quick_library("");
    let never = library.run("status", &[]).expect_code(0).stdout;
    assert!(never.contains("not running, and never did"), "{never}");
    library.put("song.flac", &song(1));
    library.put("broken.flac", b"no music");
    let service = Service::start(&library);
    have(&library, "tagged", 1);
    service.settled("both to be done", |status| status["counts"]["seen"] == 2);
    let text = library.run("status", &[]).expect_code(0).stdout;
    for word in [&format!("process {}", service.child.id()), "idle", "1 tagged", "1 skipped", "(watched", "watches"] {
        assert!(text.contains(word), "{word} is missing in:\n{text}");
    }
    let json = library.run("status", &["--json"]).expect_code(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["running"], &json["service"]["counts"]["written"]), (&true.into(), &1.into()));
    assert!(json["service"]["counts"]["stage_seconds"]["analyse"].as_f64().unwrap() > 0.0);
    service.stop();
    let ended = library.run("status", &[]).expect_code(0).stdout;
    assert!(ended.contains("not running, stopped"), "{ended}");
}

#[test]
fn an_idle_service_takes_no_time_and_little_memory_and_wakes_again() {
    let library = quick_library("unload_models_after = \"1s\"");
    for seed in 0..4 {
        library.put(format!("{seed}.flac"), &song(seed));
    }
    let service = Service::start(&library);
    have(&library, "tagged", 4);
    service.settled("the models to be unloaded", |status| status["models_loaded"] == false);
    // Our own writes were told as events; nothing came of them.
    let seen = service.settled("the end", |_| true)["counts"]["seen"].clone();
    let written_at = || fs::metadata(library.database().with_extension("db.status")).unwrap().mtime_nsec();
    let (ticks, wrote) = (service.ticks(), written_at());
    std::thread::sleep(Duration::from_secs(4));
    assert!(service.ticks() - ticks <= 1, "{} ticks of 10 ms in four idle seconds", service.ticks() - ticks);
    assert_eq!(written_at(), wrote, "an idle service writes nothing");
    assert_eq!(service.status().unwrap()["counts"]["seen"], seen);
    let resident = service.resident();
    assert!(resident <= 40 * 1024, "{resident} KiB resident while idle");
    library.put("new.flac", &song(9));
    have(&library, "tagged", 5);
}

#[test]
fn a_signal_in_the_middle_of_the_work_ends_it_soon_and_cleanly() {
    let library = quick_library("");
    for seed in 0..300 {
        library.put(format!("{seed}.flac"), &song(seed));
    }
    let service = Service::start(&library);
    eventually("some work to be done", || (files(&library)["tagged"].as_u64() > Some(5)).then_some(()));
    let (code, took) = service.stop();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(files(&library)["tagged"].as_u64() < Some(300), "it was in the middle");
    for entry in fs::read_dir(library.music()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_str().unwrap().starts_with('.'), "{name:?} was left behind");
    }
}

#[test]
fn a_reload_takes_a_good_configuration_and_refuses_a_broken_one() {
    let mut library = quick_library("");
    let strict = "[tags]\nmin_confidence = 1.0\n[analysis]\nmin_seconds = 0.5\n[library]\nsettle_seconds = 1\n";
    library.set_config(strict);
    library.put("song.flac", &song(1));
    let service = Service::start(&library);
    have(&library, "unsure", 1);
    let set = |text: &str| fs::write(library.root().join("config.toml"), text).unwrap();
    set("[tags]\nmin_confidense = 0.0\n");
    service.signal("HUP");
    eventually("the mistake to be named", || (service.logged("stays as it was") == 1).then_some(()));
    assert!(service.log().contains("config.toml:2:") && service.log().contains("min_confidence"));
    set("[models]\nenabled = [\"no-such-model\"]\n");
    service.signal("HUP");
    eventually("the mistake to be named", || (service.logged("stays as it was") == 2).then_some(()));
    set(&strict.replace("1.0", "0.0"));
    service.signal("HUP");
    eventually("the new one to be taken", || (service.logged("is in force") == 1).then_some(()));
    let music = library.music();
    let tagged = || common::Run::of(library.command("status").arg("--json")).stdout.contains("\"tagged\":1");
    eventually("the song to be tagged", || tagged().then_some(()));
    assert_eq!(service.logged("decoding "), 1, "another threshold is no reason to listen again in {music:?}");
}

#[test]
fn workers_are_idle_and_the_rest_of_the_service_is_not() {
    let library = Library::with_config("[analysis]\njobs = 2\n");
    let service = Service::start(&library);
    let threads = fs::read_dir(format!("/proc/{}/task", service.child.id())).unwrap().flatten();
    let threads = threads.map(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap();
        let (name, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<i64> = fields.split_ascii_whitespace().map(|field| field.parse().unwrap_or(-1)).collect();
        // Fields 19 and 41 of proc(5): the nice value and the scheduling policy, of which 5 is SCHED_IDLE.
        (name.split_once('(').unwrap().1.to_owned(), (fields[16], fields[38]))
    });
    let of: std::collections::BTreeMap<String, (i64, i64)> = threads.collect();
    for name in ["worker 0", "worker 1", "walker"] {
        assert_eq!(of[name], (19, 5), "{name}");
    }
    assert_eq!((of["watcher"].1, of["listener"].1), (0, 0));
}

/// Reads what is told to a service manager until a message holds a word.
fn told(socket: &UnixDatagram, word: &str) -> String {
    let started = Instant::now();
    let mut buffer = [0; 4096];
    loop {
        assert!(started.elapsed() < PATIENCE, "{word} was never told");
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if message.contains(word) {
            return message;
        }
    }
}

#[test]
fn the_service_manager_is_told_of_readiness_life_reload_and_end() {
    let library = quick_library("");
    let path = library.root().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let service = Service::spawn(&library, |command| {
        command.arg(library.music()).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    });
    assert!(told(&socket, "READY=1").contains("STATUS="));
    told(&socket, "WATCHDOG=1");
    told(&socket, "WATCHDOG=1");
    service.signal("HUP");
    assert!(told(&socket, "RELOADING=1").contains("MONOTONIC_USEC="));
    told(&socket, "READY=1");
    service.signal("TERM");
    told(&socket, "STOPPING=1");
}

#[test]
fn outside_of_its_hours_it_notices_and_waits() {
    // An hour that is not now, whatever the machine's zone.
    let hour = (this_hour() + 12) % 24;
    let library = quick_library(&format!("active_hours = \"{hour:02}:00-{hour:02}:30\""));
    library.put("song.flac", &song(1));
    let service = Service::start(&library);
    let resting = |status: &serde_json::Value| status["state"] == "resting" && status["queued"] == 1;
    let status = eventually("the song to be noticed", || service.status().filter(resting));
    assert!(status["resting"].as_str().unwrap().contains("hours"), "{status}");
    assert_eq!(files(&library)["tagged"], 0);
    let (code, took) = service.stop();
    assert_eq!((code, took < Duration::from_secs(20)), (Some(0), true));
}

fn this_hour() -> u32 {
    let run = std::process::Command::new("date").arg("+%H").output().unwrap();
    String::from_utf8(run.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn what_is_taken_back_beside_the_service_stays_away() {
    let library = quick_library("");
    let path = library.put("song.flac", &song(1));
    let service = Service::start(&library);
    have(&library, "tagged", 1);
    service.settled("the song", |_| true);
    let undo = library.run("undo", &[path.to_str().unwrap()]).expect_code(0);
    assert!(undo.stdout.contains("1 undone"), "{}", undo.stdout);
    have(&library, "kept", 1);
    service.settled("the song", |_| true);
    let tags = library.run("tag", &["--show", path.to_str().unwrap()]).expect_code(0).stdout;
    assert!(!tags.contains("RECLASSD_GENRE"), "{tags}");
    assert_eq!((service.logged("decoding "), service.logged(": tagged ")), (1, 1));
}

#[test]
fn a_scan_beside_the_service_and_the_service_do_each_file_once() {
    let library = quick_library("");
    let service = Service::start(&library);
    for seed in 0..60 {
        library.put(format!("{seed}.flac"), &song(seed));
    }
    let scan = library.scan(&[]);
    assert!(scan.code == Some(0), "{}", scan.stderr);
    have(&library, "tagged", 60);
    service.settled("all to be done", |_| true);
    let history = |seed: u32| {
        let path = library.music().join(format!("{seed}.flac"));
        library.run("history", &[path.to_str().unwrap()]).expect_code(0).stdout
    };
    for seed in [0, 30, 59] {
        let writes = history(seed).lines().filter(|line| line.contains("scan")).count();
        assert!(writes <= 1, "written twice:\n{}", history(seed));
    }
    let again = library.scan(&[]).expect_code(0);
    assert!(again.objects().iter().all(|object| object["action"] == "unchanged"));
}

#[test]
fn a_group_shares_the_database_and_who_is_not_in_it_is_told_its_name() {
    let test = "a_group_shares_the_database_and_who_is_not_in_it_is_told_its_name";
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let has_setpriv = std::process::Command::new("setpriv").arg("--version").output().is_ok();
    if !(is_root && has_setpriv) {
        return common::skipped(test, "it takes root and setpriv to be somebody else");
    }
    let group = fs::read_to_string("/etc/group").unwrap();
    let (name, number) = group
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (name == "audio").then(|| (name.to_owned(), fields.nth(1).unwrap().to_owned()))
        })
        .expect("every Linux has a group `audio`");
    let library = quick_library("");
    let state = library.database().parent().unwrap().to_owned();
    fs::create_dir_all(&state).unwrap();
    std::os::unix::fs::chown(&state, None, Some(number.parse().unwrap())).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o2770)).unwrap();
    fs::set_permissions(library.root(), fs::Permissions::from_mode(0o755)).unwrap();
    let song_path = library.put("song.flac", &song(1));
    fs::set_permissions(&song_path, fs::Permissions::from_mode(0o644)).unwrap();
    let service = Service::start(&library);
    have(&library, "tagged", 1);
    service.settled("the song", |_| true);
    assert_eq!(fs::metadata(&song_path).unwrap().mode() & 0o777, 0o644, "the mode of the music stays");
    let somebody = |groups: &str| {
        let review = library.command("review");
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", groups]).arg(review.get_program());
        command.args(["review", "--below", "1", "--json"]).env_clear();
        command.envs(review.get_envs().filter_map(|(key, value)| Some((key, value?)))).current_dir("/");
        common::Run::of(&mut command)
    };
    let stranger = somebody("--clear-groups").expect_code(2);
    let wanted = format!("sudo usermod -aG {name} ");
    assert!(stranger.stderr.contains(&wanted), "{}", stranger.stderr);
    let member = somebody(&format!("--groups={number}")).expect_code(0);
    assert_eq!(member.objects().len(), 1);
}
