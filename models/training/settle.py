"""What is settled after the fits, from cross-validated logits alone: weights, temperatures, stages and the second genre of both votes, and all figures.

Every figure of a vote is nested: for the clips of a fold, weights, temperatures and stops come from the other folds' clips. What is exported comes from
all of them. Nothing is settled on figures across sets, nor on GTZAN's test part, which is asked about once at the end."""

import argparse
import json
import pickle
import tomllib
from pathlib import Path

import numpy as np
import torch

import dataset
import metrics
import training
import votes
from study import CURVE
from training import CUT_OFF, softmax

HERE = Path(__file__).resolve().parent
THRESHOLD = 0.7
STRENGTH = 0.3  # chosen among 0, 0.1, 0.2 and 0.3: README.md has the figures
# Each model and the fit that it is made of.
KIND = {
    "fma518-mlp": "features", "logmel-cnn": "cnn", "spectrum-fusion": "fusion",
    "musicnn-msd": "map", "musicnn-head": "head", "musicnn-fusion": "joined", "musicnn-tags": "tags",
}  # fmt: skip
BUILTIN = ["fma518-mlp", "logmel-cnn", "spectrum-fusion"]
# The tag map owes nothing to the clips, and the head on tags heard other music too. What they are good for, other people's music and the kinds of a
# family, the clips cannot say: so they have this much of the vote before anything is fitted.
FLOOR = {"musicnn-msd": 0.2, "musicnn-tags": 0.1}
VOTES = {"builtin": BUILTIN, "musicnn": [*BUILTIN, "musicnn-msd", "musicnn-head", "musicnn-fusion", "musicnn-tags"]}
# Stages, cheapest first; the last is the whole vote. musicnn costs several times what the rest does together, and its heads nothing on top. The 518 alone as
# a stage before the built-in models made the vote with musicnn worse than that saves.
STAGES = {"builtin": [["fma518-mlp"], BUILTIN], "musicnn": [BUILTIN, VOTES["musicnn"]]}
STOPS = [*np.round(np.arange(0.5, 0.99, 0.01), 2).tolist(), 0.99, 0.995]
LOSS = 0.003  # how many of the clips a stage may get wrong that the whole vote gets right, on balance
FURTHER = 0.8  # how often a second genre has to be right where its threshold is fitted: a fitted one keeps less than it promises


def read(runs, run):
    """The logits of a run by kind, the mean of its seeds, and the rows they are of."""
    out, rows = {}, None
    names = [*KIND.values(), "open", "fusion-open", *(f"low{hz}-{kind}" for hz in CUT_OFF for kind in ("cnn", "open"))]
    for name in names:
        saved = [np.load(file) for file in sorted(runs.glob(f"{run}.{name}*.npz")) if file.name.split(".")[1].rstrip("0123456789") == name.rstrip("0123456789")]
        if saved:
            out[name], rows = np.mean([s["logits"] for s in saved], 0), saved[0]["rows"]
    return out, rows


def lift(strength, data):
    """What is taken off the logits: rare genres get said more often. A genre that no clip has is no rare one."""
    mass = data.target.sum(0)
    return strength * np.log(np.where(mass > 0, mass, mass.sum()) / mass.sum())


def lift_of_tags(adjust, labels):
    """The same for the words of the head on tags: the kinds of a family share its lift."""
    return np.repeat(adjust, [len(dataset.KINDS.get(label, (label,))) for label in labels])


class Map:
    """musicnn's tags to genres, as its manifest says."""

    def __init__(self, file=HERE.parent / "musicnn/msd.toml"):
        manifest = tomllib.loads(file.read_text())
        self.words = [genre["name"] for genre in manifest["tag_map"]["genres"]]
        self.columns = [[manifest["labels"].index(tag) for tag in genre["tags"]] for genre in manifest["tag_map"]["genres"]]

    def __call__(self, tags):
        shares = np.stack([tags[:, columns].max(1) for columns in self.columns], 1)
        return votes.Opinion(self.words, shares / shares.sum(1, keepdims=True))


def opinions_of(logits, data, adjust):
    """What each model says of the clips of `data`."""
    out = {}
    for name, kind in [*KIND.items(), *((f"({kind})", kind) for kind in logits if kind not in KIND.values())]:
        if kind == "map" and data.musicnn.shape[1]:
            out[name] = Map()(data.musicnn[:, 200:])
        elif kind == "tags" and kind in logits:
            out[name] = votes.Opinion(dataset.tag_labels(data.labels), softmax(logits[kind] - lift_of_tags(adjust, data.labels)))
        elif kind in logits:
            out[name] = votes.Opinion(data.labels, softmax(logits[kind] - adjust))
    return out


def widened(data, universe):
    """Which answers are right, over a universe that begins with the labels."""
    more = np.array([[word in clip.genres for word in universe[len(data.labels) :]] for clip in data.clips], bool).reshape(len(data), -1)
    return np.hstack([data.right, more])


def settle(opinions, data, names, lifted):
    """The weights of a vote, fitted without the lift, and the temperature with it."""
    chosen = [opinions[name] for name in names]
    universe = votes.universe_of(data.labels, chosen)
    floor = {names.index(name): share for name, share in FLOOR.items() if name in names}
    weights = votes.fit_weights(chosen, universe, data.target, floor)
    made = votes.vote([lifted[name] for name in names], weights, 1.0, universe)
    return dict(members=names, weights=weights, temperature=votes.fit_temperature(made, widened(data, universe)))


def apply(settled, opinions, labels):
    chosen = [opinions[name] for name in settled["members"]]
    universe = votes.universe_of(labels, chosen)
    return votes.vote(chosen, settled["weights"], settled["temperature"], universe), universe


def settle_stages(vote, plain, lifted, data, whole):
    """Weights and temperatures of the stages before the last. A stage stops from the least confidence at which, and above which, it is right about
    as often as the whole vote on the very clips that stop."""
    stages = [settle(plain, data, names, lifted) for names in STAGES[vote][:-1]] + [dict(whole)]
    said = [apply(stage, lifted, data.labels) for stage in stages]
    hit = [metrics.hits(p, widened(data, universe)) for p, universe in said]
    for stage, (p, _), right in zip(stages[:-1], said, hit):
        won = [int(right[p.max(1) >= stop].sum()) - int(hit[-1][p.max(1) >= stop].sum()) for stop in STOPS]
        stage["stop"] = float(next((stop for i, stop in enumerate(STOPS) if min(won[i:]) >= -LOSS * len(data)), 1.0))
    return stages


def stage_of(confidence, stops):
    """The stage at which each clip stops."""
    at = np.full(len(confidence[0]), len(stops))
    for i in reversed(range(len(stops))):
        at[confidence[i] >= stops[i]] = i
    return at


def second(probabilities, right):
    """How likely the second genre is, and whether it is right."""
    order = np.argsort(-probabilities, 1)[:, 1]
    rows = np.arange(len(order))
    return probabilities[rows, order], right[rows, order]


def fit_further(probabilities, right, several):
    """The least probability from which a second genre is right often enough, of clips with several; none where there is no such one."""
    p, hit = second(probabilities[several], right[several])
    for least in np.round(np.arange(0.1, 0.5, 0.01), 2):
        if (p >= least).sum() >= 15 and all(hit[p >= t].mean() >= FURTHER for t in (least, least + 0.01, least + 0.02) if (p >= t).any()):
            return float(least)
    return None


def report(p, data, universe):
    right = widened(data, universe)
    f = metrics.report(p, data, THRESHOLD, right, universe)
    f["reliability"] = metrics.reliability(p, right)
    return f


def nested(logits, data, folds, strength):
    """Predictions of each model and each vote: what is settled for a fold's clips comes from the other folds."""
    made, universes, progress = {}, {}, {}

    def keep(name, rows, p, universe):
        universes[name] = universe
        made.setdefault(name, np.zeros((len(data), p.shape[1])))[rows] = p

    for fold in range(dataset.FOLDS):
        test, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        known, asked = data.subset(rest), data.subset(test)
        adjust = lift(strength, known)
        plain, lifted, outside = [
            opinions_of({k: v[rows] for k, v in logits.items()}, part, a) for rows, part, a in ((rest, known, 0 * adjust), (rest, known, adjust), (test, asked, adjust))
        ]
        for name, opinion in outside.items():
            universe = votes.universe_of(data.labels, [opinion, votes.Opinion(data.labels, np.zeros((0, len(data.labels))))])
            temperature = votes.fit_temperature(over(lifted[name], universe), widened(known, universe))
            keep(name, test, metrics.soften(over(opinion, universe), temperature), universe)
        for vote, names in VOTES.items():
            if any(name not in plain for name in names):
                continue
            settled = settle(plain, known, names, lifted)
            keep(vote, test, *apply(settled, outside, data.labels))
            keep(f"{vote}, uncalibrated", test, *apply(dict(settled, temperature=1.0), outside, data.labels))
            stages = settle_stages(vote, plain, lifted, known, settled)
            said = [apply(stage, outside, data.labels) for stage in stages]
            at = stage_of([p.max(1) for p, _ in said], [stage["stop"] for stage in stages[:-1]])
            universe = said[-1][1]
            p = np.zeros((len(test), len(universe)))
            for i, (q, u) in enumerate(said):
                p[np.ix_(at == i, [universe.index(w) for w in u])] = q[at == i]
            keep(f"{vote}, progressive", test, p, universe)
            progress.setdefault(vote, np.zeros(len(data), int))[test] = at
            inner, _ = apply(settled, lifted, data.labels)
            least = fit_further(inner, widened(known, universe), known.right.sum(1) > 1)
            q, hit = second(said[-1][0], widened(asked, universe))
            progress.setdefault(f"{vote} further", []).append((least, q, hit, asked.right.sum(1) > 1))
    return made, universes, progress


def over(opinion, universe):
    """One opinion over a universe, kinds folded into the family."""
    whole = votes.Opinion(universe, np.full((len(opinion.shares), len(universe)), 1 / len(universe)))
    return votes.spread([opinion, whole], universe)[0][0]


def line(name, f, across=False):
    """A row of a table. Without macro-F1 and log loss across sets, and without log loss where a genre of a clip cannot be said: both say little there."""
    low, high = f["top1_interval"]
    at = f["at_default"]
    loss = "" if across or f["log_loss"] > 5 else f"{f['log_loss']:.3f}"
    middle = f"{f['ece']:.3f}" if across else f"{f['macro_f1']:.3f} | {f['ece']:.3f} | {loss}"
    return f"| {name} | {f['top1']:.1%} | {low:.0%} to {high:.0%} | {middle} | {at['precision']:.0%} / {at['coverage']:.0%} |"


def across(runs, data, settled, source, strength):
    """Trained on every clip of one set, asked about every clip of the other. A model says what it would have learned from that set alone."""
    logits, rows = read(runs, f"from-{source}")
    heard, asked = data.subset(np.array([c.set == source for c in data.clips])), data.subset(rows)
    learned = set(dataset.supported_labels(heard.clips, split=None)) & set(data.labels)
    opinions = {}
    for name, opinion in opinions_of(logits, asked, lift(strength, heard)).items():
        words = learned | ({w for w in opinion.words if w not in data.labels} | set(dataset.GTZAN.values()) if name == "musicnn-tags" else set())
        opinions[name] = opinion if name == "musicnn-msd" else opinion.only(words)
    out = {}
    for name, opinion in opinions.items():
        universe = votes.universe_of(data.labels, [opinion, votes.Opinion(data.labels, np.zeros((0, len(data.labels))))])
        out[name] = report(over(opinion, universe), asked, universe)
    for vote, parts in settled.items():
        if all(name in opinions for name in parts["members"]):
            p, universe = apply(parts, opinions, data.labels)
            out[vote] = report(p, asked, universe)
    return dict(out, reachable=float((asked.right & np.isin(data.labels, list(learned))).any(1).mean()), learned=sorted(learned))


def gtzan(runs, data, file, strength):
    """The head on tags, asked about GTZAN's fault-filtered test part: among all its words, and among GTZAN's ten; and the map, by family."""
    test = dataset.read_taggrams(file)
    net = training.make("tags", len(dataset.tag_labels(data.labels)), training.SETTINGS["tags"], test.tags.shape[1]).eval()
    net.load_state_dict(torch.load(runs / "final.tags.pt", weights_only=True))
    with torch.no_grad():
        logits = net(torch.as_tensor(test.tags)).numpy() - lift_of_tags(lift(strength, data), data.labels)
    words = np.array(dataset.tag_labels(data.labels))
    ten = np.isin(words, list(dataset.GTZAN.values()))
    truth = np.array(test.genres)
    first = words[logits.argmax(1)]
    among = words[ten][logits[:, ten].argmax(1)]
    p = softmax(logits)
    counts = votes.counts_as([votes.Opinion(words, p), votes.Opinion(data.labels, p)])
    mapped = Map()
    said = np.array([counts.get(mapped.words[i], mapped.words[i]) for i in mapped(test.tags).shares.argmax(1)])
    by_family = np.array([counts.get(w, w) for w in truth])
    confidence = p.max(1)
    return dict(
        tracks=len(truth), top1=float((first == truth).mean()), among_ten=float((among == truth).mean()),
        by_family=float((np.array([counts.get(w, w) for w in first]) == by_family).mean()), map_by_family=float((said == by_family).mean()),
        recall={g: float((among == g)[truth == g].mean()) for g in dataset.GTZAN.values()},
        at_default=dict(precision=float((first == truth)[confidence >= THRESHOLD].mean()), coverage=float((confidence >= THRESHOLD).mean())),
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--strength", type=float, default=STRENGTH, help="how far rare genres are lifted")
    parser.add_argument("--gtzan-test", type=Path, help="the taggrams of GTZAN's test part: asked about once, for a figure")
    args = parser.parse_args()
    data = pickle.loads((args.runs / "data.pickle").read_bytes())
    folds = dataset.folds_by_artist(data.clips)
    logits = {}
    for fold in range(dataset.FOLDS):
        for kind, values in read(args.runs, f"cv-{fold}")[0].items():
            logits.setdefault(kind, np.full((len(data), values.shape[1]), np.nan, np.float32))[folds == fold] = values
    incomplete = [kind for kind, values in logits.items() if np.isnan(values).any()]
    logits = {kind: values for kind, values in logits.items() if kind not in incomplete}
    adjust = lift(args.strength, data)
    plain, lifted = opinions_of(logits, data, 0 * adjust), opinions_of(logits, data, adjust)
    settled = {vote: settle(plain, data, names, lifted) for vote, names in VOTES.items() if all(name in plain for name in names)}
    result = dict(votes=settled, labels=data.labels, strength=args.strength, adjust=adjust.tolist(), stages={}, further={})
    made, universes, progress = nested(logits, data, folds, args.strength)
    result["cross_validation"] = {name: report(p, data, universes[name]) for name, p in made.items()}
    for name, f in result["cross_validation"].items():
        print(line(name, f))
    result["sets"] = {vote: {} for vote in settled}
    for vote in settled:
        for name in sorted({c.set for c in data.clips}):
            rows = np.flatnonzero([c.set == name for c in data.clips])
            result["sets"][vote][name] = report(made[vote][rows], data.subset(rows), universes[vote])
            print(line(f"{vote}, {name} alone", result["sets"][vote][name]))
        stages = settle_stages(vote, plain, lifted, data, settled[vote])
        at = progress[vote]
        share = [float((at == i).mean()) for i in range(len(stages))]
        result["stages"][vote] = dict(stages=stages, share=share)
        whole, staged = [metrics.hits(made[n], widened(data, universes[n])) for n in (vote, f"{vote}, progressive")]
        low, high = metrics.interval_by_artist(staged.astype(float) - whole, [c.artist for c in data.clips])
        result["stages"][vote]["difference"] = [float(staged.mean() - whole.mean()), low, high]
        print(f"{vote}: stops {[s.get('stop') for s in stages]}, nested share of clips a stage {np.round(share, 3)}, top-1 {result['stages'][vote]['difference']}")
        p, universe = apply(settled[vote], lifted, data.labels)
        parts = progress[f"{vote} further"]
        written = [np.concatenate([part[k][part[1] >= part[0]] for part in parts if part[0] is not None] or [np.zeros(0)]) for k in (2, 3)]
        several = np.concatenate([part[3] for part in parts])
        named, of_several = written[0].astype(bool), written[1].astype(bool)
        result["further"][vote] = dict(
            least=fit_further(p, widened(data, universe), data.right.sum(1) > 1), nested=[part[0] for part in parts], written=len(named), several=int(several.sum()),
            precision_several=float(named[of_several].mean()) if of_several.any() else None, precision_all=float(named.mean()) if len(named) else None,
            written_several=int(of_several.sum()),
        )  # fmt: skip
        print(f"{vote}: second genre {result['further'][vote]}")
    for name in sorted({c.set for c in data.clips}):
        if read(args.runs, f"from-{name}")[0]:
            result[f"from-{name}"] = across(args.runs, data, settled, name, args.strength)
            for model, f in result[f"from-{name}"].items():
                if isinstance(f, dict):
                    print(line(f"from {name}: {model}", f))
    curve = {}
    for percent in (*CURVE, 100):
        for kind in ("features", "joined", "cnn"):
            parts = [read(args.runs, f"cv-{f}" if percent == 100 else f"curve-{percent}-{f}") for f in range(dataset.FOLDS)]
            if all(kind in part[0] for part in parts):
                p = np.zeros((len(data), len(data.labels)))
                for values, rows in parts:
                    p[rows] = softmax(values[kind])
                f = metrics.report(p, data, THRESHOLD)
                curve[f"{kind} {percent}"] = dict(top1=f["top1"], macro_f1=f["macro_f1"], log_loss=f["log_loss"])
                print(f"curve: {kind}, {percent} % of the artists: top-1 {f['top1']:.1%}, macro-F1 {f['macro_f1']:.3f}, log loss {f['log_loss']:.3f}")
    result["curve"] = curve
    if args.gtzan_test and (args.runs / "final.tags.pt").exists():
        result["gtzan"] = gtzan(args.runs, data, args.gtzan_test, args.strength)
        print("GTZAN:", result["gtzan"])
    (args.runs / "settled.json").write_text(json.dumps(result, indent=1) + "\n")
    print({vote: dict(zip(parts["members"], parts["weights"])) | dict(temperature=parts["temperature"]) for vote, parts in settled.items()})


if __name__ == "__main__":
    main()
