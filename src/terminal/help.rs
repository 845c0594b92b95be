//! The keys, explained.

use Help::{Heading, Key, Text};

/// A line of the explanation.
pub(super) enum Help {
    Heading(&'static str),
    /// Keys, and what they do.
    Key(&'static str, &'static str),
    Text(&'static str),
}

/// The explanation, for a screen of 80 columns.
pub(super) const LINES: [Help; 30] = [
    Heading("Decide"),
    Key("a  Enter", "accept the guess: it is written into the file"),
    Key("1  2  3", "take the first, second or third guess"),
    Key("s", "choose: type a part of a genre's name or of an alias;"),
    Key("", "Tab picks several, Enter writes, a name of your own is fine"),
    Key("x", "leave it alone for good; a genre of reclassd's is taken back"),
    Key("u", "undo the last decision, of however many files it was"),
    Text(""),
    Heading("Decide for more than one: press this first"),
    Key("b", "the album: what waits in this folder with this album tag"),
    Key("f", "the folder: what waits in it and below it"),
    Key("m", "all that are marked"),
    Key("", "only files that wait in this list are meant, never others"),
    Text(""),
    Heading("Look"),
    Key("j k  arrows", "next, previous row; PageUp, PageDown, Home, End"),
    Key("Space", "mark the row, or unmark it"),
    Key("p", "play what was listened to; again: stop"),
    Key("/", "filter by words of path and tags; Enter keeps it, Esc ends it"),
    Key("o", "order: most worth asking, confidence, path, date"),
    Key("v", "view: unsure, tagged, not music, taken out, all analysed"),
    Key("r", "read the list anew"),
    Key("Esc", "unmark all; end the filter"),
    Key("q", "leave; what was decided is written first"),
    Text(""),
    Text("Most worth asking: the least sure first, since those stay wrong without"),
    Text("you; what sounds like no music comes last. What you decide is yours: no"),
    Text("scan touches it again, and `reclassd undo` takes it back later as well."),
    Text(""),
    Text("j and k move this text, any other key leaves it."),
];
