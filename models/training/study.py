"""Every fit that the figures and the models need, each in a process of its own with one thread; what is there already is not made again.

| run | trained on | asked about |
|---|---|---|
| `cv-F` | all folds but F, grouped by artist | fold F |
| `without-SET` | every collection but SET | SET |
| `from-SET` | SET alone | every other collection |
| `curve-P-F` | P % of the artists of all folds but F | fold F |
| `final` | everything | nothing |

Clips of the part `test` are asked about with their fold and learned from in no run.

Writes RUN.KIND.npz (logits, and the rows of the list that they are of) and final.KIND.pt into --out."""

import argparse
import multiprocessing
import pickle
import time
from pathlib import Path

import numpy as np
import torch

import dataset
import training

CURVE = (25, 50, 75)
DATA = None


def rows_of(run, data):
    """Which rows the run trains on, and which it is asked about."""
    clips, folds = data.clips, dataset.folds_by_artist(data.clips)
    known = dataset.learnable(clips)
    if run == "final":
        return known, np.zeros(len(clips), bool)
    if run.startswith("without-"):
        inside = np.array([clip.collection == run.split("-")[1] for clip in clips])
        return known & ~inside, inside
    if run.startswith("from-"):
        inside = np.array([clip.collection == run.split("-")[1] for clip in clips])
        return known & inside, ~inside
    fold = folds == int(run.split("-")[-1])
    train = known & ~fold
    if run.startswith("curve-"):
        artists = sorted({clip.artist for clip in clips})
        np.random.default_rng(1).shuffle(artists)
        kept = set(artists[: len(artists) * int(run.split("-")[1]) // 100])
        train &= np.array([clip.artist in kept for clip in clips])
    return train, fold


def one(job):
    run, kind, out, seed = job
    torch.set_num_threads(1)
    started = time.monotonic()
    train, asked = rows_of(run, DATA)
    sort = kind.rstrip("0123456789")
    seed += (int(run[-1]) if run[-1].isdigit() else 0) + 100 * int(kind[len(sort) :] or 0)
    known = DATA.subset(train)
    if run == f"without-{dataset.TAGGRAMS_OF}":
        known.taggrams = None
    net = training.fit(sort, known, training.SETTINGS[sort], seed)
    if run == "final":
        torch.save(net.state_dict(), out / f"final.{kind}.pt")
    else:
        rows = np.flatnonzero(asked)
        for name, values in training.logits_of(sort, net, DATA.subset(rows)).items():
            np.savez(out / f"{run}.{name}{kind[len(sort) :]}.npz", rows=rows, logits=values)
        if run.startswith(("cv-", "without-", "from-")):
            torch.save(net.state_dict(), out / f"{run}.{kind}.pt")
    return f"{run} {kind}: {time.monotonic() - started:.0f} s"


def main():
    global DATA
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, nargs="+", help="lists of clips; the first decides which genres are learned")
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--taggrams", type=Path, help="GTZAN's training part as musicnn's authors published it, for the head on tags")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kinds", default="features,head,joined,tags,cnn1", help="with another number it is another fit, with another seed")
    parser.add_argument("--runs", default="cv,without,from,final,curve")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    store = args.out / "data.pickle"
    if not store.exists():
        store.write_bytes(pickle.dumps(dataset.load(args.clips, args.features, taggrams=args.taggrams), protocol=4))
    DATA = pickle.loads(store.read_bytes())
    runs = dict(
        cv=[f"cv-{f}" for f in range(dataset.FOLDS)], final=["final"],
        curve=[f"curve-{p}-{f}" for p in CURVE for f in range(dataset.FOLDS)],
    )  # fmt: skip
    for kind in ("without", "from"):
        runs[kind] = [f"{kind}-{name}" for name in sorted({clip.collection for clip in DATA.clips if clip.split != "test"})]
    jobs = [(run, kind, args.out, args.seed) for group in args.runs.split(",") for kind in args.kinds.split(",") for run in runs[group]]
    jobs = [j for j in jobs if not (args.out / f"{j[0]}.{j[1]}.npz").exists() and not (args.out / f"{j[0]}.{j[1]}.pt").exists()]
    started = time.monotonic()
    with multiprocessing.get_context("fork").Pool(args.workers) as pool:
        for line in pool.imap_unordered(one, jobs, chunksize=1):
            print(f"[{time.monotonic() - started:5.0f} s] {line}", flush=True)


if __name__ == "__main__":
    main()
