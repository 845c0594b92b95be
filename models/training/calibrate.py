"""What a vote, a kind and a stage are worth on a collection that was left out: calibrations, stops, and what stands behind them.

The votes are those of `settle.py`, over cross-validated logits, so that no network was asked about an artist whom it had heard. A calibration is fitted on every
collection but one, each counting by the square root of its size, and judged on that one; what is shipped comes from all of them, and is CAUTION lower. The
confidence is the calibrated one times how likely the sound is music (`not_music.py`, by networks that never heard the artist). A stage's stop is fitted and judged
in the same way. Kinds are told apart by the head on tags as it is without the collection that it is asked about (`without-SET`), and calibrated on clips whose
labels tell kinds apart, both answers counting the same in each collection; shipped are those of the collections where that is hardest. Writes
OUT/calibrated.json."""

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

# Log-odds: an owner is harmed by too much confidence, not by too little, and the networks had heard other artists of every collection that is judged.
CAUTION = 0.2
TELL = 0.9  # at 0.8 a quarter of the kinds named on a collection left out were wrong
HARD = ("emotify", "musdb18")  # where kinds are hardest to tell: what is shipped is fitted on these, the most cautious of the fits
COLLECTIONS = ("taffc4q", "emotify", "gtzan", "musdb18")  # those large enough to be left out; the others are only asked about
KINDS = ("Pop", "Rock", "Metal")
RIDGE = 1e-4
# Stages, cheapest first: who is asked before everybody is. musicnn costs several times what the rest does together, and its heads nothing on top.
FIRST = {"builtin": "first", "musicnn": "builtin"}
STOPS = [*np.round(np.arange(0.5, 0.99, 0.01), 2).tolist(), 0.99, 1.0]
LOSS = 0.01  # how many of a collection's clips a stage may get wrong that the whole vote gets right, on balance
FURTHER = 0.75  # how often a second genre has to be right, of clips with several
THRESHOLDS = (0.6, 0.7, 0.8, 0.9)


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


class Vote:
    """A vote on every clip: its shares at its temperature over its universe, which answers are right, and what stands in the description."""

    def __init__(self, name, members, weights, temperature, opinions, data):
        self.name, self.members, self.weights, self.temperature = name, members, weights, temperature
        chosen = [opinions[member] for member in members]
        self.asked = np.all([~np.isnan(opinion.shares).any(1) for opinion in chosen], axis=0)  # the clips that everybody was asked about
        self.universe, rows = votes.universe_of(data.labels, chosen), np.flatnonzero(self.asked)
        self.shares, self.right = np.full((len(data), len(self.universe)), 1 / len(self.universe)), settle.widened(data, self.universe)
        self.shares[rows] = votes.vote([opinion.rows(rows) for opinion in chosen], weights, temperature, self.universe)
        self.hit, self.top = metrics.hits(self.shares, self.right).astype(float), log_odds(self.shares.max(1))
        self.caution = CAUTION

    def fit(self, rows, collections):
        return fit(self.top[rows], self.hit[rows], by_collection(collections[rows]))


def votes_of(runs, data, settled):
    """The votes that were settled, and the stage before them, on every clip that everybody was asked about without having heard its artist: by
    cross-validation, or because its collection was never heard (`unheard.py`)."""
    cv = [f"cv-{fold}" for fold in range(dataset.FOLDS)]
    logits = {kind: gather(runs, data, kind, cv) for kind in {file.name.split(".")[1] for file in runs.glob("cv-0.*.npz")}}
    logits = {kind.rstrip("0123456789"): values for kind, values in logits.items() if not np.isnan(values).any()}
    opinions = settle.opinions_of(logits, data, np.array(settled["adjust"]))
    if (runs / "unheard.npz").exists():
        unheard = np.load(runs / "unheard.npz")
        for name in set(unheard.files) - {"rows"} - (set(opinions) if "spectrum-fusion" in opinions else set()):
            shares = np.full((len(data), len(data.labels)), np.nan)
            shares[unheard["rows"]] = softmax(unheard[name])
            opinions[name] = votes.Opinion(data.labels, shares)
    out = {name: Vote(name, parts["members"], parts["weights"], parts["temperature"], opinions, data) for name, parts in settled["votes"].items()}
    if "builtin" in out:
        out["first"] = Vote("first", ["fma518-mlp"], [1.0], out["builtin"].temperature, opinions, data)
    return out


def judged_by_collection(vote, collections, music):
    """The calibration fitted on all collections, and what those fitted without one are worth on it; clips of small collections are asked about only."""
    inside, judged = vote.asked & np.isin(collections, COLLECTIONS), {}
    there = set(collections[vote.asked])
    for name in [*[n for n in COLLECTIONS if n in there], *sorted(there - {*COLLECTIONS, ""})]:
        rows = vote.asked & (collections == name)
        b = vote.fit(inside & ~rows, collections)
        plain, cautious = ask(b, vote.top[rows]) * music[rows], ask(b, vote.top[rows], vote.caution) * music[rows]
        judged[name] = dict(
            clips=int(rows.sum()), top1=float(vote.hit[rows].mean()), ece=calibration_error(cautious, vote.hit[rows]), ece_without_caution=calibration_error(plain, vote.hit[rows]),
            at={t: figures(cautious, vote.hit[rows], t) for t in THRESHOLDS}, at_without_caution={t: figures(plain, vote.hit[rows], t) for t in THRESHOLDS},
        )  # fmt: skip
    b = vote.fit(inside, collections)
    return dict(bias=float(b[0] - vote.caution), top=float(b[1])), judged


def stop_of(confidence, first, whole, collections):
    """The least confidence at which, and above which, in every collection the first stage is right about as often as the whole vote on the clips that stop."""
    named = set(collections)

    def loses(stop):
        return any((whole - first)[(confidence >= stop) & (collections == name)].sum() > LOSS * (collections == name).sum() for name in named)

    return next((stop for i, stop in enumerate(STOPS) if not any(map(loses, STOPS[i:]))), 1.0)


def staged(first, whole, collections, music):
    """The stop, and what stopping is worth on each collection when calibrations and stop come from the others."""
    inside = first.asked & whole.asked & np.isin(collections, COLLECTIONS)

    def confidences(fitted):
        return [ask(vote.fit(fitted, collections), vote.top, vote.caution) * music for vote in (first, whole)]

    judged = {}
    for name in [n for n in COLLECTIONS if n in set(collections[inside])]:
        known, rows = inside & (collections != name), inside & (collections == name)
        early, late = confidences(known)
        stop = stop_of(early[known], first.hit[known], whole.hit[known], collections[known])
        stops = early[rows] >= stop
        confidence, hit = np.where(stops, early[rows], late[rows]), np.where(stops, first.hit[rows], whole.hit[rows])
        judged[name] = dict(stop=stop, stopped=float(stops.mean()), top1=float(hit.mean()), whole=float(whole.hit[rows].mean()), at={t: figures(confidence, hit, t) for t in THRESHOLDS})
    early, _ = confidences(inside)
    # The most cautious one: a stop that few collections asked for was too low on the one that was left out.
    stops = [stop_of(early[inside], first.hit[inside], whole.hit[inside], collections[inside]), *(f["stop"] for f in judged.values())]
    return max(stops), judged


def further_of(vote, confidence, several):
    """How often a second genre is right, of clips with several, from some probabilities on: shares are softened to the confidence, as the program does."""
    power = np.array([float(np.interp(c, *firsts(row))) for c, row in zip(confidence, vote.shares)])
    softened = vote.shares ** power[:, None]
    rows, order = np.arange(len(softened)), np.argsort(-softened, 1)[:, 1]
    likely, hit = (softened / softened.sum(1, keepdims=True))[rows, order], vote.right[rows, order]
    table = {t: (several & (likely >= t)) for t in np.round(np.arange(0.2, 0.42, 0.02), 2)}
    table = {float(t): dict(named=int(rows.sum()), right=float(hit[rows].mean())) for t, rows in table.items() if rows.sum() >= 30}
    least = [t for t in table if all(of["right"] >= FURTHER for at, of in table.items() if at >= t)]
    return dict(least=min(least, default=None), table=table)


def divided(data, tags, vote):
    """What the map and the head on tags together make of the kinds: shares of Pop, of Rock with Metal, and of Metal."""
    words, mapped = dataset.tag_labels(data.labels), settle.Map()(data.musicnn[:, 200:])
    own = softmax(tags)[:, [words.index(kind) for kind in KINDS]]
    own /= own.sum(1, keepdims=True)
    family, metal = [mapped.shares[:, mapped.words.index(word)] for word in ("Pop Rock", "Metal")]
    metal = metal / np.maximum(family + metal, 1e-12)
    ours = np.array([vote.weights[vote.members.index(name)] for name in ("musicnn-msd", "musicnn-tags")])
    ours /= ours.sum()
    q = own
    for _ in range(500):
        within = q[:, :2] / np.maximum(q[:, :2].sum(1, keepdims=True), 1e-12)
        q = ours[0] * np.column_stack([(1 - metal)[:, None] * within, metal]) + ours[1] * own
    return np.column_stack([q[:, 0], q[:, 1] + q[:, 2], q[:, 2]])


def kinds(runs, data, collections, vote):
    sets = [name for name in COLLECTIONS if (runs / f"without-{name}.tags.npz").exists()]
    unheard = gather(runs, data, "tags", [f"without-{name}" for name in sets])
    truth = np.array([next(iter(clip.kinds), "") for clip in data.clips])
    rows = np.flatnonzero(np.isin(truth, KINDS) & ~np.isnan(unheard[:, 0]) & (collections != ""))
    part, truth, names = divided(data.subset(rows), unheard[rows], vote), truth[rows], collections[rows]
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
    parser.add_argument("--runs", type=Path, required=True, help="what study.py, not_music.py and settle.py left")
    args = parser.parse_args()
    data = pickle.loads((args.runs / "data.pickle").read_bytes())
    settled = json.loads((args.runs / "settled.json").read_text())
    collections = np.array([clip.collection for clip in data.clips])
    # Clips that are for measuring only have no part in it, but for those of collections that nothing is learned from.
    collections[~dataset.learnable(data.clips) & np.isin(collections, COLLECTIONS)] = ""
    gate = args.runs / "sound-kind.npz"
    music = np.load(gate)["music"] if gate.exists() else np.ones(len(data))
    made = votes_of(args.runs, data, settled)
    main_rows = np.isin(collections, settle.MAIN)
    result = dict(votes={}, tell=TELL, collections=COLLECTIONS)
    for name, vote in made.items():
        calibration, judged = judged_by_collection(vote, collections, music)
        confidence = ask((calibration["bias"], calibration["top"]), vote.top) * music
        within = main_rows & vote.asked
        per_genre = metrics.per_genre(vote.shares[within], vote.right[within], vote.universe)[: len(data.labels)] if within.any() else []
        result["votes"][name] = dict(
            members=vote.members, weights=vote.weights, temperature=vote.temperature, calibration=calibration, caution=vote.caution, left_out=judged,
            further=further_of(vote, confidence, within & (vote.right.sum(1) > 1)),
            within=dict(top1=float(vote.hit[within].mean()), macro_f1=float(np.mean([g["f1"] for g in per_genre]))) if per_genre else None,
        )  # fmt: skip
    for name, first in FIRST.items():
        if name in made and first in made:
            stop, judged = staged(made[first], made[name], collections, music)
            result["votes"][name]["stages"] = dict(first=first, stop=stop, left_out=judged)
    if "musicnn" in made and (args.runs / "without-emotify.tags.npz").exists():
        result["kinds"], result["kinds_left_out"] = kinds(args.runs, data, collections, made["musicnn"])
    (args.runs / "calibrated.json").write_text(json.dumps(result, indent=1) + "\n")
    show(result)


def show(result):
    for name, of in result["votes"].items():
        print(f"{name}: {of['calibration']}, within {of['within']}, second genre from {of['further']['least']}")
        for collection, f in of["left_out"].items():
            said = ", ".join(f"{at['right'] or 0:.0%} of {at['written']:.0%} at {t}" for t, at in f["at"].items())
            print(f"  {collection}, left out: top-1 {f['top1']:.1%}, {said}, ECE {f['ece']:.3f}; without caution {f['at_without_caution'][0.7]}, {f['ece_without_caution']:.3f}")
        for collection, f in of.get("stages", {}).get("left_out", {}).items():
            print(f"  {collection}, in stages: {f}")
    print({k: result.get(k) for k in ("kinds", "kinds_left_out")}, {name: of.get("stages", {}).get("stop") for name, of in result["votes"].items()})


def firsts(row, powers=np.geomspace(0.05, 8, 60)):
    """The first share at each of some powers, rising; and the powers."""
    raised = (row / row.max())[None] ** powers[:, None]
    return 1 / raised.sum(1), powers


if __name__ == "__main__":
    main()
