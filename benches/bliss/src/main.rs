//! What bliss-audio makes of files, one line a file in whatever order they are done: the path, a tab and its numbers.
//!
//!     bliss [--jobs N] FILE...
//!
//! `--jobs` files at a time (one a core). Of each file bliss decodes and analyses the whole, with some threads of its
//! own: what one wants of fewer jobs than cores is to be seen to from outside, by `taskset`. The exit status is 1 if
//! any file failed, 2 on misuse.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use bliss_audio::decoder::{Decoder, DefaultDecoder};

/// The number of jobs and the files, of the arguments behind the program's name.
fn jobs_and_files(arguments: impl Iterator<Item = OsString>) -> Option<(usize, Vec<OsString>)> {
    let mut files: Vec<_> = arguments.collect();
    let mut jobs = thread::available_parallelism().map_or(1, usize::from);
    if files.first().is_some_and(|first| first == "--jobs") {
        jobs = files.get(1)?.to_str()?.parse().ok().filter(|jobs| *jobs > 0)?;
        files.drain(..2);
    }
    (!files.is_empty()).then_some((jobs, files))
}

fn main() -> ExitCode {
    let Some((jobs, files)) = jobs_and_files(env::args_os().skip(1)) else {
        eprintln!("usage: bliss [--jobs N] FILE...");
        return ExitCode::from(2);
    };
    let queue = Mutex::new(files.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(file) = next() {
                    match DefaultDecoder::song_from_path(&file) {
                        Ok(song) => println!("{}\t{:?}", file.display(), song.analysis.as_vec()),
                        Err(error) => {
                            eprintln!("{}: {error}", file.display());
                            failed.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    if failed.into_inner() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
