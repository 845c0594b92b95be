"""The program's vote in NumPy, for many clips at once: who cannot say a genre abstains on it, kinds count as the family that others say.

It does what `src/genre/vote.rs`, `family.rs` and `agreement.rs` do, as far as figures by family need: the kind that a family's share may be named as
afterwards is not looked for."""

import tomllib
from pathlib import Path

import numpy as np

import metrics

PARENT = {g["name"]: g.get("parent") for g in tomllib.loads((Path(__file__).parent.parent / "taxonomy.toml").read_text())["genres"]}
GRID = 20  # weights are multiples of one twentieth
TEMPERATURES = np.round(np.arange(0.3, 2.01, 0.02), 2)


class Opinion:
    """What one model says of some clips: its words, and a distribution over them for each clip."""

    def __init__(self, words, shares):
        self.words, self.shares = list(words), np.asarray(shares, float)

    def rows(self, rows):
        return Opinion(self.words, self.shares[rows])

    def only(self, words):
        """The same by a model that knows no other words."""
        kept = [i for i, word in enumerate(self.words) if word in words]
        shares = self.shares[:, kept]
        return Opinion([self.words[i] for i in kept], shares / np.maximum(shares.sum(1, keepdims=True), 1e-12))


def ancestors(word):
    while word := PARENT.get(word):
        yield word


def counts_as(opinions):
    """For each word the one that it counts as: the widest that it is a kind of and that some voter says without saying the word itself."""

    def wider(word):
        known = [set(o.words) for o in opinions]
        return next((wide for wide in reversed(list(ancestors(word))) if any(wide in k and word not in k for k in known)), None)

    target = {}
    for word in {w for o in opinions for w in o.words}:
        target[word] = word
        while wide := wider(target[word]):
            target[word] = wide
    return target


def spread(opinions, universe):
    """Each opinion over the columns of `universe`, kinds folded into families; and which columns it knows."""
    target, out = counts_as(opinions), []
    for o in opinions:
        shares, known = np.zeros((len(o.shares), len(universe))), np.zeros(len(universe), bool)
        for i, word in enumerate(o.words):
            wide = target[word]
            if wide in o.words or sum(target[w] == wide for w in o.words) > 1:
                shares[:, universe.index(wide)] += o.shares[:, i]
                known[universe.index(wide)] = True
        out.append((shares / np.maximum(shares.sum(1, keepdims=True), 1e-12), known))
    return out


def agree(opinions, weights, rounds=2000):
    """The distribution on which all agree, each as far as it knows: the fixed point of the weighted mean where the unknown keeps its share."""
    weights = np.asarray(weights, float) / np.sum(weights)
    voters = [(w, p, known) for w, (p, known) in zip(weights, opinions, strict=True) if w > 0]
    said = np.any([known for _, _, known in voters], axis=0)
    q = sum(w * p for w, p, _ in voters)
    if all((known == said).all() for _, _, known in voters):
        return q
    for _ in range(rounds):
        new = sum(w * (p * q[:, known].sum(1, keepdims=True) + q * ~known) for w, p, known in voters)
        moved, q = np.abs(new - q).sum(1).max(), new
        if moved < 1e-7:
            break
    return q


def universe_of(labels, opinions):
    """The genres that figures are about, and what else some voter may name."""
    target = counts_as(opinions)
    return list(labels) + sorted({target[w] for o in opinions for w in o.words} - set(labels))


def vote(opinions, weights, temperature, universe):
    return metrics.soften(agree(spread(opinions, universe), weights), temperature)


def fit_weights(opinions, universe, target, floor=None):
    """Weights with the least log loss against the spread targets, found by adding one twentieth after the other where it helps most.

    `floor`: what an opinion has before anything is fitted."""
    folded = spread(opinions, universe)
    target = np.pad(target, ((0, 0), (0, len(universe) - target.shape[1])))
    count = np.array([round((floor or {}).get(i, 0) * GRID) for i in range(len(opinions))])
    while count.sum() < GRID:
        losses = [metrics.log_loss(agree(folded, count + (np.arange(len(count)) == i), 60), target) for i in range(len(count))]
        count[int(np.argmin(losses))] += 1
    return (count / GRID).tolist()


def fit_temperature(probabilities, right):
    """The temperature with the best calibrated confidence."""
    return float(min(TEMPERATURES, key=lambda t: metrics.confidence_loss(metrics.soften(probabilities, t), right)))
