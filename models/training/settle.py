"""What is settled after the fits, from cross-validated logits alone: weights and temperatures of both votes, and the figures of every model.

Every figure of a vote is nested: for the clips of a fold, weights and temperature come from the other folds' clips. What is exported comes from all of them.
Nothing is settled on figures across sets, nor on GTZAN's test part, which is asked about once at the end. What a vote's word is worth on a collection that was
left out, and the stages, `calibrate.py` says."""

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
VOTES = {"builtin": BUILTIN, "musicnn": ["musicnn-msd", "musicnn-fusion", "musicnn-tags"]}
MAIN = ("taffc4q", "emotify")  # the collections that decide which genres are learned, and that macro-F1 is told of


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


def as_shipped(vote):
    """Weights and temperature of a vote as its description has them."""
    file = tomllib.loads((HERE.parent / ("ensemble.toml" if vote == "builtin" else f"ensemble-{vote}.toml")).read_text())
    weights = {member["model"]: member["weight"] for member in file["members"]}
    return dict(members=VOTES[vote], weights=[weights[name] for name in VOTES[vote]], temperature=file["temperature"])


def apply(settled, opinions, labels):
    chosen = [opinions[name] for name in settled["members"]]
    universe = votes.universe_of(labels, chosen)
    return votes.vote(chosen, settled["weights"], settled["temperature"], universe), universe


def report(p, data, universe):
    right = widened(data, universe)
    f = metrics.report(p, data, THRESHOLD, right, universe)
    f["reliability"] = metrics.reliability(p, right)
    return f


def nested(logits, data, folds, strength):
    """Predictions of each model and each vote: what is settled for a fold's clips comes from the other folds."""
    made, universes = {}, {}

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
    return made, universes


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
    """Trained on every clip of one set, asked about every clip of the other main one. A model says what it would have learned from that set alone."""
    logits, rows = read(runs, f"from-{source}")
    of_main = np.array([data.clips[row].collection in MAIN for row in rows])
    logits, rows = {kind: values[of_main] for kind, values in logits.items()}, rows[of_main]
    heard, asked = data.subset(np.array([c.collection == source for c in data.clips])), data.subset(rows)
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
    # Folds are dealt over all clips, as the fits had them; what is only asked about decides nothing here.
    learned = np.flatnonzero(dataset.learnable(data.clips))
    folds = dataset.folds_by_artist(data.clips)
    logits = {}
    for fold in range(dataset.FOLDS):
        for kind, values in read(args.runs, f"cv-{fold}")[0].items():
            logits.setdefault(kind, np.full((len(data), values.shape[1]), np.nan, np.float32))[folds == fold] = values
    incomplete = [kind for kind, values in logits.items() if np.isnan(values).any()]
    logits = {kind: values[learned] for kind, values in logits.items() if kind not in incomplete}
    everything, data, folds = data, data.subset(learned), folds[learned]
    adjust = lift(args.strength, data)
    plain, lifted = opinions_of(logits, data, 0 * adjust), opinions_of(logits, data, adjust)
    fitted = {vote: settle(plain, data, names, lifted) for vote, names in VOTES.items() if all(name in plain for name in names)}
    # A vote whose models were not fitted anew keeps what was settled for it.
    settled = {vote: fitted.get(vote) or as_shipped(vote) for vote in VOTES}
    result = dict(votes=settled, labels=data.labels, strength=args.strength, adjust=adjust.tolist())
    made, universes = nested(logits, data, folds, args.strength)
    main_rows = np.flatnonzero([c.collection in MAIN for c in data.clips])
    result["cross_validation"] = {name: report(p[main_rows], data.subset(main_rows), universes[name]) for name, p in made.items()}
    for name, f in result["cross_validation"].items():
        print(line(name, f))
    result["sets"] = {vote: {} for vote in fitted}
    for vote in fitted:
        for name in dict.fromkeys(c.collection for c in data.clips):
            rows = np.flatnonzero([c.collection == name for c in data.clips])
            result["sets"][vote][name] = report(made[vote][rows], data.subset(rows), universes[vote])
            print(line(f"{vote}, {name} alone", result["sets"][vote][name]))
    for name in MAIN:
        if read(args.runs, f"from-{name}")[0]:
            result[f"from-{name}"] = across(args.runs, everything, settled, name, args.strength)
            for model, f in result[f"from-{name}"].items():
                if isinstance(f, dict):
                    print(line(f"from {name}: {model}", f))
    curve = {}
    for percent in (*CURVE, 100):
        for kind in ("features", "joined", "cnn"):
            parts = [read(args.runs, f"cv-{f}" if percent == 100 else f"curve-{percent}-{f}") for f in range(dataset.FOLDS)]
            if all(kind in part[0] for part in parts):
                p = np.zeros((len(data), len(data.labels)))
                at = np.full(len(everything), -1)
                at[learned] = np.arange(len(learned))
                for values, rows in parts:
                    p[at[rows[at[rows] >= 0]]] = softmax(values[kind][at[rows] >= 0])
                f = metrics.report(p[main_rows], data.subset(main_rows), THRESHOLD)
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
