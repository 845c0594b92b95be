//! What the line hears in a file: the models' word on it, or on its album where the tracks of one vote together.
//!
//! Which files are an album is [`super::album`]'s, what a file says by itself [`super::asking`]'s.

use std::path::{Path, PathBuf};

use super::album::{self, AlbumVote, Albums, Voted};
use super::asking::{Analysis, AnalysisError};
use super::cancel::Cancel;
use super::line::Line;
use super::stamped_file::StampedFile;
use crate::audio;
use crate::store::{AudioKey, StoreError};
use crate::tagging::FileStamp;

impl Line {
    /// What the models make of a file, or of its album where the tracks of one vote together.
    pub(super) fn analyse_file_or_album(
        &self,
        file: &StampedFile<'_>,
        audio: AudioKey,
        cancel: &Cancel,
    ) -> Result<Analysis, AnalysisError> {
        let force = self.settings.force;
        let Some(albums) = &self.albums else {
            return self.analyst.analyse(&self.store, audio, file, &self.limits, force, cancel);
        };
        let occupied = albums.occupy(file.path);
        let mut analysis = self.analyst.analyse(&self.store, audio, file, &self.limits, force, cancel)?;
        drop(occupied);
        let companions = albums.companions(file.path);
        if analysis.not_music.is_some() || companions.is_empty() {
            return Ok(analysis);
        }
        // What is only said and not written may be said of a part.
        if !self.settings.dry_run && !album::is_whole(&companions, self.settings.settle) {
            return Err(AnalysisError::AlbumNotWhole);
        }
        let mut tracks = vec![(file.path.to_owned(), audio)];
        for path in companions {
            if let Some(audio) = self.audio_of(&path)? {
                tracks.push((path, audio));
            }
        }
        tracks.sort();
        let keys: Vec<AudioKey> = tracks.iter().map(|(_, audio)| *audio).collect();
        let voted = match albums.known(&keys) {
            Some(voted) => voted,
            None => {
                let order = albums.by_turn(tracks.into_iter().map(|(path, _)| path).collect());
                let voted = self.album_vote(albums, &order, cancel)?;
                albums.remember(keys.clone(), voted.clone());
                voted
            }
        };
        let alone = std::mem::replace(&mut analysis.ranking, voted.named);
        analysis.families = voted.families;
        analysis.album = Some(AlbumVote { tracks: keys.len(), alone });
        Ok(analysis)
    }

    /// The mean of what the tracks say that can be heard and are music.
    fn album_vote(&self, albums: &Albums, tracks: &[PathBuf], cancel: &Cancel) -> Result<Voted, AnalysisError> {
        let (mut named, mut families) = (Vec::with_capacity(tracks.len()), Vec::with_capacity(tracks.len()));
        for path in tracks {
            let _occupied = albums.occupy(path);
            let (Ok(track), Some(audio)) = (StampedFile::at(path), self.audio_of(path)?) else { continue };
            match self.analyst.analyse(&self.store, audio, &track, &self.limits, false, cancel) {
                Ok(Analysis { not_music: None, ranking, families: by_family, .. }) => {
                    named.push(ranking);
                    families.push(by_family);
                }
                Err(error @ (AnalysisError::Cancelled | AnalysisError::Store(_))) => return Err(error),
                // What cannot be heard has no say; its own turn tells why.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(Voted { named: album::mean(&named), families: album::mean(&families) })
    }

    /// The audio of another file, from the database where that knows the file as it is; none of a file without any.
    fn audio_of(&self, path: &Path) -> Result<Option<AudioKey>, StoreError> {
        let known = match FileStamp::of(path) {
            Ok(stamp) => self.store.audio_of(path, &stamp)?,
            Err(_) => return Ok(None),
        };
        match known {
            Some(audio) => Ok(Some(audio)),
            None => audio::identify(path).ok().map(|id| self.store.audio(id)).transpose(),
        }
    }

    pub(super) fn album_not_whole(&self) -> String {
        let seconds = self.settings.settle.as_secs();
        format!(
            "a track beside it changed less than {seconds} s ago: the album may still be being copied; the next scan takes it"
        )
    }
}
