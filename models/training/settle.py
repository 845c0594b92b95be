"""What is settled after the fits, from cross-validated logits alone: shares inside the spectrogram model, weights and temperature of the vote, and the
figures of all of it.

Every figure of the vote is nested: for the clips of a fold, shares, weights and temperature come from the other folds' clips. What is exported comes from
all of them."""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np

import dataset
import metrics
from study import CURVE
from training import softmax

TEMPERATURES = np.round(np.arange(0.3, 2.01, 0.02), 2)
SHARES = np.round(np.arange(0, 1.01, 0.05), 2)
PARTS = (1.0,)  # the convolutions' part of the spectrogram model; below 1 the perceptrons on patterns have a say: README.md says why they have none
THRESHOLD = 0.7
STRENGTH = 0.3  # chosen among 0, 0.1, 0.2 and 0.3: README.md has the figures
MEMBERS = ["fma518-mlp", "logmel-cnn"]


def read(runs, run, data):
    """The logits of a run by kind, and the rows they are of."""
    out = {}
    for kind in ("features", "patterns", "cnn", "fusion"):
        saved = [np.load(file) for file in sorted(runs.glob(f"{run}.{kind}*.npz"))]
        if saved:
            out[kind], rows = np.mean([s["logits"] for s in saved], 0), saved[0]["rows"]
            if len(saved) > 1:
                out[f"one {kind}"] = saved[0]["logits"]
    return out, data.subset(rows)


def members_of(logits, share, adjust):
    """Probabilities of the two members from the logits of their parts. `share` is the convolutions' part of the spectrogram model; `adjust` is taken off
    every logit (a multiple of the genres' log frequency: rare genres get said more often)."""
    spectrogram = share * logits["cnn"] + (1 - share) * logits["patterns"]
    return [softmax(logits["features"] - adjust), softmax(spectrogram - adjust)]


def settle(logits, data, strength):
    """Shares and weights with the least log loss, then the temperature with the best calibrated confidence."""
    adjust = strength * np.log(data.target.sum(0) / data.target.sum())
    losses = {}
    for share in PARTS:
        members = members_of(logits, share, 0)
        for weight in SHARES:
            losses[share, weight] = metrics.log_loss(metrics.vote(members, [weight, 1 - weight], 1.0), data.target)
    share, weight = min(losses, key=losses.get)
    members = members_of(logits, share, adjust)
    weights = [float(weight), float(np.round(1 - weight, 2))]
    temperature = min(TEMPERATURES, key=lambda t: metrics.confidence_loss(metrics.vote(members, weights, t), data.right))
    return dict(share=float(share), weights=weights, temperature=float(temperature), adjust=adjust.tolist())


def alone(probabilities, data):
    """The temperature of one member on its own."""
    return min(TEMPERATURES, key=lambda t: metrics.confidence_loss(metrics.soften(probabilities, t), data.right))


def everything(logits, data, folds, strength):
    """Nested predictions of each part, each member and the vote."""
    out = {}
    for fold in range(folds.max() + 1):
        test, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        inside, outside = {k: v[rest] for k, v in logits.items()}, {k: v[test] for k, v in logits.items()}
        known = data.subset(rest)
        settled = settle(inside, known, strength)
        adjust = np.array(settled["adjust"])
        parts = dict(zip(MEMBERS, zip(members_of(inside, settled["share"], adjust), members_of(outside, settled["share"], adjust))))
        for kind in ("one cnn", "cnn", "patterns", "one fusion", "fusion"):
            if kind in logits:
                parts[f"({kind})"] = softmax(inside[kind] - adjust), softmax(outside[kind] - adjust)
        made = {name: metrics.soften(o, alone(i, known)) for name, (i, o) in parts.items()}
        made["vote"] = metrics.vote([parts[m][1] for m in MEMBERS], settled["weights"], settled["temperature"])
        if "fusion" in logits:
            inner, outer = [
                metrics.vote([parts["(fusion)"][j], metrics.vote([parts[m][j] for m in MEMBERS], settled["weights"], 1.0)], [1, 1], 1.0) for j in (0, 1)
            ]
            made["vote and fusion"] = metrics.soften(outer, alone(inner, known))
        for name, p in made.items():
            out.setdefault(name, np.zeros_like(data.target, dtype=float))[test] = p
    return out


def line(name, f):
    low, high = f["top1_interval"]
    at = f["at_default"]
    return f"| {name} | {f['top1']:.1%} | {low:.0%} to {high:.0%} | {f['macro_f1']:.3f} | {f['ece']:.3f} | {f['log_loss']:.3f} | {at['precision']:.0%} / {at['coverage']:.0%} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--strength", type=float, default=STRENGTH, help="how far rare genres are lifted")
    args = parser.parse_args()
    data = pickle.loads((args.runs / "data.pickle").read_bytes())
    folds = dataset.folds_by_artist(data.clips)
    logits = {}
    for fold in range(dataset.FOLDS):
        saved, _ = read(args.runs, f"cv-{fold}", data)
        for kind, values in saved.items():
            logits.setdefault(kind, np.zeros((len(data), len(data.labels)), np.float32))[folds == fold] = values
    settled = settle(logits, data, args.strength)
    made = everything(logits, data, folds, args.strength)
    result = dict(settled, members=MEMBERS, labels=data.labels, strength=args.strength)
    result["cross_validation"] = {name: metrics.report(p, data, THRESHOLD) for name, p in made.items()}
    for name, f in result["cross_validation"].items():
        print(line(name, f))
    adjust = np.array(settled["adjust"])
    result["sets"] = {}
    for name in sorted({c.set for c in data.clips}):
        rows = np.flatnonzero([c.set == name for c in data.clips])
        result["sets"][name] = metrics.report(made["vote"][rows], data.subset(rows), THRESHOLD)
        print(line(f"vote, {name} alone", result["sets"][name]))
    for run in ["valid", *(f"from-{name}" for name in sorted({c.set for c in data.clips}))]:
        if not list(args.runs.glob(f"{run}.cnn*.npz")) or not (args.runs / f"{run}.features.npz").exists():
            continue
        saved, asked = read(args.runs, run, data)
        if run != "valid":  # the lift as the set that was trained on would have it
            mass = data.subset(np.array([c.set == run[5:] for c in data.clips])).target.sum(0)
            adjust = args.strength * np.log(np.where(mass > 0, mass, mass.sum()) / mass.sum())
        parts = members_of(saved, settled["share"], adjust)
        made = dict(zip(MEMBERS, parts)) | {"vote": metrics.vote(parts, settled["weights"], settled["temperature"])}
        made |= {f"({k})": softmax(v - adjust) for k, v in saved.items() if k != "features"}
        result[run] = {name: metrics.report(p, asked, THRESHOLD) for name, p in made.items()}
        if run != "valid":
            heard = data.subset(np.array([c.set == run[5:] for c in data.clips])).right.any(0)
            result[run]["reachable"] = float((asked.right & heard).any(1).mean())
            print(f"{run}: at most {result[run]['reachable']:.1%} can be right; always the most frequent {result[run]['vote']['majority']:.1%}")
        for name, p in made.items():
            print(line(f"{run}: {name}", result[run][name]))
    curve = {}
    for percent in (*CURVE, 100):
        for kind in ("features", "patterns", "cnn1"):
            files = [args.runs / (f"cv-{f}.{kind}.npz" if percent == 100 else f"curve-{percent}-{f}.{kind}.npz") for f in range(dataset.FOLDS)]
            if all(file.exists() for file in files):
                p = np.zeros((len(data), len(data.labels)))
                for file in files:
                    saved = np.load(file)
                    p[saved["rows"]] = softmax(saved["logits"])
                f = metrics.report(p, data, THRESHOLD)
                curve[f"{kind} {percent}"] = dict(top1=f["top1"], macro_f1=f["macro_f1"], log_loss=f["log_loss"])
                print(f"curve: {kind}, {percent} % of the artists: top-1 {f['top1']:.1%}, macro-F1 {f['macro_f1']:.3f}, log loss {f['log_loss']:.3f}")
    result["curve"] = curve
    (args.runs / "settled.json").write_text(json.dumps(result, indent=1) + "\n")
    print({k: settled[k] for k in ("share", "weights", "temperature")})


if __name__ == "__main__":
    main()
