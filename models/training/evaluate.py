"""Measure what train.py made on the validation split, once, and write CARD.md for each model from the figures."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import dataset
import metrics
import training
from export import ABOUT, INPUT, LICENCE, MODELS, VERSION, load

CARD = """# {name}, version {version}

{about}. Input: {input}. Output: one of {k} genres, with a probability for each.
Figures are rounded; they were made by `models/training/evaluate.py`.

## Data

| | train | valid |
|---|---|---|
| clips | {train_clips} | {valid_clips} |
| artists | {train_artists} | {valid_artists} |

963 clips of 30 s (the middle of each file, mono, at 22,050 Hz) of two public research sets:

- *taffc4q* (the "4Q audio emotion dataset" of Panda, Malheiro and Paiva, 2018): previews of commercial recordings with the genres that AllMusic
  gives them. The recordings belong to their owners.
- *emotify* (Aljanaki, Wiering and Veltkamp, 2016): Magnatune recordings of four genres, under CC BY-NC-SA.

None of the sound is part of this program. Whoever needs a model that owes nothing to non-commercial or commercial recordings should train on
other clips: the scripts take any list.

Artists are in one split or the other, never in both. A clip has one to four genres; its training target is spread over them evenly, and an answer is right
when it is any of them. `Pop`, `Rock` and `Pop/Rock` are one genre, `Pop Rock`: the labels do not tell them apart. A genre is learned when at least {min_clips}
training clips by at least {min_artists} artists carry it. Left out by this rule: {left_out}; clips of these alone are in the figures below, as wrong.

## How good it is

Settings, vote weights and temperature were chosen by five-fold cross-validation over the training clips, grouped by artist. That makes the
cross-validated rows flatter a little, the calibration error (ECE) of the vote most. The validation clips were only measured on. "95 %" is a bootstrap
interval over artists.

| | top-1 | 95 % | macro-F1 | ECE | log loss |
|---|---|---|---|---|---|
{rows}
| always `Pop Rock` | {majority:.1%} | | | | |

At the default threshold of {threshold:g} the vote of all built-in models writes {coverage:.0%} of the validation clips, and is right in {precision:.0%} of those.

By genre, on the validation clips (this model alone). Recall and precision count a genre named first; "named right" counts a clip of the genre as found when
any of its genres was named.

| genre | training clips | validation clips | recall | precision | named right |
|---|---|---|---|---|---|
{genres}

## Limits

- {valid_clips} validation clips are few: a genre with ten of them has a recall that is good to about 15 points either way.
- Nearly half of the clips are `Pop Rock`, and the networks lean towards it. Genres with a recall near 0 are ranked, and practically never written.
- Western popular music from AllMusic's catalogue and one label's classical and electronic music: elsewhere expect less. Between the two sets alone, models
  of this size lose half of their accuracy.
- It has heard hardly any speech, and neither noise nor silence: the program refuses what is silent or very short, the rest gets some genre.

## Licence

The weights: {licence}. The data: see above.
"""


def row(label, figures):
    low, high = figures["top1_interval"]
    return f"| {label} | {figures['top1']:.1%} | {low:.0%} to {high:.0%} | {figures['macro_f1']:.3f} | {figures['ece']:.3f} | {figures['log_loss']:.3f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True, help="what train.py wrote")
    parser.add_argument("--models", type=Path, default=MODELS, help="the folder of NAME/CARD.md (default: this repository's)")
    parser.add_argument("--threshold", type=float, default=0.7)
    args = parser.parse_args()

    everything = dataset.load(args.clips, args.features)
    train = everything.subset(np.array([clip.split == "train" for clip in everything.clips]))
    valid = everything.subset(np.array([clip.split == "valid" for clip in everything.clips]))
    settled = json.loads((args.runs / "ensemble.json").read_text())
    members = {}
    for name in settled["members"]:
        net, labels = load(args.runs / f"{name}.pt")
        if labels != valid.labels:
            raise SystemExit(f"{name} was trained on other genres than the clips have now: train again")
        members[name] = training.predict(net, valid)
    together = metrics.vote(list(members.values()), settled["weights"], settled["temperature"])
    measured = {name: metrics.report(p, valid, args.threshold) for name, p in (members | {"vote": together}).items()}
    crossed = settled["cross_validation"]
    (args.runs / "valid.json").write_text(json.dumps(measured, indent=1) + "\n")
    for name, figures in measured.items():
        print(row(name, figures))
    for at in measured["vote"]["thresholds"]:
        print(f"vote at {at['threshold']}: precision {at['precision']:.3f}, coverage {at['coverage']:.3f}")

    dropped = sorted({g for clip in everything.clips for g in clip.genres} - set(everything.labels))
    for name in members:
        rows = [row("this model, valid", measured[name]), row("this model, cross-validation", crossed[name])]
        rows += [row("the vote, valid", measured["vote"]), row("the vote, cross-validation", crossed["vote"])]
        genres = [
            f"| {g['genre']} | {t['clips']} | {g['clips']} | {g['recall']:.0%} | {g['precision']:.0%} | {g['right']:.0%} |"
            for g, t in zip(measured[name]["genres"], crossed[name]["genres"], strict=True)
        ]
        about, at = ABOUT[name], measured["vote"]["at_default"]
        text = CARD.format(
            name=name, version=VERSION, about=about[0].upper() + about[1:], k=len(valid.labels), licence=LICENCE,
            input="the 518 FMA features at 22,050 Hz" if "fma518" in INPUT[name] else "a log-mel spectrogram of 128 bands x 1292 frames at 22,050 Hz",
            train_clips=len(train), valid_clips=len(valid), train_artists=crossed[name]["artists"], valid_artists=measured[name]["artists"],
            min_clips=dataset.MIN_CLIPS, min_artists=dataset.MIN_ARTISTS, left_out=", ".join(dropped), rows="\n".join(rows), majority=measured[name]["majority"],
            threshold=args.threshold, coverage=at["coverage"], precision=at["precision"], genres="\n".join(genres),
        )  # fmt: skip
        (args.models / name / "CARD.md").write_text(text)


if __name__ == "__main__":
    main()
