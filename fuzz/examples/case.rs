//! Prints what inputs ask for, each the wish and the file as a byte string for a test, and what the file's editor answers.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;

use reclassd_fuzz::tagging::fuzzing::{self, Case};

fn main() -> io::Result<()> {
    for path in env::args_os().skip(1).map(PathBuf::from) {
        let input = fs::read(&path)?;
        println!("{}", path.display());
        match Case::of(&input) {
            Some(case) => println!("{case}"),
            None => println!("too short to ask for anything"),
        }
        match fuzzing::any(&input) {
            Ok(()) => println!("edited"),
            Err(reason) => println!("refused: {reason}"),
        }
    }
    Ok(())
}
