//! musicnn as it is installed and heard: the graph that is made of its checkpoints says what the original says.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;

use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;
use reclassd::audio::{self, AnalysisWindow};
use reclassd::features::{Extractor, MusicnnMel};
use reclassd::genre::Taxonomy;
use reclassd::inference::{MUSICNN, Model, ModelFeatures, ModelsFolder, Scores};

/// Values of the front end and of the network may differ from the original's by this much.
const TOLERANCE: f32 = 1e-4;
const PATCH: usize = 187 * MusicnnMel::N_MELS;

fn run(model: &Model, mel: &[f32]) -> Scores {
    model.run(&ModelFeatures::MusicnnMel(mel)).unwrap()
}

fn largest_difference(a: &[f32], b: impl IntoIterator<Item = f32>) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// One file of golden values.
struct Golden {
    name: String,
    archive: NpzReader<std::fs::File>,
}

impl Golden {
    fn all(folder: &Path) -> Vec<Self> {
        let mut golden = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if let Some(name) = name.strip_prefix("musicnn_").and_then(|name| name.strip_suffix(".npz")) {
                let name = name.to_owned();
                golden.push(Self { name, archive: NpzReader::new(std::fs::File::open(&path).unwrap()).unwrap() });
            }
        }
        assert!(!golden.is_empty());
        golden
    }

    fn matrix(&mut self, name: &str) -> Array2<f32> {
        self.archive.by_name(name).unwrap()
    }

    /// The spectrogram of the samples that the golden values were made of.
    fn mel(&mut self) -> MusicnnMel {
        let pcm: Array1<i16> = self.archive.by_name("pcm16k").unwrap();
        let samples: Vec<f32> = pcm.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
        Extractor::new().musicnn_mel(&samples, MusicnnMel::SAMPLE_RATE).unwrap()
    }
}

#[test]
fn the_spectrogram_is_musicnns() {
    let Some(folder) = common::shared("the_spectrogram_is_musicnns", "reference/frontends") else { return };
    for mut golden in Golden::all(&folder) {
        let expected = golden.matrix("mel_first_patch");
        let difference = largest_difference(&golden.mel().data[..PATCH], expected.iter().copied());
        eprintln!("{}: spectrogram {difference:.1e}", golden.name);
        assert!(difference <= TOLERANCE, "{}: {difference}", golden.name);
    }
}

#[test]
fn tags_and_embedding_are_musicnns() {
    const TEST: &str = "tags_and_embedding_are_musicnns";
    let Some(folder) = common::shared(TEST, "reference") else { return };
    let Some(wheel) = common::engines::musicnn_wheel(TEST) else { return };
    let home = tempfile::tempdir().unwrap();
    let models = ModelsFolder::new(home.path().join("models"));
    MUSICNN.install(&wheel, &models).unwrap();
    let msd = models.open("musicnn-msd").unwrap();
    let mtt = models.open("musicnn-mtt").unwrap();
    for mut golden in Golden::all(&folder.join("frontends")) {
        let mel = golden.mel();
        let (msd_tags, mtt_tags) = (golden.matrix("msd_tags"), golden.matrix("mtt_tags"));
        let penultimate = golden.matrix("msd_penultimate");
        let mut largest = [0.0_f32; 3];
        for (i, patch) in mel.data.chunks_exact(PATCH).enumerate() {
            let (scores, other) = (run(&msd, patch), run(&mtt, patch));
            let embedding = scores.embedding.unwrap();
            for (largest, (found, expected)) in largest.iter_mut().zip([
                (&scores.probabilities, &msd_tags),
                (&other.probabilities, &mtt_tags),
                (&embedding, &penultimate),
            ]) {
                assert_eq!(found.len(), expected.ncols());
                *largest = largest.max(largest_difference(found, expected.row(i).iter().copied()));
            }
        }
        let [msd_largest, mtt_largest, penultimate_largest] = largest;
        eprintln!(
            "{}: MSD tags {msd_largest:.1e}, MTT tags {mtt_largest:.1e}, penultimate {penultimate_largest:.1e}",
            golden.name
        );
        assert!(largest.iter().all(|difference| *difference <= TOLERANCE), "{}: {largest:?}", golden.name);

        // The file itself, as a scan hears it: three patches, through our own resampler. It passes more of what lies
        // above 7.4 kHz than the one that the golden values were made with, and the two highest bands show it.
        let window = AnalysisWindow { seconds: 600.0, count: 1 };
        let clip = folder.join("clips").join(format!("{}.flac", golden.name));
        let clip = audio::decode(&clip, &window).unwrap().clips.remove(0).resampled(16_000).unwrap().into_owned();
        let heard = Extractor::new().musicnn_mel(&clip.samples, clip.sample_rate).unwrap();
        let (heard, expected) = (run(&msd, &heard.data), run(&msd, &mel.data));
        let difference = largest_difference(&heard.probabilities, expected.probabilities);
        eprintln!("{}: tags of the file itself {difference:.1e}", golden.name);
        assert!(difference <= 0.1, "{}: {difference}", golden.name);
    }
}

#[test]
fn an_installed_tagger_speaks_in_genres_of_the_taxonomy() {
    let Some(wheel) = common::engines::musicnn_wheel("an_installed_tagger_speaks_in_genres_of_the_taxonomy") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let models = ModelsFolder::new(home.path().join("models"));
    let names: Vec<String> = MUSICNN.install(&wheel, &models).unwrap().into_iter().map(|model| model.name).collect();
    assert_eq!(names, ["musicnn-msd", "musicnn-mtt"]);
    assert_eq!(models.names().unwrap(), names);
    let model = models.open("musicnn-msd").unwrap();
    let genres = Taxonomy::builtin().unwrap().canonical_all(&model.manifest().genres()).unwrap();
    assert!(genres.iter().zip(model.manifest().genres()).all(|(genre, name)| genre.as_str() == name));
    // Shorter than a patch, and a window of 30 s.
    for n_frames in [1, 186, 187, 1876] {
        let scores = run(&model, &vec![0.5; n_frames * MusicnnMel::N_MELS]);
        assert_eq!((scores.probabilities.len(), scores.embedding.unwrap().len()), (50, 200));
        let sum: f32 = model.manifest().genre_shares(&scores.probabilities).iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "{n_frames} frames: {sum}");
    }
}
