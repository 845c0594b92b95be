// One track: what is known of it, the decision about it, everything that was done to its file, and what sounds like it.

import { get } from "./api.js";
import { choose, warmUp } from "./chooser.js";
import { decisions } from "./decisions.js";
import { h, key, put } from "./dom.js";
import { events } from "./events.js";
import { Panel, detailsOf, forget } from "./panel.js";
import { nameOf } from "./row.js";
import { say, warn } from "./say.js";
import { moment, percent } from "./words.js";

const CAUSES = { scan: "a scan", owner: "you", undo: "undo", describe: "what it sounds like" };
const STATES = { open: "not finished", committed: "", undone: "taken back since", abandoned: "not done" };

export class Track {
    constructor(_, [id]) {
        this.title = "Track";
        this.id = Number(id);
        this.row = undefined;
        const back = h("button", { type: "button", class: "back always", onclick: () => history.back() }, "‹ Back");
        this.panel = new Panel({
            accept: () => this.decide({ action: "accept" }, this.row.suggestion.join("; ")), take: (at) => this.take(at),
            choose: () => this.choose(), leave: () => this.decide({ action: "reject" }, "left alone"), undo: () => decisions.undo(),
            scope: () => {}, mark: () => {},
        }, { hasList: false, level: 1, back });
        this.panel.onread = (details) => this.read(details);
        this.message = h("p", { class: "message" });
        this.history = h("section", { "aria-label": "History" });
        this.similar = h("section", { "aria-label": "Similar tracks" });
        this.panel.body.append(this.history, this.similar);
        this.element = h("div", { class: "track-view" }, this.panel.element, this.message);
        const changed = (event) => event.detail.includes(this.id) && this.refresh();
        const told = (event) => this.tell(event.detail);
        decisions.addEventListener("change", changed);
        decisions.addEventListener("message", told);
        const end = events.on("changed", async ({ tracks }) => {
            await decisions.settled();
            if (tracks.includes(this.id)) this.refresh();
        });
        this.end = () => {
            end();
            decisions.removeEventListener("change", changed);
            decisions.removeEventListener("message", told);
        };
        warmUp();
        this.open();
    }

    /** Another track. */
    update(_, [id]) {
        if (Number(id) === this.id) return;
        this.id = Number(id);
        this.open();
    }

    focus() {
        this.panel.title.focus({ preventScroll: true });
    }

    close() {
        this.end();
        this.comparing?.abort();
        this.panel.close();
    }

    press(event) {
        const actions = {
            a: () => this.decide({ action: "accept" }, this.row.suggestion.join("; ")), s: () => this.choose(), g: () => this.choose(),
            x: () => this.decide({ action: "reject" }, "left alone"), u: () => decisions.undo(), p: () => this.panel.player.toggle(),
            1: () => this.take(0), 2: () => this.take(1), 3: () => this.take(2), Escape: () => history.back(),
        };
        if (!(event.key in actions) || this.row === undefined) return false;
        actions[event.key]();
        return true;
    }

    async open() {
        try {
            const { track } = await detailsOf(this.id, { isFresh: true });
            this.row = track;
            this.panel.show(track, { state: decisions.stateOf(track.id) });
            this.title = track.title ?? track.file;
            dispatchEvent(new Event("reclassd:title"));
            if (document.activeElement === document.body) this.focus();
            this.compare(track);
        } catch (problem) {
            put(this.element, h("h1", { tabindex: "-1" }, "Track"), h("p", { class: "bad" }, problem.message));
        }
    }

    /** Asks what sounds like the track: of a large library it takes a moment, and nothing else waits for it. */
    async compare(track) {
        this.comparing?.abort();
        const asking = this.comparing = new AbortController();
        put(this.similar, h("h2", {}, "Similar tracks"), h("p", { class: "quiet" }, "…"));
        try {
            const { tracks, reason } = await get(`tracks/${track.id}/similar`, { limit: 10 }, { signal: asking.signal });
            put(this.similar, h("h2", {}, "Similar tracks"), tracks.length === 0
                ? h("p", { class: "quiet" }, reason ?? "There is nothing to compare with.")
                : h("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": "Similar tracks" }, h("table", { class: "plain similar" },
                    h("thead", {}, h("tr", {}, ["alike", "track", "genre", "album"].map((head) => h("th", { scope: "col", class: head === "alike" && "number" }, head)))),
                    h("tbody", {}, tracks.map(({ track: one, likeness }) => h("tr", {},
                        h("td", { class: "number" }, percent(likeness)), h("td", {}, h("a", { href: `#/track/${one.id}` }, nameOf(one))),
                        h("td", {}, one.genre ?? "–"), h("td", { class: "quiet" }, one.album ?? "")))))));
        } catch (problem) {
            if (!asking.signal.aborted) put(this.similar, h("h2", {}, "Similar tracks"), h("p", { class: "bad" }, problem.message));
        }
    }

    refresh() {
        forget([this.id]);
        const state = decisions.stateOf(this.id);
        if (this.row !== undefined) this.panel.show(this.row, { state });
        if (state?.is !== "busy") this.panel.refresh();
    }

    take(at) {
        const word = this.row?.guesses[at];
        if (word !== undefined) this.decide({ action: "set", genres: [word] }, word);
    }

    async choose() {
        const { guesses } = this.row;
        const genres = await choose({ title: `Genre for “${this.row.title ?? this.row.file}”`, guesses });
        if (genres.length > 0) this.decide({ action: "set", genres }, genres.join("; "));
    }

    decide(decision, words) {
        if (this.row.in_library === false || decisions.stateOf(this.id)?.is === "busy") return;
        this.tell({ text: words, canUndo: true });
        decisions.track(this.row, decision, words);
    }

    tell({ text, isBad = false, canUndo = false }) {
        const undo = h("button", { type: "button", class: "quiet-button", onclick: () => decisions.undo() }, "Undo ", key("u"));
        put(this.message, text, canUndo ? [" ", undo] : null);
        this.message.classList.toggle("bad", isBad);
        (isBad ? warn : say)(text);
    }

    read({ history: writes, corrections }) {
        const genres = (words) => (words.length > 0 ? words.join("; ") : "no genre");
        const kinds = { accepted: "accepted the guess", set: "chose", "left alone": "left it alone" };
        const rows = [
            ...writes.map((write) => ({
                at: write.at, what: `${genres(write.before)} → ${genres(write.after)}`, by: CAUSES[write.cause] ?? write.cause,
                note: [STATES[write.state] ?? write.state, write.reason].filter(Boolean).join(": "),
            })),
            ...corrections.map((made) => ({
                at: made.at, what: `${kinds[made.kind] ?? made.kind}${made.genres.length > 0 ? `: ${made.genres.join("; ")}` : ""}`, by: `you, ${made.surface}`,
                note: made.undone ? "taken back since" : "",
            })),
        ].sort((one, other) => other.at - one.at);
        put(this.history, h("h2", {}, "History"), rows.length === 0
            ? h("p", { class: "quiet" }, "Nothing was written into this file.")
            : h("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": "History" }, h("table", { class: "plain history" },
                h("thead", {}, h("tr", {}, ["when", "what", "by", ""].map((head) => (head ? h("th", { scope: "col" }, head) : h("td", {}))))),
                h("tbody", {}, rows.map((row) => h("tr", {},
                    h("td", {}, moment(row.at)), h("td", {}, row.what), h("td", {}, row.by), h("td", { class: "quiet" }, row.note)))))));
    }
}
