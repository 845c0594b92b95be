// Choosing genres by typing: the server searches, so that names, aliases and the owner's own words are found as in the terminal. Enter
// writes, Tab picks several, Escape goes back.

import { get } from "./api.js";
import { h, key, put } from "./dom.js";

const known = new Map();

/** What may be meant by what was typed, the best first; each answer is kept. */
function search(typed) {
    const text = typed.trim();
    if (!known.has(text)) {
        const asked = get("genres", { q: text, limit: text === "" ? null : 30 }).then((answer) => answer.genres);
        asked.catch(() => known.delete(text));
        known.set(text, asked);
    }
    return known.get(text);
}

/** Has the whole list ready before it is asked for. */
export function warmUp() {
    search("").catch(() => {});
}

/** Lets an owner choose genres, and promises them; none where it was left. `guesses` come first while nothing is typed. */
export function choose({ title, guesses = [] }) {
    return new Promise((resolve) => new Chooser(title, guesses, resolve));
}

class Chooser {
    constructor(title, guesses, resolve) {
        Object.assign(this, { guesses, resolve, found: [], at: 0, picked: [], chosen: [], asked: 0 });
        const back = document.activeElement;
        this.input = h("input", {
            id: "genre-typed", type: "text", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "true",
            "aria-controls": "genre-options", "aria-describedby": "genre-keys", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
            enterkeyhint: "done", oninput: () => this.look(), onkeydown: (event) => this.pressed(event),
        });
        this.options = h("ul", { id: "genre-options", role: "listbox", "aria-label": "Genres", onclick: (event) => this.clicked(event) });
        this.chips = h("p", { class: "chips", "aria-live": "polite" });
        this.problem = h("p", { class: "bad", role: "alert" });
        this.dialog = h("dialog", { class: "chooser", "aria-labelledby": "genre-title" },
            h("h2", { id: "genre-title" }, title),
            this.chips,
            h("label", { for: "genre-typed" }, "Genre, an alias, or a name of your own"),
            this.input,
            this.problem,
            this.options,
            h("p", { class: "hint", id: "genre-keys" }, "Enter writes, Tab picks several, Escape goes back."),
            h("div", { class: "buttons" },
                h("button", { type: "button", onclick: () => this.dialog.close() }, "Back ", key("Esc")),
                h("button", { type: "button", onclick: () => this.pick() }, "Pick ", key("Tab")),
                h("button", { type: "button", class: "primary", onclick: () => this.write() }, "Write ", key("↵"))),
        );
        this.dialog.addEventListener("close", () => {
            this.dialog.remove();
            back?.focus?.({ preventScroll: true });
            resolve(this.chosen);
        });
        document.body.append(this.dialog);
        this.dialog.showModal();
        this.input.focus();
        this.showPicked();
        this.look();
    }

    async look() {
        const [typed, number] = [this.input.value, (this.asked += 1)];
        this.isSearching = true;
        this.searching = (async () => {
            try {
                const found = await search(typed);
                if (number !== this.asked) return found;
                const rank = (named) => {
                    const at = this.guesses.indexOf(named.word);
                    return at < 0 ? this.guesses.length : at;
                };
                this.found = typed.trim() === "" ? [...found].sort((one, other) => rank(one) - rank(other)) : found;
                this.at = 0;
                this.isSearching = false;
                this.problem.textContent = "";
                this.show();
                return this.found;
            } catch (problem) {
                if (number === this.asked) this.problem.textContent = problem.message;
                return [];
            }
        })();
        await this.searching;
    }

    show() {
        put(this.options, this.found.map((named, at) => {
            const note = !named.known ? "a name of your own" : named.alias;
            return h("li", {
                id: `genre-option-${at}`, role: "option", "aria-selected": String(at === this.at), "data-at": at,
                class: this.picked.includes(named.word) ? "picked" : "",
            }, h("span", {}, named.word), note ? h("span", { class: "quiet" }, ` (${note})`) : null);
        }));
        if (this.found.length === 0) {
            put(this.options, h("li", { class: "quiet", role: "option", "aria-disabled": "true", "aria-selected": "false" }, "no genre can be named so"));
        }
        this.mark();
    }

    mark() {
        const options = [...this.options.children];
        options.forEach((option, at) => option.setAttribute("aria-selected", String(at === this.at && this.found.length > 0)));
        options[this.at]?.scrollIntoView({ block: "nearest" });
        if (this.found.length > 0) this.input.setAttribute("aria-activedescendant", `genre-option-${this.at}`);
        else this.input.removeAttribute("aria-activedescendant");
    }

    showPicked() {
        put(this.chips, this.picked.map((word) => h("button", {
            type: "button", class: "chip", "aria-label": `${word}: picked; take it away`, onclick: () => this.toggle(word),
        }, word, " ×")));
        this.chips.hidden = this.picked.length === 0;
    }

    async pressed(event) {
        const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
        if (event.isComposing) return;
        if (this.isWriting) {
            // What is typed behind Enter is no part of the name.
            event.preventDefault();
            return;
        }
        if (event.key in steps) {
            event.preventDefault();
            this.at = Math.min(Math.max(this.at + steps[event.key], 0), Math.max(0, this.found.length - 1));
            this.mark();
        } else if (event.key === "Enter") {
            event.preventDefault();
            await this.write();
        } else if (event.key === "Tab" && !event.shiftKey) {
            event.preventDefault();
            await this.pick();
        } else if (event.key === "Backspace" && this.input.value === "" && this.picked.length > 0) {
            this.toggle(this.picked.at(-1));
        }
    }

    clicked(event) {
        const option = event.target.closest("[data-at]");
        if (option === null) return;
        this.at = Number(option.dataset.at);
        if (this.picked.length > 0) this.pick();
        else this.write();
    }

    /** Picks the genre at the cursor, or lets it go again. */
    async pick() {
        const { searching } = this;
        const at = this.isSearching ? 0 : this.at;
        // What is typed from now on is another name, also where this one is still being looked for.
        this.input.value = "";
        this.look();
        this.input.focus();
        const named = (this.picking = searching.then((found) => found[at]));
        const { word } = (await named) ?? {};
        if (word === undefined) return;
        this.picked = this.picked.includes(word) ? this.picked.filter((other) => other !== word) : [...this.picked, word];
        this.showPicked();
        this.show();
    }

    toggle(word) {
        this.picked = this.picked.includes(word) ? this.picked.filter((other) => other !== word) : [...this.picked, word];
        this.input.value = "";
        this.showPicked();
        this.look();
    }

    /** What was picked, and the genre at the cursor unless nothing was typed behind a pick. */
    async write() {
        this.isWriting = true;
        await this.picking;
        await this.searching;
        this.isWriting = false;
        const named = this.found[this.at];
        const chosen = [...this.picked];
        if ((chosen.length === 0 || this.input.value.trim() !== "") && named !== undefined && !chosen.includes(named.word)) {
            chosen.push(named.word);
        }
        if (chosen.length === 0) return;
        this.chosen = chosen;
        this.dialog.close();
    }
}
