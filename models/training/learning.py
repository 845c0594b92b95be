"""How good learning from an owner is: the labelled clips as if they were a library, and `reclassd learn` as its owner runs it.

A library is a database that the program made itself by analysing one file; the clips become rows beside it, with the features and the answers of musicnn that
`prepare.py` wrote, and with what networks say that never heard the artist, or never heard the whole collection (`study.py`): what the shipped networks say of
clips that they learned from would be too good. A part of the clips gets its genre as the owner's choice; the program learns, and judges every clip anew
(`learn --judge`). Figures are of clips by artists of whom nothing was named. Clips of the part `test` have no part in it. The same seeds give the same figures.

It needs, in this order: `prepare.py` over the clips (FEATURES), `study.py --kinds features,joined,tags,cnn1 --runs cv,without` (RUNS), and a built
`reclassd` (PROGRAM); a world whose networks are not there is left out and named. Then all of it is one command:

    learning.py --reclassd PROGRAM --clips clips.csv [more.csv] --features FEATURES --runs RUNS [RUNS] --wheel musicnn.whl --out figures.jsonl

Every run is a JSON object in figures.jsonl; `--table` prints the means of what is in it and runs nothing.
"""

import argparse
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
import wave
from pathlib import Path

import numpy as np

import dataset

SETS = ("taffc4q", "emotify")


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


class Clips:
    """Clips of some sets, what was measured of each, and what the networks of some runs say of them."""

    def __init__(self, args, sets, runs):
        every = [c for c in dataset.read_clips(*args.clips)]
        at = [i for i, c in enumerate(every) if c.set in sets and c.split != "test"]
        vectors, said = {}, {}
        for name in sets:
            keys = {c.path: c.key for c in every if c.set == name}
            files = json.loads((args.features / f"{name}.fma518.json").read_text())["files"]
            matrix = np.load(args.features / f"{name}.fma518.npy")
            vectors |= {dataset.clip_of(f, keys): row for f, row in zip(files, matrix, strict=True)}
            said |= {dataset.clip_of(f, keys): row for f, row in dataset.read_musicnn(args.features, name)}
        self.clips = [every[i] for i in at]
        self.fma518 = np.stack([vectors[c.key] for c in self.clips]).astype("<f4")
        self.musicnn = np.stack([said[c.key] for c in self.clips]).astype("<f4")
        self.artists = np.array([c.artist for c in self.clips])
        self.logits = {}
        for kind in ("features", "cnn1", "fusion1", "joined", "tags"):
            rows = {}
            for run in runs:
                file = next((folder / f"{run}.{kind}.npz" for folder in args.runs if (folder / f"{run}.{kind}.npz").exists()), None)
                if file:
                    archive = np.load(file)
                    rows |= dict(zip(archive["rows"].tolist(), archive["logits"], strict=True))
            if all(i in rows for i in at):
                self.logits[kind] = np.stack([rows[i] for i in at])

    def has(self, musicnn):
        return all(kind in self.logits for kind in (("joined", "tags") if musicnn else ("features", "cnn1", "fusion1")))

    def only(self, rows):
        other = object.__new__(Clips)
        other.clips = [self.clips[i] for i in rows]
        other.fma518, other.musicnn, other.artists = self.fma518[rows], self.musicnn[rows], self.artists[rows]
        other.logits = {k: v[rows] for k, v in self.logits.items()}
        return other


# What the networks had heard before they came into the library: the runs of those with musicnn, and of the built-in ones.
HEARD = ("other artists of these sets", SETS, [f"cv-{f}" for f in range(5)], [f"cv-{f}" for f in range(5)])
NEVER = [(f"never {name}", (name,), [f"without-{name}"], [f"without-{name}"]) for name in ("taffc4q", "emotify")]


def libraries(args, networks, musicnn_too=(False, True)):
    """A library of the clips for every vote that the runs are there for."""
    for title, sets, with_musicnn, built_in in networks:
        for musicnn in musicnn_too:
            clips = Clips(args, sets, with_musicnn if musicnn else built_in)
            if not clips.has(musicnn):
                print(f"left out, for want of the runs' answers: {title}, {'with musicnn' if musicnn else 'built-in'}", file=sys.stderr)
                continue
            library = Library(args.reclassd, musicnn, args.wheel)
            library.fill(clips)
            yield title, musicnn, library, clips
            library.close()


class Library:
    """A database with clips for tracks, and the program that learns from it."""

    KINDS = {"fma518-mlp": "features", "logmel-cnn": "cnn1", "spectrum-fusion": "fusion1", "musicnn-fusion": "joined", "musicnn-tags": "tags"}

    def __init__(self, program, with_musicnn, wheel=None):
        self.program, self.root = program, Path(tempfile.mkdtemp(prefix="reclassd-learning-"))
        (self.root / "music").mkdir()
        self.database = self.root / "state.db"
        models = self.root / "models"
        config = f"[models]\nfolder = {json.dumps(str(models))}\n[library]\nsettle_seconds = 0\n[ensemble]\nmusic_only = false\n"
        (self.root / "config.toml").write_text(config)
        if with_musicnn:
            self.run("models", "install", "musicnn", "--from", wheel, database=False)
        noise = (np.random.default_rng(0).normal(0, 3000, 22050 * 6)).astype("<i2")
        with wave.open(str(self.root / "music/one.wav"), "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050), file.writeframes(noise.tobytes())
        self.run("scan", "--dry-run", self.root / "music")

    def run(self, command, *arguments, database=True):
        where = ["--database", self.database] if database else []
        whole = [self.program, command, *map(str, arguments), "--config", self.root / "config.toml", *where]
        done = subprocess.run(list(map(str, whole)), capture_output=True, text=True, env=os.environ | {"RECLASSD_LOG": "error"})
        if done.returncode not in (0, 1):
            sys.exit(f"{whole}: {done.stderr}")
        return done.stdout

    def fill(self, clips):
        """Tracks for clips, with all that was measured and said of each. Nobody has named any."""
        base = sqlite3.connect(self.database)
        features = base.execute("SELECT kind, window, length(value) FROM feature WHERE audio = 1").fetchall()
        scores = base.execute("SELECT model, window, length(probabilities) FROM score WHERE audio = 1").fetchall()
        # The words that tracks are found by are of no use here, and Python's SQLite may be too old for them.
        for trigger in ("insert", "update", "delete"):
            base.execute(f"DROP TRIGGER track_words_{trigger}")
        base.execute("DELETE FROM track")
        for i, clip in enumerate(clips.clips):
            audio = i + 2
            base.execute("INSERT INTO audio (id, audio_id) VALUES (?, ?)", (audio, audio.to_bytes(16, "little")))
            for kind, window, size in features:
                value = self.feature(clips, i, kind)
                if value is not None and len(value) * 4 == size:
                    base.execute("INSERT INTO feature VALUES (?, ?, ?, ?)", (audio, kind, window, np.asarray(value, "<f4").tobytes()))
            for model, window, size in scores:
                value = self.said(clips, i, model.split("/")[0], size // 4)
                if value is not None:
                    base.execute("INSERT INTO score VALUES (?, ?, ?, ?)", (audio, model, window, np.asarray(value, "<f4").tobytes()))
            base.execute(
                "INSERT INTO track (path, audio, size, mtime_seconds, mtime_nanos, inode, device, status, ranking, seen_at, added_at)"
                " VALUES (?, ?, 1, 1, 1, 1, 1, 'unsure', '[]', 1, 1)",
                (self.path(clip), audio),
            )  # fmt: skip
        base.commit()
        base.close()
        self.clips = clips

    @staticmethod
    def path(clip):
        return f"/nowhere/{clip.artist}/{clip.key}".encode()

    def name(self, choices, judged=None, sure=0.7):
        """The owner's choices from now on: a list of genres a clip, empty for none. `judged` is what the last vote said of them; what was sure enough counts as
        written."""
        base = sqlite3.connect(self.database)
        base.execute("DELETE FROM owner_choice")
        for i, (clip, genres) in enumerate(zip(self.clips.clips, choices, strict=True)):
            if genres:
                base.execute("INSERT INTO owner_choice VALUES (?, ?, 1, ?, 'chosen', 1)", (self.path(clip), i + 2, json.dumps(list(genres))))
            row = judged and judged[i]
            status = "tagged" if row and row["confidence"] >= sure else "unsure"
            said = (row["genre"], row["confidence"]) if row else (None, None)
            base.execute("UPDATE track SET status = ?, genre = ?, confidence = ? WHERE audio = ?", (status, *said, i + 2))
        base.commit()
        base.close()

    def feature(self, clips, i, kind):
        if kind.startswith("fma518@22050"):
            return clips.fma518[i]
        return clips.musicnn[i, :200] if kind.startswith("embedding:musicnn-msd") else None

    def said(self, clips, i, model, size):
        if model == "musicnn-msd":
            return clips.musicnn[i, 200:]
        kind = self.KINDS.get(model)
        if kind not in clips.logits or clips.logits[kind].shape[1] != size:
            return None
        return softmax(clips.logits[kind][i : i + 1])[0]

    def learn(self, *arguments):
        return json.loads(self.run("learn", "--json", *arguments))

    def judged(self):
        """What the vote says of every clip, by the program itself: genre, confidence and ranking, with what was learned where it was."""
        lines = self.run("learn", "--judge", "--json").splitlines()
        found = {row["path"]: row for row in map(json.loads, lines)}
        return [found[f"/nowhere/{clip.artist}/{clip.key}"] for clip in self.clips.clips]

    def forget(self):
        shutil.rmtree(f"{self.database}.learned", ignore_errors=True)
        self.name([[] for _ in self.clips.clips])

    def close(self):
        shutil.rmtree(self.root)


def split(clips, share, seed):
    """Which clips the owner has named: of every genre about a share, whole artists."""
    rng = np.random.default_rng(seed)
    names = sorted(set(clips.artists))
    rng.shuffle(names)
    of = {name: [i for i, a in enumerate(clips.artists) if a == name] for name in names}
    want = {g: share * sum(g in c.genres for c in clips.clips) for c in clips.clips for g in c.genres}
    have, named = dict.fromkeys(want, 0), np.zeros(len(clips.clips), bool)
    for name in names:
        genres = [g for i in of[name] for g in clips.clips[i].genres]
        if sum(have[g] < want[g] for g in genres) * 2 > len(genres):
            named[of[name]] = True
            for g in genres:
                have[g] += 1
    return named


def figures(judged, genres, key="guess", threshold=0.7, same=lambda said, genres: said in genres):
    """Top-1 in the owner's names, ECE, and how much of what would be written is right."""
    right = np.array([same(row[key], g) for row, g in zip(judged, genres, strict=True)])
    written = np.array([same(row["genre"], g) for row, g in zip(judged, genres, strict=True)])
    confidence = np.array([row["confidence"] for row in judged])
    bins = np.minimum((confidence * 10).astype(int), 9)
    ece = sum(abs(confidence[bins == b].sum() - written[bins == b].sum()) for b in range(10)) / len(written)
    over = confidence >= threshold
    precision = float(written[over].mean()) if over.any() else None
    return dict(top1=float(right.mean()), ece=float(ece), precision=precision, coverage=float(over.mean()), tracks=len(written))


def families(said, genres):
    """Whether a genre is one of the clip's, kinds counted as their family: labels here do not tell them apart."""
    return dataset.FAMILY.get(said, said) in genres


def right_of(judged, genres):
    return [families(row["guess"], g) for row, g in zip(judged, genres, strict=True)]


def world_shares(args, out):
    """5 to 50 % of each genre named, and the rest judged: by the vote without and with what was learned from them."""
    for title, musicnn, library, clips in libraries(args, [HEARD, *NEVER]):
        library.forget()
        at_first = library.judged()
        for share in args.shares:
            for seed in range(args.seeds):
                named = split(clips, share / 100, seed)
                library.forget()
                library.name([sorted(c.genres) if n else [] for c, n in zip(clips.clips, named, strict=True)], at_first)
                rest = np.flatnonzero(~named)
                truth = [clips.clips[i].genres for i in rest]
                before = [at_first[i] for i in rest]
                report = library.learn()
                judged = library.judged()
                after = [judged[i] for i in rest]
                found = report["comparison"]
                threshold = found["threshold"] if adopted(report) else 0.7
                say(out, world="shares", networks=title, musicnn=musicnn, share=share, seed=seed, named=int(named.sum()), adopted=adopted(report),
                    genres=len(report["genres"]), threshold=threshold, before=figures(before, truth, same=families),
                    after=figures(after, truth, threshold=threshold, same=families), gain=gain(right_of(before, truth), right_of(after, truth), clips.artists[rest]),
                    outcome=report["outcome"], own=found and {key: found[key] for key in ("before", "after", "gain", "told", "weight")})  # fmt: skip


def gain(before, after, artists, draws=1000):
    """The difference in top-1 and where 95 of 100 draws of other artists have it."""
    names, index = np.unique(artists, return_inverse=True)
    sums = np.bincount(index, np.asarray(after, float) - np.asarray(before, float))
    counts = np.bincount(index)
    drawn = np.random.default_rng(0).integers(0, len(names), (draws, len(names)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    return [float(sums.sum() / counts.sum()), *np.percentile(means, [2.5, 97.5]).tolist()]


def adopted(report):
    return isinstance(report["outcome"], dict) and "adopted" in report["outcome"]


def say(out, **row):
    print(json.dumps(row), file=out, flush=True)
    before, after = row.get("before", {}), row.get("after", {})
    print({k: v for k, v in row.items() if not isinstance(v, dict)}, "top-1", before.get("top1"), "->", after.get("top1"), flush=True)


def world_random(args, out):
    """Names that mean nothing: drawn at random for each clip, and for each artist. None may be adopted."""
    for title, musicnn, library, clips in libraries(args, [HEARD], (True,)):
        people = sorted(set(clips.artists))
        for by in ("clip", "artist"):
            for seed in range(args.random_seeds):
                rng = np.random.default_rng(seed)
                k = 2 + seed % 6
                names = [f"Name {i}" for i in range(k)]
                of = dict(zip(people, rng.integers(0, k, len(people)), strict=True))
                chosen = [[names[of[a] if by == "artist" else rng.integers(0, k)]] for a in clips.artists]
                named = split(clips, 0.5, seed) if seed % 2 else np.ones(len(chosen), bool)
                library.name([c if n else [] for c, n in zip(chosen, named, strict=True)])
                report = library.learn("--dry-run")
                say(out, world="random", by=by, seed=seed, names=k, named=int(named.sum()), adopted=report["outcome"] == "would-be-adopted", outcome=report["outcome"])


# Names that no model knows, for some genres together each, by no rule of music.
SHELVES = {"Kitchen": ("Jazz", "Country", "Reggae"), "Late Hour": ("Classical", "Folk", "Easy Listening", "Blues"), "Gym": ("Electronic", "Hip-Hop", "Soul-RnB"),
           "Holidays": ("International", "Latin"), "Road": ("Pop Rock",)}  # fmt: skip
MOODS = {"Q1": "Sunny", "Q2": "Fierce", "Q3": "Rainy Sunday", "Q4": "Hammock"}


def world_renamed(args, out):
    """Half of the artists' clips in names that no model knows: shelves of several genres, moods, and both with names beside them that mean nothing."""
    for _, musicnn, library, clips in libraries(args, [("other artists", ("taffc4q",), HEARD[2], HEARD[3])]):
        shelf = [[name for name, genres in SHELVES.items() if set(genres) & c.genres] for c in clips.clips]
        mood = [[MOODS[c.path.split("/")[1]]] for c in clips.clips]
        rng = np.random.default_rng(0)
        people = sorted(set(clips.artists))
        side = dict(zip(people, rng.integers(0, 2, len(people)), strict=True))
        left = [["Bought in 1998"] if side[a] else ["Bought in 2004"] for a in clips.artists]
        worlds = {"shelves": shelf, "moods": mood, "shelves, and names at random": [a + b for a, b in zip(shelf, left, strict=True)], "names at random": left}
        for title, truth in worlds.items():
            for seed in range(args.seeds):
                named = split(clips, 0.5, seed)
                library.forget()
                library.name([t if n else [] for t, n in zip(truth, named, strict=True)])
                report = library.learn()
                judged = library.judged()
                rest = np.flatnonzero(~named)
                wanted = [shelf[i] if title.startswith("shelves") else truth[i] for i in rest]
                commonest = max((sum(n in w for w in wanted) for n in {n for w in wanted for n in w}), default=0) / len(rest)
                after = [judged[i] for i in rest]
                same = figures(after, wanted, threshold=report["comparison"]["threshold"] if adopted(report) else 0.7)
                say(out, world="renamed", title=title, musicnn=musicnn, seed=seed, named=int(named.sum()), adopted=adopted(report), outcome=report["outcome"],
                    untold=report["untold"], before=dict(top1=commonest), after=same if adopted(report) else {})  # fmt: skip


def world_owners(args, out):
    """Two owners: each names half of his clips and is asked about the other half, by his own model and by the other's."""
    labels = {}
    for row in csv.DictReader(open(args.clips[0], encoding="utf-8")):
        labels[f"{row['set']}/{row['path']}"] = [g.strip().replace("Pop|Rock", "Pop Rock") for g in row["labels"].split(";") if g.strip()]
    for musicnn in (False, True):
        owners = {}
        for _, _, library, clips in libraries(args, NEVER, (musicnn,)):
            named = split(clips, 0.5, 0)
            library.name([labels[c.key] if n else [] for c, n in zip(clips.clips, named, strict=True)])
            report = library.learn()
            kept = Path(tempfile.mkdtemp(prefix="reclassd-owner-"))
            if adopted(report):
                shutil.copytree(f"{library.database}.learned", kept / "learned")
            owners[clips.clips[0].set] = (kept, named, report)
        for _, _, library, clips in libraries(args, NEVER, (musicnn,)):
            own = clips.clips[0].set
            named, row = owners[own][1], {}
            rest = np.flatnonzero(~named)
            truth = [labels[clips.clips[i].key] for i in rest]
            for title, source in (("none", None), ("own", own), ("the other's", next(iter(set(owners) - {own}), None))):
                library.forget()
                if source and (owners[source][0] / "learned").exists():
                    shutil.copytree(owners[source][0] / "learned", f"{library.database}.learned")
                judged = library.judged()
                row[title] = figures([judged[i] for i in rest], truth, same=lambda said, genres: said in genres or families(said, genres))
            say(out, world="owners", owner=own, musicnn=musicnn, named=int(named.sum()), adopted=adopted(owners[own][2]), **{"figures": row})
            print({k: v["top1"] for k, v in row.items()})
        for kept, _, _ in owners.values():
            shutil.rmtree(kept)


ORDERS = ("what teaches most", "by chance", "least sure first")


def world_order(args, out):
    """How fast it learns by the order in which its owner is asked, by networks that never heard the collection: a third of the artists is judged, the rest asked about."""
    for title, musicnn, library, clips in libraries(args, NEVER[:1], (True,)):
        library.forget()
        at_first = library.judged()
        for seed in range(args.seeds):
            rng = np.random.default_rng(seed)
            people = sorted(set(clips.artists))
            apart = set(rng.permutation(people)[: len(people) // 3])
            judge = np.array([a in apart for a in clips.artists])
            pool = np.flatnonzero(~judge)
            of_pool = clips.only(pool)
            asking = Library(args.reclassd, musicnn, args.wheel)
            asking.fill(of_pool)
            places = {f"/nowhere/{c.artist}/{c.key}": i for i, c in enumerate(clips.clips)}
            truth = [clips.clips[i].genres for i in np.flatnonzero(judge)]
            for order in ORDERS:
                library.forget()
                named, chance, judged = set(), np.random.default_rng(seed), at_first
                for answers in args.answers:
                    asking.name([sorted(clips.clips[i].genres) if i in named else [] for i in pool], [judged[i] for i in pool])
                    left = [i for i in pool if i not in named]
                    want = min(answers - len(named), len(left))
                    if order == "what teaches most":
                        asked = [places[json.loads(line)["path"]] for line in asking.run("learn", "--json", "--ask", want).splitlines()]
                    elif order == "by chance":
                        asked = chance.permutation(left)[:want].tolist()
                    else:
                        asked = sorted(left, key=lambda i: judged[i]["confidence"])[:want]
                    named |= set(asked)
                    library.name([sorted(c.genres) if i in named else [] for i, c in enumerate(clips.clips)], judged)
                    report = library.learn()
                    judged = library.judged()
                    after = [judged[i] for i in np.flatnonzero(judge)]
                    say(out, world="order", order=order, seed=seed, answers=len(named), adopted=adopted(report), genres=len(report["genres"]),
                        before=figures([at_first[i] for i in np.flatnonzero(judge)], truth, same=families), after=figures(after, truth, same=families))  # fmt: skip
            asking.close()


WORLDS = dict(shares=world_shares, random=world_random, renamed=world_renamed, owners=world_owners, order=world_order)
BY = dict(shares=("networks", "musicnn", "share"), random=("by",), renamed=("title", "musicnn"), order=("order", "answers"))


def table(file):
    """The means over seeds of what stands in a file of figures."""
    rows = [json.loads(line) for line in file.open()]
    for world, by in BY.items():
        groups = {}
        for row in (row for row in rows if row["world"] == world):
            groups.setdefault(tuple(row[key] for key in by), []).append(row)
        for key, group in groups.items():
            mean = lambda when, what, some: np.mean([r[when][what] for r in some if r.get(when, {}).get(what) is not None] or [np.nan])  # noqa: E731
            print(world, *key, f"runs {len(group)} adopted {sum(r['adopted'] for r in group)} named {np.mean([r.get('named', 0) for r in group]):.0f}", end=" | ")
            for when in ("before", "after"):
                print(when, " ".join(f"{what} {mean(when, what, group):.3f}" for what in ("top1", "ece", "precision", "coverage")), end=" | ")
            if "gain" in group[0]:
                print("gain {:+.3f} ({:+.3f} to {:+.3f})".format(*np.mean([r["gain"] for r in group], 0)), end=" | ")
            sure = [r for r in group if r["adopted"] and r.get("after", {}).get("coverage")]
            if sure and len(sure) < len(group):
                print("where adopted:", " ".join(f"{what} {mean('after', what, sure):.3f}" for what in ("top1", "ece", "precision", "coverage")), end="")
            print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reclassd", type=Path)
    parser.add_argument("--clips", nargs="+", type=Path, help="the lists that study.py was given, in the same order")
    parser.add_argument("--features", type=Path)
    parser.add_argument("--runs", nargs="+", type=Path, help="what study.py wrote; what is not in the first folder is looked for in the next")
    parser.add_argument("--wheel", type=Path, help="musicnn's package, for the votes with musicnn")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--shares", default=[5, 10, 20, 50], type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--answers", default=[40, 80, 120, 160, 240, 320], type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--seeds", default=3, type=int)
    parser.add_argument("--random-seeds", default=50, type=int)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    if not args.table:
        with args.out.open("a") as out:
            for world in args.worlds.split(","):
                WORLDS[world](args, out)
    table(args.out)


if __name__ == "__main__":
    main()
