"""`sound-kind`: is it music at all, or speech or noise? A small perceptron on the 518 features.

Music is every clip of the lists that may be learned from. The rest is made by `sounds.py`: speech read by `espeak-ng` in many languages and voices, in rooms and
over noise; synthesised noise; and from public repositories (`--sources`, a folder with one folder each, the repository's files inside):

| folder | repository | what | licence |
|---|---|---|---|
| `digits` | Jakobovski/free-spoken-digit-dataset | six people saying digits | CC BY-SA 4.0 |
| `librispeech` | resemble-ai/Resemblyzer, `audio_data/librispeech_test-other` | ten people reading, of LibriSpeech | CC BY 4.0 |
| `vad` | snakers4/silero-vad | conversation | MIT |
| `esc10` | karolpiczak/ESC-10, commit 553c8f17 | ten kinds of recorded sounds | CC BY 3.0 |
| `us8k` | Alejandro-131004/AC-II, commit 8f8b8f27: UrbanSound8K's folds 1, 2, 3, 10 | nine kinds of street sounds (street music is left out) | CC BY-NC |

Folds 2 and 10 of UrbanSound8K are learned from in no fit, and no threshold is chosen on them. Writes models/sound-kind and OUT/sound-kind.json: the threshold below
which a file is no music, and the figures; and OUT/sound-kind.npz: how likely each clip is music by networks that never heard its artist, which `calibrate.py`
reads. Needs `espeak-ng` and `ffmpeg`."""

import argparse
import json
import pickle
import re
import subprocess
from pathlib import Path

import numpy as np
import torch

import dataset
import export
import sounds
import training
from nets import FeatureMlp

LABELS = ["Music", "Speech", "Noise"]
MODEL_VERSION = "2"
THRESHOLD = 0.7  # the confidence from which a genre is written, which is never above the probability of music
ALLOWED = 0.005  # how many of the music clips may be called no music: half of what would be borne, as other people's music is further off
# How many times likelier music is in a library, against the rest, than in the balance that the networks learn from, where each kind counts a third.
PRIOR = 3.0
SHIFT = np.array([np.log(PRIOR), 0, 0], np.float32)
SETTINGS = dict(epochs=40, rate=1e-3, decay=0.05, batch=32, dropout=0.5, noise=0.5, hidden=(48,), members=4, mixup=0.0)


def features_of(folder, kind, reclassd):
    """The files of FOLDER/KIND and their 518, a row each."""
    target = folder / f"{kind}.fma518.npy"
    if not target.exists():
        files = sorted(str(file) for file in (folder / kind).iterdir())
        subprocess.run([reclassd, "features", "--kind", "fma518", "--rate", "22050", "-o", target, *files], check=True)
    return [Path(file) for file in json.loads(target.with_suffix(".json").read_text())["files"]], np.load(target).astype(np.float32)


def load(folder, reclassd):
    """Kind, source, group, part and features of every sound that was made."""
    rows = []
    for label, kind in ((1, "speech"), (2, "noise"), (2, "recorded")):
        for file, row in zip(*features_of(folder, kind, reclassd), strict=True):
            source, group, part = file.name.split(".")[:3]
            if source in ("made", "espeak"):
                group = re.match("[a-z-]+", group)[0]
            rows.append((label, source, group, part if kind == "recorded" else "", row))
    labels, sources, groups, parts, matrix = zip(*rows)
    return np.array(labels), np.array(sources), np.array(groups), np.array(parts), np.array(matrix, np.float32)


def folds_of(sources, groups, parts):
    """A fold for each sound, -1 of what is only judged. People, languages and kinds of made noise share one, and recordings of one part of their set."""
    names = sorted({f"{s}.{g}" for s, g, p in zip(sources, groups, parts) if not p})
    np.random.default_rng(3).shuffle(names)
    dealt = {name: i % dataset.FOLDS for i, name in enumerate(names)}

    def fold(source, group, part):
        if source == "us8k":
            # Two parts are learned from; each kind of them is a fold's, so that a kind of a part is judged by networks that heard the other part's.
            return -1 if part in sounds.JUDGED else (sounds.US8K.index(group) + int(part)) % dataset.FOLDS
        return (int(part) - 1) % dataset.FOLDS if part else dealt[f"{source}.{group}"]

    return np.array([fold(*of) for of in zip(sources, groups, parts)])


def fit(x, y, seed):
    """A network on these rows. Each of the three kinds counts the same in total."""
    torch.manual_seed(seed)
    net = FeatureMlp(518, 3, SETTINGS["hidden"], SETTINGS["members"], SETTINGS["dropout"])
    inputs, target = torch.as_tensor(x), torch.nn.functional.one_hot(torch.as_tensor(y), 3).float()
    weight = torch.as_tensor(len(y) / 3 / np.bincount(y, minlength=3).clip(1), dtype=torch.float32)[torch.as_tensor(y)]
    training.fit_perceptrons(net, None, inputs, target, weight, np.arange(len(y)), None, SETTINGS, np.random.default_rng(seed), lambda line: None)
    return net.eval()


@torch.no_grad()
def shares(net, x):
    """Music, speech and noise of each row."""
    return training.softmax(net(torch.as_tensor(np.asarray(x, np.float32))).numpy() + SHIFT)


def threshold_for(p):
    """The highest threshold, in hundredths, that no more of the music than is allowed lies below."""
    allowed = int(ALLOWED * len(p))
    return float(max(t for t in np.round(np.arange(0.01, 0.91, 0.01), 2) if (p < t).sum() <= allowed))


CARD = """# sound-kind, version {version}

Four perceptrons 518-48-3 on the FMA features, their logits averaged: is it music, speech or noise? Music is taken to be {prior:g} times as likely, against the
rest, as where they learned, where each kind counted a third. What is less likely music than {music_below:g} has no genre; of
the rest, the confidence in a genre is multiplied by how likely it is music. Made by `models/training/not_music.py`.

## How good it is, on what it never heard

The networks behind these figures never heard the recordings: UrbanSound8K's folds 2 and 10, clips of one kind joined to 30 s, are kept out of everything; GTZAN's
test part and the Vietnamese and Czech clips too. The last column is what can have no genre written at a threshold of {threshold:g}, whatever the models say of it.

| | less than {music_below:g}: no music | of these, as speech | less than {threshold:g} |
|---|---|---|---|
{judged}

## Cross-validated

In five folds; artists, people, languages, kinds of made noise and ESC-10's own folds are on one side of every split. The threshold is the highest at which at
most {allowed:.2%} of the music is called no music, chosen on these very figures.

| | less than {music_below:g}: no music | of these, as speech | less than {threshold:g} |
|---|---|---|---|
{rows}

## Data

Music is the {clips} clips of the training lists (the genre models' cards say what those are, and GTZAN's training parts and MUSDB18's previews beside them). Speech and noise are
{speech} and {noise} sounds of 6 to 30 s, most of them MP3 at some rate: `espeak-ng` reading in {voices} languages, people of LibriSpeech (CC BY 4.0) and of the Free
Spoken Digit Dataset (CC BY-SA 4.0), a conversation (silero-vad, MIT); noise of eight kinds that the script synthesises; and recorded noise: ESC-10 (CC BY 3.0) and
folds 1 and 3 of UrbanSound8K (CC BY-NC). None of the sound is part of this program.

## Limits

- Songs without accompaniment, beatboxing, field recordings that are meant as music: hardly any are among the clips, and nothing is known of them.
- Speech over music counts as music.

## Licence

The weights: {licence}. The data: see above.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="where study.py left data.pickle; sound-kind.json goes there")
    parser.add_argument("--sources", type=Path, required=True, help="the folder of the repositories above")
    parser.add_argument("--sounds", type=Path, required=True, help="where the sounds are made; what is there is not made again")
    parser.add_argument("--reclassd", default="reclassd")
    parser.add_argument("--models", type=Path, default=export.MODELS)
    args = parser.parse_args()
    if not (args.sounds / "noise").exists():
        sounds.make(args.sounds, args.sources)
        sounds.make_recorded(args.sounds, args.sources)
    data = pickle.loads((args.runs / "data.pickle").read_bytes())
    kinds, sources, groups, parts, matrix = load(args.sounds, args.reclassd)
    heard = dataset.learnable(data.clips)
    of_clip = np.where(heard, dataset.folds_by_artist(data.clips), -1)
    x, y = np.vstack([data.fma518, matrix]), np.concatenate([np.zeros(len(data), int), kinds])
    folds = np.concatenate([of_clip, folds_of(sources, groups, parts)])
    said = np.zeros((len(y), 3))
    for fold in range(dataset.FOLDS):
        known, test = (folds >= 0) & (folds != fold), folds == fold
        said[test] = shares(fit(x[known], y[known], fold), x[test])
    final = fit(x[folds >= 0], y[folds >= 0], 0)
    said[folds < 0] = shares(final, x[folds < 0])
    p = said[:, 0]
    least = threshold_for(p[(y == 0) & (folds >= 0)])
    of = np.concatenate([[f"music: {c.collection}" for c in data.clips], [f"{LABELS[k].lower()}: {s}" for k, s in zip(kinds, sources)]])
    electronic = np.array(["Electronic" in c.genres for c in data.clips] + [False] * len(kinds))

    def of_rows(r):
        refused = r & (p < least)
        return dict(sounds=int(r.sum()), refused=int(refused.sum()), as_speech=int((refused & (said[:, 1] > said[:, 2])).sum()), unsure=int((r & (p < THRESHOLD)).sum()))

    def figures(rows, names):
        asked = {name: rows & (of == name) for name in names} | ({"of the music, Electronic": rows & electronic} if (rows & electronic).any() else {})
        return {name: of_rows(r) for name, r in asked.items() if r.any()}

    crossed, judged = figures(folds >= 0, sorted(set(of))), figures(folds < 0, sorted(set(of)))
    at_part = np.concatenate([[""] * len(data), [f"{s}, {g}" for s, g in zip(sources, groups)]])
    judged |= {name: of_rows((at_part == name) & (folds < 0)) for name in sorted(set(at_part[(folds < 0) & (y == 2)]))}
    for name, f in [*crossed.items(), *judged.items()]:
        print(f"{name}: {f}")
    result = dict(music_below=least, cross_validated=crossed, judged=judged)
    np.savez(args.runs / "sound-kind.npz", music=p[: len(data)], said=said, folds=folds, kind=y, of=of)
    (args.runs / "sound-kind.json").write_text(json.dumps(result, indent=1) + "\n")
    folder = args.models / "sound-kind"
    digest = export.write_graph("sound-kind", export.Adjusted(final, torch.as_tensor(-SHIFT)).eval(), export.synthetic("fma518-mlp"), "features", ["logits"], folder)
    export.write_manifest(
        "sound-kind", "four perceptrons 518-48-3 on the FMA features, their logits averaged: music, speech or noise", MODEL_VERSION, digest, LABELS,
        export.INPUT["fma518-mlp"], export.OUTPUT, folder, "not_music.py", 'says = "sounds"\n# What a file is, in',
    )  # fmt: skip

    def table(figures):
        return "\n".join(f"| {name} | {f['refused']} of {f['sounds']} ({f['refused'] / f['sounds']:.1%}) | {f['as_speech']} | {f['unsure']} |" for name, f in figures.items())

    (folder / "CARD.md").write_text(CARD.format(
        version=MODEL_VERSION, music_below=least, clips=int(heard.sum()), speech=int((kinds == 1).sum()), noise=int(((kinds == 2) & (folds[len(data) :] >= 0)).sum()),
        voices=len(sounds.VOICES), allowed=ALLOWED, threshold=THRESHOLD, prior=PRIOR, judged=table(judged), rows=table(crossed), licence=export.LICENCE,
    ))  # fmt: skip


if __name__ == "__main__":
    main()
