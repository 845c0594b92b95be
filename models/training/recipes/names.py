"""What other people's genre names mean here, by ../../taxonomy.toml: the same matching as the program's (src/genre/taxonomy.rs), so that a
recipe's labels are names that the program knows. It reads nothing but that file and decides nothing about tracks."""

import tomllib
from pathlib import Path

TAXONOMY = Path(__file__).resolve().parents[2] / "taxonomy.toml"


def fold(spelling):
    """A spelling without what people disagree about: case, spaces and punctuation go; `&`, `+` and a lone `n` are `and`."""
    kept = []
    for c in spelling.lower():
        if c in "&+":
            kept.append(" and ")
        elif c.isalnum():
            kept.append(c)
        elif c not in "'’.":
            kept.append(" ")
    return "".join("and" if word == "n" else word for word in "".join(kept).split())


class Taxonomy:
    """The genres of the file and their spellings."""

    def __init__(self, path=TAXONOMY):
        listed = tomllib.loads(path.read_text(encoding="utf-8"))
        self.genres = [genre["name"] for genre in listed["genres"]]
        self.meaning = {fold(s): genre["name"] for genre in listed["genres"] for s in [genre["name"], *genre.get("aliases", [])]}
        self.none = {fold(name): group["why"] for group in listed.get("no_genre", []) for name in group["names"]}

    def labels(self, names):
        """A pair: the canonical genre of each name that has one, and the reason for each that is listed as none. Any other name ends
        the recipe: it would be left out unseen."""
        meant, none = {}, {}
        for name in names:
            folded = fold(name)
            if folded in self.meaning:
                meant[name] = self.meaning[folded]
            elif folded in self.none:
                none[name] = self.none[folded]
            else:
                raise SystemExit(f"`{name}` is no genre of {TAXONOMY.name}, nor listed there as none: add it to one of the two")
        return meant, none
