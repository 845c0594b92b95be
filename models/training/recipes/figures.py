"""What the recipes print and write on the card: the figures of one part of a set, once the model is final."""

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))
import metrics  # noqa: E402  (the same arithmetic as the built-in models' cards)


def figures(probabilities, genres, labels, majority):
    """`genres` are the true names, those that the model cannot say among them: they count, and nobody gets them right. `majority` is the
    label that the baseline always names, chosen on the training part."""
    said = list(labels) + sorted(set(genres) - set(labels))
    padded = np.pad(probabilities, ((0, 0), (0, len(said) - len(labels))))
    right = np.asarray(genres)[:, None] == np.array(said)
    by_genre = [g for g in metrics.per_genre(padded, right, said) if g["clips"]]
    return {
        "tracks": len(genres),
        "top1": float(metrics.hits(padded, right).mean()),
        "macro_f1": float(np.mean([g["f1"] for g in by_genre])),
        "majority": float((np.asarray(genres) == majority).mean()),
        "majority_label": majority,
        "ece": metrics.expected_calibration_error(padded, right),
        "at": metrics.at_threshold(padded, right, 0.7),
        "genres": by_genre,
    }


def line(name, f):
    return (
        f"{name}: {f['tracks']} tracks, top-1 {f['top1']:.1%}, macro-F1 {f['macro_f1']:.3f}, "
        f"ECE {f['ece']:.3f}, always {f['majority_label']} {f['majority']:.1%}"
    )


def table(named):
    """Markdown of one or more parts, and the genres of the last."""
    rows = ["| part | tracks | top-1 | macro-F1 | ECE | always the same genre | precision / coverage at 0.7 |", "|---|---|---|---|---|---|---|"]
    for name, f in named.items():
        sure = "none" if f["at"]["coverage"] == 0 else f"{f['at']['precision']:.0%} / {f['at']['coverage']:.0%}"
        rows.append(
            f"| {name} | {f['tracks']} | {f['top1']:.1%} | {f['macro_f1']:.3f} | {f['ece']:.3f} | {f['majority']:.1%} | {sure} |"
        )
    rows += ["", "| genre | tracks | precision | recall | F1 |", "|---|---|---|---|---|"]
    for g in f["genres"]:
        rows.append(f"| {g['genre']} | {g['clips']} | {g['precision']:.0%} | {g['recall']:.0%} | {g['f1']:.2f} |")
    return "\n".join(rows)
