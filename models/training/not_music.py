"""`sound-kind`: is it music at all, or speech or noise? A small perceptron on the 518 features, and the sounds that it learns from.

Music is the clips of the list, and with `--more-music` others. Speech is read by `espeak-ng` in many languages and voices, in rooms and over noise; noise is synthesised, all of it. Beside
them stand people speaking, under free licences, from public repositories (`--sources`, a folder with one folder each, the repository's files inside):

| folder | repository | what | licence |
|---|---|---|---|
| `digits` | Jakobovski/free-spoken-digit-dataset | six people saying digits | CC BY-SA 4.0 |
| `librispeech` | resemble-ai/Resemblyzer, `audio_data/librispeech_test-other` | ten people reading, of LibriSpeech | CC BY 4.0 |
| `vad` | snakers4/silero-vad | conversation | MIT |

All are cut or strung together to 6 to 30 s, and most compressed as MP3 at some rate, so that the file's format tells nothing. Writes models/sound-kind
and OUT/sound-kind.json: the threshold below which a file is no music, and the figures. Needs `espeak-ng` and `ffmpeg`."""

import argparse
import json
import pickle
import re
import subprocess
import tempfile
import wave
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

import dataset
import export
import training
from nets import FeatureMlp

LABELS = ["Music", "Speech", "Noise"]
RATE = 44100
ALLOWED = 0.0025  # how many of the music clips may be called no music: half of what would be borne, as other people's music is further off
SETTINGS = dict(epochs=40, rate=1e-3, decay=0.05, batch=32, dropout=0.5, noise=0.5, hidden=(32,), members=4)
VOICES = (
    "en-us en-gb de fr-fr es it pt nl pl ru sv da fi cs hu ro tr el uk ar hi fa vi id cmn ja ko he ta sw af eo lt hr"
).split()  # fmt: skip
VARIANTS = ("", "+m3", "+m7", "+f2", "+f4", "+croak", "+whisper", "+m1", "+f5")
TEXT = (
    "The north wind and the sun were disputing which was the stronger, when a traveller came along wrapped in a warm cloak. ",
    "Good evening. Here is the news at eight o'clock. The council met this morning, and nothing was decided. ",
    "Chapter four. It was late when he came home; the house was dark, and nobody answered when he called her name. ",
    "So what I would like to talk about today is how we can measure that, and why, you know, it matters at all. ",
    "Seventeen, forty-two, three hundred and six. Please hold the line, the next free operator will answer you. ",
)


def read_sound(file):
    """A file's samples, mono, at RATE; none where it cannot be read."""
    command = ["ffmpeg", "-v", "error", "-i", file, "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True).stdout, np.float32).copy()


def coloured(rng, n, power):
    """Noise whose spectrum falls with frequency to this power: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    k = np.maximum(np.arange(len(spectrum)), 20 * n / RATE)
    return np.fft.irfft(spectrum * k ** (-power / 2), n)


def in_room(rng, x, seconds):
    """With a room's reverberation: exponentially fading noise, after the direct sound."""
    n = int(RATE * seconds)
    room = rng.normal(size=n) * np.exp(-6.9 * np.arange(n) / n) * 0.05
    room[0] = 1
    size = 1 << (len(x) + n - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(room, size), size)[: len(x)]


def band(rng, x, low, high):
    spectrum = np.fft.rfft(x)
    hz = np.fft.rfftfreq(len(x), 1 / RATE)
    return np.fft.irfft(spectrum / (1 + (low / np.maximum(hz, 1)) ** 4) / (1 + (hz / high) ** 4), len(x))


def as_heard(rng, x, noisy=0.5):
    """A recording of it: perhaps in a room, perhaps over noise, perhaps through a telephone."""
    if rng.random() < 0.5:
        x = in_room(rng, x, rng.uniform(0.15, 0.8))
    if rng.random() < 0.2:
        x = band(rng, x, rng.uniform(80, 350), rng.uniform(2800, 7000))
    if rng.random() < noisy:
        floor = coloured(rng, len(x), rng.uniform(0, 2))
        x = x / max(x.std(), 1e-9) + floor / floor.std() * 10 ** (-rng.uniform(8, 40) / 20)
    return x


def synthetic_noise(rng, i):
    """One of eight kinds, by turns, 6 to 30 s."""
    n = int(RATE * rng.uniform(6, 30))
    t = np.arange(n) / RATE
    slow = np.interp(t, np.arange(0, 32, 2), rng.uniform(0.3, 1, 16))
    kind = ("hiss", "coloured", "hum", "tone", "rain", "clicks", "engine", "gusts")[i % 8]
    if kind == "hiss":
        x = coloured(rng, n, rng.uniform(-0.5, 0.3))
    elif kind == "coloured":
        x = coloured(rng, n, rng.uniform(0.5, 2.5))
    elif kind == "hum":
        f = rng.choice([50, 60, 100, 120]) * rng.uniform(0.98, 1.02)
        x = sum(np.sin(2 * np.pi * f * k * t + rng.uniform(0, 6)) * rng.random() / k for k in range(1, 20)) + coloured(rng, n, 1) * rng.uniform(0.01, 0.3)
    elif kind == "tone":
        f = np.exp(rng.uniform(np.log(80), np.log(8000)))
        sweep = rng.choice([0, 0, rng.uniform(-0.05, 0.2)])
        x = np.sin(2 * np.pi * f * (t + sweep * t**2 / 2)) + coloured(rng, n, 0) * rng.uniform(0, 0.05)
        x *= (np.sin(2 * np.pi * rng.uniform(0.2, 3) * t) > 0) if rng.random() < 0.3 else 1
    elif kind == "rain":
        drops = (rng.random(n) < rng.uniform(50, 2000) / RATE) * rng.exponential(1, n)
        x = coloured(rng, n, 0.5) * slow * rng.uniform(0.1, 1) + band(rng, drops, 500, 9000) * 3
    elif kind == "clicks":
        gaps = np.cumsum(rng.exponential(1, 2000) if rng.random() < 0.5 else rng.normal(1, 0.02, 2000)) / rng.uniform(0.8, 12)
        at = (gaps[gaps < n / RATE] * RATE).astype(int)
        hit = rng.normal(size=2000) * np.exp(-np.arange(2000) / rng.uniform(20, 400))
        x = np.zeros(n)
        for start in at[at < n - 2000]:
            x[start : start + 2000] += hit * rng.uniform(0.5, 1)
        x += coloured(rng, n, 1) * rng.uniform(0.001, 0.05)
    elif kind == "engine":
        speed = np.cumsum(rng.uniform(20, 120) * (0.7 + 0.6 * np.interp(t, np.arange(0, 32, 4), rng.random(8)))) / RATE
        x = sum(np.sin(2 * np.pi * k * speed + rng.uniform(0, 6)) * rng.random() / k**0.5 for k in range(1, 30)) + coloured(rng, n, 1.5) * rng.uniform(0.5, 4)
    else:
        x = band(rng, coloured(rng, n, 1.2), 40, rng.uniform(400, 4000)) * slow**3
    return as_heard(rng, x, 0.3), kind


def write_sound(rng, x, folder, name):
    """At some level and rate, most as MP3."""
    x = x / max(np.abs(x).max(), 1e-9) * rng.uniform(0.1, 0.95)
    rate = int(rng.choice([16000, 22050, 32000, 44100]))
    with tempfile.NamedTemporaryFile(suffix=".wav") as raw:
        with wave.open(raw.name, "wb") as out:
            out.setparams((1, 2, RATE, 0, "NONE", ""))
            out.writeframes((x * 32767).astype("<i2").tobytes())
        file = folder / (name + (".wav" if rng.random() < 0.25 else ".mp3"))
        coding = ["-b:a", f"{rng.choice([48, 64, 96, 128])}k"] if file.suffix == ".mp3" else []
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", raw.name, "-ar", str(rate), *coding, file], check=True)


def strung(rng, pieces, gaps=(0.1, 0.8)):
    """Pieces one after the other, with pauses, until 6 to 30 s are full; as many as there are."""
    wanted, parts, out = rng.uniform(6, 30) * RATE, [], []
    for piece in pieces:
        parts += [piece, np.zeros(int(RATE * rng.uniform(*gaps)))]
        if sum(map(len, parts)) >= wanted:
            out.append(np.concatenate(parts)[: 30 * RATE])
            wanted, parts = rng.uniform(6, 30) * RATE, []
    return out


def make(folder, sources):
    """Every sound as FOLDER/KIND/SOURCE.GROUP.NUMBER.ext; sounds of one group (a person, a language, a kind of noise) stay on one side of every split."""
    rng = np.random.default_rng(7)
    for kind in ("speech", "noise"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for i in range(160):
        x, kind = synthetic_noise(rng, i)
        write_sound(rng, x, folder / "noise", f"made.{kind}{i}.0")
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(150):
            voice = VOICES[i % len(VOICES)] + VARIANTS[i % len(VARIANTS)]
            raw = Path(scratch) / "said.wav"
            text = "".join(rng.permutation(TEXT)[: rng.integers(1, 5)]) * 2
            said = subprocess.run(["espeak-ng", "-v", voice, "-s", str(rng.integers(110, 220)), "-p", str(rng.integers(20, 80)), "-w", raw, text], capture_output=True)
            if said.returncode == 0:
                x = read_sound(raw)[: 30 * RATE]
                write_sound(rng, as_heard(rng, x), folder / "speech", f"espeak.{voice}{i}.0")
    people = defaultdict(list)
    for file in sorted((sources / "librispeech").rglob("*.flac")):
        people["librispeech." + file.parent.name].append(file)
    for file in sorted((sources / "digits").rglob("*.wav")):
        people["digits." + file.name.split("_")[1]].append(file)
    for person, files in sorted(people.items()):
        files = [files[k] for k in rng.permutation(len(files))[:120]]
        sounds = [read_sound(file) for file in files]
        for repeat in range(2):
            for j, x in enumerate(strung(rng, sounds)[:6]):
                write_sound(rng, x if repeat == 0 else as_heard(rng, x, 0.8), folder / "speech", f"{person}.{repeat}{j}")
    rng = np.random.default_rng(8)
    for file in sorted((sources / "vad").rglob("*.wav")):
        x = read_sound(file)
        for j in range(min(8, len(x) // (20 * RATE))):
            write_sound(rng, x[j * 20 * RATE : (j + 1) * 20 * RATE], folder / "speech", f"vad.{file.stem}.{j}")


def load(folder, features, reclassd):
    """Kind, source, group and features of every sound that was made."""
    for kind in ("speech", "noise"):
        target = features / f"{kind}.fma518.npy"
        if not target.exists():
            files = sorted(str(file) for file in (folder / kind).iterdir())
            subprocess.run([reclassd, "features", "--kind", "fma518", "--rate", "22050", "-o", target, *files], check=True)
    rows = []
    for label, kind in ((1, "speech"), (2, "noise")):
        files = json.loads((features / f"{kind}.fma518.json").read_text())["files"]
        for file, row in zip(files, np.load(features / f"{kind}.fma518.npy"), strict=True):
            source, group, _ = Path(file).name.split(".")[:3]
            if source in ("made", "espeak"):
                group = re.match("[a-z-]+", group)[0]
            rows.append((label, source, f"{source}.{group}", row))
    labels, sources, groups, matrix = zip(*rows)
    return np.array(labels), np.array(sources), np.array(groups), np.array(matrix, np.float32)


def fit(x, y, seed):
    """A network on these rows. Each of the three kinds counts the same in total."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = FeatureMlp(518, 3, SETTINGS["hidden"], SETTINGS["members"], SETTINGS["dropout"])
    net.fit_normalisation(x)
    features, target = net.normalise(torch.as_tensor(x)), torch.as_tensor(y)
    weight = torch.as_tensor(len(y) / 3 / np.bincount(y, minlength=3).clip(1), dtype=torch.float32)
    batch = SETTINGS["batch"]
    steps = SETTINGS["epochs"] * (len(y) // batch)
    optimiser = torch.optim.AdamW(net.parameters(), SETTINGS["rate"], weight_decay=SETTINGS["decay"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, SETTINGS["rate"], total_steps=steps, pct_start=0.2)
    net.train()
    for _ in range(SETTINGS["epochs"]):
        orders = [rng.permutation(len(y)) for _ in net.members]
        for b in range(len(y) // batch):
            loss = 0
            for member, order in zip(net.members, orders, strict=True):
                pick = order[b * batch : (b + 1) * batch]
                heard = features[pick] + SETTINGS["noise"] * torch.randn(len(pick), 518)
                loss = loss + nn_loss(member(heard), target[pick], weight)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def nn_loss(logits, target, weight):
    return torch.nn.functional.cross_entropy(logits, target, weight)


@torch.no_grad()
def music(net, x):
    """How likely each row is music."""
    return training.softmax(net(torch.as_tensor(np.asarray(x, np.float32))).numpy())[:, 0]


def threshold_for(p):
    """The highest threshold, in hundredths, that no more of the music than is allowed lies below."""
    allowed = int(ALLOWED * len(p))
    return float(max(t for t in np.round(np.arange(0.01, 0.91, 0.01), 2) if (p < t).sum() <= allowed))


CARD = """# sound-kind, version 1

Four perceptrons 518-32-3 on the FMA features, their logits averaged: is it music, speech or noise? What is less likely music than {music_below:g} has no genre.
Made by `models/training/not_music.py`.

## Data

Music is the {clips} clips that the genre models are trained on (their cards say what those are) and {more} of GTZAN (without its test part) and of MUSDB18's previews. Speech and
noise are {speech} and {noise} sounds of 6 to 30 s, most of them MP3 at some rate: `espeak-ng` reading in {voices} languages, people of LibriSpeech (CC BY 4.0) and of the Free
Spoken Digit Dataset (CC BY-SA 4.0), a conversation (silero-vad, MIT); and noise of eight kinds that the script synthesises: hiss, coloured noise, hum, tones, rain,
clicks, engines, gusts. None of the sound is part of this program.

## How good it is

Cross-validated in five folds; artists, people, languages and kinds of noise are on one side of every split, so each kind of noise is judged by networks that
never heard it. The threshold is the highest at which at most {allowed:.2%} of the music is called no music, chosen on these very figures.

| at {music_below:g} | called no music |
|---|---|
{rows}

The same of networks that never heard a person (trained on music, `espeak-ng` and noise alone), at the same threshold:

| | called no music |
|---|---|
{synthetic}

## Limits

- Songs without accompaniment, beatboxing, field recordings that are meant as music: hardly any are among the clips, and nothing is known of them.
- Speech over music counts as music.
- No recorded noise was at hand: what streets, machines and crowds get is unknown.
- Sounds that go on like a drone or a beat (an engine, a clock) are near to some electronic music.

## Licence

The weights: {licence}. The data: see above.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="where study.py left data.pickle; sound-kind.json goes there")
    parser.add_argument("--sources", type=Path, required=True, help="the folder of digits, librispeech, vad and esc10")
    parser.add_argument("--sounds", type=Path, required=True, help="where the sounds are made; what is there is not made again")
    parser.add_argument("--more-music", type=Path, help="the 518 of more music, of whatever genre: .npy of `reclassd features --rate 22050`")
    parser.add_argument("--reclassd", default="reclassd")
    parser.add_argument("--models", type=Path, default=export.MODELS)
    args = parser.parse_args()
    if not (args.sounds / "noise").exists():
        make(args.sounds, args.sources)
    kinds, sources, groups, matrix = load(args.sounds, args.sounds, args.reclassd)
    data = pickle.loads((args.runs / "data.pickle").read_bytes())
    more = np.load(args.more_music) if args.more_music else np.zeros((0, 518), np.float32)
    kinds, sources = np.concatenate([np.zeros(len(more), int), kinds]), np.concatenate([["more"] * len(more), sources])
    groups = np.concatenate([[f"more.{i}" for i in range(len(more))], groups])
    x, y = np.vstack([data.fma518, more, matrix]), np.concatenate([np.zeros(len(data), int), kinds])
    names = sorted(set(groups))
    np.random.default_rng(3).shuffle(names)
    other = {name: i % dataset.FOLDS for i, name in enumerate(names)}
    folds = np.concatenate([dataset.folds_by_artist(data.clips), [other[g] for g in groups]])
    p, made = np.zeros(len(y)), np.zeros(len(y))
    real = np.concatenate([np.zeros(len(data), bool), ~np.isin(sources, ["made", "espeak", "more"])])
    for fold in range(dataset.FOLDS):
        test = folds == fold
        p[test] = music(fit(x[~test], y[~test], fold), x[test])
        net = fit(x[~test & ~real], y[~test & ~real], fold)
        made[test] = music(net, x[test])
    least = threshold_for(p[y == 0])
    where = np.concatenate([["music"] * len(data), sources])
    hip_hop = np.array(["Hip-Hop" in c.genres for c in data.clips] + [False] * len(sources))
    spoken = np.array([bool({"Spoken"} & c.genres) for c in data.clips] + [False] * len(sources))
    asked = {"music: the clips": where == "music", "of it Hip-Hop": hip_hop, "of it labelled Spoken": spoken, "music: other sets": where == "more"}
    asked |= {f"{LABELS[k].lower()}: {s}": (where == s) & (y == k) for k in (1, 2) for s in sorted(set(sources[kinds == k]))}
    of_group = np.concatenate([[""] * len(data), groups])
    asked |= {f"of it {g.split('.')[1]}": of_group == g for g in sorted(set(groups)) if g.startswith("made.")}
    figures = {name: dict(sounds=int(rows.sum()), refused=int((p[rows] < least).sum()), refused_synthetic=int((made[rows] < least).sum())) for name, rows in asked.items()}
    final = fit(x, y, 0)
    for name, f in figures.items():
        print(f"{name}: {f}")
    result = dict(music_below=least, figures=figures)
    (args.runs / "sound-kind.json").write_text(json.dumps(result, indent=1) + "\n")
    folder = args.models / "sound-kind"
    digest = export.write_graph("sound-kind", final, export.synthetic("fma518-mlp"), "features", ["logits"], folder)
    export.write_manifest(
        "sound-kind", "four perceptrons 518-32-3 on the FMA features, their logits averaged: music, speech or noise", "1", digest, LABELS,
        export.INPUT["fma518-mlp"], export.OUTPUT, folder, "not_music.py", 'says = "sounds"\n# What a file is, in',
    )  # fmt: skip

    def table(key):
        lines = [f"| {name} | {f[key]} of {f['sounds']} ({f[key] / f['sounds']:.1%}) |" for name, f in figures.items() if f[key] is not None and f["sounds"]]
        return "\n".join(lines)

    (folder / "CARD.md").write_text(CARD.format(
        music_below=least, clips=len(data), more=len(more), speech=int((kinds == 1).sum()), noise=int((kinds == 2).sum()), voices=len(VOICES), allowed=ALLOWED,
        rows=table("refused"), synthetic=table("refused_synthetic"), licence=export.LICENCE,
    ))  # fmt: skip


if __name__ == "__main__":
    main()
