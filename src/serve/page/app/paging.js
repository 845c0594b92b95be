// A list that is longer than one wants to hold: it is read page by page, behind and before what is there, and pages far from where one
// looks are let go. Rows keep their number, counted from the first row of the list, for as long as the list lives.

/** Rows that are read at once. */
export const PAGE = 100;
/** Pages that are held; beyond it, those at the other end are let go. */
const HELD = 30;

export class Pages {
    /**
     * `read({after, before, isFromEnd, limit})` promises `{rows, previous, next, total}`: the rows in the order of the list and the cursors
     * of the pages around them, null where there is nothing more; `total` may be missing.
     */
    constructor(read) {
        this.read = read;
        /** Called whenever there is something else to show; told whether rows got other numbers. */
        this.onchange = () => {};
        this.held = [];
        /** The number of the first row that is held. */
        this.base = 0;
        this.total = null;
        this.error = null;
        this.isOpen = false;
        this.isOver = false;
        this.reading = null;
    }

    /** Reads the first page, or the last. */
    open({ isFromEnd = false } = {}) {
        return this.load(async () => {
            const page = await this.read({ after: null, before: null, isFromEnd, limit: PAGE });
            this.total = page.total ?? this.total;
            this.held = [page];
            this.base = page.previous === null ? 0 : Math.max(1, (this.total ?? 0) - page.rows.length);
            this.isOpen = true;
        });
    }

    /** One behind the number of the last row that is held. */
    get end() {
        return this.base + this.held.reduce((sum, page) => sum + page.rows.length, 0);
    }

    get goesOn() {
        return (this.held.at(-1)?.next ?? null) !== null;
    }

    get goesBack() {
        return (this.held[0]?.previous ?? null) !== null;
    }

    get isEmpty() {
        return this.isOpen && this.end === this.base && !this.goesOn && !this.goesBack;
    }

    /** The row of a number, or undefined. */
    at(number) {
        let left = number - this.base;
        if (left < 0) return undefined;
        for (const page of this.held) {
            if (left < page.rows.length) return page.rows[left];
            left -= page.rows.length;
        }
        return undefined;
    }

    /** All rows that are held. */
    *rows() {
        for (const page of this.held) yield* page.rows;
    }

    /** The number of a row, or -1. */
    find(id) {
        let number = this.base;
        for (const row of this.rows()) {
            if (row.id === id) return number;
            number += 1;
        }
        return -1;
    }

    /** Has rows around these numbers read, if they are not there. */
    want(from, to) {
        if (this.reading !== null || this.isOver || this.error !== null || !this.isOpen) return;
        if (to + PAGE / 2 > this.end && this.goesOn) this.extend(false);
        else if (from - PAGE / 2 < this.base && this.goesBack) this.extend(true);
    }

    /** Reads until there is a row of this number, or the list ends. */
    async reach(number) {
        while (this.reading !== null) await this.reading;
        while (!this.isOver && this.error === null && this.isOpen) {
            if (number >= this.end && this.goesOn) await this.extend(false);
            else if (number < this.base && this.goesBack) await this.extend(true);
            else return;
        }
    }

    /** Reads again what could not be read. */
    retry() {
        this.error = null;
        if (!this.isOpen) return this.open();
        this.onchange(false);
        return Promise.resolve();
    }

    /** Ends it: what is still being read is not shown any more. */
    close() {
        this.isOver = true;
        this.onchange = () => {};
    }

    extend(isBackwards) {
        return this.load(async () => {
            const cursor = isBackwards ? { after: null, before: this.held[0].previous } : { after: this.held.at(-1).next, before: null };
            const page = await this.read({ ...cursor, isFromEnd: false, limit: PAGE });
            this.total = page.total ?? this.total;
            const known = new Set([...this.rows()].map((row) => row.id));
            // A row that moved in the order meanwhile is shown once.
            page.rows = page.rows.filter((row) => !known.has(row.id));
            if (!isBackwards) {
                this.held.push(page);
                while (this.held.length > HELD) this.base += this.held.shift().rows.length;
                return false;
            }
            this.held.unshift(page);
            while (this.held.length > HELD) this.held.pop();
            const base = this.base - page.rows.length;
            // The count that the numbers came from may have been another one.
            this.base = this.goesBack ? Math.max(1, base) : 0;
            return this.base !== base;
        });
    }

    load(work) {
        const reading = (async () => {
            let isOther = false;
            try {
                isOther = await work();
            } catch (error) {
                this.error = error;
            }
            if (this.reading === reading) this.reading = null;
            this.onchange(Boolean(isOther));
        })();
        this.reading = reading;
        return reading;
    }
}
