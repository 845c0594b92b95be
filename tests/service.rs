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
    let threads = || -> std::collections::BTreeMap<String, (i64, i64)> {
        let threads = fs::read_dir(format!("/proc/{}/task", service.child.id())).unwrap().flatten();
        let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
        let of = |stat: String| {
            let (name, fields) = stat.rsplit_once(')').unwrap();
            let fields: Vec<i64> = fields.split_ascii_whitespace().map(|field| field.parse().unwrap_or(-1)).collect();
            // Fields 19 and 41 of proc(5): the nice value and the scheduling policy, of which 5 is SCHED_IDLE.
            (name.split_once('(').unwrap().1.to_owned(), (fields[16], fields[38]))
        };
        stats.map(of).collect()
    };
    // A thread that is so low may wait for its turn before it has said how low it wants to be.
    let are_idle = |of: &std::collections::BTreeMap<String, (i64, i64)>| {
        ["worker 0", "worker 1", "walker"].iter().all(|name| of.get(*name) == Some(&(19, 5)))
    };
    let of = eventually("workers and walker to be idle", || Some(threads()).filter(are_idle));
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

/// The database and what SQLite keeps beside it; also, if so wished, the lock and the status.
fn move_state_away(library: &Library, ends: &[&str]) -> std::path::PathBuf {
    let away = library.root().join("away");
    fs::create_dir_all(&away).unwrap();
    for end in ends {
        let name = format!("reclassd.db{end}");
        fs::rename(library.database().with_file_name(&name), away.join(&name)).unwrap();
    }
    away
}

fn is_tagged(path: &std::path::Path) -> bool {
    fs::read(path).unwrap().windows(14).any(|bytes| bytes == b"RECLASSD_GENRE")
}

fn status_text(library: &Library) -> String {
    library.run("status", &[]).expect_code(0).stdout
}

#[test]
fn a_database_that_is_deleted_under_the_service_stops_it_and_no_file_is_written() {
    let library = quick_library("");
    let socket_path = library.root().join("notify");
    let socket = UnixDatagram::bind(&socket_path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    library.put("old.flac", &song(1));
    let mut service = Service::start_with(&library, |command| {
        command.arg(library.music()).env("NOTIFY_SOCKET", &socket_path);
    });
    service.settled("the old song", |status| status["counts"]["written"] == 1);
    move_state_away(&library, &["", "-wal", "-shm"]);
    let new = library.put("new.flac", &song(2));
    eventually("the service to stop work", || service.status().filter(|status| status["state"] == "halted"));
    assert!(told(&socket, "STATUS=halted").contains("was deleted"));
    let text = status_text(&library);
    for word in ["halted", "was deleted", "(not there)", &format!("process {}", service.child.id())] {
        assert!(text.contains(word), "{word} is missing in:\n{text}");
    }
    assert!(!library.database().exists(), "asking for the status makes no database");
    let code = eventually("the service to end", || service.child.try_wait().unwrap());
    assert_eq!(code.code(), Some(3), "{}", service.log());
    assert_eq!(fs::read(&new).unwrap(), song(2), "nothing was written that could not be taken back");
    assert_eq!(service.logged("ERROR"), 1, "it is said once:\n{}", service.log());
    let text = status_text(&library);
    assert!(text.contains("not running, stopped") && text.contains("was deleted"), "{text}");
}

#[test]
fn a_database_that_is_replaced_under_the_service_is_the_one_that_it_works_with() {
    let library = quick_library("");
    let old = library.put("old.flac", &song(1));
    let service = Service::start(&library);
    service.settled("the old song", |status| status["counts"]["written"] == 1);
    // Another database, made elsewhere, that knows nothing of it.
    let elsewhere = library.root().join("elsewhere.db");
    library.run("review", &["--database", elsewhere.to_str().unwrap()]).expect_code(0);
    let away = move_state_away(&library, &["", "-wal", "-shm"]);
    fs::rename(&elsewhere, library.database()).unwrap();
    let new = library.put("new.flac", &song(2));
    eventually("the new song to be tagged", || (fs::read(&new).unwrap() != song(2)).then_some(()));
    service.settled("all to be done", |_| true);
    assert_eq!(service.logged("ERROR"), 1, "{}", service.log());
    assert_eq!(service.logged("another database is in its place"), 1);
    assert_eq!(service.status().unwrap()["trouble"], serde_json::Value::Null);
    let music = library.music();
    let undone = library.run("undo", &[music.to_str().unwrap()]).expect_code(0);
    assert!(undone.stdout.contains("1 undone"), "{}", undone.stdout);
    assert!(!is_tagged(&new));
    // The one that was taken away still knows how to take back what was written with it.
    let (code, _) = service.stop();
    assert_eq!(code, Some(0));
    let aside = away.join("reclassd.db");
    assert!(is_tagged(&old));
    library.run("undo", &["--database", aside.to_str().unwrap(), old.to_str().unwrap()]).expect_code(0);
    assert!(!is_tagged(&old));
}

#[test]
fn a_service_whose_lock_and_status_are_deleted_is_not_taken_for_dead() {
    let library = quick_library("");
    let service = Service::start(&library);
    service.settled("the start", |_| true);
    move_state_away(&library, &[".lock", ".status"]);
    let status = eventually("the status to be there again", || service.status());
    assert_eq!(status["state"], "idle");
    eventually("the lock to be there again", || library.database().with_extension("db.lock").exists().then_some(()));
    let text = status_text(&library);
    assert!(text.contains(&format!("process {}", service.child.id())), "{text}");
    let music = library.music();
    let second = library.run("watch", &[music.to_str().unwrap()]).expect_code(2);
    assert!(second.stderr.contains(&format!("process {}", service.child.id())), "{}", second.stderr);
    // Also where the lock cannot be made anew at once.
    service.signal("STOP");
    fs::remove_file(library.database().with_extension("db.lock")).unwrap();
    let text = status_text(&library);
    service.signal("CONT");
    assert!(!text.contains("cut off") && text.contains(&format!("process {}", service.child.id())), "{text}");
}

#[test]
fn a_scan_whose_database_is_deleted_ends_and_says_so() {
    let library = quick_library("");
    for seed in 0..200 {
        library.put(format!("{seed:03}.flac"), &song(seed));
    }
    let mut command = library.command("scan");
    command.args(["--json"]).arg(library.music());
    let mut scan = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    std::io::Read::read_exact(scan.stdout.as_mut().unwrap(), &mut first).unwrap();
    move_state_away(&library, &["", "-wal", "-shm"]);
    let output = scan.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("was deleted while it was in use"), "{said}");
    let untouched =
        (0..200).filter(|seed| fs::read(library.music().join(format!("{seed:03}.flac"))).unwrap() == song(*seed));
    assert!(untouched.count() > 0, "it ended before the end");
}

/// Installs a model of this version that hears nothing but this genre.
fn install_model(library: &Library, version: &str, genre: &str) {
    use common::onnx::{Output, graph};
    use sha2::{Digest, Sha256};
    let folder = library.root().join(".local/share/reclassd/models/stubborn");
    fs::create_dir_all(&folder).unwrap();
    let output = Output { name: "logits", shape: &[2], bias: vec![5.0, -5.0], sigmoid: false };
    let model = graph(&[1, 518], &[output]);
    let digest: String = Sha256::digest(&model).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = format!(
        "name = \"stubborn\"\nversion = \"{version}\"\nlicence = \"MIT\"\nsha256 = \"{digest}\"\nlabels = [\"{genre}\", \"Folk\"]\n\
         [input.joined]\nparts = [{{ features = \"fma518\", sample_rate = 22050 }}]\n[output]\nname = \"logits\"\nkind = \"logits\"\n"
    );
    fs::write(folder.join("model.onnx"), model).unwrap();
    fs::write(folder.join("model.toml"), manifest).unwrap();
}

#[test]
fn models_that_are_replaced_under_the_service_are_noticed_and_missing_ones_are_waited_for() {
    let mut library = quick_library("");
    library.set_config(
        "[tags]\nmin_confidence = 0.0\n[analysis]\nmin_seconds = 0.5\n[library]\nsettle_seconds = 1\n\
         [watch]\npriority = \"normal\"\nunload_models_after = \"1s\"\n[models]\nenabled = [\"stubborn\"]\n",
    );
    install_model(&library, "1", "Jazz");
    library.put("1.flac", &song(1));
    let service = Service::start(&library);
    have(&library, "tagged", 1);
    let unloaded = |status: &serde_json::Value| status["models_loaded"] == false;
    service.settled("the models to be unloaded", unloaded);
    install_model(&library, "2", "Blues");
    library.put("2.flac", &song(2));
    have(&library, "tagged", 2);
    service.settled("all to be done", unloaded);
    assert_eq!(service.logged("the models are others than before"), 1, "{}", service.log());
    let scan = library.scan(&[]).expect_code(0);
    assert!(scan.objects().iter().all(|object| object["action"] == "unchanged"), "{}", scan.stdout);
    assert_eq!(scan.field("2.flac", "genre"), "Blues");
    // Away with them: that is no fault of any file.
    let models = library.root().join(".local/share/reclassd/models");
    fs::rename(&models, library.root().join("away")).unwrap();
    for seed in 3..6 {
        library.put(format!("{seed}.flac"), &song(seed));
    }
    let troubled = |status: &serde_json::Value| status["trouble"].as_str().is_some_and(|why| why.contains("stubborn"));
    eventually("the models to be missed", || service.status().filter(troubled));
    fs::rename(library.root().join("away"), &models).unwrap();
    have(&library, "tagged", 5);
    assert_eq!(service.logged("ERROR"), 1, "{}", service.log());
}
