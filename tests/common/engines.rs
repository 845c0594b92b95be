//! What tests of models and of what runs them share: the library of ONNX Runtime, musicnn's package, and made-up input.

use std::path::{Path, PathBuf};
use std::process::Command;

use reclassd::inference::{MUSICNN, Model, ModelFeatures, ModelInput, ModelsFolder, Scores, builtin_models};

/// The library of the Python package, beside the Python that the tests use.
pub fn library_of_python(test: &str) -> Option<PathBuf> {
    let python = std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = "import importlib.util, pathlib, sys\n\
                  spec = importlib.util.find_spec('onnxruntime')\n\
                  found = spec and sorted(pathlib.Path(spec.origin).parent.glob('capi/libonnxruntime.so.*'))\n\
                  sys.stdout.write(str(found[0]) if found else '')";
    let output = Command::new(python).args(["-c", script]).output().ok().filter(|output| output.status.success());
    let path = output.map(|output| String::from_utf8(output.stdout).unwrap()).filter(|path| !path.is_empty());
    if path.is_none() {
        super::skipped(
            test,
            "the Python package onnxruntime is not installed; name a Python that has it in $RECLASSD_PYTHON",
        );
    }
    path.map(PathBuf::from)
}

/// The package's wheel, `$RECLASSD_MUSICNN_WHEEL` or in `target/wheels`; where it is not, `None`, and a word about the
/// test that needs it.
pub fn musicnn_wheel(test: &str) -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/wheels/musicnn-0.1.0-py3-none-any.whl");
    let wheel = std::env::var_os("RECLASSD_MUSICNN_WHEEL").map_or_else(default, PathBuf::from);
    if !wheel.is_file() {
        super::skipped(test, &format!("there is no {}: `pip download` fetches it", wheel.display()));
        return None;
    }
    Some(wheel)
}

/// Every model that there is, each time anew: those that are built in, and musicnn's where its package is at hand.
pub fn all_models(test: &str, folder: &Path) -> Vec<Model> {
    let mut models = builtin_models().unwrap();
    if let Some(wheel) = musicnn_wheel(test) {
        let installed = ModelsFolder::new(folder);
        if !installed.contains("musicnn-msd") {
            MUSICNN.install(&wheel, &installed).unwrap();
        }
        models.extend(["musicnn-msd", "musicnn-mtt"].map(|name| installed.open(name).unwrap()));
    }
    models
}

/// Numbers of the size that a model takes, no two alike.
pub fn made_up(input: &ModelInput, seed: usize) -> Vec<f32> {
    let size = match input {
        ModelInput::Fma518 { .. } => 518,
        ModelInput::Joined(input) => input.size(),
        ModelInput::MusicnnMel(_) => 600 * 96,
        other => {
            let mel = other.log_mel().unwrap();
            mel.n_mels * 1292
        }
    };
    // Levels of a spectrogram where it is one: musicnn's are logarithms of magnitudes.
    let (middle, range) = if matches!(input, ModelInput::MusicnnMel(_)) { (1.5, 1.5) } else { (-30.0, 20.0) };
    (0..size).map(|i| ((i + 7 * seed) as f32 * 0.731).sin() * range + middle).collect()
}

/// The same numbers as features of that kind.
pub fn as_features<'a>(input: &ModelInput, values: &'a [f32]) -> ModelFeatures<'a> {
    match input {
        ModelInput::Fma518 { .. } => ModelFeatures::Fma518(values),
        ModelInput::Joined(_) => ModelFeatures::Joined(values),
        ModelInput::MusicnnMel(_) => ModelFeatures::MusicnnMel(values),
        other => {
            let n_mels = other.log_mel().unwrap().n_mels;
            ModelFeatures::LogMel { data: values, n_mels, n_frames: values.len() / n_mels }
        }
    }
}

/// All numbers that a model says.
pub fn numbers(scores: Scores) -> Vec<f32> {
    scores.probabilities.into_iter().chain(scores.embedding.unwrap_or_default()).collect()
}

/// What a model says of made-up numbers.
pub fn said(model: &Model, seed: usize) -> Vec<f32> {
    let input = &model.manifest().input;
    numbers(model.run(&as_features(input, &made_up(input, seed))).unwrap())
}

/// What a model says of several at once: all are asked before the first answer is waited for.
pub fn said_at_once(model: &Model, seeds: std::ops::Range<usize>) -> Vec<Vec<f32>> {
    let input = &model.manifest().input;
    let asked: Vec<_> = seeds.map(|seed| model.ask(&as_features(input, &made_up(input, seed))).unwrap()).collect();
    asked.into_iter().map(|question| numbers(question.answer().unwrap())).collect()
}

/// Fails where two lists differ by more than a share of what they hold, or of 1.
pub fn assert_alike(name: &str, expected: &[f32], found: &[f32], share: f32) {
    assert_eq!(expected.len(), found.len(), "{name}");
    for (a, b) in expected.iter().zip(found) {
        assert!((a - b).abs() <= share * a.abs().max(1.0), "{name}: {a} and {b}");
    }
}
