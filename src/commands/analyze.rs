//! `reclassd analyze`: files in, records out, and nothing else: no tag is read or written and no database is opened.
//! The step that is run on many machines side by side.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use clap::Args;
use reclassd::pipeline::{Cancel, Found, Recorder, Selection};
use reclassd::records::Record;
use reclassd::store::StoreError;

use super::output::{display_path, unfinished};
use super::setup::{self, Common};
use super::{Outcome, WrongUse};

/// Records in one file of a folder.
const RECORDS_A_FILE: u64 = 10_000;
/// Files that wait for a worker, a worker.
const WAITING_PER_WORKER: usize = 2;

#[derive(Args)]
pub struct Arguments {
    /// Files, and folders to walk
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Read more paths from this file, one a line; `-` for standard input
    #[arg(long, value_name = "LIST")]
    from_file: Option<PathBuf>,
    /// Where records go: `-` for standard output, or a folder, in files of at most 10,000 records that have their
    /// names when they are whole
    #[arg(long, value_name = "DIR", default_value = "-")]
    records: PathBuf,
    /// Read the bytes of one sound file from standard input
    #[arg(long, requires = "name", conflicts_with_all = ["paths", "from_file"])]
    stdin_audio: bool,
    /// What the file on standard input is called in its record
    #[arg(long, value_name = "X", requires = "stdin_audio")]
    name: Option<PathBuf>,
    /// Cores to decode and compute with [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let nothing = arguments.paths.is_empty() && arguments.from_file.is_none() && !arguments.stdin_audio;
    if nothing {
        return Err(WrongUse("analyse what? name files or folders, a list, or --stdin-audio".to_owned()).into());
    }
    let mut config = arguments.common.load()?;
    setup::use_cores(&mut config, arguments.jobs);
    let output = Output::open(&arguments.records)?;
    let selection = Selection::new(&config.library)?;
    let list = arguments.from_file.as_deref().map(open_list).transpose()?;
    let recorder = Recorder::new(&config)?;
    let (written, unheard) = if arguments.stdin_audio {
        let name = arguments.name.clone().unwrap_or_default();
        one_from_stdin(&recorder, name, output)?
    } else {
        all(&recorder, &selection, &arguments.paths, list, output)?
    };
    if !written.is_empty() {
        eprintln!("{} files of records in {}", written.len(), display_path(&arguments.records));
    }
    if unheard > 0 {
        eprintln!("{unheard} without an analysis: their records have the reason");
    }
    Ok(Outcome::Done)
}

fn open_list(path: &Path) -> anyhow::Result<Box<dyn BufRead + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let file = File::open(path).map_err(|error| WrongUse(format!("{}: {error}", display_path(path))))?;
    Ok(Box::new(BufReader::new(file)))
}

/// A file's place in the order in which files were named, and its name or what was found there in its place.
type Numbered = (u64, PathBuf, Option<String>);

/// Files that were named, worked on by several, whose records leave in the order of the names.
fn all(
    recorder: &Recorder,
    selection: &Selection,
    paths: &[PathBuf],
    list: Option<Box<dyn BufRead + Send>>,
    mut output: Output,
) -> anyhow::Result<(Vec<PathBuf>, u64)> {
    let cancel = Cancel::default();
    let workers = recorder.workers();
    let (files_in, files_out) = sync_channel::<Numbered>(workers * WAITING_PER_WORKER);
    let files_out = Mutex::new(files_out);
    let (records_in, records_out) = sync_channel::<(u64, Result<Option<Record>, StoreError>)>(workers * 8);
    std::thread::scope(|scope| {
        let named = scope.spawn(|| name_files(selection, paths, list, files_in));
        for _ in 0..workers {
            let (records_in, files_out, cancel) = (records_in.clone(), &files_out, &cancel);
            scope.spawn(move || work(recorder, files_out, &records_in, cancel));
        }
        drop(records_in);
        let mut early = BTreeMap::new();
        let (mut next, mut unheard) = (0, 0);
        let mut take = || -> anyhow::Result<()> {
            while let Ok((number, record)) = records_out.recv() {
                early.insert(number, record?);
                while let Some(record) = early.remove(&next) {
                    next += 1;
                    if let Some(record) = record {
                        unheard += u64::from(record.scores.is_empty());
                        output.write(&record)?;
                    }
                }
            }
            Ok(())
        };
        let taken = take();
        if taken.is_err() {
            cancel.request();
        }
        // Who still has a record gets rid of it, and ends.
        drop(records_out);
        let named = named.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken?;
        named?;
        Ok((output.finish()?, unheard))
    })
}

/// Sends the files below the named paths; ends where nobody takes them any more.
fn name_files(
    selection: &Selection,
    paths: &[PathBuf],
    list: Option<Box<dyn BufRead + Send>>,
    files: SyncSender<Numbered>,
) -> anyhow::Result<()> {
    let mut number = 0..;
    let mut send = |path: &Path| -> bool {
        selection.walk(path).all(|found| {
            let (path, obstacle) = match found {
                Found::Candidate(path) => (path, None),
                Found::Obstacle { path, obstacle } => (path, Some(obstacle.to_string())),
            };
            number.next().is_some_and(|number| files.send((number, path, obstacle)).is_ok())
        })
    };
    if !paths.iter().all(|path| send(path)) {
        return Ok(());
    }
    let Some(list) = list else { return Ok(()) };
    for line in list.split(b'\n') {
        let mut line = line.context("the list of paths")?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if !line.is_empty() && !send(&PathBuf::from(std::ffi::OsString::from_vec(line))) {
            break;
        }
    }
    Ok(())
}

fn work(
    recorder: &Recorder,
    files: &Mutex<Receiver<Numbered>>,
    records: &SyncSender<(u64, Result<Option<Record>, StoreError>)>,
    cancel: &Cancel,
) {
    loop {
        let next = files.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, path, obstacle)) = next else { return };
        let record = match obstacle {
            Some(reason) => Ok(Some(Record::unheard(reason))),
            None => recorder.record(&path, cancel),
        };
        let named = record.map(|record| {
            record.map(|mut record| {
                record.name(&path);
                record
            })
        });
        if records.send((number, named)).is_err() {
            return;
        }
    }
}

/// One file, whose bytes come from standard input: they are held in memory, since sound is not read from front to
/// back.
fn one_from_stdin(recorder: &Recorder, name: PathBuf, mut output: Output) -> anyhow::Result<(Vec<PathBuf>, u64)> {
    let memory = rustix::fs::memfd_create("sound", rustix::fs::MemfdFlags::CLOEXEC)
        .map_err(std::io::Error::from)
        .context("no memory for what comes from standard input")?;
    let mut memory = File::from(memory);
    std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut memory).context("standard input")?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd()));
    let Some(mut record) = recorder.record(&path, &Cancel::default())? else { return Ok((Vec::new(), 0)) };
    record.name(&name);
    output.write(&record)?;
    Ok((output.finish()?, u64::from(record.scores.is_empty())))
}

/// Where records go.
enum Output {
    Stdout,
    Folder { folder: PathBuf, open: Option<(BufWriter<File>, PathBuf, u64)>, written: Vec<PathBuf> },
}

impl Output {
    fn open(place: &Path) -> anyhow::Result<Self> {
        if place == Path::new("-") {
            return Ok(Self::Stdout);
        }
        std::fs::create_dir_all(place).map_err(|error| WrongUse(format!("{}: {error}", display_path(place))))?;
        Ok(Self::Folder { folder: place.to_owned(), open: None, written: Vec::new() })
    }

    fn write(&mut self, record: &Record) -> anyhow::Result<()> {
        let line = record.to_line();
        let Self::Folder { folder, open, .. } = self else {
            // Whoever reads it may wait for this one.
            let mut out = std::io::stdout().lock();
            return Ok(out.write_all(&line).and_then(|()| out.flush())?);
        };
        let (file, path, records) = match open {
            Some(open) => open,
            None => open.insert(new_file(folder)?),
        };
        file.write_all(&line).with_context(|| display_path(path))?;
        *records += 1;
        if *records == RECORDS_A_FILE {
            self.close()?;
        }
        Ok(())
    }

    /// Gives the file that is open its name.
    fn close(&mut self) -> anyhow::Result<()> {
        let Self::Folder { open, written, .. } = self else { return Ok(()) };
        if let Some((file, path, _)) = open.take() {
            let in_file = || display_path(&path);
            let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(in_file)?;
            file.sync_all().with_context(in_file)?;
            std::fs::rename(unfinished(&path), &path).with_context(in_file)?;
            written.push(path);
        }
        Ok(())
    }

    /// The files that were written.
    fn finish(mut self) -> anyhow::Result<Vec<PathBuf>> {
        self.close()?;
        match self {
            Self::Stdout => Ok(Vec::new()),
            Self::Folder { written, .. } => Ok(written),
        }
    }
}

/// A new file in a folder that others may write into at the same moment.
fn new_file(folder: &Path) -> anyhow::Result<(BufWriter<File>, PathBuf, u64)> {
    for number in 1u64.. {
        let path = folder.join(format!("records-{number:06}.jsonl"));
        let part = unfinished(&path);
        if path.exists() {
            continue;
        }
        match File::options().write(true).create_new(true).open(&part) {
            // Its name may have been taken between the look and the making.
            Ok(_) if path.exists() => std::fs::remove_file(&part).with_context(|| display_path(&part))?,
            Ok(file) => return Ok((BufWriter::new(file), path, 0)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| display_path(&part)),
        }
    }
    anyhow::bail!("{}: no name is left for a file of records", display_path(folder))
}
