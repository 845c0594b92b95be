"""CARD.md for each model of the votes that was fitted, from the figures of calibrate.py and settle.py: those on collections left out first."""

import argparse
import json
import pickle
from pathlib import Path

import dataset
from export import ABOUT, JOINED, LICENCE, MEMBERS, MODELS, VERSION
from settle import MAIN, STRENGTH, THRESHOLD, line

CARD = """# {name}, version {version}

{about}. Input: {input}. Output: one of {k} genres, with a probability for each.
Figures are rounded; they were made by `models/training/all.py`.

## On a collection that was left out

It votes with others, and the vote's confidence is what an owner meets: calibrated on the other collections, judged on this one, by networks that had heard other
artists of it; the worst first. "Right" is of what would be written at a confidence of {threshold:g}.

| left out | clips | top-1 | right | written | ECE |
|---|---|---|---|---|---|
{left_out}
{unheard}

## Data

{clips} clips by {artists} artists, 30 s each (the middle of the file, mono), of public research sets:

- *taffc4q* ({taffc4q} clips; the "4Q audio emotion dataset" of Panda, Malheiro and Paiva, 2018): previews of commercial recordings with the genres that AllMusic
  gives them. The recordings belong to their owners.
- *emotify* ({emotify}; Aljanaki, Wiering and Veltkamp, 2016): Magnatune recordings of four genres, under CC BY-NC-SA.
- *gtzan* ({gtzan}; Tzanetakis and Cook, 2002): of the fault-filtered training and validation parts (Sturm 2013). It comes without artists: its folds are stretches
  of its numbering, so some of its artists may play on other clips as well.
- *musdb18* ({musdb18}; Rafii and others, 2017): previews of 7 s with firm labels.
{more_data}
None of the sound is part of this program. Whoever needs a model that owes nothing to non-commercial or commercial recordings should train on
other clips: the scripts take any list.

A clip has one to four genres; its training target is spread over them evenly, and an answer is right when it is any of them. `Pop`, `Rock` and `Pop/Rock`
are one genre, `Pop Rock`: the labels do not tell them apart. A genre is learned when at least {min_clips} clips of the list's `train` part by at least
{min_artists} artists carry it. Left out by this rule: {dropped}; clips of these alone are in the figures below, as wrong.

## Within the collections

The weights in this folder have heard all of these clips, so every figure is from other fits with the same settings, asked about artists whom they never
heard: cross-validation grouped by artist in five folds, on taffc4q and emotify. Weights and temperatures behind a fold's figures come from the other folds. How far rare genres are
lifted ({strength:g} times their log frequency) was chosen on these figures, which flatters them a little. "95 %" is a bootstrap interval over artists;
macro-F1 is over the {labels} genres of the built-in models; the last column is precision and coverage at a confidence of {threshold:g}.

| cross-validation | top-1 | 95 % | macro-F1 | ECE | log loss | at {threshold:g} |
|---|---|---|---|---|---|---|
{cross}
| always `Pop Rock` | {majority:.1%} | | {majority_f1:.3f} | | | |

Across sets: trained on every clip of the one, asked about every clip of the other; "always" is the most frequent genre of the set asked about. A model says
only what it would have learned from that one set by the rule above, and in the vote abstains on the rest. Only the vote is softened, by the temperature that
is shipped.

| across sets | top-1 | 95 % | ECE | at {threshold:g} |
|---|---|---|---|---|
{sets}
{gtzan_figures}
By genre, cross-validated. Recall and precision count a genre named first; "named right" counts a clip of the genre as found when any of its genres was named.

| genre | clips | recall | precision | F1 | named right | recall, vote | precision, vote |
|---|---|---|---|---|---|---|---|
{genres}

## Limits

- A genre with thirty clips has a recall that is good to about 15 points either way.
- Nearly half of the clips are `Pop Rock`, and the networks lean towards it. Genres with a recall near 0 are ranked, and practically never written.
- Western popular music from AllMusic's catalogue and one label's classical and electronic music: elsewhere expect less. See the figures across sets.
- It has heard no noise and hardly any speech: `sound-kind` judges whether there is anything to judge.

## Licence

The weights: {licence}. The data: see above.
"""
GTZAN_DATA = """- The whole of GTZAN's fault-filtered training part (443 tracks), as musicnn's tags of it, which musicnn's authors publish under ISC.
"""
GTZAN_FIGURES = """
GTZAN's fault-filtered test part ({tracks} tracks, musicnn's published tags, asked about once): {top1:.1%} among all {k} words, {among_ten:.1%} among GTZAN's ten;
by family (`Pop`, `Rock`, `Metal` as one) {by_family:.1%}, where musicnn's tags by the map alone have {map_by_family:.1%}. At {threshold:g}: {precision:.0%} right, {coverage:.0%} covered.
Recall among the ten: {recall}.
"""
WORDS = {"fma518": "the 518 FMA features at 22,050 Hz", "cnn": "`logmel-cnn`'s embedding", "numbers": "`musicnn-msd`'s embedding", "tags": "its 50 tags"}


def fed(name):
    if name in JOINED:
        parts = [WORDS[part] for part in JOINED[name]]
        return "`musicnn-msd`'s 50 tags" if name == "musicnn-tags" else ", ".join(parts[:-1]) + " and " + parts[-1]
    return WORDS["fma518"] if name == "fma518-mlp" else "a log-mel spectrogram of 128 bands x 1292 frames at 22,050 Hz"


def left_out(calibrated, vote):
    """The rows of the first table, the worst first, and a line on collections too small for a row."""
    of = calibrated["votes"][vote]["left_out"]
    names = [name for name in calibrated["collections"] if name in of]
    at = str(THRESHOLD)
    rows = sorted(names, key=lambda n: of[n]["at"][at]["right"] or 1)
    table = [f"| {n} | {of[n]['clips']} | {of[n]['top1']:.1%} | {of[n]['at'][at]['right']:.0%} | {of[n]['at'][at]['written']:.0%} | {of[n]['ece']:.3f} |" for n in rows]
    small = [
        f"{n}: {of[n]['clips']} clips, top-1 {of[n]['top1']:.0%}, {of[n]['at'][at]['written']:.0%} written" + (f", {of[n]['at'][at]['right']:.0%} right" if of[n]["at"][at]["right"] is not None else "")
        for n in of if n not in names
    ]
    return dict(left_out="\n".join(table), unheard="\nOf collections that no network heard: " + "; ".join(small) + "." if small else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="what study.py, settle.py and calibrate.py wrote")
    parser.add_argument("--models", type=Path, default=MODELS, help="the folder of NAME/CARD.md (default: this repository's)")
    args = parser.parse_args()
    data = pickle.loads((args.runs / "data.pickle").read_bytes())
    data = data.subset(dataset.learnable(data.clips))
    settled = json.loads((args.runs / "settled.json").read_text())
    calibrated = json.loads((args.runs / "calibrated.json").read_text())
    crossed = settled["cross_validation"]
    collections = [clip.collection for clip in data.clips]
    dropped = sorted({g for clip in data.clips for g in clip.genres if clip.collection in MAIN} - set(data.labels))
    models = [n for n in dict.fromkeys(n for vote in MEMBERS.values() for n in vote) if n != "musicnn-msd" and n in crossed]
    for name in models:
        vote = "musicnn" if name.startswith("musicnn") else "builtin"
        shown = [*settled["votes"][vote]["members"], vote, f"{vote}, uncalibrated"]
        said = {n: n if n in settled["votes"][vote]["members"] else n.replace(vote, "the vote", 1) for n in shown}
        sets = [line(f"{said[vote]}, {n} alone, cross-validated", f, True) for n, f in settled["sets"][vote].items()]
        for run in ("from-taffc4q", "from-emotify"):
            if run in settled:
                way = run.replace("-", " ") + " to the other"
                sets += [line(f"{said[n]}, {way}", settled[run][n], True) for n in shown if n in settled[run]]
                if vote in settled[run]:
                    sets.append(f"| always, {way} | {settled[run][vote]['majority']:.1%} | | | |")
        majority = crossed[vote]["majority"]
        genres = [
            f"| {g['genre']} | {g['clips']} | {g['recall']:.0%} | {g['precision']:.0%} | {g['f1']:.2f} | {g['right']:.0%} | {v['recall']:.0%} | {v['precision']:.0%} |"
            for g, v in zip(crossed[name]["genres"], crossed[vote]["genres"], strict=True)
        ]
        words = dataset.tag_labels(data.labels) if name == "musicnn-tags" else data.labels
        tags = name == "musicnn-tags"
        g = settled.get("gtzan")
        gtzan = GTZAN_FIGURES.format(
            k=len(words), threshold=THRESHOLD, precision=g["at_default"]["precision"], coverage=g["at_default"]["coverage"],
            recall=", ".join(f"{genre} {share:.0%}" for genre, share in g["recall"].items()), **{k: g[k] for k in ("tracks", "top1", "among_ten", "by_family", "map_by_family")},
        ) if tags and g else ""  # fmt: skip
        about = ABOUT[name].replace("-K", f"-{len(words)}")
        (args.models / name / "CARD.md").write_text(CARD.format(
            name=name, version=VERSION.get(name, "1"), about=about[0].upper() + about[1:], k=len(words), labels=len(data.labels), licence=LICENCE, threshold=THRESHOLD,
            input=fed(name), clips=len(data), artists=len({c.artist for c in data.clips}), **left_out(calibrated, vote), **{n: collections.count(n) for n in calibrated["collections"]}, min_clips=dataset.MIN_CLIPS, min_artists=dataset.MIN_ARTISTS,
            dropped=", ".join(dropped), strength=STRENGTH, more_data=GTZAN_DATA if tags else "", cross="\n".join(line(said[n], crossed[n]) for n in shown),
            majority=majority, majority_f1=2 * majority / (1 + majority) / len(data.labels), sets="\n".join(sets), gtzan_figures=gtzan, genres="\n".join(genres),
        ))  # fmt: skip
    print(f"cards for {len(models)} models")


if __name__ == "__main__":
    main()
