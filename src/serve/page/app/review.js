// Review: the list of what waits, the track at the cursor beside it, and the keys of the list in the terminal. Decisions are shown at once
// and written behind; decided rows stay in sight with what became of them.

import { get, pause } from "./api.js";
import { choose, warmUp } from "./chooser.js";
import { decidedAs, decisions } from "./decisions.js";
import { h, key, put } from "./dom.js";
import { events } from "./events.js";
import { FilterBar } from "./filters.js";
import { WindowedList } from "./list.js";
import { Pages } from "./paging.js";
import { Panel, detailsOf, forget } from "./panel.js";
import { drawRow } from "./row.js";
import { say, warn } from "./say.js";
import { addressOf, filterOf, viewOf } from "./selection.js";
import { counted, grouped } from "./words.js";

/** Tracks that were decided about elsewhere are read anew one by one up to here. */
const FEW = 20;
/** How often it is asked how many tracks a view has, while they are being counted. */
const COUNTS = 60;
/** Where list and track do not fit beside each other. */
const NARROW = matchMedia("(max-width: 760px)");

export class Review {
    constructor(parameters) {
        this.title = "Review";
        this.marks = new Map();
        this.scope = "track";
        this.pressed = [];
        this.moving = null;
        this.filters = new FilterBar({ onchange: (view) => this.alter(view), onleave: () => this.focus() });
        this.list = new WindowedList({
            label: "Tracks", draw: (row) => drawRow(row, this.looksOf(row)), classes: (row) => this.classesOf(row),
            onmove: () => this.moved(), onopen: () => this.open(), onmark: (row) => this.mark(row),
        });
        const back = h("button", { type: "button", class: "back", onclick: () => this.backToList() }, "‹ List");
        this.panel = new Panel({
            accept: () => this.accept(), take: (at) => this.take(at), choose: () => this.choose(), leave: () => this.leave(),
            undo: () => decisions.undo(), scope: (scope) => this.toScope(scope), mark: () => this.mark(this.list.row),
        }, { back });
        this.message = h("p", { class: "message" });
        this.nothing = h("div", { class: "nothing", hidden: true });
        this.element = h("div", { class: "review" },
            h("h1", { class: "visually-hidden" }, "Review"),
            this.filters.element,
            h("section", { class: "queue", "aria-label": "Queue" }, this.list.element, this.nothing),
            h("div", { class: "foot" }, this.message), this.panel.element);
        const on = (name, listener) => {
            decisions.addEventListener(name, listener);
            return () => decisions.removeEventListener(name, listener);
        };
        this.ends = [
            on("change", (event) => this.changed(event.detail)),
            on("undone", (event) => this.undone(event.detail)),
            on("message", (event) => this.tell(event.detail)),
            events.on("changed", (news) => this.changedElsewhere(news)), events.on("connection", () => this.figures()),
        ];
        this.popped = () => this.element.classList.toggle("showing", history.state?.panel === true);
        addEventListener("popstate", this.popped);
        warmUp();
        this.update(parameters);
    }

    /** Shows the view of another address. */
    update(parameters) {
        const view = viewOf(parameters);
        const isSame = this.view !== undefined && addressOf(view) === addressOf(this.view);
        this.view = view;
        this.filters.show(view);
        if (!isSame) this.read();
    }

    /** Reads the list anew. */
    async read({ isFromEnd = false } = {}) {
        const { view } = this;
        this.list.pages?.close();
        decisions.forget();
        this.scope = "track";
        const filter = filterOf(view);
        const pages = new Pages(async ({ after, before, isFromEnd: fromEnd, limit }) => {
            const isReversed = view.isReversed !== fromEnd;
            const isFirst = after === null && before === null;
            let place = { after, before };
            for (;;) {
                const page = await get("tracks", { ...filter, order: view.order, reverse: isReversed, ...place, limit, count: isFirst });
                const { tracks, next, previous, total } = page;
                const further = before === null ? next : previous;
                // A page without tracks says only how far it looked.
                if (tracks.length === 0 && further !== null && this.pages === pages) {
                    place = before === null ? { after: next, before: null } : { after: null, before: previous };
                    continue;
                }
                // The last page is the first one of the order turned round.
                if (fromEnd) return { rows: tracks.reverse(), previous: next, next: null, total };
                return { rows: tracks, previous: isFirst ? null : previous, next, total };
            }
        });
        this.pages = pages;
        await pages.open({ isFromEnd });
        if (this.pages !== pages) return;
        this.list.show(pages, isFromEnd ? pages.end - 1 : pages.base);
        this.showNothing();
        this.figures();
        this.count(pages, filter);
    }

    /** Asks how many there are until it was counted: of a large library that may take some seconds. */
    async count(pages, filter) {
        for (let tried = 0; pages.isOpen && pages.error === null && pages.total === null && tried < COUNTS; tried += 1) {
            await pause(1000);
            if (this.pages !== pages) return;
            const counted = await get("tracks", { ...filter, limit: 1, count: true }).catch(() => null);
            if (this.pages !== pages) return;
            pages.total = counted?.total ?? null;
        }
        this.figures();
    }

    focus() {
        (this.element.classList.contains("showing") ? this.panel.title : this.list.element).focus({ preventScroll: true });
    }

    close() {
        removeEventListener("popstate", this.popped);
        for (const end of this.ends) end();
        this.filters.close();
        this.list.close();
        this.panel.close();
    }

    /** What a key does; false where it is none of the list's. */
    press(event) {
        const action = this.actionOf(event);
        if (action === null) return false;
        if (this.moving !== null) this.pressed.push(action);
        else this.act(action);
        return true;
    }

    async act(action) {
        const moving = action.run();
        // A reach is for the next decision alone.
        if (!action.keepsScope) this.toScope("track");
        if (!(moving instanceof Promise)) return;
        this.moving = moving;
        await moving;
        this.moving = null;
        const next = this.pressed.shift();
        if (next !== undefined) this.act(next);
    }

    actionOf(event) {
        const page = Math.max(1, this.list.fitting - 1);
        const look = (run) => ({ run });
        const decide = (run) => ({ run, keepsScope: true });
        const scope = (name) => ({ run: () => this.toScope(this.scope === name ? "track" : name), keepsScope: true });
        switch (event.key) {
            case "j": case "ArrowDown": return look(() => this.list.step(1));
            case "k": case "ArrowUp": return look(() => this.list.step(-1));
            case "PageDown": return look(() => this.list.step(page));
            case "PageUp": return look(() => this.list.step(-page));
            case "Home": return look(() => this.toStart());
            case "End": case "G": return look(() => this.toEnd());
            case " ": return look(() => this.mark(this.list.row, true));
            case "Enter": case "a": return decide(() => this.accept());
            case "1": case "2": case "3": return decide(() => this.take(Number(event.key) - 1));
            case "s": case "g": return decide(() => this.choose());
            case "x": return decide(() => this.leave());
            case "u": return look(() => decisions.undo());
            case "b": return scope("album");
            case "f": return scope("folder");
            case "m": return this.marks.size > 0 ? scope("marked") : look(() => this.tell({ text: "nothing is marked: Space marks a row" }));
            case "p": return { run: () => this.panel.player.toggle(), keepsScope: true };
            case "/": return look(() => this.filters.focusText());
            case "o": return look(() => this.filters.next("order"));
            case "v": return look(() => this.filters.next("set"));
            case "r": return look(() => this.read());
            case "t": return look(() => this.openTrack());
            case "Escape": return this.escape();
            default: return null;
        }
    }

    escape() {
        if (this.scope !== "track") return { run: () => this.toScope("track"), keepsScope: true };
        if (this.element.classList.contains("showing")) return { run: () => this.backToList() };
        if (this.marks.size > 0) return { run: () => this.unmarkAll() };
        if (this.view.text !== "") return { run: () => this.alter({ ...this.view, text: "" }) };
        return null;
    }

    accept() {
        const row = this.list.row;
        if (row === undefined) return undefined;
        return this.decide({ action: "accept" }, row.suggestion.join("; "));
    }

    take(at) {
        const word = this.list.row?.guesses[at];
        if (word === undefined) return undefined;
        return this.decide({ action: "set", genres: [word] }, word);
    }

    leave() {
        return this.decide({ action: "reject" }, "left alone");
    }

    async choose() {
        const row = this.list.row;
        if (row === undefined || !this.canDecide(row)) return;
        const whom = { track: `“${row.title ?? row.file}”`, album: "the album", folder: "the folder", marked: `the ${this.marks.size} marked` };
        const genres = await choose({
            title: `Genre for ${whom[this.scope]}`, guesses: row.guesses,
        });
        if (genres.length > 0) await this.decide({ action: "set", genres }, genres.join("; "));
        else this.toScope("track");
    }

    canDecide(row) {
        if (row.in_library === false) {
            this.tell({ text: "it lies outside the library", isBad: true });
            return false;
        }
        if (this.scope === "track" && decisions.stateOf(row.id)?.is === "busy") {
            this.tell({ text: "it is being written already" });
            return false;
        }
        return true;
    }

    /** Makes a decision for what the scope means, and goes on to what waits. */
    decide(decision, words) {
        const row = this.list.row;
        if (row === undefined || !this.canDecide(row)) return undefined;
        const { scope } = this;
        if (scope === "track") {
            this.tell({ text: `${words}: ${row.title ?? row.file}`, canUndo: true });
            decisions.track(row, decision, words);
        } else {
            const meant = scope === "marked" ? [...this.marks.values()] : this.meant(row);
            const reach = { album: { album: row.id }, folder: { folder: row.id }, marked: { tracks: [...this.marks.keys()].slice(0, 1000) } }[scope];
            this.tell({ text: `${words} for ${{ album: "the album", folder: "the folder", marked: `the ${meant.length} marked` }[scope]}` });
            decisions.many(reach, filterOf(this.view), decision, meant, words);
        }
        if (scope === "marked") this.marks.clear();
        else this.marks.delete(row.id);
        this.scope = "track";
        this.list.refreshAll();
        return this.toNextWaiting();
    }

    /** The rows that the scope probably means, of those that are read; which they are, the server tells. */
    meant(row) {
        if (this.scope === "track" || row === undefined) return [];
        if (this.scope === "marked") return [...this.marks.values()];
        return [...this.pages.rows()].filter((other) => this.isMeant(other));
    }

    /** How many that are, where all of the list was read. */
    countMeant() {
        if (this.scope === "track" || this.pages === undefined || this.pages.goesOn || this.pages.goesBack) return null;
        return this.meant(this.list.row).length;
    }

    /** To the next row that waits: behind the cursor, else before it; else it stays. */
    async toNextWaiting() {
        const { pages, list } = this;
        const waits = (number) => decisions.isWaiting(pages.at(number).id);
        for (let number = list.current; ; number += 1) {
            if (number >= pages.end) {
                if (!pages.goesOn) break;
                await pages.reach(number);
                if (this.pages !== pages || number >= pages.end) break;
            }
            if (waits(number)) return list.go(number);
        }
        for (let number = Math.min(list.current, pages.end) - 1; number >= pages.base; number -= 1) {
            if (waits(number)) return list.go(number);
        }
        return this.moved();
    }

    toStart() {
        if (this.pages.goesBack) return this.read();
        return this.list.go(this.pages.base);
    }

    toEnd() {
        if (this.pages.goesOn) return this.read({ isFromEnd: true });
        return this.list.go(this.pages.end - 1);
    }

    toScope(scope) {
        if (this.scope === scope) return;
        this.scope = scope;
        this.list.refreshAll();
        this.moved();
        const meant = this.countMeant();
        const tracks = meant === null ? "" : `: ${counted(meant, "track")}`;
        const words = {
            track: "for this track", album: `for the album, what waits of it in this folder${tracks}`,
            folder: `for the folder, what waits in it and below it${tracks}`, marked: `for the ${this.marks.size} marked`,
        };
        this.tell({ text: scope === "track" ? "" : words[scope], isScope: true });
        say(words[scope]);
    }

    mark(row, stepsOn = false) {
        if (row === undefined) return undefined;
        if (this.marks.has(row.id)) this.marks.delete(row.id);
        else this.marks.set(row.id, row);
        say(this.marks.has(row.id) ? `marked, ${this.marks.size} in all` : "not marked any more");
        this.list.refresh(row.id);
        this.figures();
        this.moved();
        return stepsOn ? this.list.step(1) : undefined;
    }

    unmarkAll() {
        this.marks.clear();
        this.list.refreshAll();
        this.figures();
        this.moved();
    }

    /** The row at the cursor is another one, or looks different. */
    moved() {
        const row = this.list.row;
        const state = row === undefined ? undefined : decisions.stateOf(row.id);
        this.panel.show(row, {
            state, scope: this.scope, marks: this.marks.size, isMarked: row !== undefined && this.marks.has(row.id),
            meant: this.countMeant(),
        });
        if (this.scope !== "track") this.list.refreshAll();
    }

    open() {
        if (!NARROW.matches || this.element.classList.contains("showing")) return;
        history.pushState({ panel: true }, "");
        this.element.classList.add("showing");
        this.panel.title.focus({ preventScroll: true });
    }

    backToList() {
        if (history.state?.panel === true) history.back();
        else this.element.classList.remove("showing");
        this.list.element.focus({ preventScroll: true });
    }

    openTrack() {
        if (this.list.row !== undefined) location.hash = `#/track/${this.list.row.id}`;
    }

    alter(view) {
        history.replaceState(history.state, "", addressOf(view));
        this.view = view;
        this.filters.show(view);
        this.marks.clear();
        this.read();
    }

    changed(ids) {
        for (const id of ids) this.list.refresh(id);
        forget(ids);
        this.figures();
        if (ids.includes(this.list.row?.id)) this.moved();
    }

    undone(ids) {
        const numbers = ids.map((id) => this.pages.find(id)).filter((number) => number >= 0);
        if (numbers.length > 0) this.list.go(Math.min(...numbers));
        this.panel.refresh();
    }

    async changedElsewhere({ tracks, go }) {
        // News of what was decided here may come before the answer to it.
        await decisions.settled();
        if (decisions.gos.has(go)) return;
        const here = tracks.filter((id) => this.pages?.find(id) >= 0);
        forget(here);
        if (here.length > FEW) {
            this.tell({ text: `${here.length} of these were decided elsewhere: r reads the list anew` });
            return;
        }
        for (const id of here) {
            const before = decisions.stateOf(id);
            try {
                const { choice } = await detailsOf(id);
                const isDecided = choice !== null && choice.origin !== "handed back";
                decisions.learn(id, isDecided ? decidedAs(choice.genres) : undefined, before);
            } catch {
                // It is read when the cursor comes to it.
            }
        }
    }

    tell({ text, isBad = false, canUndo = false, isScope = false }) {
        const undo = h("button", { type: "button", class: "quiet-button", onclick: () => decisions.undo() }, "Undo ", key("u"));
        put(this.message, text, canUndo ? [" ", undo] : null);
        this.message.classList.toggle("bad", isBad);
        this.message.classList.toggle("scope-note", isScope && text !== "");
        if (isBad) warn(text);
        else if (!isScope && text !== "") say(text);
    }

    figures() {
        const total = this.pages?.total;
        const words = [];
        if (total === null && this.pages.isOpen && this.pages.error === null) words.push("counting…");
        else if (total !== null && total !== undefined) words.push(`${grouped(Math.max(0, total - decisions.decided))} ${this.view.set === "library" ? "tracks" : "wait"}`);
        if (decisions.decided > 0) words.push(`${grouped(decisions.decided)} decided`);
        if (this.marks.size > 0) words.push(`${grouped(this.marks.size)} marked`);
        if (decisions.open > 0) words.push(events.state === "lost" ? "the server does not answer" : "writing…");
        const text = words.join(", ");
        if (this.filters.figures.textContent !== text) this.filters.figures.textContent = text;
    }

    showNothing() {
        const { error, isEmpty } = this.pages;
        this.nothing.hidden = error === null && !isEmpty;
        this.list.element.hidden = !this.nothing.hidden;
        if (error !== null) {
            put(this.nothing, h("p", { class: "bad" }, error.message),
                h("button", { type: "button", onclick: () => this.read() }, "Try again"));
        } else if (isEmpty) {
            const isNarrowed = addressOf(this.view) !== addressOf({ ...viewOf(new URLSearchParams()), set: this.view.set, order: this.view.order });
            put(this.nothing, h("p", {}, isNarrowed ? "Nothing here passes the filters." : "Nothing waits for you here."),
                isNarrowed ? h("p", {}, h("a", { href: "#/review" }, "Show all that waits")) : null);
        }
    }

    looksOf(row) {
        return { state: decisions.stateOf(row.id), isMarked: this.marks.has(row.id) };
    }

    classesOf(row) {
        const { state } = this.looksOf(row);
        const isMeant = this.scope !== "track" && this.isMeant(row);
        return [state?.is ?? "", this.marks.has(row.id) ? "marked" : "", isMeant ? "meant" : "", row.not_music ? "no-music" : ""].join(" ");
    }

    isMeant(row) {
        const current = this.list.row;
        if (this.scope === "marked") return this.marks.has(row.id);
        if (current === undefined || !(decisions.isWaiting(row.id) || row.id === current.id)) return false;
        if (this.scope === "folder") return row.folder === current.folder || row.folder.startsWith(`${current.folder}/`);
        return row.folder === current.folder && (row.album ?? "") === (current.album ?? "");
    }
}
