//! Tracks that sound like one: what is compared is `likeness`' business, and here its atlas is kept open between
//! questions.

use std::sync::Arc;

use super::app::App;
use super::kept::Kept;
use super::problem::{Kind, Problem};
use super::reply;
use super::shapes::{self, Similar, SimilarTracks};
use crate::desk::Desk;
use crate::likeness::{Asked, Atlas, LikenessError, Wanted, neighbours};
use crate::store::QueuedTrack;

/// An atlas, or why there is none.
pub type Sounds = Result<Atlas, String>;

/// The tracks that sound most like one, at most `limit`.
///
/// # Errors
/// [`Problem`] when the database or the file beside it fails.
pub async fn similar(
    app: &Arc<App>,
    find: impl FnOnce(&Desk) -> Result<QueuedTrack, Problem> + Send + 'static,
    limit: usize,
) -> Result<SimilarTracks, Problem> {
    let sounds = Kept::get(app, |app| &app.sounds, open).await?;
    app.ask(move |app, desk| {
        let row = find(desk)?;
        let none = |reason: &str| SimilarTracks { tracks: Vec::new(), reason: Some(reason.to_owned()) };
        let atlas = match &*sounds {
            Ok(atlas) => atlas,
            Err(reason) => return Ok(none(reason)),
        };
        let sound = row.audio.map(|audio| atlas.measure().sound(desk.store(), audio)).transpose()?.flatten();
        let Some(sound) = sound else {
            return Ok(none("this track was not heard by the models that are in use now; the next scan hears it"));
        };
        let asked = Asked { path: row.path, audio: row.audio, sound };
        let wanted = Wanted { limit, ..Wanted::default() };
        let roots = app.roots.real();
        let mut tracks = Vec::new();
        for neighbour in neighbours(desk.store(), atlas, &[asked], &wanted)? {
            if let Some(row) = desk.store().queued(&neighbour.track.path)? {
                let is_in = roots.iter().any(|root| row.path.starts_with(root));
                let likeness = reply::share(neighbour.likeness);
                tracks.push(Similar { track: shapes::track(desk, &row, is_in), likeness });
            }
        }
        Ok::<_, Problem>(SimilarTracks { tracks, reason: None })
    })
    .await
}

fn open(app: &Arc<App>, desk: &Desk) -> Result<Sounds, Problem> {
    match Atlas::open(desk.store(), &app.config()) {
        Ok(atlas) => Ok(Ok(atlas)),
        Err(error @ (LikenessError::Nothing | LikenessError::NotDescribed)) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

impl From<LikenessError> for Problem {
    fn from(error: LikenessError) -> Self {
        match error {
            LikenessError::Store(error) => error.into(),
            error => {
                tracing::warn!("{error}");
                Self::new(Kind::Internal, error.to_string())
            }
        }
    }
}
