"""Tempo, key and loudness of the same clips by this program and by others, side by side.

    python benches/descriptors.py target/release/reclassd TEMPO_KEY.csv FOLDER [CLIPS.csv]

TEMPO_KEY.csv has the columns path, bpm and key; the clips lie somewhere below FOLDER under the file names of its paths. CLIPS.csv gives
each path's `gtzan_split`: the built-in numbers were fitted on all but `test`, so that only the row `test` is a fair comparison; the others
are cross-validated by models/training/descriptors.py. librosa, Essentia, aubio, pyloudnorm and ffmpeg take part where they are installed.
"""

import csv
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

NAMES = {"C": 0, "Db": 1, "C#": 1, "D": 2, "Eb": 3, "D#": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6, "G": 7, "Ab": 8, "G#": 8, "A": 9, "Bb": 10, "A#": 10, "B": 11}


def key_of(text):
    tonic, mode = text.split()
    return NAMES[tonic] + 12 * (mode == "minor")


def mirex(found, truth):
    if found is None:
        return 0.0
    if found == truth:
        return 1.0
    a, b, minor, true_minor = found % 12, truth % 12, found > 11, truth > 11
    if minor == true_minor:
        return 0.5 if (a - b) % 12 in (5, 7) else 0.0
    relative = (b + 3) % 12 if true_minor else (b + 9) % 12
    return 0.3 if a == relative else 0.2 if a == b else 0.0


def ours(program, paths):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "all.json"
        subprocess.run([program, "features", "--kind", "descriptors", "-o", out, *paths], check=True, capture_output=True)
        rows = {row["path"]: row["descriptors"] for row in json.loads(out.read_text())["files"]}
    said = [rows[path] for path in paths]
    keys = [key_of(row["key"]) if "key" in row else None for row in said]
    return {"tempo": [row.get("bpm", 0) for row in said], "key": keys, "loudness": [row.get("loudness") for row in said], "rows": said}


def librosas(sounds):
    import librosa

    yield "librosa tempo", "tempo", [float(librosa.feature.tempo(y=sound, sr=22_050)[0]) for sound in sounds]


def essentias(sounds):
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = essentia.log.warningActive = False
    at_44k = [es.Resample(inputSampleRate=22_050, outputSampleRate=44_100)(sound) for sound in sounds]
    yield "Essentia RhythmExtractor2013", "tempo", [es.RhythmExtractor2013()(sound)[0] for sound in at_44k]
    yield "Essentia PercivalBpmEstimator", "tempo", [es.PercivalBpmEstimator()(sound) for sound in at_44k]
    for profile in ("bgate", "edma", "temperley"):
        said = [es.KeyExtractor(profileType=profile)(sound) for sound in at_44k]
        yield f"Essentia KeyExtractor {profile}", "key", [key_of(f"{key} {scale}") for key, scale, _ in said]


def aubios(sounds):
    import aubio

    def tempo(sound):
        tracker, hop = aubio.tempo("default", 1024, 512, 22_050), 512
        beats = [tracker.get_last_s() for i in range(0, len(sound) - hop, hop) if tracker(sound[i : i + hop])]
        return float(60 / np.median(np.diff(beats))) if len(beats) > 2 else 0.0

    yield "aubio tempo", "tempo", [tempo(sound) for sound in sounds]


def loudness_of_others(paths, sounds):
    try:
        import pyloudnorm

        meter = pyloudnorm.Meter(22_050)
        # Both loudspeakers play the mono sound.
        yield "pyloudnorm", [meter.integrated_loudness(np.stack([sound, sound], 1)) for sound in sounds]
    except ImportError:
        print("skipped: pyloudnorm is not installed")
    filters = ["-af", "ebur128=dualmono=true:framelog=quiet", "-f", "null", "-"]
    logs = [subprocess.run(["ffmpeg", "-nostats", "-i", path, *filters], capture_output=True, text=True).stderr for path in paths]
    yield "ffmpeg", [float(re.findall(r"I:\s+(-?[\d.]+) LUFS", log)[-1]) for log in logs]


def main():
    program, table, folder, *clips = sys.argv[1:]
    files = {path.name: str(path) for path in pathlib.Path(folder).rglob("*.wav")}
    rows = [row for row in csv.DictReader(open(table)) if pathlib.Path(row["path"]).name in files]
    paths = [files[pathlib.Path(row["path"]).name] for row in rows]
    split = {row["path"]: row["gtzan_split"] for row in csv.DictReader(open(clips[0]))} if clips else {}
    is_test = np.array([split.get(row["path"]) == "test" for row in rows])
    truth = np.array([float(row["bpm"]) for row in rows])
    keys = [key_of(row["key"]) if row["key"] else None for row in rows]
    with_key = np.array([key is not None for key in keys])

    def show(name, kind, said):
        for part, chosen in (("all", np.ones(len(rows), bool)), ("test", is_test)):
            if kind == "tempo":
                ratio = np.array(said)[chosen, None] / (truth[chosen, None] * np.array([1, 2, 3, 1 / 2, 1 / 3]))
                hit = np.abs(ratio - 1) <= 0.04
                print(f"{name:34} {part:5} {chosen.sum():4} clips: Accuracy1 {100 * hit[:, 0].mean():.1f}, Accuracy2 {100 * hit.any(1).mean():.1f}")
            else:
                chosen = np.flatnonzero(chosen & with_key)
                if len(chosen):
                    weighted = np.mean([mirex(said[i], keys[i]) for i in chosen])
                    exact = np.mean([said[i] == keys[i] for i in chosen])
                    print(f"{name:34} {part:5} {len(chosen):4} clips: key weighted {100 * weighted:.1f}, exact {100 * exact:.1f}", flush=True)

    begun = time.time()
    mine = ours(program, paths)
    print(f"reclassd took {time.time() - begun:.1f} s for {len(paths)} clips")
    show("reclassd", "tempo", mine["tempo"])
    show("reclassd", "key", mine["key"])
    import soundfile

    sounds = [soundfile.read(path, dtype="float32", always_2d=True)[0].mean(1) for path in paths]
    for others in (librosas, essentias, aubios):
        try:
            for name, kind, said in others(sounds):
                show(name, kind, said)
        except ImportError as error:
            print(f"skipped: {error}")
    for name, said in loudness_of_others(paths[::9], sounds[::9]):
        apart = np.abs(np.array(mine["loudness"][::9], float) - np.array(said))
        print(f"loudness, against {name}: {len(said)} clips, {apart.mean():.3f} LU apart on average, {apart.max():.3f} at most")


if __name__ == "__main__":
    main()
