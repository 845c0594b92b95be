//! The list in the terminal as an owner uses it: on a terminal of its own, keys in, and the screen read back.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;
#[path = "common/pty.rs"]
mod pty;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::sound::{flac, tune, vorbis_comment};
use common::{Library, Run};
use pty::Pty;
use rusqlite::Connection;

const DOWN: &str = "\u{1b}[B";
const END: &str = "\u{1b}[F";
const HOME: &str = "\u{1b}[H";
const PAGE_DOWN: &str = "\u{1b}[6~";

/// Nothing is ever sure enough, so that all waits.
const UNSURE: &str = "[tags]\nmin_confidence = 1.0\n";

fn song(seed: u32, artist: &str, title: &str, album: &str) -> Vec<u8> {
    let comments = [format!("ARTIST={artist}"), format!("TITLE={title}"), format!("ALBUM={album}")];
    let comments: Vec<&str> = comments.iter().map(String::as_str).filter(|c| !c.ends_with('=')).collect();
    flac(&tune(seed, 22_050, 4.0), 22_050, &[vorbis_comment(&comments)])
}

/// A library in which all waits.
fn waiting(songs: &[(&str, &str)]) -> Library {
    waiting_with(UNSURE, songs)
}

fn waiting_with(config: &str, songs: &[(&str, &str)]) -> Library {
    let library = Library::with_config(config);
    for (seed, (name, album)) in songs.iter().enumerate() {
        let title = Path::new(name).file_stem().unwrap().to_str().unwrap();
        library.put(name, &song(seed as u32, "Somebody", title, album));
    }
    library.scan(&[]).expect_code(0);
    library
}

fn review(library: &Library, arguments: &[&str]) -> Pty {
    sized(library, arguments, 24, 80)
}

fn sized(library: &Library, arguments: &[&str], rows: u16, columns: u16) -> Pty {
    Pty::start(library.command("review").env("LANG", "C.UTF-8").args(arguments), rows, columns)
}

/// The genre in the file, as the program's own reader tells it.
fn genre(library: &Library, name: &str) -> Vec<String> {
    let path = library.music().join(name);
    let run = library.run("tag", &["--show", "--json", path.to_str().unwrap()]).expect_code(0);
    let genre = run.objects().remove(0)["genre"].clone();
    genre.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

fn waiting_names(library: &Library) -> Vec<String> {
    let run = library.run("review", &["--json", "--sort", "path"]).expect_code(0);
    let name = |object: &serde_json::Value| {
        let path = PathBuf::from(object["path"].as_str().unwrap());
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    };
    run.objects().iter().map(name).collect()
}

fn leave(mut pty: Pty) {
    pty.press("q");
    assert_eq!(pty.end().code(), Some(0), "{}", pty.screen());
}

#[test]
fn the_guess_is_accepted_with_one_key_and_the_next_row_waits() {
    let library = waiting(&[("a.flac", ""), ("b.flac", "")]);
    let guess = library.run("review", &["--json", "--sort", "path"]).objects()[0]["genre"].clone();
    let mut pty = review(&library, &["--sort", "path"]);
    let screen = pty.wait_for("Somebody – a");
    assert!(screen.contains("2 wait") && screen.contains("confidence") | screen.contains("less sure"), "{screen}");
    assert!(screen.contains("fma518-mlp"), "what each model said: {screen}");
    assert!(screen.contains('█') || screen.contains('▌'), "bars: {screen}");
    pty.press("a");
    let screen = pty.wait_for("1 wait, 1 decided");
    assert!(
        screen.contains('✓') && screen.lines().any(|line| line.starts_with('▸') && line.contains("– b")),
        "{screen}"
    );
    leave(pty);
    assert_eq!(genre(&library, "a.flac"), [guess.as_str().unwrap()]);
    assert_eq!(waiting_names(&library), ["b"]);
    // It is the owner's, and it says where it came from.
    let database = Connection::open(library.database()).unwrap();
    let (surface, kind): (String, String) =
        database.query_row("SELECT surface, kind FROM correction", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!((surface.as_str(), kind.as_str()), ("terminal", "accepted"));
    let before = library.contents();
    library.scan(&["--force"]).expect_code(0);
    assert_eq!(library.contents(), before, "no scan touches it");
}

#[test]
fn a_genre_is_found_by_a_few_letters_an_alias_or_the_owners_name_and_several_may_be_chosen() {
    let config = format!("{UNSURE}names = {{ folk = \"Volksmusik\" }}\n");
    let library = waiting_with(&config, &[("a.flac", ""), ("b.flac", ""), ("c.flac", ""), ("d.flac", "")]);
    let mut pty = review(&library, &["--sort", "path"]);
    pty.wait_for("4 wait");
    pty.press("srap");
    let screen = pty.wait_for("Hip-Hop  (");
    assert!(screen.contains("genre: rap"), "{screen}");
    pty.press("\r");
    pty.wait_for("3 wait");
    pty.press("svolks\r");
    pty.wait_for("2 wait");
    pty.press("sjazz\tblues\r");
    pty.wait_for("1 wait");
    pty.press("sZeuhl");
    pty.wait_for("a name of your own");
    pty.press("\r");
    pty.wait_for("0 wait");
    leave(pty);
    assert_eq!(genre(&library, "a.flac"), ["Hip-Hop"]);
    assert_eq!(genre(&library, "b.flac"), ["Volksmusik"]);
    assert_eq!(genre(&library, "c.flac"), ["Jazz", "Blues"]);
    assert_eq!(genre(&library, "d.flac"), ["Zeuhl"]);
}

#[test]
fn an_album_is_decided_at_once_and_undone_at_once_byte_for_byte() {
    let songs =
        [("x/1.flac", "One"), ("x/2.flac", "One"), ("x/3.flac", "One"), ("x/4.flac", "Two"), ("y/5.flac", "One")];
    let library = waiting(&songs);
    let before = library.contents();
    let mut pty = review(&library, &["--sort", "path"]);
    pty.wait_for("5 wait");
    pty.press("b");
    pty.wait_for("for the album");
    pty.press("sfolk\r");
    pty.wait_for("2 wait, 3 decided");
    let decided = ["1", "2", "3"].map(|name| genre(&library, &format!("x/{name}.flac")));
    assert!(decided.iter().all(|genres| genres == &["Folk"]), "{decided:?}");
    assert_eq!(waiting_names(&library), ["4", "5"], "another album of the folder, another folder");
    pty.press("u");
    let screen = pty.wait_for("5 wait");
    assert!(screen.contains("3 taken back"), "{screen}");
    assert_eq!(library.contents(), before);
    assert_eq!(waiting_names(&library).len(), 5);
    // The folder knows no albums.
    pty.press_special(HOME);
    pty.press("f2");
    pty.wait_for("1 wait, 4 decided");
    leave(pty);
    assert_eq!(waiting_names(&library), ["5"]);
}

#[test]
fn what_is_marked_is_decided_together_and_what_is_to_be_left_alone_stays_as_it_is() {
    let library = waiting(&[("a.flac", ""), ("b.flac", ""), ("c.flac", ""), ("d.flac", "")]);
    let before = library.contents();
    let mut pty = review(&library, &["--sort", "path"]);
    pty.wait_for("4 wait");
    pty.press("  ");
    pty.wait_for("2 marked");
    pty.press("mx");
    let screen = pty.wait_for("2 wait, 2 decided");
    assert!(screen.contains("left alone") && !screen.contains("marked"), "{screen}");
    pty.press("\u{1b}");
    leave(pty);
    assert_eq!(library.contents(), before, "no file was written");
    assert_eq!(waiting_names(&library), ["c", "d"]);
    library.scan(&["--force"]).expect_code(0);
    assert_eq!(waiting_names(&library), ["c", "d"], "for good");
    // Second thoughts.
    let mut pty = review(&library, &["--sort", "path"]);
    pty.wait_for("2 wait");
    pty.press("u");
    pty.wait_for("nothing was decided here yet");
    pty.press("xu");
    pty.wait_for("taken back");
    leave(pty);
    assert_eq!(waiting_names(&library), ["c", "d"]);
}

#[test]
fn the_list_is_filtered_as_one_types() {
    let library = waiting(&[("Miles/So What.flac", ""), ("Miles/Ärger.flac", ""), ("Bach/Air.flac", "")]);
    let mut pty = review(&library, &[]);
    pty.wait_for("3 wait");
    pty.press("/miles");
    let screen = pty.wait_for("2 wait");
    assert!(screen.contains("genre: miles") && !screen.contains("– Air"), "{screen}");
    pty.press(" är");
    pty.wait_for("1 wait");
    pty.press("\r");
    pty.wait_for("\"miles är\"");
    pty.press("a");
    pty.wait_for("1 decided");
    pty.press("\u{1b}");
    pty.wait_for("2 wait");
    pty.press("/nowhere\r");
    pty.wait_for("nothing waits here");
    leave(pty);
    assert_eq!(genre(&library, "Miles/Ärger.flac").len(), 1);
}

#[test]
fn it_fits_a_small_terminal_and_survives_every_resize() {
    let songs: Vec<String> = (0..30).map(|i| format!("A Folder of a Rather Long Name/{i:02}.flac")).collect();
    let songs: Vec<(&str, &str)> =
        songs.iter().map(|name| (name.as_str(), "An Album of a Name as Long as That")).collect();
    let library = waiting(&songs);
    let mut pty = review(&library, &["--sort", "path"]);
    let screen = pty.wait("tags of all rows", |screen| screen.matches("Somebody").count() >= 14);
    let lines: Vec<&str> = screen.lines().collect();
    assert!(lines.len() == 24 && lines[23].contains("accept") && lines[23].contains("quit"), "{screen}");
    assert!(lines[0].ends_with("30 wait") || lines[0].trim_end().ends_with("30 wait"), "{screen}");
    pty.resize(40, 120);
    let larger = pty.wait("more rows", |screen| screen.lines().count() == 40 && screen.contains("26"));
    assert!(larger.lines().next().unwrap().len() > 100, "{larger}");
    pty.press("?");
    pty.wait_for("Decide for more than one");
    for (rows, columns) in [(10, 40), (3, 10), (1, 1), (24, 80)] {
        pty.resize(rows, columns);
        pty.press("?");
        pty.press("?");
    }
    pty.press("\u{1b}");
    pty.wait("the list again", |screen| screen.contains("accept") && screen.contains("30 wait"));
    leave(pty);
}

#[test]
fn a_hundred_thousand_rows_are_scrolled_without_a_pause() {
    let library = waiting(&[("pattern.flac", "")]);
    fill(&library, 100_000);
    let mut pty = review(&library, &["--sort", "path"]);
    let at = |number: usize| format!("{number:06}");
    pty.wait_for("100,001 wait");
    // Generous for a machine that is busy with other things; what is meant is far below a second.
    let within = |what: &str, started: Instant| {
        let took = started.elapsed();
        println!("{what}: {took:.1?}");
        assert!(took < Duration::from_secs(10), "{what}: {took:?}");
    };
    let started = Instant::now();
    pty.press_special(END);
    pty.wait(&at(99_999), |screen| {
        cursor_line(screen).contains("pattern") || cursor_line(screen).contains(&at(99_999))
    });
    within("to the end", started);
    let started = Instant::now();
    pty.press_special(HOME);
    pty.wait(&at(0), |screen| cursor_line(screen).contains(&at(0)));
    within("to the start", started);
    let started = Instant::now();
    // A hundred at once, as fast as they go: what crossterm takes in one reading is 1024 bytes, and a held key is far
    // slower.
    for row in (100..=500).step_by(100) {
        for _ in 0..100 {
            pty.press_special(DOWN);
        }
        pty.wait(&at(row), |screen| cursor_line(screen).contains(&at(row)));
    }
    within("500 rows", started);
    let started = Instant::now();
    for _ in 0..200 {
        pty.press_special(PAGE_DOWN);
    }
    pty.wait(&at(500 + 200 * 12), |screen| cursor_line(screen).contains(&at(500 + 200 * 12)));
    within("200 pages", started);
    leave(pty);
}

fn cursor_line(screen: &str) -> &str {
    screen.lines().find(|line| line.starts_with('▸')).unwrap_or_default()
}

/// Rows as a scan would have made them, of files on a disk that is not there now.
fn fill(library: &Library, rows: usize) {
    let mut database = Connection::open(library.database()).unwrap();
    let transaction = database.transaction().unwrap();
    transaction
        .execute(
            "WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?1)
             INSERT INTO track (path, size, mtime_seconds, mtime_nanos, inode, device, status, genre, confidence, ranking,
                                reason, settled_by, seen_at, added_at)
             SELECT CAST(printf('/elsewhere/%04d/%06d.mp3', n / 12, n) AS BLOB), size, mtime_seconds, mtime_nanos, inode, 424242,
                    status, 'Electronic', (n * 7919 % 70000) / 100000.0, ranking, reason, settled_by, seen_at, n
             FROM number, (SELECT * FROM track LIMIT 1)",
            [rows as i64],
        )
        .unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_hundred_corrections_take_two_hundred_keys_at_the_most() {
    let library = Library::with_config(UNSURE);
    for album in 0..8 {
        for track in 0..5 {
            let name = format!("Albums/{album}/{track}.flac");
            library.put(name, &song(album * 5 + track, "Somebody", "Song", &format!("Album {album}")));
        }
    }
    for single in 0..60 {
        library.put(format!("Singles/{single:02}.flac"), &song(100 + single, "Somebody", "Song", ""));
    }
    library.scan(&[]).expect_code(0);
    let mut pty = sized(&library, &["--sort", "path"], 24, 80);
    pty.wait_for("100 wait");
    // Eight albums whose genre is another one, each found by a part of its name.
    for (album, genre) in ["jaz", "blu", "fol", "clas", "coun", "rap", "metal", "reg"].into_iter().enumerate() {
        pty.press("bs");
        pty.wait_for("genre for the album");
        pty.press(genre);
        pty.press("\r");
        pty.wait_for(&format!("{} wait", 100 - 5 * (album + 1)));
    }
    for _ in 0..60 {
        pty.press("a");
    }
    pty.wait_for("0 wait, 100 decided");
    let pressed = pty.pressed;
    println!("{pressed} keys for 100 corrections");
    assert!(pressed <= 200, "{pressed} keys");
    leave(pty);
    assert_eq!(waiting_names(&library).len(), 0);
    assert_eq!(genre(&library, "Albums/5/4.flac"), ["Hip-Hop"]);
    let database = Connection::open(library.database()).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM journal WHERE state = 'committed'"), 100, "one write a file");
    assert_eq!(count("SELECT count(DISTINCT go) FROM correction"), 68);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let library = waiting(&[("a.flac", "")]);
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let mut pty = review(&library, &[]);
        pty.wait_for("1 wait");
        assert!(!pty.is_cooked() && pty.with_screen(vt100::Screen::alternate_screen), "it is taken");
        pty.signal(signal);
        assert_eq!(pty.end().code(), Some(130));
        assert!(pty.is_cooked(), "signal {signal}");
        pty.with_screen(|screen| assert!(!screen.alternate_screen() && !screen.hide_cursor(), "signal {signal}"));
    }
}

#[test]
fn a_window_that_is_closed_ends_the_list_and_what_was_decided_is_written() {
    let library = waiting(&[("a.flac", ""), ("b.flac", "")]);
    let mut pty = review(&library, &["--sort", "path"]);
    pty.wait_for("2 wait");
    pty.press("a");
    pty.wait_for("1 decided");
    pty.hang_up();
    assert_eq!(waiting_names(&library), ["b"]);
    // A line that breaks without a signal, as one that has another session's terminal: its end alone says so.
    let mut command = library.command("review");
    command.args(["--sort", "path"]);
    // SAFETY: the call is allowed between fork and exec.
    #[allow(unsafe_code)]
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(&mut command, || {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        });
    }
    let mut pty = Pty::start(&mut command, 24, 80);
    pty.wait_for("1 wait");
    pty.hang_up();
}

#[test]
fn colours_are_sixteen_at_the_most_and_none_where_they_are_not_wanted() {
    let library = waiting(&[("a.flac", ""), ("b.flac", "")]);
    let colours = |environment: &[(&str, &str)]| {
        let mut command = library.command("review");
        command.env("LANG", "C.UTF-8").envs(environment.iter().copied());
        let mut pty = Pty::start(&mut command, 24, 80);
        pty.wait_for("2 wait");
        pty.press("a");
        pty.wait_for("1 decided");
        let mut found = std::collections::BTreeSet::new();
        pty.with_screen(|screen| {
            let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
            for cell in cells.filter_map(|(row, column)| screen.cell(row, column)) {
                found.extend([cell.fgcolor(), cell.bgcolor()].map(|colour| format!("{colour:?}")));
            }
        });
        let screen = pty.screen();
        pty.press("u");
        pty.wait_for("taken back");
        leave(pty);
        (found, screen)
    };
    let (found, _) = colours(&[]);
    let is_plain = |colour: &String| {
        let number = colour.strip_prefix("Idx(").and_then(|rest| rest.strip_suffix(')'));
        colour == "Default" || number.is_some_and(|number| number.parse::<u8>().unwrap() < 16)
    };
    assert!(found.len() > 1 && found.iter().all(is_plain), "{found:?}");
    let (found, screen) = colours(&[("NO_COLOR", "1")]);
    assert!(found.iter().all(|colour| colour == "Default"), "{found:?}");
    assert!(screen.contains('✓'), "a sign says it as well: {screen}");
    let (_, screen) = colours(&[("LC_ALL", "C")]);
    assert!(screen.is_ascii() && screen.contains('>') && screen.contains('+'), "{screen}");
}

#[test]
fn what_was_listened_to_is_played_by_the_owners_player() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard");
    let script = folder.path().join("player");
    std::fs::write(
        &script,
        format!("#!/bin/sh\necho \"$@\" > {}.new && mv {0}.new {0}\nexec sleep 60\n", heard.display()),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let player =
        format!("{UNSURE}[review]\nplayer = [\"{}\", \"{{start}}+{{length}}\", \"{{path}}\"]\n", script.display());
    let library = waiting_with(&player, &[("a b.flac", "")]);
    let mut pty = review(&library, &[]);
    pty.wait_for("1 wait");
    pty.press("p");
    pty.wait_for("playing 4 s from 0 s on");
    let started = Instant::now();
    while !heard.exists() {
        assert!(started.elapsed() < Duration::from_secs(30), "nothing was played");
        std::thread::sleep(Duration::from_millis(5));
    }
    let arguments = std::fs::read_to_string(&heard).unwrap();
    assert!(arguments.starts_with("0.00+4.00 /") && arguments.ends_with("a b.flac\n"), "{arguments}");
    pty.press("p");
    pty.wait_for("stopped");
    leave(pty);
}

#[test]
fn a_list_that_is_not_for_a_terminal_is_printed() {
    let library = waiting(&[("a.flac", "")]);
    let run = Run::of(&mut library.command("review")).expect_code(0);
    assert!(run.stdout.ends_with("1 file\n"), "{}", run.stdout);
    for arguments in [&["--plain"][..], &["--limit", "1"], &["--json"]] {
        let mut pty = review(&library, arguments);
        assert_eq!(pty.end().code(), Some(0));
        assert!(pty.screen().contains("a.flac") && !pty.screen().contains("accept"), "{}", pty.screen());
    }
    let mut dumb = Pty::start(library.command("review").env("TERM", "dumb"), 24, 80);
    assert_eq!(dumb.end().code(), Some(0));
    assert!(dumb.screen().contains("1 file"), "{}", dumb.screen());
}
