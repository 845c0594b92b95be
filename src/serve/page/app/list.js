// A list of rows of one height, of which only those in sight are elements: a hundred thousand rows are as light as a hundred. One row is
// the current one; the list keeps the focus and names that row to screen readers.

import { h } from "./dom.js";

/** Rows beyond the edges that are kept ready. */
const SPARE = 10;
/** Rows of room that are shown behind the last one that is known, where the list goes on. */
const AHEAD = 20;

export class WindowedList {
    /**
     * `pages` holds the rows, `draw(row)` makes what is inside one, `label` names the list, `onmove(row)` is told of the current
     * row, `onopen(row)` of a click, `onmark(row)` of a click on its mark, `classes(row)` says how a row looks.
     */
    constructor({ label, draw, classes = () => "", onmove = () => {}, onopen = () => {}, onmark = null }) {
        Object.assign(this, { draw, classes, onmove, onopen, onmark });
        this.name = `list-${(WindowedList.made = (WindowedList.made ?? 0) + 1)}`;
        this.rows = h("div", { class: "rows", role: "presentation" });
        this.element = h("div", {
            class: "list", role: "listbox", tabindex: "0", "aria-label": label,
            onscroll: () => this.soon(), onclick: (event) => this.clicked(event),
        }, this.rows);
        this.drawn = new Map();
        this.stale = new Set();
        this.current = 0;
        this.pages = null;
        this.frame = 0;
        this.watch = new ResizeObserver(() => {
            this.rowHeight = null;
            this.render();
            this.reveal();
        });
        this.watch.observe(this.element);
    }

    /** Shows other pages, from their first row on, or from the row of a number. */
    show(pages, current = pages.base) {
        this.pages = pages;
        pages.onchange = (isRenumbered) => this.changed(isRenumbered);
        this.forget();
        this.current = current;
        this.element.scrollTop = 0;
        this.render();
        this.reveal();
        this.onmove(this.row);
    }

    /** The current row, or undefined. */
    get row() {
        return this.pages?.at(this.current);
    }

    /** Makes the row of a number the current one. */
    go(number) {
        if (this.pages === null || this.pages.end === this.pages.base) return;
        const bounded = Math.min(Math.max(number, this.pages.base), this.pages.end - 1);
        if (bounded !== this.current) {
            this.stale.add(this.current).add(bounded);
            this.current = bounded;
        }
        this.reveal();
        this.render();
        this.onmove(this.row);
    }

    /** Moves by so many rows, reading on where that takes it beyond what is there. */
    async step(by) {
        const to = this.current + by;
        const pages = this.pages;
        if (pages === null) return;
        if (to >= pages.end || to < pages.base) await pages.reach(to);
        if (this.pages === pages) this.go(to);
    }

    /** The rows that fit. */
    get fitting() {
        return Math.max(1, Math.floor(this.element.clientHeight / this.height));
    }

    /** Draws a row anew. */
    refresh(id) {
        const number = this.pages?.find(id) ?? -1;
        if (number >= 0) this.stale.add(number);
        this.soon();
    }

    /** Draws all rows anew. */
    refreshAll() {
        for (const number of this.drawn.keys()) this.stale.add(number);
        this.soon();
    }

    /** Lets go of what it holds. */
    close() {
        this.watch.disconnect();
        cancelAnimationFrame(this.frame);
        this.pages?.close();
    }

    get height() {
        if (!this.rowHeight) {
            const probe = h("div", { class: "row", "aria-hidden": "true" }, "0");
            this.rows.append(probe);
            this.rowHeight = probe.getBoundingClientRect().height || 32;
            probe.remove();
        }
        return this.rowHeight;
    }

    changed(isRenumbered) {
        const { base, end } = this.pages;
        if (isRenumbered) {
            this.forget();
            const number = this.pages.find(this.shown);
            if (number >= 0 && number !== this.current) {
                this.element.scrollTop += (number - this.current) * this.height;
                this.current = number;
            }
        }
        this.current = Math.min(Math.max(this.current, base), Math.max(base, end - 1));
        const isOther = this.shown !== this.row?.id;
        this.render();
        if (isOther) this.onmove(this.row);
    }

    forget() {
        for (const element of this.drawn.values()) element.remove();
        this.drawn.clear();
        this.stale.clear();
    }

    soon() {
        cancelAnimationFrame(this.frame);
        this.frame = requestAnimationFrame(() => this.render());
    }

    render() {
        const pages = this.pages;
        if (pages === null) return;
        const height = this.height;
        const { scrollTop, clientHeight } = this.element;
        const known = pages.end + (pages.goesOn ? AHEAD : 0);
        this.rows.style.setProperty("height", `${known * height}px`);
        const from = Math.max(pages.base, Math.floor(scrollTop / height) - SPARE);
        const to = Math.min(pages.end, Math.ceil((scrollTop + clientHeight) / height) + SPARE);
        for (const [number, element] of this.drawn) {
            if (number < from || number >= to || this.stale.has(number)) {
                element.remove();
                this.drawn.delete(number);
            }
        }
        this.stale.clear();
        let behind = null;
        for (let number = from; number < to; number += 1) {
            let element = this.drawn.get(number);
            if (element === undefined) {
                element = this.make(number, height);
                this.drawn.set(number, element);
                // In the order of the list, for whoever reads it out.
                if (behind === null) this.rows.prepend(element);
                else behind.after(element);
            }
            behind = element;
        }
        const isThere = this.drawn.has(this.current);
        if (isThere) this.element.setAttribute("aria-activedescendant", `${this.name}-${this.current}`);
        else this.element.removeAttribute("aria-activedescendant");
        this.shown = this.row?.id;
        pages.want(from, to);
    }

    make(number, height) {
        const row = this.pages.at(number);
        const isCurrent = number === this.current;
        const total = Math.max(this.pages.total ?? 0, this.pages.end);
        return h("div", {
            class: `row ${isCurrent ? "current" : ""} ${this.classes(row)}`, id: `${this.name}-${number}`, role: "option",
            "aria-selected": String(isCurrent), "aria-setsize": this.pages.goesOn && this.pages.total === null ? -1 : total, "aria-posinset": number + 1,
            "data-number": number, style: { transform: `translateY(${number * height}px)` },
        }, this.draw(row));
    }

    /** Scrolls as little as it takes to see the current row. */
    reveal() {
        const [top, height] = [this.current * this.height, this.height];
        const { scrollTop, clientHeight } = this.element;
        if (top < scrollTop + height) this.element.scrollTop = Math.max(0, top - height);
        else if (top + 2 * height > scrollTop + clientHeight) this.element.scrollTop = top + 2 * height - clientHeight;
    }

    clicked(event) {
        const element = event.target.closest(".row");
        if (element === null) return;
        const number = Number(element.dataset.number);
        if (this.onmark !== null && event.target.closest(".mark") !== null) {
            this.onmark(this.pages.at(number));
            return;
        }
        this.go(number);
        this.onopen(this.row);
    }
}
