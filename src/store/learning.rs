//! What there is to learn from: every track that was analysed, with what its owner said of it. Rows are handed on one
//! by one, so that memory does not grow with the library.

use std::path::PathBuf;

use super::{AudioKey, Store, StoreError, TrackId, TrackStatus, choices, path_from_bytes};
use crate::tagging::Origin;

/// A track whose audio is known.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysedTrack {
    /// The number of its row.
    pub id: TrackId,
    /// The file.
    pub path: PathBuf,
    /// Its audio.
    pub audio: AudioKey,
    /// What became of it.
    pub status: TrackStatus,
    /// The first genre of the last vote, as it would be written.
    pub genre: Option<String>,
    /// The vote's confidence, 0 to 1.
    pub confidence: Option<f32>,
    /// Whether it sounds like speech or noise.
    pub is_not_music: bool,
    /// Whether the file is gone.
    pub is_gone: bool,
    /// Whose music it is; empty where its tags say nothing, none where they were not asked.
    pub artist: Option<String>,
    /// The genres that its owner chose for it, accepted ones among them; none where nothing was chosen.
    pub chosen: Option<Vec<String>>,
}

impl Store {
    /// Hands every track whose audio is known to `each`, by the bytes of the path.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn analysed(&self, mut each: impl FnMut(AnalysedTrack)) -> Result<(), StoreError> {
        const SQL: &str = "SELECT track.id, track.path, track.audio, status, genre, confidence, not_music,
                 gone_at IS NOT NULL, CASE WHEN credits_at IS NOT NULL THEN ifnull(artist, '') END, owner_choice.genres
             FROM track
             LEFT JOIN owner_choice ON owner_choice.path = track.path AND origin = ?1
                 AND (owner_choice.audio IS NULL OR owner_choice.audio = track.audio)
             WHERE track.audio IS NOT NULL ORDER BY track.path";
        let malformed = |what| StoreError::Malformed { path: self.path.clone(), what };
        let connection = self.results();
        let mut statement = connection.prepare_cached(SQL).map_err(|e| self.error(e))?;
        let mut rows = statement.query([choices::word_of(Origin::Chosen)]).map_err(|e| self.error(e))?;
        while let Some(row) = rows.next().map_err(|e| self.error(e))? {
            type Row =
                (i64, Vec<u8>, i64, String, Option<String>, Option<f64>, bool, bool, Option<String>, Option<String>);
            let read = || -> rusqlite::Result<Row> {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                    row.get(7)?,
                    row.get(8)?,
                    row.get(9)?,
                ))
            };
            let (id, path, audio, status, genre, confidence, is_not_music, is_gone, artist, chosen) =
                read().map_err(|e| self.error(e))?;
            each(AnalysedTrack {
                id: TrackId(id),
                path: path_from_bytes(path),
                audio: AudioKey(audio),
                status: TrackStatus::parse(&status).ok_or_else(|| malformed("track status"))?,
                genre,
                confidence: confidence.map(|c| c as f32),
                is_not_music,
                is_gone,
                artist,
                chosen: chosen.map(|json| self.parse(&json)).transpose()?,
            });
        }
        Ok(())
    }

    /// How many genres the owner has chosen by now: what was learned is out of date as this grows.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn choices_made(&self) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT count(*) FROM owner_choice WHERE origin = ?1";
        let connection = self.results();
        let count = || connection.prepare_cached(SQL)?.query_row([choices::word_of(Origin::Chosen)], |row| row.get(0));
        count().map(|count: i64| count.unsigned_abs()).map_err(|e| self.error(e))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::path::Path;

    use super::*;
    use crate::audio::AudioId;
    use crate::store::TrackUpdate;
    use crate::store::tests::fresh;
    use crate::tagging::{Credits, FileStamp, OwnersChoice};

    #[test]
    fn a_track_comes_with_what_its_owner_chose_for_this_recording_and_whose_it_is() {
        let (_folder, store) = fresh();
        let [audio, other] = [1, 2].map(|n| store.audio(AudioId::from_bytes([n; 16])).unwrap());
        let stamp = FileStamp { size: 1, mtime_seconds: 2, mtime_nanoseconds: 3, inode: 4, device: 5 };
        for (name, audio) in [("/m/1.mp3", Some(audio)), ("/m/2.mp3", Some(other)), ("/m/3.mp3", None)] {
            let (status, genre, confidence) = (TrackStatus::Unsure, Some("Jazz"), Some(0.25));
            let (path, reason, settled_by) = (Path::new(name), None, None);
            let update =
                TrackUpdate { path, audio, stamp, status, genre, confidence, ranking: &[], reason, settled_by };
            store.record_track(&update).unwrap();
        }
        let choice = |name: &str, origin| OwnersChoice { genres: vec![name.to_owned()], origin };
        store.choose(Path::new("/m/1.mp3"), Some(audio), 5, &choice("Schlager", Origin::Chosen)).unwrap();
        store.choose(Path::new("/m/2.mp3"), Some(audio), 5, &choice("Zydeco", Origin::Chosen)).unwrap();
        let somebody = Credits { artist: Some("Somebody".to_owned()), ..Credits::default() };
        store.note_all_credits(&[("/m/1.mp3".into(), somebody), ("/m/2.mp3".into(), Credits::default())]).unwrap();
        let mut found = Vec::new();
        store.analysed(|track| found.push(track)).unwrap();
        assert_eq!(found.len(), 2, "what has no audio was never heard");
        assert_eq!(found[0].chosen.as_deref(), Some(&["Schlager".to_owned()][..]));
        assert_eq!((found[0].artist.as_deref(), found[1].artist.as_deref()), (Some("Somebody"), Some("")));
        assert_eq!(found[1].chosen, None, "the choice was made for another recording");
        assert_eq!(store.choices_made().unwrap(), 2);
    }
}
