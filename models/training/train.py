"""Train both networks on the training split, and settle how they vote, from cross-validated predictions of the same clips.

Writes into --out: NAME.pt (weights), oof.npz (the cross-validated predictions), ensemble.json (vote weights, temperature, and their figures).
The validation split is not read here beyond being set aside: evaluate.py does that, afterwards."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

import dataset
import metrics
import training

NAMES = ["fma518-mlp", "logmel-cnn"]
TEMPERATURES = np.round(np.arange(0.3, 2.01, 0.02), 2)
SHARES = np.round(np.arange(0, 1.01, 0.05), 2)


def settle_vote(members, data):
    """The MLP's share of the vote with the least log loss, then the temperature with the best calibrated confidence."""
    share = min(SHARES, key=lambda w: metrics.log_loss(metrics.vote(members, [w, 1 - w], 1.0), data.target))
    weights = [float(share), float(np.round(1 - share, 2))]
    temperature = min(TEMPERATURES, key=lambda t: metrics.confidence_loss(metrics.vote(members, weights, t), data.right))
    return weights, float(temperature)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    args.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()

    def say(line):
        print(f"[{time.monotonic() - started:6.0f} s] {line}", flush=True)

    everything = dataset.load(args.clips, args.features)
    data = everything.subset(np.array([clip.split == "train" for clip in everything.clips]))
    folds = dataset.folds_by_artist(data.clips)
    say(f"{len(data)} clips by {len({c.artist for c in data.clips})} artists, {len(data.labels)} genres: {', '.join(data.labels)}")

    for name in NAMES:
        net = training.fit(name, data, training.SETTINGS[name], args.seed, say)
        torch.save(dict(labels=data.labels, settings=training.SETTINGS[name], seed=args.seed, weights=net.state_dict()), args.out / f"{name}.pt")
    members = [training.cross_validate(name, data, training.SETTINGS[name], folds, args.seed, say) for name in NAMES]
    np.savez(args.out / "oof.npz", **dict(zip(NAMES, members, strict=True)), keys=[c.key for c in data.clips])

    weights, temperature = settle_vote(members, data)
    figures = {name: metrics.report(p, data, 0.7) for name, p in zip(NAMES, members, strict=True)}
    figures["vote"] = metrics.report(metrics.vote(members, weights, temperature), data, 0.7)
    result = dict(members=NAMES, weights=weights, temperature=temperature, cross_validation=figures)
    (args.out / "ensemble.json").write_text(json.dumps(result, indent=1) + "\n")
    for name, f in figures.items():
        at = f["at_default"]
        say(f"{name}: top-1 {f['top1']:.3f}, macro-F1 {f['macro_f1']:.3f}, ECE {f['ece']:.3f}, at 0.7: {at['precision']:.3f} of {at['coverage']:.3f}")
    say(f"vote: weights {weights}, temperature {temperature}")


if __name__ == "__main__":
    main()
