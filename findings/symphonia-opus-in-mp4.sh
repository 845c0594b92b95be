#!/usr/bin/env bash
# symphonia hands the Opus header of an MP4 on with the numbers as MP4 has them (big-endian) behind the mark of the header that has them
# little-endian: who reads it by its mark takes a pre-skip of 312 for 14337, and drops 0.3 s of sound.
# Needs ffmpeg with libopus, a Rust toolchain and a network for cargo. Exit: 0 as described, 1 it behaves otherwise now.
set -euo pipefail
version=0.6.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v ffmpeg >/dev/null || apt-get install -y -qq --no-install-recommends ffmpeg >/dev/null
ffmpeg -nostdin -v error -f lavfi -i sine=440:d=1 -c:a libopus sound.mp4
ffmpeg -nostdin -v error -i sound.mp4 -c copy sound.mka
mkdir src
cat >Cargo.toml <<TOML
[package]
name = "look"
version = "0.0.0"
edition = "2024"

[dependencies]
symphonia = { version = "=$version", default-features = false, features = ["isomp4", "mkv"] }
TOML
cat >src/main.rs <<'RUST'
use symphonia::core::codecs::CodecParameters;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::MediaSourceStream;

fn main() {
    for path in std::env::args().skip(1) {
        let stream = MediaSourceStream::new(Box::new(std::fs::File::open(&path).unwrap()), Default::default());
        let reader = symphonia::default::get_probe().probe(&Hint::new(), stream, Default::default(), Default::default()).unwrap();
        let Some(CodecParameters::Audio(audio)) = &reader.tracks()[0].codec_params else { panic!("no sound") };
        let header = audio.extra_data.as_deref().unwrap();
        assert!(header.starts_with(b"OpusHead"));
        println!("{path}: version {}, pre-skip {}", header[8], u16::from_le_bytes([header[10], header[11]]));
    }
}
RUST
echo "symphonia $version"
cargo run -q --release -- sound.mka sound.mp4 | tee seen
printf 'sound.mka: version 1, pre-skip 312\nsound.mp4: version 0, pre-skip 14337\n' | cmp - seen || {
    echo "this is no longer so" >&2
    exit 1
}
