//! The groups of a library: how many, around which centres, and what is in each.
//!
//! Centres are found on some of the sounds, which fit into memory, and then moved by looks at all of them, which are
//! read from the atlas a part at a time. So of a million recordings no more is held than of fifty thousand, but for
//! sixteen bytes each: in which group it is, and how near its middle.

use rayon::prelude::*;

use super::kmeans::{fit, settle};
use super::points::{Points, Source, each_part};
use super::portrait::{Cluster, Shares, portraits};
use super::silhouette::Distances;
use super::standing::Standing;
use crate::genre::Taxonomy;
use crate::likeness::{Atlas, LikenessError};
use crate::store::{AudioKey, ListedTrack, Store};

/// Recordings on which centres are found.
const SOME: usize = 50_000;
/// Looks at all of more than that.
const LOOKS: usize = 5;
/// Recordings by which the number of groups is chosen, and those of which all distances are taken for it.
const CHOOSING: usize = 6_000;
const COMPARED: usize = 2_000;
/// Groups at the most where nobody said how many.
const MOST: usize = 24;
/// The share of the best mean silhouette that more groups may cost.
const NEARLY: f64 = 0.1;
/// Starts, of which the best counts.
const STARTS: u32 = 3;
/// A recording in a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// The recording.
    pub audio: AudioKey,
    /// How far it is from the middle of its group: 0 is the middle, and all recordings are about 1.7 from the middle of
    /// the library.
    pub distance: f32,
}

/// All groups of a library, the largest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// What each is like.
    pub clusters: Vec<Cluster>,
    /// What is in each, the most typical first.
    pub members: Vec<Vec<Member>>,
    /// The mean silhouette by the number of groups, -1 to 1; empty where the number was given.
    pub silhouettes: Vec<(usize, f64)>,
    /// How much of the differences between tracks is between groups and not within them, 0 to 1.
    pub explained: f64,
}

/// Groups the recordings of an atlas, into `k` groups or as many as are set apart well: fewer where there are not so
/// many different ones.
///
/// # Errors
/// [`LikenessError`] when the atlas cannot be read.
pub fn clusters(atlas: &Atlas, k: Option<usize>) -> Result<Clusters, LikenessError> {
    let (standing, some) = Standing::new(atlas, SOME)?;
    let silhouettes = if k.is_some() { Vec::new() } else { silhouettes(&some)? };
    let mut centres = fit(&some, k.unwrap_or_else(|| most_set_apart(&silhouettes)), STARTS, 0)?;
    if atlas.len() > some.len() as u64 {
        drop(some);
        (centres, _) = settle(&standing, centres, LOOKS)?;
    }
    let taxonomy = Taxonomy::builtin()?;
    let (squares, mut groups) = gather(&standing, &centres)?;
    groups.retain(|(members, _)| !members.is_empty());
    groups.sort_by_key(|(members, _)| (std::cmp::Reverse(members.len()), members.first().map(|m| m.audio)));
    let (mut members, shares): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
    members.par_iter_mut().for_each(|members: &mut Vec<Member>| {
        members.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.audio.cmp(&b.audio)));
    });
    let all = (standing.variance() * atlas.len() as f64).max(f64::MIN_POSITIVE);
    let clusters = portraits(&shares, atlas.measure().genres(), &taxonomy);
    Ok(Clusters { clusters, members, silhouettes, explained: (1.0 - squares / all).clamp(0.0, 1.0) })
}

/// The largest number of groups that are set apart nearly as well as can be. The best alone is 2 or 3 most often, which
/// says nothing of a library, while many more are hardly less apart.
fn most_set_apart(silhouettes: &[(usize, f64)]) -> usize {
    let best = silhouettes.iter().map(|(_, mean)| *mean).fold(f64::NEG_INFINITY, f64::max);
    let enough = best - best.abs() * NEARLY;
    silhouettes.iter().rev().find(|(_, mean)| *mean >= enough).map_or(1, |(k, _)| *k)
}

/// The mean silhouette of each number of groups that could be.
fn silhouettes(some: &Points) -> Result<Vec<(usize, f64)>, LikenessError> {
    let few = spread(some, CHOOSING);
    let compared = spread(&few, COMPARED);
    let distances = Distances::between(&compared);
    let mut silhouettes = Vec::new();
    for k in 2..=MOST.min(few.len() / 2) {
        let centres = fit(&few, k, 1, 0)?;
        if centres.len() < k {
            break;
        }
        let groups: Vec<usize> = compared.nearest(&centres).into_iter().map(|(nearest, _)| nearest).collect();
        silhouettes.push((k, distances.silhouette(&groups, k)));
    }
    Ok(silhouettes)
}

/// So many of some points, or all of them, evenly spread.
fn spread(points: &Points, most: usize) -> Points {
    let number = points.len().min(most);
    let mut few = Points::like(points);
    (0..number).for_each(|nth| few.push_point(points.point(nth * points.len() / number)));
    few
}

/// What is in a group, and its shares.
type Gathered = (Vec<Member>, Shares);

/// What is nearest to each centre, and the sum of the squares.
fn gather(standing: &Standing<'_>, centres: &Points) -> Result<(f64, Vec<Gathered>), LikenessError> {
    let (genres, shares) = (standing.atlas.measure().genres().len(), standing.atlas.measure().sizes().1);
    let nothing = || vec![(Vec::new(), Shares::none(shares)); centres.len()];
    let part = |points: &mut Points, part: usize| -> Result<(f64, Vec<Gathered>), LikenessError> {
        let mut heard = Vec::new();
        standing
            .read_each(part, points, |audio, numbers| heard.push((audio, numbers[standing.genres_at..].to_vec())))?;
        let (mut squares, mut groups) = (0.0, nothing());
        for ((group, square), (audio, roots)) in points.nearest(centres).into_iter().zip(heard) {
            squares += f64::from(square);
            groups[group].0.push(Member { audio, distance: square.sqrt() });
            groups[group].1.count(&roots, genres);
        }
        Ok((squares, groups))
    };
    let (mut squares, mut groups) = (0.0, nothing());
    each_part(standing.parts(), centres, part, |(more, of_part)| {
        squares += more;
        for (group, (members, shares)) in groups.iter_mut().zip(of_part) {
            group.0.extend(members);
            group.1.add(&shares);
        }
    })?;
    Ok((squares, groups))
}

impl Clusters {
    /// Hands the tracks of a group that are there to `each`, with how far they are from its middle, the most typical
    /// first, until it answers false.
    ///
    /// # Errors
    /// [`LikenessError`] when the database fails.
    pub fn tracks(
        &self,
        store: &Store,
        atlas: &Atlas,
        group: usize,
        mut each: impl FnMut(ListedTrack, f32) -> bool,
    ) -> Result<(), LikenessError> {
        let (kind, window) = atlas.measure().described_as();
        for member in self.members.get(group).into_iter().flatten() {
            for track in store.tracks_of(member.audio, (&kind, window))? {
                // Deleted since the last look at its folder, or its disk is away.
                if track.path.symlink_metadata().is_ok() && !each(track, member.distance) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The tracks nearest to the middle of a group, further files of the same recording and further tracks of the same
    /// name left out.
    ///
    /// # Errors
    /// [`LikenessError`] when the database fails.
    pub fn central(
        &self,
        store: &Store,
        atlas: &Atlas,
        group: usize,
        most: usize,
    ) -> Result<Vec<ListedTrack>, LikenessError> {
        let mut central: Vec<ListedTrack> = Vec::new();
        let is_known = |central: &[ListedTrack], track: &ListedTrack| {
            central.iter().any(|known| {
                known.audio == track.audio || known.credits.title.is_some() && known.credits == track.credits
            })
        };
        self.tracks(store, atlas, group, |track, _| {
            if !is_known(&central, &track) {
                central.push(track);
            }
            central.len() < most
        })?;
        Ok(central)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_groups_are_made_as_are_set_apart_nearly_as_well_as_can_be() {
        assert_eq!(most_set_apart(&[(2, 0.22), (3, 0.17), (7, 0.21), (12, 0.20), (20, 0.15)]), 12);
        assert_eq!(most_set_apart(&[(2, 0.5), (3, 0.2)]), 2);
        assert_eq!(most_set_apart(&[(2, -0.2), (3, -0.1)]), 3, "no groups at all: the least bad");
        assert_eq!(most_set_apart(&[(2, 0.0), (3, 0.0)]), 3);
        assert_eq!(most_set_apart(&[]), 1, "too few tracks");
    }
}
