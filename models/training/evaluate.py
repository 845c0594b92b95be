"""CARD.md for each model of the vote, from the figures of settle.py."""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np

import dataset
from export import ABOUT, FUSION, INPUT, LICENCE, MODELS, VERSION
from settle import THRESHOLD, line

CARD = """# {name}, version {version}

{about}. Input: {input}. Output: one of {k} genres, with a probability for each.
Figures are rounded; they were made by `models/training/all.py`.

## Data

{clips} clips by {artists} artists, 30 s each (the middle of the file, mono, at 22,050 Hz), of two public research sets:

- *taffc4q* (the "4Q audio emotion dataset" of Panda, Malheiro and Paiva, 2018): previews of commercial recordings with the genres that AllMusic
  gives them. The recordings belong to their owners.
- *emotify* (Aljanaki, Wiering and Veltkamp, 2016): Magnatune recordings of four genres, under CC BY-NC-SA.

None of the sound is part of this program. Whoever needs a model that owes nothing to non-commercial or commercial recordings should train on
other clips: the scripts take any list.

A clip has one to four genres; its training target is spread over them evenly, and an answer is right when it is any of them. `Pop`, `Rock` and `Pop/Rock`
are one genre, `Pop Rock`: the labels do not tell them apart. A genre is learned when at least {min_clips} clips of the list's `train` part by at least
{min_artists} artists carry it. Left out by this rule: {left_out}; clips of these alone are in the figures below, as wrong.

## How good it is

The weights in this folder have heard all of these clips, so every figure is from other fits with the same settings, asked about artists whom they never
heard: five-fold cross-validation grouped by artist. Shares, weights and temperatures behind a fold's figures come from the other folds. The settings of the
convolutions were chosen on two folds inside the `train` part, and how far rare genres are lifted on the figures below, which flatters them a little.
"95 %" is a bootstrap interval over artists; the last column is precision and coverage at a confidence of {threshold:g}.

| cross-validation | top-1 | 95 % | macro-F1 | ECE | log loss | at {threshold:g} |
|---|---|---|---|---|---|---|
{cross}
| always `Pop Rock` | {majority:.1%} | | {majority_f1:.3f} | | | |

In parentheses: parts of the models, and what was tried beside them. Perceptrons on fixed patterns of the spectrogram, and a fusion of both branches, are not
part of what is shipped (`../training/README.md`).

The vote by set, and across sets (trained on every clip of the one, asked about every clip of the other). The Emotify labels reach {reach_taffc:.0%} of
taffc4q at best; "always" is the most frequent genre of the set asked about. In this table and the next only the vote is softened by its temperature.

| vote | top-1 | 95 % | macro-F1 | ECE | log loss | at {threshold:g} |
|---|---|---|---|---|---|---|
{sets}

The split that version 1 was measured on, by fits that heard `train` alone (version 1: the vote 69.9 %, macro-F1 0.337, ECE 0.083;
version 2 is better by 4.7 points, 95 % interval over artists 0.0 to 9.2). The temperature is the
shipped one, in whose fitting these clips took part.

| trained on `train`, asked about `valid` | top-1 | 95 % | macro-F1 | ECE | log loss | at {threshold:g} |
|---|---|---|---|---|---|---|
{valid}

By genre, cross-validated. Recall and precision count a genre named first; "named right" counts a clip of the genre as found when any of its genres was named.

| genre | clips | recall | precision | F1 | named right | recall, vote | precision, vote |
|---|---|---|---|---|---|---|---|
{genres}

## Limits

- A genre with thirty clips has a recall that is good to about 15 points either way.
- Nearly half of the clips are `Pop Rock`, and the networks lean towards it. Genres with a recall near 0 are ranked, and practically never written.
- Western popular music from AllMusic's catalogue and one label's classical and electronic music: elsewhere expect much less. See the figures across sets, and
  note that the confidence does not know: it is calibrated within the sets, and too sure across them.
- It has heard hardly any speech, and neither noise nor silence: the program refuses what is silent or very short, the rest gets some genre, often with
  a high confidence (figures in `../training/README.md`).

## Licence

The weights: {licence}. The data: see above.
"""


HEARS = {"fma518": "the 518 FMA features at 22,050 Hz", "log-mel": "a log-mel spectrogram of 128 bands x 1292 frames at 22,050 Hz"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="what study.py and settle.py wrote")
    parser.add_argument("--models", type=Path, default=MODELS, help="the folder of NAME/CARD.md (default: this repository's)")
    args = parser.parse_args()
    data = pickle.loads((args.runs / "data.pickle").read_bytes())
    settled = json.loads((args.runs / "settled.json").read_text())
    if settled["share"] == 1:  # then `logmel-cnn` is its convolutions, and their row would come twice
        for part in settled.values():
            if isinstance(part, dict):
                part.pop("(cnn)", None)
    crossed = settled["cross_validation"]
    vote = crossed["vote"]
    majority = vote["majority"]
    sets = [line(f"{name}, cross-validation", f) for name, f in settled["sets"].items()]
    for run in ("from-taffc4q", "from-emotify"):
        if run in settled:
            for name, f in settled[run].items():
                if name != "reachable":
                    sets.append(line(f"{name}, {run.replace('-', ' ')} to the other", f))
            sets.append(f"| always, {run.replace('-', ' ')} to the other | {settled[run]['vote']['majority']:.1%} | | | | | |")
    dropped = sorted({g for clip in data.clips for g in clip.genres} - set(data.labels))
    for name in settled["members"] + [FUSION] * (args.models / FUSION).is_dir():
        key = "(fusion)" if name == FUSION else name
        genres = [
            f"| {g['genre']} | {g['clips']} | {g['recall']:.0%} | {g['precision']:.0%} | {g['f1']:.2f} | {g['right']:.0%} | {v['recall']:.0%} | {v['precision']:.0%} |"
            for g, v in zip(crossed[key]["genres"], vote["genres"], strict=True)
        ]
        about = ABOUT[name]
        text = CARD.format(
            name=name, version=VERSION if name != FUSION else 1, about=about[0].upper() + about[1:], k=len(data.labels), licence=LICENCE, threshold=THRESHOLD,
            input=" and ".join(words for kind, words in HEARS.items() if kind in INPUT[name]),
            clips=len(data), artists=len({c.artist for c in data.clips}), min_clips=dataset.MIN_CLIPS, min_artists=dataset.MIN_ARTISTS,
            left_out=", ".join(dropped), cross="\n".join(line(n, f) for n, f in crossed.items()), majority=majority,
            majority_f1=2 * majority / (1 + majority) / len(data.labels), reach_taffc=settled.get("from-emotify", {}).get("reachable", float("nan")),
            sets="\n".join(sets), valid="\n".join(line(n, f) for n, f in settled.get("valid", {}).items()), genres="\n".join(genres),
        )  # fmt: skip
        (args.models / name / "CARD.md").write_text(text)
    print(f"cards for {np.size(settled['members'])} models")


if __name__ == "__main__":
    main()
