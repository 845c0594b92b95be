//! The atlas: a row a recording, in one file beside the database. It holds nothing that the database does not: it can
//! be deleted at any time, and is made again when the models, the window or its own form have changed.
//!
//! ```text
//! "reclassd atlas 1\n" | what the rows depend on, 64 letters | when it was made, seconds since 1970, i64 | how many rows, u64 | rows,
//! by the number of their audio
//! ```
//!
//! Only what was analysed since is read from the database, a batch at a time, so that memory does not grow with the
//! library. A new atlas is written beside the old one and takes its place when it is whole, so that whoever reads the
//! old one goes on with it.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::LikenessError;
use super::measure::Measure;
use super::row::{HEAD, Head, Packed, unpack};
use crate::config::Config;
use crate::store::{AudioKey, Store, unix_now};

const MAGIC: &[u8; 17] = b"reclassd atlas 1\n";
const WORD: usize = 64;
const START: u64 = (MAGIC.len() + WORD + 8 + 8) as u64;
/// A clock that was set, or a scan that was at work when the atlas was made: this much is looked at again, in seconds.
const OVERLAP: i64 = 120;
/// Recordings that are read from the database at once.
const BATCH: usize = 20_000;

/// The rows of all recordings that can be compared, open for reading.
pub struct Atlas {
    path: PathBuf,
    file: File,
    rows: u64,
    /// What is compared.
    pub(super) measure: Measure,
}

/// The atlas of a database.
pub fn atlas_path(database: &Path) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(".atlas");
    database.with_file_name(name)
}

impl Atlas {
    /// The atlas of a database, made or brought up to date. A database in memory has none.
    ///
    /// # Errors
    /// [`LikenessError`] when there is nothing to compare, or the database or the file fails.
    pub fn open(store: &Store, config: &Config) -> Result<Self, LikenessError> {
        let path = atlas_path(store.path());
        let now = unix_now();
        let measure = Measure::new(store, config)?;
        let old = Self::existing(&path, &measure)?;
        let since = old.as_ref().map_or(i64::MIN, |(_, made_at)| made_at - OVERLAP);
        let fresh = store.heard_since(since)?;
        if let Some((file, _)) = &old
            && fresh.is_empty()
        {
            // Nothing new, nothing to do: what is there is as it would be written.
            let again = || Ok((file.try_clone()?, rows_of(file, row_size(&measure))?.unwrap_or(0)));
            let (file, rows) = again().map_err(|source| read_error(&path, source))?;
            return Ok(Self { path, file, rows, measure });
        }
        let rows = write(&path, &measure, store, now, old.as_ref().map(|(file, _)| file), &fresh)?;
        let file = File::open(&path).map_err(|source| read_error(&path, source))?;
        tracing::debug!("{}: {rows} recordings", path.display());
        Ok(Self { path, file, rows, measure })
    }

    /// What is there, if it is of this form and its rows depend on the same; with the moment when it was made.
    fn existing(path: &Path, measure: &Measure) -> Result<Option<(File, i64)>, LikenessError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(read_error(path, source)),
        };
        let mut start = [0; START as usize];
        if file.read_exact(&mut start).is_err() || start[..MAGIC.len() + WORD] != beginning(measure)[..] {
            return Ok(None);
        }
        let (rest, rows) =
            start.split_last_chunk::<8>().map_or((&[][..], 0), |(rest, n)| (rest, u64::from_le_bytes(*n)));
        let moment = rest.last_chunk::<8>().map(|bytes| i64::from_le_bytes(*bytes));
        // Somebody cut it off, or added to it.
        let is_whole = rows_of(&file, row_size(measure)).is_ok_and(|there| there == Some(rows));
        Ok(moment.filter(|_| is_whole).map(|moment| (file, moment)))
    }

    /// How many recordings there are in it.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What is compared.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// Bytes a recording.
    pub(super) fn row_size(&self) -> usize {
        row_size(&self.measure)
    }

    /// Reads rows, from this one on: as many as there is room for, at most to the end. Says how many.
    pub(super) fn read(&self, first: u64, into: &mut Vec<u8>, most: usize) -> Result<usize, LikenessError> {
        let rows = usize::try_from(self.rows.saturating_sub(first)).unwrap_or(usize::MAX).min(most);
        into.resize(rows * self.row_size(), 0);
        let read = self.file.read_exact_at(into, START + first * self.row_size() as u64);
        read.map(|()| rows).map_err(|source| read_error(&self.path, source))
    }

    /// Hands rows to `each`, from this one on and at most to the end: whose they are, and the numbers of the
    /// description, of the genres and of the moods, one behind the other. `buffer` is any.
    pub(crate) fn for_rows(
        &self,
        first: u64,
        most: usize,
        buffer: &mut Vec<u8>,
        mut each: impl FnMut(AudioKey, &[f32]),
    ) -> Result<(), LikenessError> {
        self.read(first, buffer, most)?;
        let mut numbers = Vec::new();
        for row in buffer.chunks_exact(self.row_size()) {
            if let Some(head) = Head::read(row) {
                unpack(row, &head, self.measure.sizes().0, &mut numbers);
                each(head.audio, &numbers);
            }
        }
        Ok(())
    }

    /// The row of a piece of audio, by halving: rows lie in the order of their audio.
    pub(super) fn row_of(&self, audio: AudioKey) -> Result<Option<Vec<u8>>, LikenessError> {
        let (mut low, mut high, mut row) = (0, self.rows, Vec::new());
        while low < high {
            let middle = low + (high - low) / 2;
            self.read(middle, &mut row, 1)?;
            match Head::read(&row) {
                Some(head) if head.audio == audio => return Ok(Some(row)),
                Some(head) if head.audio < audio => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(None)
    }
}

fn read_error(path: &Path, source: std::io::Error) -> LikenessError {
    LikenessError::Read { path: path.to_owned(), source }
}

fn row_size(measure: &Measure) -> usize {
    let (description, shares) = measure.sizes();
    HEAD + description + shares
}

/// How many rows there are behind the beginning; none where the last one is cut off.
fn rows_of(file: &File, row_size: usize) -> std::io::Result<Option<u64>> {
    let bytes = file.metadata()?.len().saturating_sub(START);
    Ok(Some(bytes / row_size as u64).filter(|rows| rows * row_size as u64 == bytes))
}

/// The row of a sound by its number; none where it cannot be compared.
type Fresh = (AudioKey, Option<Vec<u8>>);

/// The rows of what was heard.
fn packed(measure: &Measure, store: &Store, heard: &[AudioKey]) -> Result<Vec<Fresh>, LikenessError> {
    let (kind, window) = measure.described_as();
    let row = |audio: &AudioKey| -> Result<Fresh, LikenessError> {
        let heard = store.heard(*audio, (&kind, window))?;
        let sound = heard.is_some().then(|| measure.sound(store, *audio)).transpose()?.flatten();
        let (Some(heard), Some(sound)) = (heard, sound) else { return Ok((*audio, None)) };
        let packed = Packed::of(&sound);
        let mut row = Vec::with_capacity(row_size(measure));
        Head::of(&heard, packed.scale).write(&mut row);
        row.extend(packed.bytes);
        Ok((*audio, Some(row)))
    };
    heard.par_iter().map(row).collect()
}

/// Rows that are there, read one after the other, in the order of their audio.
struct KnownRows<R> {
    from: R,
    left: u64,
    /// The next one; nothing behind the last.
    row: Vec<u8>,
}

impl<R: Read> KnownRows<R> {
    fn new(from: R, rows: u64, row_size: usize) -> std::io::Result<Self> {
        let mut known = Self { from, left: rows, row: vec![0; row_size] };
        known.next()?;
        Ok(known)
    }

    fn next(&mut self) -> std::io::Result<()> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.from.read_exact(&mut self.row)
            }
            None => {
                self.row.clear();
                Ok(())
            }
        }
    }

    fn audio(&self) -> Option<AudioKey> {
        Head::read(&self.row).map(|head| head.audio)
    }

    /// Puts those on that come before this audio, or all. Says how many.
    fn put_before(&mut self, audio: Option<AudioKey>, out: &mut impl Write) -> std::io::Result<u64> {
        let mut put = 0;
        while self.audio().is_some_and(|known| audio.is_none_or(|audio| known < audio)) {
            out.write_all(&self.row)?;
            put += 1;
            self.next()?;
        }
        Ok(put)
    }

    /// Puts fresh rows on, each in its place; one stands for the known one of the same audio, and one that cannot be
    /// compared any more takes it out. Says how many rows were put on.
    fn merge(&mut self, fresh: Vec<Fresh>, out: &mut impl Write) -> std::io::Result<u64> {
        let mut put = 0;
        for (audio, row) in fresh {
            put += self.put_before(Some(audio), out)?;
            if self.audio() == Some(audio) {
                self.next()?;
            }
            if let Some(row) = row {
                out.write_all(&row)?;
                put += 1;
            }
        }
        Ok(put)
    }
}

fn beginning(measure: &Measure) -> Vec<u8> {
    [&MAGIC[..], measure.fingerprint().as_bytes()].concat()
}

/// Writes a new atlas of what is there and what was heard since, a batch at a time. Says how many rows it has.
fn write(
    path: &Path,
    measure: &Measure,
    store: &Store,
    now: i64,
    old: Option<&File>,
    fresh: &[AudioKey],
) -> Result<u64, LikenessError> {
    let failed = |source| LikenessError::Write { path: path.to_owned(), source };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let unfinished = path.with_file_name(name);
    let put = || -> Result<u64, LikenessError> {
        let size = row_size(measure);
        let known = || -> std::io::Result<KnownRows<Box<dyn Read>>> {
            let Some(mut old) = old else { return KnownRows::new(Box::new(std::io::empty()), 0, size) };
            let rows = rows_of(old, size)?.unwrap_or(0);
            old.seek(SeekFrom::Start(START))?;
            KnownRows::new(Box::new(BufReader::with_capacity(1 << 20, old.try_clone()?)), rows, size)
        };
        let mut known = known().map_err(|source| read_error(path, source))?;
        let mut file = File::create(&unfinished).map(|file| BufWriter::with_capacity(1 << 20, file)).map_err(failed)?;
        // How many rows there are is known at the end.
        let start = [&beginning(measure)[..], &now.to_le_bytes(), &[0; 8]].concat();
        file.write_all(&start).map_err(failed)?;
        let mut rows = 0;
        for batch in fresh.chunks(BATCH) {
            rows += known.merge(packed(measure, store, batch)?, &mut file).map_err(failed)?;
        }
        rows += known.put_before(None, &mut file).map_err(failed)?;
        if rows == 0 {
            return Err(LikenessError::NotDescribed);
        }
        let finish = || -> std::io::Result<()> {
            let file = file.into_inner()?;
            file.write_all_at(&rows.to_le_bytes(), START - 8)?;
            file.sync_data()?;
            std::fs::rename(&unfinished, path)
        };
        finish().map_err(failed)?;
        Ok(rows)
    };
    put().inspect_err(|_| {
        if let Err(error) = std::fs::remove_file(&unfinished) {
            tracing::debug!("{}: cannot be removed: {error}", unfinished.display());
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn row(audio: i64, byte: u8) -> Vec<u8> {
        let head = Head { audio: AudioKey::from_number(audio), duration: None, bpm: None, key: None, scale: 1.0 };
        let mut row = Vec::new();
        head.write(&mut row);
        row.push(byte);
        row
    }

    #[test]
    fn what_was_heard_again_takes_its_old_place_and_the_rest_stays() {
        let known = [row(1, 1), row(3, 3), row(5, 5), row(9, 9)].concat();
        let fresh = |rows: &[(i64, Option<u8>)]| -> Vec<Fresh> {
            let fresh =
                rows.iter().map(|(audio, byte)| (AudioKey::from_number(*audio), byte.map(|byte| row(*audio, byte))));
            fresh.collect()
        };
        let mut rows = Vec::new();
        let mut reader = KnownRows::new(&known[..], 4, HEAD + 1).unwrap();
        // In two batches, as of a large library.
        let mut number = reader.merge(fresh(&[(2, Some(2)), (3, Some(7))]), &mut rows).unwrap();
        number += reader.merge(fresh(&[(5, None), (8, Some(8))]), &mut rows).unwrap();
        number += reader.put_before(None, &mut rows).unwrap();
        assert_eq!(rows, [row(1, 1), row(2, 2), row(3, 7), row(8, 8), row(9, 9)].concat());
        assert_eq!(number, 5);
    }
}
