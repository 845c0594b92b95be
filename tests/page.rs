//! The page as an owner uses it: a headless Chromium, driven by the scenarios in `tests/page`, before the program's own
//! server.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::sound::{flac, tune, vorbis_comment};
use common::{Library, skipped};
use rusqlite::Connection;

/// Nothing is ever sure enough, so that all waits.
const UNSURE: &str = "[tags]\nmin_confidence = 1.0\n";

/// One browser at a time: together they only take the processor from each other.
static TURN: Mutex<()> = Mutex::new(());

/// What a scenario needs; none, and a word about it, where something is missing.
struct Browser {
    chromium: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    fn find(test: &str) -> Option<Self> {
        let on_path = |name: &str| {
            let folders = std::env::var_os("PATH")?;
            std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|program| program.is_file())
        };
        let chromium = std::env::var_os("RECLASSD_CHROMIUM").map(PathBuf::from).or_else(|| on_path("chromium"));
        let missing = match &chromium {
            None => "there is no chromium",
            Some(_) if on_path("node").is_none() => "there is no node",
            Some(_) if !scenarios().join("node_modules/playwright-core").is_dir() => {
                "`npm ci` in tests/page was not run: playwright-core and axe-core are missing"
            }
            Some(_) => {
                let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
                return chromium.map(|chromium| Self { chromium, _turn: turn });
            }
        };
        skipped(test, missing);
        None
    }

    fn start(&self, scenario: &str, url: &str, arguments: &[&str]) -> Scenario {
        let mut command = Command::new("node");
        command.current_dir(scenarios()).arg("run.mjs").args([scenario, url]).args(arguments);
        command.env("RECLASSD_CHROMIUM", &self.chromium).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Scenario { child, lines }
    }

    /// Runs a scenario to its end, and gives what it printed.
    #[track_caller]
    fn run(&self, scenario: &str, url: &str, arguments: &[&str]) -> String {
        self.start(scenario, url, arguments).end()
    }
}

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page")
}

/// A scenario that runs.
struct Scenario {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Scenario {
    #[track_caller]
    fn hears(&mut self, word: &str) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), word);
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
    }

    #[track_caller]
    fn end(mut self) -> String {
        let mut printed = String::new();
        std::io::Read::read_to_string(&mut self.lines, &mut printed).unwrap();
        assert!(self.child.wait().unwrap().success(), "the scenario failed; what it said stands above");
        printed
    }
}

/// `reclassd serve`; killed when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    #[track_caller]
    fn start(library: &Library, place: &str) -> Self {
        let mut command = library.command("serve");
        command.args(["--listen", place]).arg(library.music()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_ascii_whitespace().find(|word| word.starts_with("http://"));
        let url = format!("{}/", url.unwrap_or_else(|| panic!("no address in {line:?}")).trim_end_matches('/'));
        Self { child, url }
    }

    /// The address and the port alone.
    fn place(&self) -> String {
        self.url.trim_start_matches("http://").split('/').next().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn song(seed: u32, title: &str, album: &str, seconds: f64) -> Vec<u8> {
    let comments = ["ARTIST=Somebody".to_owned(), format!("TITLE={title}"), format!("ALBUM={album}")];
    let comments: Vec<&str> = comments.iter().map(String::as_str).collect();
    flac(&tune(seed, 22_050, seconds), 22_050, &[vorbis_comment(&comments)])
}

/// Where song `number` of [`albums`] lies.
fn place_of(number: u32) -> String {
    format!("album-{}/song-{number:02}.flac", number / 6)
}

/// Four albums of six songs that wait.
fn albums(config: &str) -> Library {
    let library = Library::with_config(&format!("{UNSURE}{config}"));
    for number in 0..24 {
        library
            .put(place_of(number), &song(number, &format!("Song {number:02}"), &format!("Album {}", number / 6), 4.0));
    }
    library.scan(&[]).expect_code(0);
    library
}

/// The genre in a file, as the program's own reader tells it.
fn genre(library: &Library, name: &str) -> Vec<String> {
    let path = library.music().join(name);
    let run = library.run("tag", &["--show", "--json", path.to_str().unwrap()]).expect_code(0);
    let genre = run.objects().remove(0)["genre"].clone();
    genre.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

fn waiting(library: &Library) -> usize {
    library.run("review", &["--json", "--limit", "0"]).expect_code(0).objects().len()
}

#[test]
fn twenty_tracks_are_decided_by_keyboard_alone_as_fast_as_keys_come() {
    let Some(browser) = Browser::find("twenty_tracks_are_decided_by_keyboard_alone_as_fast_as_keys_come") else {
        return;
    };
    // By the owner's names for what is guessed.
    let library = albums("names = { electronic = \"Elektronik\", international = \"Weltmusik\", rock = \"Fels\" }\n");
    let server = Server::start(&library, "127.0.0.1:0");
    let printed = browser.run("twenty", &server.url, &[]);
    let decided: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&printed).unwrap();
    assert_eq!(decided.len(), 20, "{printed}");
    for (title, wanted) in decided {
        let number = title.trim_start_matches("Song ").parse().unwrap();
        assert_eq!(genre(&library, &place_of(number)).join("; "), wanted.as_str().unwrap(), "{title}");
    }
    assert!(printed.contains("Elektronik") || printed.contains("Weltmusik"), "{printed}");
    assert_eq!(waiting(&library), 4);
    // They are the owner's, and say where they came from.
    let database = Connection::open(library.database()).unwrap();
    let surfaces: Vec<String> = database
        .prepare("SELECT DISTINCT surface FROM correction")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(surfaces, ["page"]);
    let before = library.contents();
    library.scan(&["--force"]).expect_code(0);
    assert_eq!(library.contents(), before, "no scan touches them");
}

#[test]
fn an_album_is_decided_and_taken_back_at_once_and_what_fails_is_told_and_waits() {
    let Some(browser) = Browser::find("an_album_is_decided_and_taken_back_at_once_and_what_fails_is_told_and_waits")
    else {
        return;
    };
    let library = albums("");
    let server = Server::start(&library, "127.0.0.1:0");
    let before = library.contents();
    // No FLAC any more, which no scan has noticed yet.
    let broken = library.put(place_of(23), b"no sound");
    browser.run("album", &server.url, &["song-23"]);
    let after = library.contents();
    assert_eq!(after[&broken], b"no sound");
    let changed = after.iter().filter(|(path, bytes)| **path != broken && before[*path] != **bytes);
    let changed: Vec<_> = changed.map(|(path, _)| path).collect();
    assert_eq!(changed.len(), 6, "{changed:?}");
    assert!(changed.iter().all(|path| path.parent().unwrap().ends_with("album-2")), "{changed:?}");
}

#[test]
fn a_hundred_corrections_take_two_hundred_keys_at_the_most() {
    let Some(browser) = Browser::find("a_hundred_corrections_take_two_hundred_keys_at_the_most") else { return };
    let library = Library::with_config(UNSURE);
    for number in 0..40 {
        library.put(
            format!("albums/{}/{}.flac", number / 5, number % 5),
            &song(number, "Song", &format!("Album {}", number / 5), 4.0),
        );
    }
    for number in 0..60 {
        library.put(format!("singles/{number:02}.flac"), &song(100 + number, "Song", "", 4.0));
    }
    library.scan(&[]).expect_code(0);
    let server = Server::start(&library, "127.0.0.1:0");
    let pressed: usize = browser.run("hundred", &server.url, &[]).trim().parse().unwrap();
    println!("{pressed} keys for 100 corrections");
    assert!(pressed <= 200, "{pressed} keys");
    assert_eq!(waiting(&library), 0);
    assert_eq!(genre(&library, "albums/5/4.flac"), ["Hip-Hop"]);
    let database = Connection::open(library.database()).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM journal WHERE state = 'committed'"), 100, "one write a file");
    assert_eq!(count("SELECT count(*) FROM correction WHERE kind = 'accepted' AND surface = 'page'"), 60);
    assert_eq!(count("SELECT count(DISTINCT go) FROM correction"), 68);
}

#[test]
fn a_file_of_ones_own_is_judged_and_not_kept() {
    let Some(browser) = Browser::find("a_file_of_ones_own_is_judged_and_not_kept") else { return };
    let library = Library::with_config(UNSURE);
    let server = Server::start(&library, "127.0.0.1:0");
    let elsewhere = tempfile::tempdir().unwrap();
    let [song_path, text_path] = ["song.flac", "notes.txt"].map(|name| elsewhere.path().join(name));
    std::fs::write(&song_path, song(3, "Song", "", 8.0)).unwrap();
    std::fs::write(&text_path, "no sound").unwrap();
    browser.run("listen", &server.url, &[song_path.to_str().unwrap(), text_path.to_str().unwrap()]);
    let database = Connection::open(library.database()).unwrap();
    let rows: i64 = database.query_row("SELECT count(*) FROM track", [], |row| row.get(0)).unwrap();
    assert_eq!((rows, library.contents().len()), (0, 0), "nothing is kept");
}

#[test]
fn what_was_listened_to_is_heard_in_the_browser() {
    let Some(browser) = Browser::find("what_was_listened_to_is_heard_in_the_browser") else { return };
    let library = Library::with_config(UNSURE);
    library.put("played.flac", &song(1, "played", "", 100.0));
    library.put("turned.aiff", &aiff(&tune(2, 22_050, 40.0), 22_050));
    library.scan(&[]).expect_code(0);
    let server = Server::start(&library, "127.0.0.1:0");
    browser.run("sound", &server.url, &[]);
}

#[test]
fn activity_is_live_while_a_scan_runs_and_finds_the_server_again() {
    let Some(browser) = Browser::find("activity_is_live_while_a_scan_runs_and_finds_the_server_again") else { return };
    let library = Library::with_config(UNSURE);
    let server = Server::start(&library, "127.0.0.1:0");
    let mut scenario = browser.start("activity", &server.url, &[]);
    scenario.hears("looking");
    for number in 1..=2 {
        library.put(format!("new-{number}.flac"), &song(number, "New", "", 4.0));
    }
    library.scan(&[]).expect_code(0);
    scenario.hears("seen");
    let place = server.place();
    drop(server);
    scenario.tell("gone");
    scenario.hears("lost");
    let _server = Server::start(&library, &place);
    scenario.tell("back");
    scenario.end();
}

#[test]
fn the_figures_of_the_library_lead_to_its_tracks_and_a_search_to_one() {
    let Some(browser) = Browser::find("the_figures_of_the_library_lead_to_its_tracks_and_a_search_to_one") else {
        return;
    };
    let library = albums("");
    let server = Server::start(&library, "127.0.0.1:0");
    browser.run("library", &server.url, &[]);
}

#[test]
fn every_view_fits_a_phone_and_a_screen_in_light_and_dark_and_axe_finds_no_serious_fault() {
    let Some(browser) =
        Browser::find("every_view_fits_a_phone_and_a_screen_in_light_and_dark_and_axe_finds_no_serious_fault")
    else {
        return;
    };
    let library = albums("");
    let server = Server::start(&library, "127.0.0.1:0");
    browser.run("everywhere", &server.url, &[]);
}

#[test]
fn the_page_works_behind_a_proxy_below_another_path() {
    let Some(browser) = Browser::find("the_page_works_behind_a_proxy_below_another_path") else { return };
    let library = albums("[serve]\nbase_path = \"/music/genres\"\n");
    let server = Server::start(&library, "127.0.0.1:0");
    let url = format!("http://{}/music/genres/", server.place());
    browser.run("below", &url, &[]);
}

#[test]
fn a_hundred_thousand_rows_are_as_light_as_a_hundred() {
    let Some(browser) = Browser::find("a_hundred_thousand_rows_are_as_light_as_a_hundred") else { return };
    let library = Library::with_config(UNSURE);
    library.put("pattern.flac", &song(0, "pattern", "", 4.0));
    library.scan(&[]).expect_code(0);
    fill(&library, 100_000);
    let server = Server::start(&library, "127.0.0.1:0");
    browser.run("long", &server.url, &[]);
}

/// Rows as a scan would have made them, of files on a disk that is not there now.
fn fill(library: &Library, rows: i64) {
    let database = Connection::open(library.database()).unwrap();
    let root = library.music().into_os_string().into_string().unwrap();
    database
        .execute(
            "WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?1)
             INSERT INTO track (path, size, mtime_seconds, mtime_nanos, inode, device, status, genre, confidence, ranking,
                                reason, settled_by, seen_at, added_at)
             SELECT CAST(printf('%s/elsewhere/%04d/%06d.mp3', ?2, n / 12, n) AS BLOB), size, mtime_seconds, mtime_nanos, inode,
                    424242, status, 'Electronic', (n * 7919 % 70000) / 100000.0, ranking, reason, settled_by, seen_at, n
             FROM number, (SELECT * FROM track LIMIT 1)",
            rusqlite::params![rows, root],
        )
        .unwrap();
}

/// A mono 16-bit AIFF file.
fn aiff(samples: &[i16], sample_rate: u32) -> Vec<u8> {
    let sound: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let mut common = 1u16.to_be_bytes().to_vec();
    common.extend((samples.len() as u32).to_be_bytes());
    common.extend(16u16.to_be_bytes());
    // An extended float: exponent, then a mantissa whose first bit is 1.
    let shift = sample_rate.leading_zeros();
    common.extend((16_383 + 31 - shift as u16).to_be_bytes());
    common.extend((u64::from(sample_rate) << (32 + shift)).to_be_bytes());
    let mut body = b"AIFF".to_vec();
    body.extend(b"COMM\0\0\0\x12");
    body.extend(common);
    body.extend(b"SSND");
    body.extend((sound.len() as u32 + 8).to_be_bytes());
    body.extend([0; 8]);
    body.extend(sound);
    let mut file = b"FORM".to_vec();
    file.extend((body.len() as u32).to_be_bytes());
    file.extend(body);
    file
}
