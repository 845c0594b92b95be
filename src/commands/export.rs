//! `reclassd export`: what was heard of every recording, as records: to back it up, to take it to another machine, to
//! train on it.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::Outcome;
use super::output::{display_path, unfinished};
use super::setup::Common;

#[derive(Args)]
pub struct Arguments {
    /// Write the records into this file, in place of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let mut records = 0u64;
    let mut write = |out: &mut dyn Write| {
        store.each_record(|record| -> anyhow::Result<()> {
            records += 1;
            Ok(out.write_all(&record.to_line())?)
        })
    };
    match &arguments.output {
        None => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            write(&mut out)?;
            out.flush()?;
        }
        Some(path) => {
            let part = unfinished(path);
            let in_file = || display_path(&part);
            let mut out = BufWriter::new(std::fs::File::create(&part).with_context(in_file)?);
            write(&mut out).with_context(in_file)?;
            out.into_inner()
                .map_err(std::io::IntoInnerError::into_error)
                .and_then(|file| file.sync_all())
                .with_context(in_file)?;
            std::fs::rename(&part, path).with_context(|| display_path(path))?;
            eprintln!("{records} records in {}", display_path(path));
        }
    }
    Ok(Outcome::Done)
}
