"""What a vote and a kind are worth on a collection that was left out: the calibration of the vote with musicnn, and of the kinds of `Pop Rock`.

The vote is the one of VOTE, over cross-validated logits, so that no network was asked about an artist whom it had heard. Its calibration is fitted on every
collection but one, each counting by the square root of its size, and judged on that one; what is shipped comes from all of them, and is CAUTION lower. Kinds
are told apart by the head on tags as it is without the collection that it is asked about (`without-SET`), and calibrated on clips whose labels tell kinds apart,
both answers counting the same in each collection; shipped are those of the collections where that is hardest. Writes OUT/calibrated.json."""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np

import dataset
import metrics
import settle
import votes
from training import softmax

VOTE = {"musicnn-msd": 0.2, "musicnn-fusion": 0.7, "musicnn-tags": 0.1}
TEMPERATURE = 0.64  # the one with the least confidence loss on taffc4q and emotify together
CAUTION = 0.2  # log-odds: an owner is harmed by too much confidence, not by too little
TELL = 0.9  # at 0.8 a quarter of the kinds named on a collection left out were wrong
HARD = ("emotify", "musdb18")  # where kinds are hardest to tell: what is shipped is fitted on these, the most cautious of the fits
COLLECTIONS = ("taffc4q", "emotify", "gtzan", "musdb18")  # those large enough to be left out; the others are only asked about
KINDS = ("Pop", "Rock", "Metal")
RIDGE = 1e-4


def log_odds(p, edge=1e-6, limit=8.0):
    p = np.clip(p, edge, 1 - edge)
    return np.clip(np.log(p / (1 - p)), -limit, limit)


def fit(x, hit, weight):
    """Bias and slope of a logistic regression, by Newton's method."""
    columns, b, weight = np.column_stack([np.ones(len(x)), x]), np.zeros(2), weight / weight.mean()
    ridge = np.diag([1e-9, RIDGE * len(x)])
    for _ in range(100):
        p = 1 / (1 + np.exp(-columns @ b))
        step = np.linalg.solve((columns * (weight * p * (1 - p))[:, None]).T @ columns + ridge, columns.T @ (weight * (p - hit)) + ridge @ b)
        b = b - step * min(1, 4 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return b


def ask(b, x, caution=0.0):
    return 1 / (1 + np.exp(-(b[0] - caution + b[1] * x)))


def by_collection(names):
    weight = np.zeros(len(names))
    for name in set(names):
        weight[names == name] = (names == name).sum() ** -0.5
    return weight


def gather(runs, data, kind, names):
    """The logits of some runs, each of the rows it was asked about; NaN where nobody was asked."""
    out = None
    for name in names:
        file = runs / f"{name}.{kind}.npz"
        if file.exists():
            saved = np.load(file)
            out = np.full((len(data), saved["logits"].shape[1]), np.nan) if out is None else out
            out[saved["rows"]] = saved["logits"]
    return out


def figures(confidence, hit, threshold):
    sure = confidence >= threshold
    return dict(right=float(hit[sure].mean()) if sure.any() else None, written=float(sure.mean()))


def calibration_error(confidence, hit, bins=10):
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(sum(abs(confidence[at == b].sum() - hit[at == b].sum()) for b in range(bins)) / len(hit))


def the_vote(runs, data):
    """The vote on every clip at TEMPERATURE, over its universe; and which answers are right."""
    cv = [f"cv-{fold}" for fold in range(dataset.FOLDS)]
    adjust = settle.lift(settle.STRENGTH, data.subset(dataset.learnable(data.clips)))
    joined, tags = gather(runs, data, "joined", cv), gather(runs, data, "tags", cv)
    said = {
        "musicnn-msd": settle.Map()(data.musicnn[:, 200:]), "musicnn-fusion": votes.Opinion(data.labels, softmax(joined - adjust)),
        "musicnn-tags": votes.Opinion(dataset.tag_labels(data.labels), softmax(tags - settle.lift_of_tags(adjust, data.labels))),
    }  # fmt: skip
    chosen = [said[name] for name in VOTE]
    universe = votes.universe_of(data.labels, chosen)
    return votes.vote(chosen, list(VOTE.values()), TEMPERATURE, universe), universe, settle.widened(data, universe)


def calibrate(shares, right, collections):
    hit, x = metrics.hits(shares, right).astype(float), log_odds(shares.max(1))
    inside = np.isin(collections, COLLECTIONS)

    def fitted(rows):
        return fit(x[rows], hit[rows], by_collection(collections[rows]))

    judged = {}
    for name in [*COLLECTIONS, *sorted(set(collections) - set(COLLECTIONS))]:
        rows = collections == name
        b = fitted(inside & ~rows)
        plain, cautious = ask(b, x[rows]), ask(b, x[rows], CAUTION)
        judged[name] = dict(
            clips=int(rows.sum()), top1=float(hit[rows].mean()), ece=calibration_error(cautious, hit[rows]), ece_without_caution=calibration_error(plain, hit[rows]),
            at={t: figures(cautious, hit[rows], t) for t in (0.6, 0.7, 0.8, 0.9)}, at_without_caution={t: figures(plain, hit[rows], t) for t in (0.6, 0.7, 0.8, 0.9)},
        )  # fmt: skip
    b = fitted(inside)
    return dict(bias=float(b[0] - CAUTION), top=float(b[1])), judged, ask(b, x, CAUTION)


def divided(data, tags):
    """What the map and the head on tags together make of the kinds: shares of Pop, of Rock with Metal, and of Metal."""
    words, mapped = dataset.tag_labels(data.labels), settle.Map()(data.musicnn[:, 200:])
    own = softmax(tags)[:, [words.index(kind) for kind in KINDS]]
    own /= own.sum(1, keepdims=True)
    family, metal = [mapped.shares[:, mapped.words.index(word)] for word in ("Pop Rock", "Metal")]
    metal = metal / np.maximum(family + metal, 1e-12)
    ours = np.array([VOTE["musicnn-msd"], VOTE["musicnn-tags"]]) / (VOTE["musicnn-msd"] + VOTE["musicnn-tags"])
    q = own
    for _ in range(500):
        within = q[:, :2] / np.maximum(q[:, :2].sum(1, keepdims=True), 1e-12)
        q = ours[0] * np.column_stack([(1 - metal)[:, None] * within, metal]) + ours[1] * own
    return np.column_stack([q[:, 0], q[:, 1] + q[:, 2], q[:, 2]])


def kinds(runs, data, collections):
    sets = [name for name in COLLECTIONS if (runs / f"without-{name}.tags.npz").exists()]
    unheard = gather(runs, data, "tags", [f"without-{name}" for name in sets])
    truth = np.array([next(iter(clip.kinds), "") for clip in data.clips])
    rows = np.flatnonzero(np.isin(truth, KINDS) & ~np.isnan(unheard[:, 0]))
    part, truth, names = divided(data.subset(rows), unheard[rows]), truth[rows], collections[rows]
    means = {"Pop": ("Pop",), "Rock": ("Rock", "Metal"), "Metal": ("Metal",)}

    def fitted(kind, among):
        x, hit, weight = log_odds(part[:, KINDS.index(kind)], 1e-4), np.isin(truth, means[kind]), np.zeros(len(rows))
        for name in set(names[among]):
            for answer in (True, False):
                same = among & (names == name) & (hit == answer)
                weight[same] = 1 / max(same.sum(), 1)
        return fit(x[among], hit[among].astype(float), weight[among]), x

    judged = {}
    for left in sorted(set(names)):
        at = names == left
        likely = {kind: ask(b, x[at]) for kind in KINDS for b, x in [fitted(kind, ~at)]}
        likely["Rock"] = np.maximum(likely["Rock"], likely["Metal"])
        named = np.where(likely["Metal"] >= TELL, "Metal", np.where(likely["Rock"] >= TELL, "Rock", np.where(likely["Pop"] >= TELL, "Pop", "")))
        right = (named == truth[at]) | ((named == "Rock") & (truth[at] == "Metal"))
        judged[left] = dict(clips=int(at.sum()), named=int((named != "").sum()), wrong=int(((named != "") & ~right).sum()))
    return {kind: dict(bias=float(b[0]), share=float(b[1])) for kind in KINDS for b, _ in [fitted(kind, np.isin(names, HARD))]}, judged


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="what study.py left: cv and without-SET of `joined` and `tags`")
    args = parser.parse_args()
    data = pickle.loads((args.runs / "data.pickle").read_bytes())
    collections = np.array([clip.collection for clip in data.clips])
    shares, universe, right = the_vote(args.runs, data)
    calibration, judged, confidence = calibrate(shares, right, collections)
    main_rows = np.isin(collections, COLLECTIONS[:2])
    per_genre = metrics.per_genre(shares[main_rows], right[main_rows], universe)[: len(data.labels)]
    told, told_judged = kinds(args.runs, data, collections)
    result = dict(
        vote=VOTE, temperature=TEMPERATURE, calibration=calibration, caution=CAUTION, left_out=judged, kinds=told, tell=TELL, kinds_left_out=told_judged,
        within=dict(top1=float(metrics.hits(shares[main_rows], right[main_rows]).mean()), macro_f1=float(np.mean([g["f1"] for g in per_genre]))),
    )  # fmt: skip
    # A second genre, of clips with several: shares are softened to the confidence, as the program does.
    power = np.array([float(np.interp(c, *firsts(row))) for c, row in zip(confidence, shares)])
    softened = shares ** power[:, None]
    likely, hit = settle.second(softened / softened.sum(1, keepdims=True), right)
    several = main_rows & (right.sum(1) > 1)
    result["further"] = {t: dict(named=int((several & (likely >= t)).sum()), right=float(hit[several & (likely >= t)].mean())) for t in (0.24, 0.28, 0.32, 0.36) if (several & (likely >= t)).any()}
    (args.runs / "calibrated.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def firsts(row, powers=np.geomspace(0.05, 8, 60)):
    """The first share at each of some powers, rising; and the powers."""
    raised = (row / row.max())[None] ** powers[:, None]
    return 1 / raised.sum(1), powers


if __name__ == "__main__":
    main()
