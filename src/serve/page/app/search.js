// Search: tracks by words of their path, artist, title, album or genre, those included that were decided about.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { WindowedList } from "./list.js";
import { Pages } from "./paging.js";
import { drawRow } from "./row.js";
import { say } from "./say.js";
import { counted } from "./words.js";

/** After a letter the search waits this long for the next one, in milliseconds. */
const REST = 150;

export class Search {
    constructor(parameters) {
        this.title = "Search";
        this.input = h("input", {
            id: "search-words", type: "search", autocomplete: "off", spellcheck: "false", value: parameters.get("q") ?? "",
            placeholder: "Artist, title, album, genre, path", oninput: () => this.typed(), onkeydown: (event) => this.pressed(event),
        });
        this.list = new WindowedList({
            label: "Tracks found", draw: (row) => drawRow(row), onopen: (row) => this.open(row),
        });
        this.list.element.classList.add("unmarked");
        this.note = h("p", { class: "quiet note" });
        this.element = h("div", { class: "search" },
            h("h1", {}, "Search"),
            h("div", { class: "search-bar", role: "search" }, h("label", { class: "visually-hidden", for: "search-words" }, "Words"), this.input, this.note),
            this.list.element);
        this.search();
    }

    /** The words of another address. */
    update(parameters) {
        const words = parameters.get("q") ?? "";
        if (words === this.input.value.trim()) return;
        this.input.value = words;
        this.search();
    }

    focus() {
        this.input.focus();
        this.input.select();
    }

    close() {
        clearTimeout(this.timer);
        this.list.close();
    }

    press(event) {
        const steps = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: this.list.fitting - 1, PageUp: 1 - this.list.fitting };
        if (event.key === "/") this.focus();
        else if (event.key in steps) this.list.step(steps[event.key]);
        else if (event.key === "Home") this.list.go(this.pages?.base ?? 0);
        else if (event.key === "End") this.list.go((this.pages?.end ?? 1) - 1);
        else if (event.key === "Enter") this.open(this.list.row);
        else return false;
        return true;
    }

    pressed(event) {
        if (event.key === "Escape" && this.input.value !== "") {
            event.preventDefault();
            this.input.value = "";
            this.search();
        } else if (event.key === "Enter" || event.key === "ArrowDown") {
            event.preventDefault();
            event.stopPropagation();
            clearTimeout(this.timer);
            this.search().then(() => this.list.element.focus({ preventScroll: true }));
        }
    }

    typed() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.search(), REST);
    }

    async search() {
        const words = this.input.value.trim();
        if (this.words === words && this.pages?.error === null) return;
        this.words = words;
        history.replaceState(history.state, "", words === "" ? "#/search" : `#/search?${new URLSearchParams({ q: words })}`);
        this.pages?.close();
        this.pages = null;
        this.list.element.hidden = words === "";
        if (words === "") {
            put(this.note, "Every word is one of the path, the artist, the title, the album or the genre; the last may be the beginning of one.");
            return;
        }
        const pages = new Pages(async ({ after, limit }) => {
            // A page without tracks says only how far it looked.
            for (let from = after; ;) {
                const page = await get("search", { q: words, limit, after: from });
                if (page.tracks.length > 0 || page.next === null) return { rows: page.tracks, previous: null, next: page.next };
                from = page.next;
            }
        });
        this.pages = pages;
        await pages.open();
        if (this.pages !== pages) return;
        if (pages.error !== null) {
            put(this.note, h("span", { class: "bad" }, pages.error.message));
            return;
        }
        this.list.show(pages);
        this.list.element.hidden = pages.isEmpty;
        const found = pages.isEmpty ? "Nothing is found." : `${pages.goesOn ? "More than " : ""}${counted(pages.end, "track")}`;
        put(this.note, found);
        say(found);
    }

    open(row) {
        if (row !== undefined) location.hash = `#/track/${row.id}`;
    }
}
