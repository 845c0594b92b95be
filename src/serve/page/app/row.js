// One row of a list of tracks. What it shows is what a screen reader says of it: signs are words there.

import { h } from "./dom.js";
import { sure } from "./words.js";

const SIGNS = { busy: "…", done: "✓", left: "–", failed: "!" };
const WORDS = { busy: "being written:", done: "decided:", left: "", failed: "" };

/** A track by artist and title, or by its file. */
export function nameOf(row) {
    return row.artist && row.title ? `${row.artist} – ${row.title}` : (row.title ?? row.file);
}

/** What is in a row; `state` is what became of the track here, if anything did. */
export function drawRow(row, { state, isMarked = false } = {}) {
    const guess = row.suggestion.join("; ") || row.genre || "–";
    const shown = state === undefined ? guess : state.is === "failed" ? "not written" : state.words;
    const place = row.album ?? row.folder.slice(row.folder.lastIndexOf("/") + 1);
    const share = [
        h("span", { class: "figure" }, sure(row.confidence)),
        h("span", { class: "track" }, h("span", { class: "bar", style: { width: `${row.confidence * 100}%` } })),
    ];
    return [
        h("span", { class: "mark", "aria-hidden": "true" }, isMarked ? "●" : "○"),
        isMarked ? h("span", { class: "visually-hidden" }, "marked") : null,
        h("span", { class: "sure" }, state === undefined ? share : [
            h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[state.is]), h("span", { class: "visually-hidden" }, WORDS[state.is]),
        ]),
        h("span", { class: "guess-word" }, row.not_music && state === undefined ? `${shown}?` : shown),
        h("span", { class: "name" }, nameOf(row)),
        h("span", { class: "place" }, place),
    ];
}
