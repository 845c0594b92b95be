//! The clips of the reference folder as mono samples.

use std::path::{Path, PathBuf};

use symphonia::core::audio::sample::Sample;
use symphonia::core::formats::TrackType;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::MediaSourceStream;

/// One entry of `manifest.json`.
pub struct Recording {
    pub name: String,
    pub path: PathBuf,
}

pub fn manifest(folder: &Path) -> Vec<Recording> {
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let recording = |entry: &serde_json::Value| Recording {
        name: entry["name"].as_str().unwrap().to_owned(),
        path: folder.join(entry["file"].as_str().unwrap()),
    };
    manifest.as_array().unwrap().iter().map(recording).collect()
}

/// The mean of the channels of a 16-bit file, full scale 1, and its sample rate.
pub fn read_mono(path: &Path) -> (Vec<f32>, u32) {
    let file = Box::new(std::fs::File::open(path).unwrap());
    let stream = MediaSourceStream::new(file, Default::default());
    let mut format =
        symphonia::default::get_probe().probe(&Hint::new(), stream, Default::default(), Default::default()).unwrap();
    let track = format.default_track(TrackType::Audio).unwrap();
    let parameters = track.codec_params.as_ref().unwrap().audio().unwrap().clone();
    let mut decoder = symphonia::default::get_codecs().make_audio_decoder(&parameters, &Default::default()).unwrap();
    let channels = parameters.channels.as_ref().unwrap().count();
    let (mut mono, mut interleaved) = (Vec::new(), Vec::new());
    while let Some(packet) = format.next_packet().unwrap() {
        let decoded = decoder.decode(&packet).unwrap();
        interleaved.resize(decoded.samples_interleaved(), f32::MID);
        decoded.copy_to_slice_interleaved(&mut interleaved);
        mono.extend(interleaved.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32));
    }
    (mono, parameters.sample_rate.unwrap())
}
