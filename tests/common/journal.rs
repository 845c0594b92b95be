//! A journal that remembers nothing, for tests of the tag writer alone.

use std::error::Error;

use reclassd::tagging::{EntryId, FileStamp, Journal, JournalEntry};

pub struct NoJournal;

impl Journal for NoJournal {
    fn begin(&self, _: &JournalEntry) -> Result<EntryId, Box<dyn Error + Send + Sync>> {
        Ok(EntryId(1))
    }
    fn overwriting(&self, _: EntryId) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
    fn commit(&self, _: EntryId, _: &FileStamp) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
    fn abandon(&self, _: EntryId, _: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}
