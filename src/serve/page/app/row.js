// One row of a list of tracks: what it shows, and the same in words for a screen reader.

import { h } from "./dom.js";
import { sure } from "./words.js";

const SIGNS = { busy: "…", done: "✓", left: "–", failed: "!" };

/** What is in a row; `state` is what became of the track here, if anything did. */
export function drawRow(row, { state, isMarked = false } = {}) {
    const guess = row.suggestion.join("; ") || row.genre || "–";
    const shown = state === undefined ? guess : state.is === "failed" ? "not written" : state.words;
    const name = row.artist && row.title ? `${row.artist} – ${row.title}` : (row.title ?? row.file);
    const place = row.album ?? row.folder.slice(row.folder.lastIndexOf("/") + 1);
    const share = [
        h("span", { class: "figure" }, sure(row.confidence)),
        h("span", { class: "track" }, h("span", { class: "bar", style: { width: `${row.confidence * 100}%` } })),
    ];
    return [
        h("span", { class: "mark" }, isMarked ? "●" : "○"),
        h("span", { class: "sure" }, state === undefined ? share : h("span", { class: "sign" }, SIGNS[state.is])),
        h("span", { class: "guess-word" }, row.not_music && state === undefined ? `${shown}?` : shown),
        h("span", { class: "name" }, name),
        h("span", { class: "place" }, place),
    ];
}

/** The same in words. */
export function sayRow(row, { state, isMarked = false } = {}) {
    const guess = `${row.suggestion.join(" and ") || row.genre || "no guess"}, ${sure(row.confidence)}`;
    const became = {
        busy: `being written: ${state?.words}`, done: `decided: ${state?.words}`, left: "left alone", failed: `not written: ${state?.why}`,
    };
    const words = [
        row.title ?? row.file, row.artist ? `by ${row.artist}` : null, state === undefined ? guess : became[state.is], row.album,
        isMarked ? "marked" : null,
    ];
    return words.filter(Boolean).join(", ");
}
