"""A genre model from the GTZAN collection.

FOLDER holds the ten folders of clips (blues/blues.00000.wav and so on; .au and .mp3 too), or `genres_original` or `genres` with them. The split is the
fault-filtered one (Sturm 2013; Kereliuk, Sturm and Larsen 2015): 443, 197 and 290 clips, no repetitions and, as far as is known, no artist in two
parts. Features come from `reclassd features`. The validation part decides when to stop and how sure to be; the test part is measured once, at the
end."""

import argparse
import csv
import json
import os
import struct
import subprocess
import sys
import tempfile
import wave
from collections import Counter
from pathlib import Path

# Before NumPy is loaded. Small products are no faster on several threads, and one thread adds up in the same order on every machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402

import figures  # noqa: E402
import folder  # noqa: E402
from names import Taxonomy  # noqa: E402
from perceptron import Committee, Perceptron, Scaler, fit, softmax  # noqa: E402

SPLIT = Path(__file__).resolve().parent / "gtzan-split.csv"
PARTS = ("training", "validation", "test")
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
ENDINGS = (".wav", ".au", ".mp3", ".flac")
# The rate of the clips.
SAMPLE_RATE = 22_050
# In the copy that most people have, this file of the training part holds no sound.
BROKEN = "jazz.00054"


def read_split(path=SPLIT):
    """The part of each clip, by its name: `blues.00029`."""
    parts = {}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for word in row["numbers"].split():
                first, _, last = word.partition("-")
                for number in range(int(first), int(last or first) + 1):
                    name = f"{row['genre']}.{number:05}"
                    if name in parts:
                        raise SystemExit(f"{path}: {name} is in the part {parts[name]} and in the part {row['part']}")
                    parts[name] = row["part"]
    return parts


def find_clips(root, parts, partial):
    """The file of each clip of the split that is there."""
    places = [place for place in (root, root / "genres_original", root / "genres") if any((place / genre).is_dir() for genre in GENRES)]
    if not places:
        raise SystemExit(f"{root}: holds none of the folders {', '.join(GENRES)}, nor genres_original or genres with them")
    place = places[0]
    found = {}
    for genre in GENRES:
        for file in sorted((place / genre).glob(f"{genre}.*")) if (place / genre).is_dir() else []:
            if file.suffix.lower() in ENDINGS and file.stem in parts:
                found.setdefault(file.stem, file)
    there, all_of = Counter(parts[name] for name in found), Counter(parts.values())
    print(f"{place}: " + ", ".join(f"{there[part]} of {all_of[part]} clips for {part}" for part in PARTS))
    missing = sorted(set(parts) - set(found))
    if missing and not partial:
        raise SystemExit(f"{place}: {len(missing)} clips of the split are missing, the first is {missing[0]}; --partial goes on with what is there")
    return found


def au_to_wav(source, target):
    """Sun audio of 16-bit samples, which is what GTZAN's original files are, as WAV: the program does not decode it."""
    data = source.read_bytes()
    if len(data) < 24 or data[:4] != b".snd":
        raise SystemExit(f"{source}: is no Sun audio (AU) file")
    start, _, encoding, rate, channels = struct.unpack(">5I", data[4:24])
    if encoding != 3 or not 1 <= channels <= 2:
        raise SystemExit(f"{source}: is Sun audio of another kind than 16-bit PCM; convert it to WAV, for example with ffmpeg")
    samples = np.frombuffer(data[start : start + (len(data) - start) // 2 * 2], ">i2")
    with wave.open(str(target), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())


def extract(program, clips, scratch):
    """The names of the clips that could be decoded, and their features."""
    files = {}
    for name, file in clips.items():
        if file.suffix.lower() == ".au":
            converted = scratch / f"{name}.wav"
            au_to_wav(file, converted)
            file = converted
        files[str(file.resolve())] = name
    matrix = scratch / "features.npy"
    # Neither the user's configuration nor another window: what the program hears by default.
    config = scratch / "config.toml"
    config.write_text("")
    command = [str(program), "features", "--config", str(config), "--rate", str(SAMPLE_RATE), "-o", str(matrix), *files]
    try:
        run = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise SystemExit(f"{program}: cannot be run: {error}; --reclassd names the program") from None
    if not matrix.is_file():
        raise SystemExit(f"{program} features: {run.stderr.strip() or f'exit code {run.returncode}'}")
    described = json.loads(matrix.with_suffix(".json").read_text())
    failed = [files[path] for path in described["failed"]]
    for name in failed:
        if name == BROKEN:
            print(f"{name}: skipped: this file is damaged in many copies of the collection")
    others = [name for name in failed if name != BROKEN]
    if others:
        raise SystemExit(f"{len(others)} clips cannot be decoded:\n{run.stderr.strip()}")
    names = [files[path] for path in described["files"]]
    return names, np.load(matrix)


def card(name, labels, counts, measured, kept, committee, members, unheard):
    missing = "" if not unheard else f"\nIt learned none of {', '.join(unheard)}: there was no such clip to train on. Clips of these are in the figures, as wrong.\n"
    return f"""# {name}

{members} perceptrons 518-256-128-{len(labels)} on the FMA features, their logits averaged. Input: the 518 FMA features at {SAMPLE_RATE:,} Hz. Output: one of
{len(labels)} genres, with a probability for each. Made by `models/training/recipes/gtzan.py`.

## Data

GTZAN (Tzanetakis and Cook, 2002): clips of 30 s, ten genres. The fault-filtered split (Sturm, 2013; Kereliuk, Sturm and Larsen, 2015), which leaves out
repetitions and distortions and keeps known artists in one part: {counts}.
{missing}
## How good it is

Epochs kept: {kept}. The temperature ({committee.temperature:.2f}) is inside the graph; it was chosen on the validation part, which also decided when to stop and so flatters the
first row. The test part was measured once. The baseline always names the most frequent genre of the training part.

{figures.table(measured)}

A few hundred clips, some of them mislabelled, collected before 2002: within this collection the figures say something, about a music library little.
`reclassd evaluate` says how good it is there. In the vote the confidence is not calibrated.

## Licence

GTZAN comes without a licence, and its clips are of commercial recordings that belong to their owners. None of the sound is part of this model; whether a
model that learned from them may be passed on is for whoever passes it on to judge.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the folder with blues, classical and so on")
    parser.add_argument("--out", type=Path, required=True, metavar="MODELFOLDER", help="the model's folder, named like the model")
    parser.add_argument("--reclassd", type=Path, required=True, metavar="PROGRAM", help="the program, which computes the features")
    parser.add_argument("--partial", action="store_true", help="go on where clips of the split are missing")
    parser.add_argument("--members", type=int, default=4, help="perceptrons whose logits are averaged (default: 4)")
    parser.add_argument("--epochs", type=int, default=200, help="at most so many (default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    folder.prepare(args.out)

    parts = read_split()
    clips = find_clips(args.folder, parts, args.partial)
    with tempfile.TemporaryDirectory() as scratch:
        names, x = extract(args.reclassd, clips, Path(scratch))
    taxonomy = Taxonomy()
    meant, _ = taxonomy.labels(GENRES)
    genre = np.array([meant[name.split(".")[0]] for name in names])
    part = np.array([parts[name] for name in names])
    learned = set(genre[part == "training"])
    labels = [label for label in taxonomy.genres if label in learned]
    if len(labels) < 2:
        raise SystemExit(f"{args.folder}: the training part has clips of {len(labels)} genres; two are the least to tell apart")
    classes = np.array([labels.index(g) if g in learned else -1 for g in genre])
    unheard = sorted(set(meant.values()) - learned)
    if unheard:
        print(f"no clip to learn from: {', '.join(unheard)}; the model cannot say them")

    train, valid, test = part == "training", (part == "validation") & (classes >= 0), part == "test"
    for where, rows in [("validation", valid), ("test", test)]:
        if not rows.any():
            raise SystemExit(f"{args.folder}: has no clip of the part {where} that could be used")
    scaler = Scaler(x[train])
    standard = scaler(x)
    nets, kept = [], []
    for member in range(args.members):
        seed = args.seed * 1000 + member
        net = Perceptron(x.shape[1], len(labels), seed)
        settings = {"rate": 5e-4, "epochs": args.epochs, "seed": seed, "batch": 32, "patience": 30}
        kept.append(fit(net, standard[train], classes[train], standard[valid], classes[valid], **settings))
        print(f"perceptron {member + 1}: kept epoch {kept[-1]}", flush=True)
        nets.append(net)
    committee = Committee(scaler, nets)
    committee.settle(x[valid], classes[valid])

    majority = labels[np.bincount(classes[train]).argmax()]
    measured = {
        name: figures.figures(softmax(committee.logits(x[rows])), genre[rows], labels, majority)
        for name, rows in [("validation", part == "validation"), ("test", test)]
    }
    for name, f in measured.items():
        print(figures.line(name, f))
    all_of = Counter(parts.values())
    counts = ", ".join(f"{int((part == p).sum())} of {all_of[p]} clips for {p}" for p in PARTS)
    folder.write(
        args.out, committee, labels, sample_rate=SAMPLE_RATE, licence="none stated",
        about=f"{args.members} perceptrons 518-256-128-{len(labels)} on the FMA features, fitted to GTZAN",
        card=card(args.out.name, labels, counts, measured, ", ".join(map(str, kept)), committee, args.members, unheard),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
