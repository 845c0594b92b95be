"""How good learning from an owner is: the labelled clips as if they were a library, and `reclassd learn` as its owner runs it.

A library is a database that the program made itself by analysing one file; the clips become rows beside it, with the features and the answers of
musicnn that `prepare.py` wrote, and with what the trained networks say of artists that they had not heard (`study.py`): what the shipped networks say of
clips that they learned from would be too good. A part of the clips gets its genre as the owner's choice, the rest is judged by what was learned: by
the files of the generation, in the arithmetic of the program's vote. Prints one JSON object a run.

    learning.py --reclassd PROGRAM --clips clips.csv --features FEATURES --runs RUNS --worlds shares,random,renamed,owners,order --out figures.jsonl
"""

import argparse
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
    """The clips that may be learned from, what was measured of each, and what networks say that have not heard its artist."""

    def __init__(self, lists, features, runs, how):
        self.clips = [c for c in dataset.read_clips(*lists) if c.split != "test"]
        every = self.clips
        vectors, said = {}, {}
        for name in sorted({c.set for c in every}):
            keys = {c.path: c.key for c in every if c.set == name}
            files = json.loads((features / f"{name}.fma518.json").read_text())["files"]
            matrix = np.load(features / f"{name}.fma518.npy")
            vectors |= {dataset.clip_of(f, keys): row for f, row in zip(files, matrix, strict=True)}
            said |= {dataset.clip_of(f, keys): row for f, row in dataset.read_musicnn(features, name)}
        kept = [i for i, c in enumerate(every) if c.set in SETS]
        self.logits = {}
        for kind in ("features", "cnn1", "fusion1", "joined", "tags"):
            rows = {}
            for run in how:
                file = runs / f"{run}.{kind}.npz"
                if file.exists():
                    archive = np.load(file)
                    rows |= dict(zip(archive["rows"].tolist(), archive["logits"], strict=True))
            if all(i in rows for i in kept):
                self.logits[kind] = np.stack([rows[i] for i in kept])
        self.clips = [every[i] for i in kept]
        self.fma518 = np.stack([vectors[c.key] for c in self.clips]).astype("<f4")
        self.musicnn = np.stack([said[c.key] for c in self.clips]).astype("<f4")
        self.artists = np.array([c.artist for c in self.clips])

    def only(self, rows):
        other = object.__new__(Clips)
        other.clips = [self.clips[i] for i in rows]
        other.fma518, other.musicnn, other.artists = self.fma518[rows], self.musicnn[rows], self.artists[rows]
        other.logits = {k: v[rows] for k, v in self.logits.items()}
        return other


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

    def fill(self, clips, choices, judged=None):
        """Tracks for clips, and the owner's choices: a list of genres a clip, empty for none. `judged` is what the last vote said of them."""
        base = sqlite3.connect(self.database)
        features = base.execute("SELECT kind, window, length(value) FROM feature WHERE audio = 1").fetchall()
        scores = base.execute("SELECT model, window, length(probabilities) FROM score WHERE audio = 1").fetchall()
        base.execute("DELETE FROM track")
        base.execute("DELETE FROM owner_choice")
        for table, column in (("feature", "audio"), ("score", "audio"), ("performer", "audio"), ("verdict", "audio"), ("audio", "id")):
            base.execute(f"DELETE FROM {table} WHERE {column} > 1")
        for i, (clip, genres) in enumerate(zip(clips.clips, choices, strict=True)):
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
            path = f"/nowhere/{clip.artist}/{clip.key}".encode()
            base.execute(
                "INSERT INTO track (path, audio, size, mtime_seconds, mtime_nanos, inode, device, status, genre, confidence, ranking, seen_at, added_at)"
                " VALUES (?, ?, 1, 1, 1, 1, 1, 'unsure', ?, ?, '[]', 1, 1)",
                (path, audio, judged and judged[i]["genre"], judged and judged[i]["confidence"]),
            )
            if genres:
                base.execute("INSERT INTO owner_choice VALUES (?, ?, 1, ?, 'chosen', 1)", (path, audio, json.dumps(list(genres))))
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

    def judged(self, clips):
        """What the vote says of every clip, by the program itself: genre, confidence and ranking, with what was learned where it was."""
        lines = self.run("learn", "--judge", "--json").splitlines()
        found = {row["path"]: row for row in map(json.loads, lines)}
        return [found[f"/nowhere/{clip.artist}/{clip.key}"] for clip in clips.clips]

    def forget(self):
        shutil.rmtree(f"{self.database}.learned", ignore_errors=True)

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


def world_shares(args, out):
    """5 to 50 % of each genre named, and the rest judged: by the vote without and with what was learned from them."""
    for title, runs, sets in (
        ("heard other artists of these sets", [f"cv-{f}" for f in range(5)], SETS),
        ("never heard taffc4q", ["from-emotify"], ("taffc4q",)),
        ("never heard emotify", ["from-taffc4q"], ("emotify",)),
    ):
        for musicnn in (False, True):
            every = Clips(args.clips, args.features, args.runs, runs) if len(sets) > 1 else one_set(args, runs, sets[0])
            needed = ("joined", "tags") if musicnn else ("features", "cnn1", "fusion1")
            if any(kind not in every.logits for kind in needed):
                print(f"left out, for want of the runs' answers: {title}, musicnn {musicnn}", file=sys.stderr)
                continue
            library = Library(args.reclassd, musicnn, args.wheel)
            for share in args.shares:
                for seed in range(args.seeds):
                    named = split(every, share / 100, seed)
                    library.forget()
                    library.fill(every, [sorted(c.genres) if n else [] for c, n in zip(every.clips, named, strict=True)])
                    rest = np.flatnonzero(~named)
                    truth = [every.clips[i].genres for i in rest]
                    judged = library.judged(every)
                    before = [judged[i] for i in rest]
                    report = library.learn()
                    judged = library.judged(every)
                    after = [judged[i] for i in rest]
                    threshold = report["comparison"]["threshold"] if adopted(report) else 0.7
                    say(out, world="shares", networks=title, musicnn=musicnn, share=share, seed=seed, named=int(named.sum()), adopted=adopted(report),
                        genres=len(report["genres"]), threshold=threshold, before=figures(before, truth, same=families),
                        after=figures(after, truth, threshold=threshold, same=families),
                        own=report["comparison"] and dict(after=report["comparison"]["after"], before=report["comparison"]["before"],
                                                          weight=report["comparison"]["weight"]))  # fmt: skip
            library.close()


def one_set(args, runs, name):
    clips = dataset.read_clips(*args.clips)
    rows = [i for i, c in enumerate([c for c in clips if c.split != "test"]) if c.set == name]
    everything = Clips(args.clips, args.features, args.runs, [])
    kept = [i for i, c in enumerate(everything.clips) if c.set == name]
    every = everything.only(kept)
    asked = [c for c in clips if c.split != "test"]
    for kind in ("features", "cnn1", "fusion1", "joined", "tags"):
        found = {}
        for run in runs:
            file = args.runs / f"{run}.{kind}.npz"
            if file.exists():
                archive = np.load(file)
                found |= dict(zip(archive["rows"].tolist(), archive["logits"], strict=True))
        if all(i in found for i in rows):
            every.logits[kind] = np.stack([found[i] for i in rows])
    assert [asked[i].key for i in rows] == [c.key for c in every.clips]
    return every


def adopted(report):
    return isinstance(report["outcome"], dict) and "adopted" in report["outcome"]


def say(out, **row):
    print(json.dumps(row), file=out, flush=True)
    before, after = row.get("before", {}), row.get("after", {})
    print({k: v for k, v in row.items() if not isinstance(v, dict)}, "top-1", before.get("top1"), "->", after.get("top1"), flush=True)


def world_random(args, out):
    """Names that mean nothing: drawn at random for each clip, and for each artist."""
    every = Clips(args.clips, args.features, args.runs, [f"cv-{f}" for f in range(5)])
    library = Library(args.reclassd, True, args.wheel)
    for by in ("clip", "artist"):
        for seed in range(args.random_seeds):
            rng = np.random.default_rng(seed)
            k = 2 + seed % 6
            names = [f"Name {i}" for i in range(k)]
            of = dict(zip(sorted(set(every.artists)), rng.integers(0, k, len(set(every.artists))), strict=True))
            chosen = [[names[of[a] if by == "artist" else rng.integers(0, k)]] for a in every.artists]
            library.forget()
            library.fill(every, chosen)
            report = library.learn("--dry-run")
            say(out, world="random", by=by, seed=seed, names=k, adopted=report["outcome"] == "would-be-adopted", outcome=report["outcome"])
    library.close()


def world_renamed(args, out):
    """Names that no model knows, but the sound may tell: the quadrants of mood, a split of each genre by its loudness, and both with nonsense beside."""
    every = one_set(args, [f"cv-{f}" for f in range(5)], "taffc4q")
    for musicnn in (False, True):
        library = Library(args.reclassd, musicnn, args.wheel)
        mood = {"Q1": "Kitchen", "Q2": "Gym", "Q3": "Rainy Sunday", "Q4": "Late Hour"}
        quadrant = [mood[c.path.split("/")[1]] for c in every.clips]
        rng = np.random.default_rng(0)
        half = ["Left Shelf" if rng.random() < 0.5 else "Right Shelf" for _ in every.clips]
        for title, chosen in (("mood", [[q] for q in quadrant]), ("mood and shelves", [[q, h] for q, h in zip(quadrant, half, strict=True)])):
            library.forget()
            library.fill(every, chosen)
            report = library.learn("--dry-run")
            say(out, world="renamed", title=title, musicnn=musicnn, outcome=report["outcome"], untold=report["untold"],
                before=report["comparison"]["before"], after=report["comparison"]["after"],
                genres={g["name"]: round(g["after"]["f1"], 2) for g in report["genres"]})  # fmt: skip
        library.close()


def world_owners(args, out):
    """Two owners: each learns from his own half and is asked about the other half, by his own model and by the other's."""
    own = {name: one_set(args, [f"from-{other}"], name) for name, other in (("taffc4q", "emotify"), ("emotify", "taffc4q"))}
    labels = {}
    for row in __import__("csv").DictReader(open(args.clips[0], encoding="utf-8")):
        labels[f"{row['set']}/{row['path']}"] = [g.strip().replace("Pop|Rock", "Pop Rock") for g in row["labels"].split(";") if g.strip()]
    for musicnn in (False, True):
        needed = ("joined", "tags") if musicnn else ("features",)
        if any(kind not in clips.logits for clips in own.values() for kind in needed):
            continue
        libraries, halves = {}, {}
        for name, clips in own.items():
            libraries[name] = Library(args.reclassd, musicnn, args.wheel)
            halves[name] = split(clips, 0.5, 0)
            words = [labels[c.key] if n else [] for c, n in zip(clips.clips, halves[name], strict=True)]
            libraries[name].fill(clips, words)
            report = libraries[name].learn()
            print(name, musicnn, report["outcome"])
        for name, clips in own.items():
            rest = np.flatnonzero(~halves[name])
            truth = [labels[clips.clips[i].key] for i in rest]
            row = {}
            for title, source in (("own", name), ("the other's", next(other for other in own if other != name)), ("none", None)):
                library = libraries[name]
                place = Path(f"{library.database}.learned")
                aside = place.with_suffix(".aside")
                place.rename(aside) if place.exists() else aside.mkdir()
                if source:
                    found = aside if source == name else Path(f"{libraries[source].database}.learned")
                    shutil.copytree(found, place)
                judged = library.judged(clips)
                row[title] = figures([judged[i] for i in rest], truth)
                shutil.rmtree(place, ignore_errors=True)
                aside.rename(place)
            say(out, world="owners", owner=name, musicnn=musicnn, named=int(halves[name].sum()), **{"figures": row})
            print({k: v["top1"] for k, v in row.items()})
        for library in libraries.values():
            library.close()


def world_order(args, out):
    """How fast it learns by the order in which its owner is asked: what teaches most, by chance, the least sure first."""
    every = Clips(args.clips, args.features, args.runs, [f"cv-{f}" for f in range(5)])
    library = Library(args.reclassd, True, args.wheel)
    rng = np.random.default_rng(0)
    kept = np.zeros(len(every.clips), bool)
    kept[rng.permutation(len(every.clips))[: len(every.clips) // 3]] = True
    for artist in set(every.artists[kept]):
        kept[every.artists == artist] = True
    truth = [every.clips[i].genres for i in np.flatnonzero(kept)]
    pool = [i for i in np.flatnonzero(~kept)]
    places = {f"/nowhere/{c.artist}/{c.key}": i for i, c in enumerate(every.clips)}
    for order in ("what teaches most", "by chance", "least sure first"):
        for seed in range(args.seeds if order == "by chance" else 1):
            library.forget()
            library.fill(every, [[] for _ in every.clips])
            named, chance = set(), np.random.default_rng(seed)
            for answers in (40, 80, 120, 160, 240, 320):
                judged = library.judged(every)
                chosen = [sorted(c.genres) if i in named else [] for i, c in enumerate(every.clips)]
                library.fill(every.only(np.array(pool)), [chosen[i] for i in pool], [judged[i] for i in pool])
                left = [i for i in pool if i not in named]
                want = answers - len(named)
                if order == "what teaches most":
                    asked = [places[json.loads(line)["path"]] for line in library.run("learn", "--json", "--ask", want).splitlines()]
                elif order == "by chance":
                    asked = chance.permutation(left)[:want].tolist()
                else:
                    asked = sorted(left, key=lambda i: judged[i]["confidence"])[:want]
                named |= set(asked)
                library.fill(every, [sorted(c.genres) if i in named else [] for i, c in enumerate(every.clips)], judged)
                report = library.learn()
                judged = library.judged(every)
                after = [judged[i] for i in np.flatnonzero(kept)]
                say(out, world="order", order=order, seed=seed, answers=len(named), adopted=adopted(report), genres=len(report["genres"]),
                    after=figures(after, truth, same=families))  # fmt: skip
    library.close()


WORLDS = dict(order=world_order, shares=world_shares, random=world_random, renamed=world_renamed, owners=world_owners)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reclassd", required=True, type=Path)
    parser.add_argument("--clips", required=True, nargs="+", type=Path, help="the lists that study.py was given, in the same order")
    parser.add_argument("--features", required=True, type=Path)
    parser.add_argument("--runs", required=True, type=Path, help="what study.py wrote")
    parser.add_argument("--wheel", type=Path, help="musicnn's package, for the votes with musicnn")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--shares", default="5,10,20,50", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--seeds", default=3, type=int)
    parser.add_argument("--random-seeds", default=50, type=int)
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    with args.out.open("a") as out:
        for world in args.worlds.split(","):
            WORLDS[world](args, out)


if __name__ == "__main__":
    main()
