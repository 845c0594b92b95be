// The bar above the list: which tracks, in which order, narrowed down by what.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { AGES, ORDERS, SETS, narrowedBy, viewOf } from "./selection.js";

/** After a letter the list waits this long for the next one, in milliseconds. */
const REST = 150;

export class FilterBar {
    /** `onchange(view)` is told of another view, `onleave()` when the text is typed and the list is wanted. */
    constructor({ onchange, onleave }) {
        Object.assign(this, { onchange, onleave });
        this.set = select("set", "Which tracks", SETS, () => this.alter({ set: this.set.value }));
        this.order = select("order", "Order", ORDERS, () => this.alter({ order: this.order.value, isReversed: false }));
        this.reverse = h("button", {
            type: "button", class: "square", "aria-label": "Reversed order", "aria-pressed": "false", title: "Reversed order",
            onclick: () => this.alter({ isReversed: !this.view.isReversed }),
        }, "⇅");
        this.text = h("input", {
            type: "search", id: "filter-text", placeholder: "Filter: path, tags and genre", "aria-label": "Filter by words of path, tags and genre",
            "aria-keyshortcuts": "/", autocomplete: "off", spellcheck: "false", oninput: () => this.typed(), onkeydown: (event) => this.pressed(event),
        });
        this.genres = h("datalist", { id: "filter-genres" });
        const share = (name, label) => h("label", {}, label,
            h("input", { name, type: "number", min: "0", max: "1", step: "0.05", inputmode: "decimal" }));
        this.form = h("form", { class: "filter-form", onsubmit: (event) => this.submitted(event), onreset: () => this.cleared() },
            share("above", "Confidence from "), share("below", "Confidence below "),
            h("label", {}, "First guess ", h("input", { name: "genre", list: "filter-genres", autocomplete: "off" })),
            h("label", {}, "Folder or file ", h("input", { name: "path", autocomplete: "off", spellcheck: "false", placeholder: "/music/…" })),
            h("label", {}, "Added in ", h("select", { name: "days" }, AGES.map(([value, name]) => h("option", { value }, name)))),
            h("label", { class: "check" }, h("input", { name: "disagree", type: "checkbox" }), " the models name different genres"),
            this.genres,
            h("div", { class: "buttons" }, h("button", { type: "reset" }, "Clear"), h("button", { type: "submit", class: "primary" }, "Filter")));
        this.more = h("details", {
            class: "more", ontoggle: () => this.opened(),
            onkeydown: (event) => {
                if (event.key !== "Escape") return;
                event.stopPropagation();
                this.more.open = false;
                this.more.firstChild.focus();
            },
        }, h("summary", {}, "Filters"), this.form);
        this.chips = h("div", { class: "chips", role: "group", "aria-label": "Active filters" });
        this.figures = h("p", { class: "figures" });
        this.element = h("div", { class: "filters", role: "search", "aria-label": "The list" },
            h("div", { class: "picks" }, this.set, this.order, this.reverse), this.text, this.more, this.chips, this.figures);
        this.outside = (event) => {
            if (!this.more.contains(event.target)) this.more.open = false;
        };
        document.addEventListener("pointerdown", this.outside);
    }

    show(view) {
        this.view = view;
        this.set.value = view.set;
        this.order.value = view.order;
        this.reverse.setAttribute("aria-pressed", String(view.isReversed));
        if (document.activeElement !== this.text) this.text.value = view.text;
        const fields = this.form.elements;
        fields.above.value = view.above ?? "";
        fields.below.value = view.below ?? "";
        fields.genre.value = view.genre;
        fields.path.value = view.path;
        fields.days.value = view.days;
        fields.disagree.checked = view.disagree;
        put(this.chips, narrowedBy(view).map(([names, words]) => h("button", {
            type: "button", class: "chip", "aria-label": `${words}: end this filter`, onclick: () => this.without(names),
        }, words, " ×")));
        this.chips.hidden = this.chips.childElementCount === 0;
    }

    close() {
        clearTimeout(this.timer);
        document.removeEventListener("pointerdown", this.outside);
    }

    /** Begins to type. */
    focusText() {
        this.text.focus();
        this.text.select();
    }

    /** The next set, or the next order, as the keys go through them. */
    next(name) {
        const values = (name === "set" ? SETS.slice(0, 5) : ORDERS).map(([value]) => value);
        const value = values[(values.indexOf(this.view[name]) + 1) % values.length];
        this.alter({ [name]: value, isReversed: false });
    }

    alter(change) {
        this.onchange({ ...this.view, ...change });
    }

    without(names) {
        const defaults = viewOf(new URLSearchParams());
        this.alter(Object.fromEntries(names.map((name) => [name, defaults[name]])));
        this.onleave();
    }

    typed() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.alter({ text: this.text.value }), REST);
    }

    pressed(event) {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        clearTimeout(this.timer);
        if (event.key === "Escape") this.text.value = "";
        if (this.text.value !== this.view.text) this.alter({ text: this.text.value });
        this.onleave();
    }

    async opened() {
        if (!this.more.open) return;
        this.form.elements.above.focus();
        if (this.genres.childElementCount > 0) return;
        try {
            const { genres } = await get("genres");
            put(this.genres, genres.map(({ word }) => h("option", { value: word })));
        } catch {
            // The name can be typed out.
        }
    }

    submitted(event) {
        event.preventDefault();
        const fields = this.form.elements;
        const share = (field) => (field.value === "" ? null : Number(field.value));
        this.more.open = false;
        this.alter({
            above: share(fields.above), below: share(fields.below), genre: fields.genre.value.trim(), path: fields.path.value.trim(),
            days: fields.days.value, disagree: fields.disagree.checked,
        });
        this.onleave();
    }

    cleared() {
        this.more.open = false;
        this.alter({ above: null, below: null, genre: "", path: "", days: "", disagree: false });
        this.onleave();
    }
}

function select(name, label, choices, onchange) {
    return h("select", { name, "aria-label": label, onchange }, choices.map(([value, words]) => h("option", { value }, words)));
}

