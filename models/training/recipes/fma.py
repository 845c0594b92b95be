"""A genre model from the FMA data set's tables of features and tracks.

FOLDER holds `features.csv` and `tracks.csv` (of fma_metadata.zip). The split is the data set's own, which keeps each artist in one part.
Perceptrons are fitted to the training part of the subset `large` (every track with a top genre), then further to that of `medium`; the validation
part of `medium` decides when to stop and how sure to be; its test part is measured once, at the end."""

import argparse
import csv
import os
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

# Before NumPy is loaded. Small products are no faster on several threads, and one thread adds up in the same order on every machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402

import figures  # noqa: E402
import folder  # noqa: E402
from names import Taxonomy  # noqa: E402
from perceptron import Committee, Perceptron, Scaler, fit, softmax  # noqa: E402

# Artists' biographies are longer than the csv module expects of a cell.
csv.field_size_limit(2**31 - 1)

PARTS = ("training", "validation", "test")
SUBSETS = ("small", "medium", "large")
# The vector of `reclassd features`: families in this order, in each the statistics, in each the rows.
FAMILIES = {
    "chroma_cens": 12, "chroma_cqt": 12, "chroma_stft": 12, "mfcc": 20, "rmse": 1, "spectral_bandwidth": 1, "spectral_centroid": 1,
    "spectral_contrast": 7, "spectral_rolloff": 1, "tonnetz": 6, "zcr": 1,
}  # fmt: skip
STATISTICS = ("kurtosis", "max", "mean", "median", "min", "skew", "std")
COLUMNS = [(family, statistic, f"{number:02}") for family, rows in FAMILIES.items() for statistic in STATISTICS for number in range(1, rows + 1)]
# The table was computed from the files' own rates, nearly all of them 44,100 Hz.
SAMPLE_RATE = 44_100


@dataclass
class Track:
    subset: str
    part: str
    genre: str
    artist: str


def table(path, header_rows):
    """The column names of a table, a tuple of `header_rows` words each, and an iterator over its rows: (line, track id, cells)."""
    if not path.is_file():
        raise SystemExit(f"{path}: is not there; FOLDER is what fma_metadata.zip unpacks to")
    file = open(path, newline="", encoding="utf-8")
    reader = csv.reader(file)
    header = [row for _, row in zip(range(header_rows), reader)]
    if len(header) < header_rows or len({len(row) for row in header}) != 1:
        raise SystemExit(f"{path}: does not begin with {header_rows} header rows of the same length")
    names = [tuple(word.strip() for word in column) for column in zip(*header)][1:]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SystemExit(f"{path}: the column {'.'.join(twice[0])} is there {Counter(names)[twice[0]]} times")

    def rows():
        with file:
            for row in reader:
                # Below the header stands the name of the index.
                if not row or row[0] == "track_id":
                    continue
                if len(row) != len(names) + 1 or not row[0].isdigit():
                    raise SystemExit(f"{path}: line {reader.line_num} is no track: it has {len(row)} cells of {len(names) + 1}, the first is {row[0]!r}")
                yield reader.line_num, int(row[0]), row[1:]

    return names, rows()


def read_tracks(path):
    """The tracks of the three subsets that have a top genre, by their ids."""
    names, rows = table(path, 2)
    wanted = {"subset": ("set", "subset"), "part": ("set", "split"), "genre": ("track", "genre_top"), "artist": ("artist", "id")}
    for name in wanted.values():
        if name not in names:
            raise SystemExit(f"{path}: has no column {name}")
    places = {field: names.index(name) for field, name in wanted.items()}
    tracks = {}
    for line, number, cells in rows:
        track = Track(**{field: cells[place].strip() for field, place in places.items()})
        if not track.genre or track.subset not in SUBSETS:
            continue
        if track.part not in PARTS:
            raise SystemExit(f"{path}: line {line}: the split {track.part!r} is none of {', '.join(PARTS)}")
        if not track.artist:
            raise SystemExit(f"{path}: line {line}: track {number} has no artist, so nobody can keep artists apart")
        tracks[number] = track
    if not tracks:
        raise SystemExit(f"{path}: has no track with a top genre in {', '.join(SUBSETS)}")
    return tracks


def keep_artists_apart(path, tracks, drop):
    """Ends the recipe where an artist is on both sides of a split, or drops that artist's tracks from all parts but the last."""
    parts = defaultdict(set)
    for track in tracks.values():
        parts[track.artist].add(track.part)
    shared = {artist for artist, where in parts.items() if len(where) > 1}
    if not shared:
        return tracks
    if not drop:
        some = ", ".join(sorted(shared, key=lambda a: (len(a), a))[:5])
        raise SystemExit(
            f"{path}: {len(shared)} artists are in more than one part of the split (artist {some}), so the figures would be of artists that were heard "
            "in training; --drop-shared-artists takes their tracks out of the earlier parts"
        )
    last = {artist: max(parts[artist], key=PARTS.index) for artist in shared}
    kept = {number: track for number, track in tracks.items() if track.artist not in shared or track.part == last[track.artist]}
    print(f"{len(tracks) - len(kept)} tracks of {len(shared)} artists in more than one part: left out of the earlier parts")
    return kept


def read_features(path, tracks):
    """The ids of the tracks that are in the table, and their features in the order of the program's vector."""
    names, rows = table(path, 3)
    places = {name: place for place, name in enumerate(names)}
    missing = [".".join(name) for name in COLUMNS if name not in places]
    if missing:
        raise SystemExit(f"{path}: {len(missing)} of the {len(COLUMNS)} columns are missing, the first is {missing[0]}")
    order = np.array([places[name] for name in COLUMNS])
    numbers, features = [], []
    for line, number, cells in rows:
        if number not in tracks:
            continue
        try:
            row = np.array(cells, dtype=np.float32)[order]
        except ValueError as error:
            raise SystemExit(f"{path}: line {line}: track {number}: {error}") from None
        # A kurtosis of constant rows is not a number in some versions of the table; 0 is then as good as any.
        features.append(np.nan_to_num(row, nan=0.0, posinf=0.0, neginf=0.0))
        numbers.append(number)
    if len(set(numbers)) != len(numbers):
        raise SystemExit(f"{path}: a track is in the table more than once")
    without = len(tracks) - len(numbers)
    if without:
        print(f"{without} tracks have no row in {path.name}: left out")
    if not numbers:
        raise SystemExit(f"{path}: has none of the tracks of tracks.csv")
    return numbers, np.stack(features)


def card(name, labels, counts, measured, kept, committee, members, none):
    said = "" if not none else "\nLeft out, being no genre here: " + ", ".join(f"{genre} (it {why})" for genre, why in sorted(none.items())) + ".\n"
    return f"""# {name}

{members} perceptrons 518-256-128-{len(labels)} on the FMA features, their logits averaged. Input: the 518 FMA features at {SAMPLE_RATE:,} Hz. Output: one of
{len(labels)} genres, with a probability for each. Made by `models/training/recipes/fma.py`.

## Data

The tables of FMA, a dataset for music analysis (Defferrard, Benzi, Vandergheynst and Bresson, 2017; https://github.com/mdeff/fma), and its own split into
artists for training, validation and test: {counts}.
{said}
## How good it is

Fitted to the training part of `large`, then of `medium` (epochs kept: {kept}). The temperature ({committee.temperature:.2f}) is inside the graph; it was chosen on the
validation part of `medium`, which also decided when to stop and so flatters the first row. The test part was measured once. The baseline always names the most
frequent genre of the training part.

{figures.table(measured)}

These figures are about this data set. It leans towards Experimental, Electronic and Rock, and its artists release on a site for free music: other libraries
are different, and `reclassd evaluate` says how different. In the vote the confidence is not calibrated.

## Licence

FMA's metadata, the tables of features included, are under the Creative Commons Attribution 4.0 International Licence (CC BY 4.0), by Defferrard et al. The
recordings themselves are under the licences that their artists chose; none of them is part of this model.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the folder with features.csv and tracks.csv")
    parser.add_argument("--out", type=Path, required=True, metavar="MODELFOLDER", help="the model's folder, named like the model")
    parser.add_argument("--members", type=int, default=4, help="perceptrons whose logits are averaged (default: 4)")
    parser.add_argument("--epochs", type=int, default=80, help="at most so many for each of the two fits (default: 80)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drop-shared-artists", action="store_true", help="go on where an artist is in two parts of the split, without the earlier one's tracks")
    args = parser.parse_args()
    folder.prepare(args.out)

    tracks_file = args.folder / "tracks.csv"
    tracks = keep_artists_apart(tracks_file, read_tracks(tracks_file), args.drop_shared_artists)
    taxonomy = Taxonomy()
    meant, none = taxonomy.labels(sorted({track.genre for track in tracks.values()}))
    for genre, why in none.items():
        print(f"{genre}: no genre here: it {why}; its tracks are left out")
    tracks = {number: track for number, track in tracks.items() if track.genre in meant}
    numbers, x = read_features(args.folder / "features.csv", tracks)
    tracks = [tracks[number] for number in numbers]

    part = np.array([track.part for track in tracks])
    medium = np.array([track.subset != "large" for track in tracks])
    genre = np.array([meant[track.genre] for track in tracks])
    learned = set(genre[part == "training"])
    labels = [label for label in taxonomy.genres if label in learned]
    classes = np.array([labels.index(g) if g in learned else -1 for g in genre])
    for where, rows in {p: (part == p) & medium for p in PARTS}.items():
        if not rows.any():
            raise SystemExit(f"{tracks_file}: the subsets small and medium have no track with a top genre in the part {where}")
    if len(labels) < 2:
        raise SystemExit(f"{tracks_file}: the part training has one genre only, {labels[0]}")

    large, fine = part == "training", (part == "training") & medium
    valid, test = (part == "validation") & medium & (classes >= 0), (part == "test") & medium
    if not valid.any():
        raise SystemExit(f"{tracks_file}: no track of the part validation has a genre of the part training")
    scaler = Scaler(x[large])
    standard = scaler(x)
    nets, kept = [], []
    for member in range(args.members):
        seed = args.seed * 1000 + member
        net = Perceptron(x.shape[1], len(labels), seed)
        settings = {"epochs": args.epochs, "seed": seed}
        first = fit(net, standard[large], classes[large], standard[valid], classes[valid], rate=1e-3, **settings)
        second = fit(net, standard[fine], classes[fine], standard[valid], classes[valid], rate=2e-4, **settings)
        print(f"perceptron {member + 1}: kept epoch {first} on large, {second} on medium", flush=True)
        nets.append(net)
        kept.append(f"{first} and {second}")
    committee = Committee(scaler, nets)
    committee.settle(x[valid], classes[valid])

    majority = labels[np.bincount(classes[fine]).argmax()]
    measured = {
        name: figures.figures(softmax(committee.logits(x[rows])), genre[rows], labels, majority)
        for name, rows in [("validation", (part == "validation") & medium), ("test", test)]
    }
    for name, f in measured.items():
        print(figures.line(name, f))
    counts = ", ".join(f"{int(((part == p) & medium).sum())} tracks of `medium` for {p}" for p in PARTS)
    counts += f"; {int(large.sum())} of `large` for training"
    folder.write(
        args.out, committee, labels, sample_rate=SAMPLE_RATE, licence="CC-BY-4.0",
        about=f"{args.members} perceptrons 518-256-128-{len(labels)} on the FMA features, fitted to FMA",
        card=card(args.out.name, labels, counts, measured, "; ".join(kept), committee, args.members, none),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
