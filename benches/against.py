"""Whole files through reclassd and through what one would run instead, in turns in one run, so that the ratios hold on a noisy machine.

    python benches/against.py --reclassd target/release/reclassd [--files N] FOLDER

Beside reclassd: librosa's work for FMA's 518 features (the middle 30 s; the same features and statistics, nothing else) and Essentia's
MusicExtractor (the whole file), each where it is installed (`pip install librosa essentia`). One process and one thread each, no file
written. What is measured is CPU time a file: of reclassd the whole process with models, database and all. Your files are only read."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"


def reclassd(program, config):
    """Scans each file with one worker and a fresh database."""

    def run(files):
        with tempfile.TemporaryDirectory() as folder:
            settings = Path(folder, "config.toml")
            settings.write_text(config)
            command = [program, "scan", "--dry-run", "--jobs", "1", "--config", settings, "--database", Path(folder, "db"), *files]
            subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)

    return run


def librosa_features():
    import librosa
    import numpy as np

    def statistics(values):
        mean, deviation = values.mean(1), values.std(1)
        z = (values - mean[:, None]) / np.maximum(deviation, 1e-9)[:, None]
        return [mean, deviation, (z**3).mean(1), (z**4).mean(1), np.median(values, 1), values.min(1), values.max(1)]

    def run(files):
        for file in files:
            seconds = librosa.get_duration(path=file)
            x, rate = librosa.load(file, sr=44100, mono=True, offset=max(0, seconds / 2 - 15), duration=30)
            out = [statistics(librosa.feature.zero_crossing_rate(x, frame_length=2048, hop_length=512))]
            cqt = np.abs(librosa.cqt(x, sr=rate, hop_length=512, bins_per_octave=12, n_bins=84, tuning=None))
            chroma = librosa.feature.chroma_cqt(C=cqt, n_chroma=12, n_octaves=7)
            cens = librosa.feature.chroma_cens(C=cqt, n_chroma=12, n_octaves=7)
            out += [statistics(f) for f in (chroma, cens, librosa.feature.tonnetz(chroma=cens))]
            stft = np.abs(librosa.stft(x, n_fft=2048, hop_length=512))
            mel = librosa.feature.melspectrogram(S=stft**2, sr=rate)
            feature = librosa.feature
            for f in (
                feature.chroma_stft(S=stft**2, n_chroma=12), feature.rms(S=stft), feature.spectral_centroid(S=stft), feature.spectral_bandwidth(S=stft),
                feature.spectral_contrast(S=stft, n_bands=6), feature.spectral_rolloff(S=stft), feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20),
            ):  # fmt: skip
                out.append(statistics(f))

    return run


def essentia_extractor():
    import essentia
    import essentia.standard as standard

    essentia.log.infoActive = essentia.log.warningActive = False

    def run(files):
        for file in files:
            standard.MusicExtractor(lowlevelStats=["mean", "stdev"], rhythmStats=["mean"], tonalStats=["mean"])(str(file))

    return run


def cpu_seconds():
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reclassd", required=True)
    parser.add_argument("--config", default="", help="the text of a configuration for reclassd")
    parser.add_argument("--files", type=int, default=20)
    args = parser.parse_args()
    files = sorted(f for f in args.folder.rglob("*") if f.suffix.lower() in (".mp3", ".flac"))[: args.files]
    if not files:
        sys.exit(f"{args.folder}: no MP3 or FLAC")
    programs = {"reclassd": reclassd(args.reclassd, args.config)}
    for name, make in (("librosa, the 518 of the middle 30 s", librosa_features), ("Essentia, MusicExtractor", essentia_extractor)):
        try:
            programs[name] = make()
        except ImportError as error:
            print(f"left out: {name}: {error}")
    spent = {name: [0.0, 0.0] for name in programs}
    for name, run in programs.items():
        run(files[:1])  # what is compiled or loaded once
    # Groups in turns, so that a noisy quarter of an hour is everybody's.
    for start in range(0, len(files), 5):
        for name, run in programs.items():
            cpu, wall = cpu_seconds(), time.monotonic()
            run(files[start : start + 5])
            spent[name][0] += cpu_seconds() - cpu
            spent[name][1] += time.monotonic() - wall
    base = spent["reclassd"][0]
    print(f"{len(files)} files\n| | CPU a file | wall a file | CPU, times reclassd's |\n|---|---|---|---|")
    for name, (cpu, wall) in spent.items():
        print(f"| {name} | {1000 * cpu / len(files):.0f} ms | {1000 * wall / len(files):.0f} ms | {cpu / base:.1f} |")


if __name__ == "__main__":
    main()
