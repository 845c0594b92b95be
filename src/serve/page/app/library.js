// The library in numbers, each of which leads to the tracks that it counts.

import { get } from "./api.js";
import { agreement, histogram } from "./charts.js";
import { h, put } from "./dom.js";
import { events } from "./events.js";
import { addressOf, viewOf } from "./selection.js";
import { ago, counted, fileName, grouped, moment, percent } from "./words.js";

/** Figures are read anew this long after something changed, in milliseconds. */
const REST = 4000;
/** Genres that are shown before one asks for more. */
const GENRES = 12;

/** The address of the tracks that a filter lets through. */
function tracksOf(change) {
    return addressOf({ ...viewOf(new URLSearchParams()), set: "library", ...change });
}

export class Library {
    constructor() {
        this.title = "Library";
        this.heading = h("h1", { tabindex: "-1" }, "Library");
        this.note = h("p", { class: "quiet" });
        this.parts = h("div", { class: "cards" }, h("p", { class: "quiet" }, "Counting…"));
        this.element = h("div", { class: "page" }, this.heading, this.note, this.parts);
        this.ends = ["changed", "recent"].map((kind) => events.on(kind, () => this.soon()));
        this.read();
    }

    focus() {
        this.heading.focus({ preventScroll: true });
    }

    close() {
        this.isOver = true;
        clearTimeout(this.timer);
        for (const end of this.ends) end();
    }

    soon() {
        if (this.timer) return;
        this.timer = setTimeout(() => {
            this.timer = 0;
            this.read();
        }, REST);
    }

    async read() {
        let figures = null;
        try {
            figures = await get("library");
        } catch (problem) {
            if (this.isOver) return;
            put(this.note, h("span", { class: "bad" }, problem.message), " ", h("button", { type: "button", onclick: () => this.read() }, "Try again"));
            return;
        }
        if (this.isOver) return;
        const { tracks, waiting, decided } = figures;
        put(this.note, `${counted(tracks, "track")}, ${grouped(waiting)} waiting, ${grouped(decided)} decided by you. Of now; how far the models agree was counted ${ago(figures.computed_at)}.`);
        // What was opened stays open, and what has the focus keeps it.
        const isBusy = this.parts.contains(document.activeElement) || this.parts.querySelector("details[open]") !== null;
        if (this.isDrawn && isBusy) return;
        this.isDrawn = true;
        put(this.parts,
            card("State", stateOf(figures)), card("Changes", changesOf(figures), new Changes().element),
            card("Genres", genresOf(figures.genres)), card("Confidence", confidenceOf(figures.confidence, figures.threshold)),
            card("Agreement of the models", agreementOf(figures.agreement)), card("Folders", foldersOf(figures.roots)));
    }
}

function card(name, ...children) {
    const id = `card-${name.toLowerCase().replace(/\W+/g, "-")}`;
    return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, name), children);
}

function stateOf({ statuses, tracks, decided }) {
    const names = {
        tagged: ["tagged by reclassd", tracksOf({ set: "tagged" })], kept: ["kept: had a genre", null],
        unsure: ["unsure", tracksOf({ set: "unsure" })], skipped: ["skipped", null], failed: ["failed", null], gone: ["gone", null],
    };
    const most = Math.max(1, ...Object.values(statuses));
    const rows = Object.entries(names).filter(([status]) => statuses[status] > 0).map(([status, [name, href]]) => bar(name, href, statuses[status], most, tracks));
    return [h("ul", { class: "bars" }, rows), h("p", { class: "quiet" }, `${grouped(decided)} of them were decided by you.`)];
}

function genresOf(genres) {
    if (genres.length === 0) return h("p", { class: "quiet" }, "Nothing was analysed yet.");
    const most = Math.max(...genres.map((genre) => genre.tracks));
    const sum = genres.reduce((sum, genre) => sum + genre.tracks, 0);
    const row = ({ genre, tracks }) => bar(genre, tracksOf({ genre }), tracks, most, sum);
    const rest = genres.slice(GENRES);
    return [
        h("p", { class: "quiet" }, "The first guess of every track that was analysed."),
        h("ul", { class: "bars" }, genres.slice(0, GENRES).map(row)),
        rest.length > 0 ? h("details", {}, h("summary", {}, `${grouped(rest.length)} more`), h("ul", { class: "bars" }, rest.map(row))) : null,
    ];
}

function bar(name, href, count, most, all) {
    return h("li", {},
        h("span", { class: "bar-name" }, href === null ? name : h("a", { href }, name)),
        h("span", { class: "track" }, h("span", { class: "bar", style: { width: `${(count / most) * 100}%` } })),
        h("span", { class: "figure" }, grouped(count), h("span", { class: "quiet" }, ` ${percent(count / Math.max(1, all))}`)));
}

function confidenceOf(bins, threshold) {
    if (bins.every((bin) => bin.tracks === 0)) return h("p", { class: "quiet" }, "Nothing was analysed yet.");
    return histogram({
        bins: bins.map((bin) => ({ written: bin.tagged, other: bin.tracks - bin.tagged })),
        threshold,
        // The last bin holds what is certain as well.
        href: (from, to) => tracksOf({ above: rounded(from), below: to >= 1 ? null : rounded(to), order: "confidence" }),
    });
}

function rounded(share) {
    return Math.round(share * 100) / 100;
}

function agreementOf({ models, matrix, tracks, sampled }) {
    if (models.length < 2) return h("p", { class: "quiet" }, "Fewer than two models take part.");
    return [
        h("p", { class: "quiet" }, `How many tracks of a hundred two models name the same genre for, ${sampled ? "of a sample of" : "of"} ${counted(tracks, "track")}. `,
            h("a", { href: tracksOf({ set: "unsure", disagree: true }) }, "Where they differ")),
        agreement({ models, shares: matrix }),
    ];
}

function changesOf({ changes: { today, week, days } }) {
    const most = Math.max(1, ...days.map((day) => day.written + day.corrected));
    const row = (name, { written, corrected, undone }) => h("tr", {}, h("th", { scope: "row" }, name),
        [written, corrected, undone].map((number) => h("td", { class: "number" }, grouped(number))));
    const day = (from, at) => (at === 0 ? "today" : moment(from).slice(0, 10));
    return [
        h("table", { class: "plain" },
            h("thead", {}, h("tr", {}, h("td", {}), ["written", "by you", "taken back"].map((head) => h("th", { scope: "col", class: "number" }, head)))),
            h("tbody", {}, row("Today", today), row("Seven days", week))),
        h("ol", { class: "days", "aria-label": "Writes by day, the last one first" }, days.map((one, at) => h("li", {
            title: `${day(one.from, at)}: ${grouped(one.written)} written, ${grouped(one.corrected)} of yours`,
        }, h("span", { class: "visually-hidden" }, `${day(one.from, at)}: ${grouped(one.written)} written, ${grouped(one.corrected)} of yours`),
        h("span", { class: "column", style: { height: `${((one.written + one.corrected) / most) * 100}%` } })))),
        h("p", { class: "day-names quiet", "aria-hidden": "true" }, h("span", {}, `${days.length - 1} days ago`), h("span", {}, "today")),
    ];
}

/** The writes themselves, the latest first, as many as one asks for. */
class Changes {
    constructor() {
        this.list = h("ul", { class: "changes" });
        this.more = h("button", { type: "button", onclick: () => this.read() }, "More");
        this.after = null;
        this.element = h("details", {
            ontoggle: () => this.element.open && this.list.childElementCount === 0 && this.read(),
        }, h("summary", {}, "The latest writes"), this.list, this.more);
    }

    async read() {
        try {
            const { changes, next } = await get("changes", { limit: 20, after: this.after });
            this.after = next;
            this.more.hidden = next === null;
            this.list.append(...changes.map((change) => {
                const name = fileName(change.path);
                const words = `${change.before.join("; ") || "no genre"} → ${change.after.join("; ") || "no genre"}`;
                return h("li", {}, h("span", { class: "quiet" }, `${moment(change.at)} `),
                    change.track === null ? name : h("a", { href: `#/track/${change.track}` }, name), ` ${words}`,
                    change.state === "undone" ? h("span", { class: "quiet" }, " (taken back)") : null);
            }));
            if (this.list.childElementCount === 0) this.list.append(h("li", { class: "quiet" }, "Nothing was written yet."));
        } catch (problem) {
            this.list.append(h("li", { class: "bad" }, problem.message));
        }
    }
}

function foldersOf(roots) {
    if (roots.length === 0) return h("p", { class: "quiet" }, "No folder was scanned yet.");
    return h("ul", { class: "folders" }, roots.map((root) => folder({ name: root.path, ...root, ...root.statuses })));
}

/** A folder with its figures, which opens to those that are in it. */
function folder({ name, path, tracks, tagged, unsure }) {
    const inside = h("ul", { class: "folders" });
    const figures = [
        h("a", { href: tracksOf({ path, order: "path" }) }, counted(tracks, "track")), ` · ${grouped(tagged)} tagged`,
        unsure > 0 ? [" · ", h("a", { href: tracksOf({ path, set: "unsure" }) }, `${grouped(unsure)} unsure`)] : null,
    ];
    const more = h("button", { type: "button", class: "quiet-button", onclick: () => read() }, "More");
    let after = null;
    const read = async () => {
        try {
            const { folders, next } = await get("folders", { path, after, limit: 100 });
            after = next;
            inside.append(...folders.map(folder));
            if (inside.childElementCount === 0) inside.append(h("li", { class: "quiet" }, "no folder in it"));
            more.hidden = next === null;
        } catch (problem) {
            inside.append(h("li", { class: "bad" }, problem.message));
        }
    };
    const details = h("details", { ontoggle: () => details.open && inside.childElementCount === 0 && read() }, h("summary", {}, name), inside, more);
    return h("li", {}, h("div", { class: "folder" }, details, h("span", { class: "folder-figures quiet" }, figures)));
}
