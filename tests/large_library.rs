//! A large library in which nothing has changed: what a start costs, in time and memory. `RECLASSD_ROWS` says how large
//! (20,000); the figures in `docs/performance.md` are of a million.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use common::service::{Service, quick_library};
use rusqlite::{Connection, params};

const FILES_A_FOLDER: usize = 12;

#[test]
fn a_large_library_that_has_not_changed_is_compared_in_seconds_and_little_memory() {
    let files: usize = std::env::var("RECLASSD_ROWS").ok().map_or(20_000, |rows| rows.parse().unwrap());
    let library = quick_library("");
    // One row that a scan wrote is the pattern of all the others.
    let pattern = library.put("pattern.mp3", b"no music");
    library.scan(&[]).expect_code(0);
    let mut database = Connection::open(library.database()).unwrap();
    let transaction = database.transaction().unwrap();
    {
        let mut insert = transaction
            .prepare(
                "INSERT INTO track (path, size, mtime_seconds, mtime_nanos, inode, device, status, genre, confidence, ranking,
                                    reason, settled_by, seen_at)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, status, 'Electronic', 0.9, ?7, reason, settled_by, seen_at
                 FROM track WHERE path = ?8",
            )
            .unwrap();
        // As long as a ranking of thirteen genres is.
        let genres = (0..13).map(|number| format!("[\"Genre number {number}\",0.0769230769]"));
        let ranking = format!("[{}]", genres.collect::<Vec<_>>().join(","));
        for number in 0..files {
            let album = number / FILES_A_FOLDER;
            let folder = library.music().join(format!("Some Artist {}/Some Album {album}", album / 10));
            if number % FILES_A_FOLDER == 0 {
                fs::create_dir_all(&folder).unwrap();
            }
            let path = folder.join(format!("{number} A Title of Some Length.mp3"));
            let file = fs::File::create(&path).unwrap().metadata().unwrap();
            let (size, inode, device) = (file.size() as i64, file.ino() as i64, file.dev() as i64);
            let (bytes, pattern) = (path.as_os_str().as_bytes(), pattern.as_os_str().as_bytes());
            let (seconds, nanos) = (file.mtime(), file.mtime_nsec());
            insert.execute(params![bytes, size, seconds, nanos, inode, device, ranking, pattern]).unwrap();
        }
    }
    transaction.commit().unwrap();
    drop(database);
    let started = Instant::now();
    let service = Service::start(&library);
    let status = service.settled("the comparison", |status| !status["watch"]["roots"][0]["compared_at"].is_null());
    let took = started.elapsed();
    let peak = service.peak();
    println!("{files} files: {took:.1?}, {} MiB at the most", peak / 1024);
    assert_eq!(status["counts"]["seen"], 0, "nothing was to be done");
    assert_eq!(service.logged(&format!("unchanged: {}", files + 1)), 1, "{}", service.log());
    // The machine may be busy with other things; alone it is far quicker.
    let limit = Duration::from_secs(20) + Duration::from_secs(20) * (files / 1_000_000) as u32;
    assert!(took < limit, "{took:?}");
    assert!(peak < 200 * 1024, "{peak} KiB");
}
