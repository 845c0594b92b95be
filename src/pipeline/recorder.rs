//! Analysis as a step by itself: a file in, a record out. It decides about no tag, remembers nothing, and knows no
//! other file, so that any number of machines can do it side by side. What the record says is what a scan of the same
//! file would keep.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::asking::{AnalysisError, Analyst, LineError};
use super::cancel::Cancel;
use super::limits::ResourceLimits;
use super::line::unreadable;
use super::panic_guard::describe_panic;
use super::stamped_file::StampedFile;
use crate::audio::{self, AudioError, FailureKind};
use crate::config::Config;
use crate::records::Record;
use crate::store::{AudioKey, Store, StoreError};

/// After so many files what was heard of them is forgotten, so that memory does not grow with their number.
const REMEMBERED: u32 = 512;

/// The models and what is shared by those who make records.
pub struct Recorder {
    analyst: Analyst,
    limits: ResourceLimits,
    /// What was heard of the last files: copies among them are heard once.
    memory: Mutex<Arc<Store>>,
    recorded: AtomicU32,
}

/// Why there is no recorder.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// A model is unknown or cannot be loaded.
    #[error(transparent)]
    Line(#[from] LineError),
    /// There is no memory for what was heard.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Recorder {
    /// Loads the models that the configuration names.
    ///
    /// # Errors
    /// [`RecorderError`] when a model is unknown or cannot be loaded.
    pub fn new(config: &Config) -> Result<Self, RecorderError> {
        Ok(Self {
            analyst: Analyst::new(config)?,
            limits: ResourceLimits::new(&config.analysis),
            memory: Mutex::new(Arc::new(Store::in_memory()?)),
            recorded: AtomicU32::new(0),
        })
    }

    /// How many threads should make records at the same time.
    pub fn workers(&self) -> usize {
        self.limits.workers()
    }

    /// What is heard of a file, or why nothing is. The record has no name. `None` when the wish to stop came first.
    ///
    /// # Errors
    /// [`StoreError`] when there is no memory.
    pub fn record(&self, path: &Path, cancel: &Cancel) -> Result<Option<Record>, StoreError> {
        let store = self.memory()?;
        let record = catch_unwind(AssertUnwindSafe(|| self.hear(&store, path, cancel)));
        record.unwrap_or_else(|panic| Ok(Some(Record::unheard(describe_panic(panic.as_ref())))))
    }

    /// What the last files are remembered in, or a new one.
    fn memory(&self) -> Result<Arc<Store>, StoreError> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if self.recorded.fetch_add(1, Ordering::Relaxed) % REMEMBERED == REMEMBERED - 1 {
            *memory = Arc::new(Store::in_memory()?);
        }
        Ok(Arc::clone(&memory))
    }

    fn hear(&self, store: &Store, path: &Path, cancel: &Cancel) -> Result<Option<Record>, StoreError> {
        let file = match StampedFile::at(path) {
            Ok(file) => file,
            Err(error) => return Ok(Some(Record::unheard(unreadable(&error)))),
        };
        let turn = self.limits.readers.turn(path, file.stamp.device);
        if turn.is_scarce() {
            audio::warm(path);
        }
        let id = audio::identify(path);
        drop(turn);
        let audio = match id {
            Ok(id) => store.audio(id)?,
            Err(error) => return Ok(Some(Record::unheard(reason_of(&error)))),
        };
        match self.analyst.analyse(store, audio, &file, &self.limits, false, cancel) {
            Ok(_) => store.record_of(audio).map(Some),
            Err(AnalysisError::Cancelled) => Ok(None),
            Err(AnalysisError::Store(error)) => Err(error),
            Err(AnalysisError::Audio(error)) => self.give_up(store, audio, &error).map(Some),
            Err(AnalysisError::Unfit(reason)) => self.unheard(store, audio, reason).map(Some),
            Err(AnalysisError::Changed | AnalysisError::AlbumNotWhole) => {
                Ok(Some(Record::unheard("it was written to while it was listened to; try again".to_owned())))
            }
        }
    }

    /// A sound that this version cannot decode, and no other reader of the file will have to try.
    fn give_up(&self, store: &Store, audio: AudioKey, error: &AudioError) -> Result<Record, StoreError> {
        if error.kind() != FailureKind::Io {
            store.keep_failure(audio, self.analyst.failure_key(), &error.reason())?;
        }
        self.unheard(store, audio, reason_of(error))
    }

    fn unheard(&self, store: &Store, audio: AudioKey, reason: String) -> Result<Record, StoreError> {
        let record = store.record_of(audio)?;
        Ok(Record { reason: Some(record.reason.clone().unwrap_or(reason)), ..record })
    }
}

fn reason_of(error: &AudioError) -> String {
    match error {
        AudioError::Io { source, .. } => unreadable(source),
        _ => error.reason(),
    }
}
