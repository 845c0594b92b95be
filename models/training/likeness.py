"""How well neighbours by sound agree with what people called the clips: the figures of docs/similar.md.

    python likeness.py --clips clips.csv --features features/ [--unheard more.csv --logmel-cnn cnn.npz --spectrum-fusion ../spectrum-fusion/model.onnx]

`--features` is what prepare.py made of the clips of both lists. `--logmel-cnn` is `reclassd features --model logmel-cnn -o cnn.npz` of the clips of the second
list, which the built-in models never heard. Clips of the part `test` are left out.

Of every clip the ten nearest others are taken, those by its own artist left out, and counted: the share that has a genre in common with it, the share in the
same quadrant of valence and arousal (folders Q1 to Q4 of taffc4q), and the share of which both is true. On the first list everything that is fitted is fitted
to four of five folds of artists, and the clips of the fifth are compared with each other, for every candidate alike. Genres and moods as probabilities come
there from softmax regressions in the place of the models. On the second list they are those of the models as they are shipped.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from dataset import clip_of, folds_by_artist, read_clips, read_musicnn

NEAREST = 10
FITTED = json.loads((Path(__file__).parents[2] / "src/descriptors/fitted.json").read_text())["mood"]


def unit(rows):
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9)


def standardised(rows, by):
    return np.clip((rows - by.mean(0)) / (by.std(0) + 1e-6), -4, 4)


def cosine(rows):
    return unit(rows) @ unit(rows).T


def euclid(rows):
    squares = (rows**2).sum(1)
    return 2 * rows @ rows.T - squares[:, None] - squares[None]


def softmax(logits):
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def agreement(shares):
    """The Bhattacharyya coefficient of every two rows of probabilities."""
    return np.sqrt(shares) @ np.sqrt(shares).T


def regression(rows, target, penalty):
    known = target.sum(1) > 0
    x, t = torch.tensor(rows[known], dtype=torch.float64), torch.tensor(target[known], dtype=torch.float64)
    weights = torch.zeros(x.shape[1], t.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(t.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = -(t * torch.log_softmax(x @ weights + bias, 1)).sum(1).mean() + penalty * (weights**2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    return lambda rows: softmax(rows @ weights.detach().numpy() + bias.detach().numpy())


def discriminants(rows, targets, shrinkage, size):
    """Directions in which classes differ most beside how they spread; the spread within classes is shrunk towards that of a ball."""
    width = rows.shape[1]
    within, between, mean = np.zeros((width, width)), np.zeros((width, width)), rows.mean(0)
    for weight in np.hstack(targets).T:
        if weight.sum() >= 5:
            centre = (weight[:, None] * rows).sum(0) / weight.sum()
            apart = (rows - centre) * np.sqrt(weight)[:, None]
            within += apart.T @ apart
            between += weight.sum() * np.outer(centre - mean, centre - mean)
    within = (1 - shrinkage) * within / (np.trace(within) / width) + shrinkage * np.eye(width)
    values, vectors = np.linalg.eigh(within)
    whitening = vectors / np.sqrt(values)
    return whitening @ np.linalg.eigh(whitening.T @ between @ whitening)[1][:, ::-1][:, :size]


def load(clips, folder):
    vectors, said = {}, {}
    for name in sorted({clip.set for clip in clips}):
        keys = {clip.path: clip.key for clip in clips if clip.set == name}
        files = json.loads((folder / f"{name}.fma518.json").read_text())["files"]
        vectors |= {clip_of(file, keys): row for file, row in zip(files, np.load(folder / f"{name}.fma518.npy"), strict=True)}
        said |= {clip_of(file, keys): row for file, row in read_musicnn(folder, name)}
    return np.stack([vectors[clip.key] for clip in clips]), np.stack([said[clip.key] for clip in clips])


def quadrant(clip):
    """0 to 3, or -1 where it is not known."""
    part = clip.path.split("/")[1] if clip.set == "taffc4q" else ""
    return int(part[1]) - 1 if part[:1] == "Q" else -1


def judge(clips, alike):
    """Shares of the nearest with the same genre, in the same quadrant, and both; of clips with a quadrant, the nearest of those."""
    genre = np.array([[bool(a.genres & b.genres) for b in clips] for a in clips])
    mood = np.array([quadrant(clip) for clip in clips])
    artists = np.array([clip.artist for clip in clips])
    alike = np.where(artists[:, None] == artists[None], -np.inf, alike)
    hits = [[], [], []]
    for i, row in enumerate(alike):
        order = np.argsort(-row, kind="stable")
        hits[0].append(genre[i, order[:NEAREST]].mean())
        if mood[i] >= 0:
            order = order[mood[order] >= 0][:NEAREST]
            same = mood[order] == mood[i]
            hits[1].append(same.mean())
            hits[2].append((same & genre[i, order]).mean())
    return hits


def heard(clips, features, said):
    """The first list, by cross-validation over artists."""
    described, folds = said[:, :200], folds_by_artist(clips)
    names = sorted({genre for clip in clips for genre in clip.genres})
    genres = np.array([[name in clip.genres for name in names] for clip in clips], float)
    genres *= genres.sum(0) >= 20
    genres /= np.maximum(genres.sum(1, keepdims=True), 1)
    moods = np.array([[quadrant(clip) == i for i in range(4)] for clip in clips], float)
    figures = {}
    for fold in np.unique(folds):
        train, rows = folds != fold, np.flatnonzero(folds == fold)
        f, m = standardised(features, features[train]), standardised(described, described[train])
        both = np.hstack([m, f])
        genre = {"518": f, "musicnn and 518": both}
        genre = {name: agreement(regression(x[train], genres[train], 0.1)(x[rows])) for name, x in genre.items()}
        mood = agreement(regression(f[train], moods[train], 0.1)(f[rows]))
        said_mood = agreement(regression(m[train], moods[train], 0.01)(m[rows]))
        lda = {name: x @ discriminants(x[train], [genres[train], moods[train]], 0.6, 16) for name, x in {"518": f, "musicnn": m, "both": both}.items()}
        alike = {
            "518 standardised, Euclid": euclid(f[rows]),
            "518 standardised, cosine": cosine(f[rows]),
            "518, discriminants of genre and mood (16)": cosine(lda["518"][rows]),
            "518 cosine + genre + mood": cosine(f[rows]) + genre["518"] + mood,
            "musicnn standardised, Euclid": euclid(m[rows]),
            "musicnn standardised, cosine": cosine(m[rows]),
            "musicnn, cosine": cosine(described[rows]),
            "musicnn, discriminants (16)": cosine(lda["musicnn"][rows]),
            "musicnn and 518, Euclid": euclid(both[rows]),
            "musicnn and 518, discriminants (16)": cosine(lda["both"][rows]),
            "genre alone": genre["musicnn and 518"],
            "musicnn cosine + genre": cosine(described[rows]) + genre["musicnn and 518"],
            "musicnn cosine + genre + mood": cosine(described[rows]) + genre["musicnn and 518"] + mood,
            "musicnn standardised cosine + genre + mood": cosine(m[rows]) + genre["musicnn and 518"] + mood,
            "musicnn cosine + genre + mood by musicnn": cosine(described[rows]) + genre["musicnn and 518"] + said_mood,
        }
        for name, alike in alike.items():
            for part, hits in zip(figures.setdefault(name, [[], [], []]), judge([clips[i] for i in rows], alike), strict=True):
                part += hits
    print(f"{len(clips)} clips: share of the {NEAREST} nearest with the same genre, mood, both")
    for name, parts in figures.items():
        print(f"{name:48}" + "".join(f"{100 * np.mean(part):7.1f}" for part in parts))


def unheard(clips, features, said, by, cnn, fusion):
    """The second list: with the models as they are."""
    import onnxruntime

    session = onnxruntime.InferenceSession(fusion)
    name = session.get_inputs()[0].name
    logits = np.vstack([session.run(None, {name: np.hstack([c, f])[None].astype(np.float32)})[0] for c, f in zip(cnn, features, strict=True)])
    weights = np.array(FITTED["weights"]).reshape(4, -1)
    x = np.clip((features - np.array(FITTED["mean"])) / np.array(FITTED["sd"]), -4, 4)
    mood = agreement(softmax(x @ weights[:, :-1].T + weights[:, -1]))
    f, genre, described = standardised(features, by[0]), agreement(softmax(logits)), said[:, :200]
    alike = {
        "518 standardised, Euclid": euclid(f),
        "518 standardised, cosine": cosine(f),
        "logmel-cnn, cosine": cosine(cnn),
        "logmel-cnn standardised, cosine": cosine(standardised(cnn, cnn)),
        "genre by spectrum-fusion alone": genre,
        "logmel-cnn cosine + genre": cosine(cnn) + genre,
        "logmel-cnn cosine + genre + mood": cosine(cnn) + genre + mood,
        "musicnn, cosine": cosine(described),
        "musicnn cosine + genre + mood": cosine(described) + genre + mood,
    }
    kinds = [sorted(clip.genres)[0] for clip in clips]
    print(f"{len(clips)} clips that the built-in models never heard: share with the same genre, mean over genres; of each collection")
    for name, rows in alike.items():
        line = ""
        for collection in [None, *sorted({clip.collection for clip in clips})]:
            of = np.array([collection in (None, clip.collection) for clip in clips])
            hits = judge([clip for clip, one in zip(clips, of, strict=True) if one], rows[np.ix_(of, of)])[0]
            line += f"{100 * np.mean(hits):7.1f}"
            if collection is None:
                line += f"{100 * np.mean([np.mean([h for h, k in zip(hits, kinds, strict=True) if k == kind]) for kind in set(kinds)]):7.1f}"
        print(f"{name:48}{line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("clips", "features", "unheard", "logmel-cnn", "spectrum-fusion"):
        parser.add_argument(f"--{name}", type=Path, required=name in ("clips", "features"))
    args = parser.parse_args()
    clips = [clip for clip in read_clips(args.clips) if clip.split != "test"]
    features, said = load(clips, args.features)
    heard(clips, features, said)
    if args.unheard:
        files = json.loads(args.logmel_cnn.with_suffix(".json").read_text())["files"]
        more = [clip for clip in read_clips(args.unheard) if clip.split != "test"]
        rows = {clip_of(file, {c.set + "/" + c.path: c.key for c in more}): row for file, row in zip(files, np.load(args.logmel_cnn)["embedding"], strict=True)}
        more = [clip for clip in more if clip.key in rows]
        unheard(more, *load(more, args.features), (features, said), np.stack([rows[clip.key] for clip in more]), args.spectrum_fusion)


if __name__ == "__main__":
    main()
