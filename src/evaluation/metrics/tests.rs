//! Small cases counted by hand, and laws that hold for any clips.

use proptest::prelude::*;

use super::*;

fn genre(name: &str) -> Genre {
    Genre::new(name).unwrap()
}

/// A clip with these labels, named so with this confidence.
fn clip(labels: &[&str], named: &str, confidence: f32) -> Judged {
    let labels: Vec<Genre> = labels.iter().map(|label| genre(label)).collect();
    let right_for = labels.iter().position(|label| label.as_str() == named);
    Judged { labels, named: genre(named), family: None, right_for, confidence, group: 0 }
}

/// Two Jazz clips, one of them named Blues; two Blues clips, both found; one of both, named Jazz; one Folk clip, named
/// Jazz.
fn six() -> Vec<Judged> {
    vec![
        clip(&["Jazz"], "Jazz", 0.95),
        clip(&["Jazz"], "Blues", 0.55),
        clip(&["Blues"], "Blues", 0.85),
        clip(&["Blues"], "Blues", 0.65),
        clip(&["Jazz", "Blues"], "Jazz", 0.75),
        clip(&["Folk"], "Jazz", 0.65),
    ]
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn top_1_counts_clips_whose_first_genre_is_one_of_theirs() {
    assert_eq!(top1(&six()), Some(4.0 / 6.0));
    assert_eq!(top1(&[]), None);
}

#[test]
fn precision_recall_and_f1_are_those_counted_by_hand() {
    let figures = by_genre(&six());
    let row = |name: &str| figures.iter().find(|g| g.genre.as_str() == name).unwrap();
    // Jazz: 3 clips, 2 found; named 3 times, 2 rightly.
    let jazz = row("Jazz");
    assert_eq!((jazz.clips, jazz.named), (3, 3));
    assert_eq!((jazz.precision, jazz.recall), (Some(2.0 / 3.0), Some(2.0 / 3.0)));
    assert!(close(jazz.f1, 2.0 / 3.0));
    assert_eq!(jazz.right, Some(2.0 / 3.0));
    // Blues: 3 clips, 2 found, and the clip of both is right through Jazz; named 3 times, 2 rightly.
    let blues = row("Blues");
    assert_eq!((blues.clips, blues.named, blues.recall, blues.right), (3, 3, Some(2.0 / 3.0), Some(1.0)));
    // Folk: never named.
    let folk = row("Folk");
    assert_eq!((folk.clips, folk.named, folk.precision, folk.recall, folk.f1), (1, 0, None, Some(0.0), 0.0));
    assert_eq!(figures.iter().map(|g| g.genre.as_str()).collect::<Vec<_>>(), ["Blues", "Jazz", "Folk"]);
}

#[test]
fn macro_f1_weighs_every_genre_that_occurs_the_same() {
    let figures = by_genre(&six());
    assert!(close(macro_f1(&figures, |_| true).unwrap(), (2.0 / 3.0 + 2.0 / 3.0 + 0.0) / 3.0));
    assert!(close(macro_f1(&figures, |genre| genre.as_str() != "Folk").unwrap(), 2.0 / 3.0));
    // A genre that is named and occurs nowhere costs precision, and is no genre of the mean.
    let figures = by_genre(&[clip(&["Jazz"], "Jazz", 0.5), clip(&["Jazz"], "Latin", 0.5)]);
    assert_eq!(figures.len(), 2);
    assert!(close(macro_f1(&figures, |_| true).unwrap(), 2.0 / 3.0));
    assert_eq!(macro_f1(&by_genre(&[]), |_| true), None);
}

#[test]
fn a_family_that_nobody_can_say_is_as_precise_as_its_kinds() {
    let named = |label: &str, named: &str, right: bool| Judged {
        family: Some(genre("Pop Rock")),
        right_for: right.then_some(0),
        ..clip(&[label], named, 0.5)
    };
    let clips = [named("Pop Rock", "Rock", true), named("Pop Rock", "Pop", true), named("Jazz", "Pop", false)];
    let figures = by_genre(&clips);
    let family = figures.iter().find(|g| g.genre.as_str() == "Pop Rock").unwrap();
    assert_eq!((family.named, family.precision, family.recall), (3, Some(2.0 / 3.0), Some(1.0)));
    // Where no clip carries the family, it has no row.
    let figures = by_genre(&[named("Rock", "Rock", true)]);
    assert_eq!(figures.iter().map(|g| g.genre.as_str()).collect::<Vec<_>>(), ["Rock"]);
}

#[test]
fn the_confusion_matrix_has_right_answers_on_its_diagonal() {
    let Confusion { genres, counts } = confusion(&six());
    assert_eq!(genres.iter().map(Genre::as_str).collect::<Vec<_>>(), ["Blues", "Jazz", "Folk"]);
    assert_eq!(counts, [[2.0, 0.0, 0.0], [1.0, 2.0, 0.0], [0.0, 1.0, 0.0]]);
    // A wrong answer for a clip of two labels is half a mistake in each row; what was only named has a column.
    let Confusion { genres, counts } = confusion(&[clip(&["Jazz", "Blues"], "Latin", 0.5)]);
    assert_eq!(genres.iter().map(Genre::as_str).collect::<Vec<_>>(), ["Blues", "Jazz", "Latin"]);
    assert_eq!(counts, [[0.0, 0.0, 0.5], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]);
}

#[test]
fn the_calibration_error_is_the_one_counted_by_hand() {
    // Bins 5 (0.55, wrong), 6 (0.65 twice, one right), 7 (0.75, right), 8 (0.85, right), 9 (0.95, right).
    let bins = reliability(&six());
    assert_eq!(bins.iter().map(|bin| bin.clips).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 1, 2, 1, 1, 1]);
    assert_eq!((bins[6].accuracy, bins[0].accuracy, bins[0].confidence), (Some(0.5), None, None));
    let expected = (0.55 + 2.0 * 0.15 + 0.25 + 0.15 + 0.05) / 6.0;
    assert!(close(expected_calibration_error(&bins).unwrap(), expected));
    assert_eq!(expected_calibration_error(&reliability(&[])), None);
}

#[test]
fn a_perfectly_calibrated_set_has_no_error() {
    // Of ten clips said to be right with 0.8, eight are; of four with 0.25, one is.
    let at = |confidence: f32, right: usize, of: usize| {
        (0..of).map(move |i| clip(&["Jazz"], if i < right { "Jazz" } else { "Blues" }, confidence))
    };
    let clips: Vec<Judged> = at(0.8, 8, 10).chain(at(0.25, 1, 4)).collect();
    assert!(expected_calibration_error(&reliability(&clips)).unwrap() < 1e-7);
    // And one that is always sure and never right has all of it.
    let clips: Vec<Judged> = at(1.0, 0, 5).collect();
    assert_eq!(expected_calibration_error(&reliability(&clips)), Some(1.0));
}

#[test]
fn a_confidence_at_the_edge_of_a_bin_is_in_the_upper_one() {
    for edge in 0..=10u8 {
        let bins = reliability(&[clip(&["Jazz"], "Jazz", f32::from(edge) / 10.0)]);
        assert_eq!(bins.iter().position(|bin| bin.clips == 1), Some(usize::from(edge.min(9))), "{edge}");
    }
}

#[test]
fn thresholds_count_what_a_scan_would_write() {
    let at = at_threshold(&six(), 0.65);
    assert_eq!((at.clips, at.precision, at.coverage), (5, Some(0.8), Some(5.0 / 6.0)));
    let at = at_threshold(&six(), 0.99);
    assert_eq!((at.clips, at.precision, at.coverage), (0, None, Some(0.0)));
    assert!(serde_json::to_string(&at_threshold(&six(), 0.7)).unwrap().contains(r#""threshold":0.7,"#));
}

fn any_clip() -> impl Strategy<Value = Judged> {
    const NAMES: [&str; 5] = ["Blues", "Folk", "Jazz", "Latin", "Reggae"];
    let labels = proptest::sample::subsequence(&NAMES[..4], 1..=3);
    (labels, proptest::sample::select(&NAMES[..]), 0.0f32..=1.0).prop_map(|(labels, named, c)| clip(&labels, named, c))
}

proptest! {
    #[test]
    fn figures_obey_their_laws(clips in proptest::collection::vec(any_clip(), 1..60)) {
        let accuracy = top1(&clips).unwrap();
        let right = clips.iter().filter(|clip| clip.is_right()).count() as f64;

        let genres = by_genre(&clips);
        for g in &genres {
            for share in [g.precision, g.recall, g.right, Some(g.f1)].into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&share));
            }
            let (p, r) = (g.precision.unwrap_or(0.0), g.recall.unwrap_or(0.0));
            prop_assert!(g.f1 >= p.min(r) - 1e-9 && g.f1 <= p.max(r) + 1e-9, "a mean lies between");
        }
        prop_assert_eq!(genres.iter().map(|g| g.named).sum::<usize>(), clips.len());
        prop_assert!((0.0..=1.0).contains(&macro_f1(&genres, |_| true).unwrap()));

        let Confusion { counts, .. } = confusion(&clips);
        prop_assert!(close(counts.iter().flatten().sum(), clips.len() as f64));
        prop_assert!(close((0..counts.len()).map(|i| counts[i][i]).sum(), right));

        let bins = reliability(&clips);
        prop_assert_eq!(bins.iter().map(|bin| bin.clips).sum::<usize>(), clips.len());
        for bin in bins.iter().filter(|bin| bin.clips > 0) {
            let confidence = bin.confidence.unwrap();
            prop_assert!(confidence > bin.low - 1e-6 && confidence < bin.high + 1e-6);
        }
        // Binned or not, the mean confidence misses the accuracy by no more than the calibration error.
        let mean = clips.iter().map(|clip| f64::from(clip.confidence)).sum::<f64>() / clips.len() as f64;
        let ece = expected_calibration_error(&bins).unwrap();
        prop_assert!((mean - accuracy).abs() <= ece + 1e-9 && ece <= 1.0);

        let thresholds = THRESHOLDS.map(|t| at_threshold(&clips, t));
        prop_assert!(thresholds.windows(2).all(|pair| pair[0].coverage >= pair[1].coverage));
        let all = at_threshold(&clips, 0.0);
        prop_assert_eq!((all.precision, all.coverage), (Some(accuracy), Some(1.0)));
    }
}
