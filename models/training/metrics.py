"""Figures of a set of predictions. A prediction is right when the genre named first is any of the clip's genres."""

import numpy as np


def soften(probabilities, temperature):
    """The distribution at another temperature: p^(1/T), normalised."""
    logits = np.log(np.maximum(probabilities, 1e-12)) / temperature
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def hits(probabilities, right):
    return right[np.arange(len(right)), probabilities.argmax(1)]


def log_loss(probabilities, target):
    """Mean cross-entropy against the spread targets, over the clips that have one."""
    rows = target.sum(1) > 0
    return float(-(target[rows] * np.log(np.maximum(probabilities[rows], 1e-12))).sum(1).mean())


def confidence_loss(probabilities, right):
    """Mean binary log loss of 'the first genre is right' against its confidence: what the temperature is fitted on."""
    c = probabilities.max(1).clip(1e-6, 1 - 1e-6)
    hit = hits(probabilities, right)
    return float(-np.where(hit, np.log(c), np.log(1 - c)).mean())


def expected_calibration_error(probabilities, right, bins=10):
    c, hit = probabilities.max(1), hits(probabilities, right)
    which = np.minimum((c * bins).astype(int), bins - 1)
    return float(sum(abs(c[which == b].sum() - hit[which == b].sum()) for b in range(bins)) / len(c))


def per_genre(probabilities, right, labels):
    """For each genre: the clips that carry it; precision, recall and F1 of naming it first; and how many of its clips were named right at all
    (a clip of two genres cannot have both named first, so recall alone is harsh)."""
    first, hit = probabilities.argmax(1), hits(probabilities, right)
    rows = []
    for k, label in enumerate(labels):
        carried, named = right[:, k], first == k
        both, clips = int((carried & named).sum()), int(carried.sum())
        precision, recall = both / max(int(named.sum()), 1), both / max(clips, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-12)
        rows.append(dict(genre=label, clips=clips, precision=precision, recall=recall, f1=f1, right=float(hit[carried].mean()) if clips else 0.0))
    return rows


def at_threshold(probabilities, right, threshold):
    sure = probabilities.max(1) >= threshold
    hit = hits(probabilities, right)
    return dict(threshold=threshold, precision=float(hit[sure].mean()) if sure.any() else float("nan"), coverage=float(sure.mean()))


def interval_by_artist(hit, artists, draws=2000, seed=0):
    """95 % bootstrap interval of the accuracy, drawing artists and not clips: clips of one artist are not independent."""
    names, index = np.unique(artists, return_inverse=True)
    right, count = np.bincount(index, hit), np.bincount(index)
    rng = np.random.default_rng(seed)
    pick = rng.integers(0, len(names), (draws, len(names)))
    return [float(q) for q in np.percentile(right[pick].sum(1) / count[pick].sum(1), [2.5, 97.5])]


def reliability(probabilities, right, bins=10):
    """For each tenth of confidence that occurs: how many, the mean confidence, the share that is right."""
    c, hit = probabilities.max(1), hits(probabilities, right)
    which = np.minimum((c * bins).astype(int), bins - 1)
    return [dict(clips=int((which == b).sum()), confidence=float(c[which == b].mean()), right=float(hit[which == b].mean())) for b in np.unique(which)]


def report(probabilities, data, threshold, right=None, names=None):
    """Every figure of the cards, for all clips of `data`, those included whose genre cannot be said (they count as wrong).

    `right` and `names`: of columns that begin with the labels of `data` and go on with what else may be named; macro-F1 is over the labels."""
    right, names = data.right if right is None else right, names or data.labels
    target = np.pad(data.target, ((0, 0), (0, len(names) - len(data.labels))))
    hit = hits(probabilities, right)
    genres = per_genre(probabilities, right, names)[: len(data.labels)]
    return dict(
        clips=len(data), artists=len({c.artist for c in data.clips}), top1=float(hit.mean()),
        top1_interval=interval_by_artist(hit, [c.artist for c in data.clips]),
        majority=float(data.right.mean(0).max()), macro_f1=float(np.mean([g["f1"] for g in genres])),
        log_loss=log_loss(probabilities, target), ece=expected_calibration_error(probabilities, right),
        thresholds=[at_threshold(probabilities, right, t) for t in (0.5, 0.6, 0.7, 0.8, 0.9)],
        at_default=at_threshold(probabilities, right, threshold), genres=genres,
    )  # fmt: skip
