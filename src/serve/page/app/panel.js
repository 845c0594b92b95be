// All that is known of one track, and the decision about it. Review shows it beside the list, the track's own view by itself.

import { get } from "./api.js";
import { h, key, put } from "./dom.js";
import { Player } from "./player.js";
import { scores } from "./scores.js";
import { clock, percent, sure } from "./words.js";

/** Tracks whose details are kept. */
const KEPT = 100;
/** The cursor rests this long on a row before its details are asked for, in milliseconds. */
const REST = 70;

const kept = new Map();

/** Everything about a track, of those that were just read from memory. */
export async function detailsOf(id, { isFresh = false, signal } = {}) {
    if (!isFresh && kept.has(id)) return kept.get(id);
    const details = await get(`tracks/${id}`, {}, { signal });
    kept.delete(id);
    kept.set(id, details);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    return details;
}

/** Forgets what was read of tracks that changed. */
export function forget(ids) {
    for (const id of ids) kept.delete(id);
}

const SCOPES = [
    { scope: "track", name: "This track", key: null },
    { scope: "album", name: "Album", key: "b" },
    { scope: "folder", name: "Folder", key: "f" },
    { scope: "marked", name: "Marked", key: "m" },
];

export class Panel {
    /**
     * `act` does what the buttons say: `accept()`, `take(number)`, `choose()`, `leave()`, `undo()`, `scope(name)`, `mark()`.
     * Where there is no list, there are no scopes and no marks. `level` is the level of the heading.
     */
    constructor(act, { hasList = true, level = 2, back = null } = {}) {
        this.act = act;
        this.player = new Player();
        this.row = null;
        this.details = null;
        this.asking = null;
        const heading = `h${level}`;
        this.title = h(heading, { class: "title", tabindex: "-1" });
        this.credits = h("p", { class: "credits" });
        this.path = h("p", { class: "path" });
        this.why = h("p", { class: "why" });
        this.scopes = h("fieldset", { class: "scopes", hidden: !hasList }, h("legend", {}, "Decide for"), SCOPES.map((one) => this.scopeOf(one)));
        this.guesses = [0, 1, 2].map((at) => new Guess(at, () => act.take(at)));
        this.buttons = {
            accept: h("button", { type: "button", class: "primary accept", "aria-keyshortcuts": "a", onclick: () => act.accept() }),
            choose: h("button", { type: "button", "aria-keyshortcuts": "s", onclick: () => act.choose() }, "Choose… ", key("s")),
            leave: h("button", { type: "button", "aria-keyshortcuts": "x", onclick: () => act.leave() }, "Leave alone ", key("x")),
            mark: h("button", { type: "button", "aria-keyshortcuts": "Space", "aria-pressed": "false", class: "mark-button", hidden: !hasList, onclick: () => act.mark() },
                "Mark ", key("␣")),
            undo: h("button", { type: "button", "aria-keyshortcuts": "u", onclick: () => act.undo() }, "Undo ", key("u")),
        };
        this.scores = h("div", {});
        this.tags = h("div", {});
        this.decision = h("section", { class: "decision", "aria-label": "Decision" },
            this.scopes, h("div", { class: "guesses", role: "group", "aria-label": "Guesses" }, this.guesses.map((guess) => guess.element)),
            h("div", { class: "buttons" }, Object.values(this.buttons)));
        const sub = `h${level + 1}`;
        this.body = h("div", { class: "panel-body" },
            h("header", {}, back, this.title, this.credits, this.path, this.why),
            this.decision, this.player.element,
            h("section", { "aria-label": "Scores" }, h(sub, {}, "Scores"), this.scores),
            h("section", { "aria-label": "Tags" }, h(sub, {}, "Tags of the file"), this.tags));
        this.empty = h("p", { class: "quiet nothing" });
        this.element = h("section", { class: "panel", "aria-label": "Track" }, this.empty, this.body);
        this.show(undefined);
    }

    /** Shows a track at once by its row, and the rest as soon as it is read. */
    show(row, { state, scope = "track", marks = 0, isMarked = false, meant = null, words = "" } = {}) {
        this.body.hidden = row === undefined;
        this.empty.hidden = row !== undefined;
        this.empty.textContent = words;
        if (row === undefined) {
            this.row = null;
            this.player.stop();
            return;
        }
        const isOther = this.row?.id !== row.id;
        this.row = row;
        if (isOther) this.showTrack(row);
        this.showDecision(row, state, scope, marks, isMarked, meant);
        if (isOther) this.read(row);
    }

    /** Reads what is known of the track again. */
    refresh() {
        if (this.row !== null) this.read(this.row, true);
    }

    close() {
        clearTimeout(this.timer);
        this.asking?.abort();
        this.player.close();
    }

    scopeOf({ scope, name, key: letter }) {
        return h("label", { class: "scope" },
            h("input", {
                type: "radio", name: "scope", value: scope, "aria-keyshortcuts": letter, onchange: () => this.act.scope(scope),
            }),
            h("span", { class: "scope-name" }, h("span", { "data-scope": scope }, name), letter ? [" ", key(letter)] : null));
    }

    showTrack(row) {
        this.element.scrollTop = 0;
        this.title.textContent = row.title ?? row.file;
        const credits = [row.artist, row.album].filter(Boolean).join(" · ");
        const length = row.duration === null ? "" : clock(row.duration);
        put(this.credits, credits || h("span", { class: "quiet" }, "no artist or album in the tags"), length ? h("span", { class: "quiet" }, ` · ${length}`) : null);
        this.path.textContent = row.path;
        put(this.why, whyOf(row, row.models_differ));
        this.player.show(row, row.in_library !== false);
        put(this.scores, scores(row.ranking));
        put(this.tags, h("p", { class: "quiet" }, "…"));
    }

    showDecision(row, state, scope, marks, isMarked, meant) {
        const isOne = scope === "track";
        for (const input of this.scopes.querySelectorAll("input")) {
            input.checked = input.value === scope;
            if (input.value === "marked") input.disabled = marks === 0;
        }
        const counted = { album: "Album", folder: "Folder", marked: marks > 0 ? `Marked (${marks})` : "Marked" };
        for (const [name, words] of Object.entries(counted)) {
            const shown = name === scope && meant !== null && name !== "marked" ? `${words} (${meant})` : words;
            this.scopes.querySelector(`[data-scope="${name}"]`).textContent = shown;
        }
        const canWrite = row.in_library !== false;
        this.guesses.forEach((guess, at) => guess.show(row.guesses[at], row.ranking[at], canWrite));
        const words = row.suggestion.join("; ");
        const guess = isOne ? h("span", { class: "word" }, `Accept ${words}`) : "Accept each";
        put(this.buttons.accept, guess, " ", key("a"));
        this.buttons.accept.disabled = !canWrite || row.suggestion.length === 0;
        this.buttons.choose.disabled = this.buttons.leave.disabled = !canWrite;
        this.buttons.mark.setAttribute("aria-pressed", String(isMarked));
        const texts = {
            busy: "Being written…",
            done: `Decided: ${state?.words}`,
            left: "Left alone",
            failed: state?.why,
        };
        if (state !== undefined) put(this.why, h("span", { class: `state ${state.is}` }, texts[state.is]));
        else put(this.why, whyOf(row, this.details?.models_differ ?? row.models_differ));
    }

    async read(row, isFresh = false) {
        clearTimeout(this.timer);
        this.asking?.abort();
        this.asking = new AbortController();
        const { signal } = this.asking;
        if (!isFresh && !kept.has(row.id)) {
            this.details = null;
            await new Promise((resolve) => (this.timer = setTimeout(resolve, REST)));
        }
        if (signal.aborted || this.row?.id !== row.id) return;
        try {
            const details = await detailsOf(row.id, { isFresh, signal });
            if (this.row?.id !== row.id) return;
            this.details = details;
            put(this.scores, scores(details.track.ranking, details.models));
            put(this.tags, tagsOf(details));
            this.onread?.(details);
        } catch (problem) {
            if (problem.name !== "AbortError" && this.row?.id === row.id) put(this.tags, h("p", { class: "bad" }, problem.message));
        }
    }
}

/** One of the three best guesses, as a button. It stays the same element, so that it keeps the focus. */
class Guess {
    constructor(at, take) {
        this.genre = h("span", { class: "genre" });
        this.bar = h("span", { class: "bar" });
        this.figure = h("span", { class: "figure" });
        this.element = h("button", { type: "button", class: "guess", "aria-keyshortcuts": String(at + 1), onclick: take },
            key(String(at + 1)), this.genre, h("span", { class: "track" }, this.bar), this.figure);
    }

    show(word, guess, canWrite) {
        this.element.hidden = word === undefined;
        if (word === undefined) return;
        const { share } = guess;
        this.element.disabled = !canWrite;
        this.genre.textContent = word;
        this.bar.style.setProperty("width", `${share * 100}%`);
        this.figure.textContent = percent(share);
    }
}

function whyOf(row, modelsDiffer) {
    const reasons = [];
    if (row.reason) reasons.push(row.reason);
    else if (row.status === "tagged") reasons.push(`written with a confidence of ${sure(row.confidence)}`);
    if (row.not_music) reasons.push("it sounds like no music");
    if (modelsDiffer) reasons.push("the models name different genres");
    if (row.in_library === false) reasons.push("it lies outside the library, so it is neither played nor written here");
    return reasons.join("; ");
}

function tagsOf({ tags, is_there: isThere, choice }) {
    if (isThere === false) return h("p", { class: "bad" }, "The file is not there any more.");
    if (tags.error) return h("p", { class: "bad" }, tags.error);
    const rows = [
        ["Genre", tags.genres.join("; ")],
        ["Artist", tags.artist],
        ["Title", tags.title],
        ["Album", tags.album],
        ["Your choice", choice === null ? null : `${choice.genres.join("; ") || "no genre"} (${choice.origin})`],
    ];
    return h("dl", { class: "tags" }, rows.filter(([name, value]) => value || name !== "Your choice").map(([name, value]) => [
        h("dt", {}, name), h("dd", { class: value ? "" : "quiet" }, value || "none"),
    ]));
}
