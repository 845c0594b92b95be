// The keys, explained, and the two settings of this browser.

import { h } from "./dom.js";
import { set, setting } from "./settings.js";

const KEYS = [
    ["Decide", [
        ["a Enter", "accept the guess: it is written into the file"],
        ["1 2 3", "take the first, second or third guess"],
        ["s", "choose: a part of a genre's name or of an alias; Tab picks several, Enter writes"],
        ["x", "leave it alone for good; a genre of reclassd's is taken back"],
        ["u", "undo the last decision made here, of however many files it was"],
    ]],
    ["Decide for more than one: press this first", [
        ["b", "the album: what waits in this folder with this album tag"],
        ["f", "the folder: what waits in it and below it"],
        ["m", "all that are marked"],
    ]],
    ["Look", [
        ["j k ↓ ↑", "next, previous row; PageUp, PageDown, Home, End"],
        ["Space", "mark the row, or unmark it"],
        ["p", "play what was listened to; again: stop"],
        ["t", "all about this track"],
        ["/", "filter by words of path, artist, title, album and genre; Enter keeps it, Esc ends it"],
        ["o", "order: most worth asking, confidence, path, date"],
        ["v", "view: unsure, tagged, not music, taken out, all analysed"],
        ["r", "read the list anew"],
        ["Esc", "unmark all; end the filter"],
    ]],
];

export function showHelp() {
    const back = document.activeElement;
    const setter = (name, words) => h("label", { class: "check" },
        h("input", { type: "checkbox", checked: setting(name), onchange: (event) => set(name, event.target.checked) }), ` ${words}`);
    const close = h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close");
    const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title" },
        h("h2", { id: "help-title" }, "Keys"),
        KEYS.map(([heading, keys]) => h("section", {},
            h("h3", {}, heading),
            h("dl", { class: "keys" }, keys.map(([names, words]) => [
                h("dt", {}, names.split(" ").map((name) => [h("kbd", {}, name), " "])), h("dd", {}, words),
            ])))),
        h("p", {}, "Only files that wait in the list as it is filtered are meant, never others. What you decide is yours: no scan touches it "
            + "again, and Undo takes it back later as well, byte for byte."),
        h("h2", {}, "This browser"),
        h("p", {}, setter("letters", "Single letters are keys")),
        h("p", {}, setter("playAlong", "Play each track as I come to it")),
        h("div", { class: "buttons" }, close));
    dialog.addEventListener("close", () => {
        dialog.remove();
        back?.focus?.({ preventScroll: true });
    });
    document.body.append(dialog);
    dialog.showModal();
    close.focus();
    dialog.scrollTop = 0;
}
