// What was decided on this page, on its way to the server: one decision after the other, in the order in which they were made, while the
// owner goes on. What a decision is for and what it does is the server's matter; here is only what is shown of it meanwhile.

import { get, pause, post, postPatiently } from "./api.js";
import { counted } from "./words.js";

/** How long a job is waited for in one request, in seconds. */
const WAIT = 20;

/**
 * What became of a track here, by its number:
 * `{is: "busy" | "done" | "left" | "failed", words, why}`; tracks that nothing was decided about have none.
 */
const states = new Map();

class Decisions extends EventTarget {
    constructor() {
        super();
        /** Decisions that can be taken back, the last one at the end: `{go, name}`. */
        this.made = [];
        /** Those that are on their way. */
        this.open = 0;
        this.line = Promise.resolve();
        /** Tracks of the list that were decided about here, and still stand so. */
        this.standing = new Set();
        /** The gos made here: news of them is none. */
        this.gos = new Set();
    }

    /** How many tracks of the list were decided about here. */
    get decided() {
        return this.standing.size;
    }

    /** What became of a track here. */
    stateOf(id) {
        return states.get(id);
    }

    /** Whether a track waits for a decision, as far as is known here. */
    isWaiting(id) {
        const state = states.get(id)?.is;
        return state === undefined || state === "failed";
    }

    /** Forgets what became of tracks: a list is read anew. */
    forget() {
        for (const [id, state] of states) if (state.is !== "busy") states.delete(id);
        this.standing.clear();
        this.tell([]);
    }

    /** Waits until nothing is on its way any more. */
    async settled() {
        while (this.open > 0) await this.line;
    }

    /** Takes over what became of a track elsewhere, unless something became of it here since it looked like `before`. */
    learn(id, state, before) {
        if (states.get(id) !== before || before?.is === "busy") return;
        if (state === undefined) states.delete(id);
        else states.set(id, state);
        this.tell([id]);
    }

    /** Decides about one track: `decision` is `{action: "accept" | "set" | "reject", genres}`; `words` what is expected to be written. */
    track(row, decision, words) {
        const before = this.begin([row.id], words);
        this.enqueue(async () => {
            const path = { accept: "accept", set: "correct", reject: "reject" }[decision.action];
            const body = decision.action === "set" ? { genres: decision.genres } : undefined;
            try {
                const { go, result } = await postPatiently(`tracks/${row.id}/${path}`, body);
                this.noteGo(go, nameOf(row));
                this.finish(result, before);
            } catch (problem) {
                this.fail(row.id, problem.message, before);
            }
        });
    }

    /** Decides about many: `reach` and `filter` as the server knows them; `meant` are the rows that are probably meant. */
    many(reach, filter, decision, meant, words) {
        const before = this.begin(meant.map((row) => row.id), words);
        this.enqueue(async () => {
            let failed = 0;
            const seen = new Set();
            try {
                const body = { ...decision, reach, filter };
                const job = await this.follow(await post("corrections", body, { wait: WAIT }), (result) => {
                    seen.add(result.id);
                    failed += result.action === "failed" ? 1 : 0;
                    this.finish(result, before);
                });
                this.noteGo(job.go, counted(job.total, "track"));
                if (job.state !== "done") throw new Error(job.error ?? "it was stopped");
                const done = job.done - failed;
                this.message(failed > 0
                    ? { text: `${counted(done, "track")} decided, ${failed} failed`, isBad: true }
                    : { text: `${counted(done, "track")} decided`, canUndo: true });
            } catch (problem) {
                this.message({ text: problem.message, isBad: true });
            }
            // What it did not mean waits as before.
            const passed = [...before.keys()].filter((id) => !seen.has(id));
            for (const id of passed) this.restore(id, before);
            this.tell(passed);
        });
    }

    /** Takes the last decision that was made here back. */
    undo() {
        this.enqueue(async () => {
            const last = this.made.pop();
            if (last === undefined) {
                this.message({ text: "nothing was decided here yet that could be taken back" });
                return;
            }
            const undone = [];
            let why = null;
            try {
                const job = await this.follow(await post("undo", { go: last.go }, { wait: WAIT }), (result) => {
                    if (result.action === "failed") {
                        why = result.error;
                        return;
                    }
                    undone.push(result.id);
                    const before = last.before.get(result.id);
                    if (before === undefined) {
                        states.delete(result.id);
                        this.standing.delete(result.id);
                    } else states.set(result.id, before);
                });
                if (job.state !== "done") why ??= job.error ?? "it was stopped";
            } catch (problem) {
                why = problem.message;
                if (problem.isUnreached) this.made.push(last);
            }
            this.tell(undone);
            const text = undone.length === 1 ? `taken back: ${last.name}` : `${undone.length} taken back`;
            this.message(why === null ? { text } : { text: undone.length > 0 ? `${text}; ${why}` : why, isBad: true });
            if (undone.length > 0) this.dispatchEvent(new CustomEvent("undone", { detail: undone }));
        });
    }

    /** A line for the owner: `{text, isBad, canUndo}`. */
    message(detail) {
        this.dispatchEvent(new CustomEvent("message", { detail }));
    }

    begin(ids, words) {
        const before = new Map(ids.map((id) => [id, states.get(id)]));
        for (const id of ids) states.set(id, { is: "busy", words });
        this.tell(ids);
        return before;
    }

    noteGo(go, name) {
        if (go === null || go === undefined || this.gos.has(go)) return;
        this.gos.add(go);
        this.made.push({ go, name, before: new Map() });
    }

    finish(result, before) {
        if (result.action === "failed") {
            this.fail(result.id, result.error, before);
            return;
        }
        this.standing.add(result.id);
        const last = this.made.at(-1);
        if (last !== undefined && isDecided(before.get(result.id))) last.before.set(result.id, before.get(result.id));
        states.set(result.id, decidedAs(result.after));
        this.tell([result.id]);
    }

    fail(id, why, before) {
        if (isDecided(before.get(id))) states.set(id, before.get(id));
        else states.set(id, { is: "failed", why });
        this.tell([id]);
        this.message({ text: why, isBad: true });
    }

    restore(id, before) {
        const state = before.get(id);
        if (state === undefined) states.delete(id);
        else states.set(id, state);
    }

    /** Asks for a job until it has ended, and tells each of its results once. */
    async follow(job, tell) {
        const told = new Set();
        for (;;) {
            this.noteJob(job);
            for (const result of job.results) {
                const key = `${result.id}`;
                if (!told.has(key)) {
                    told.add(key);
                    tell(result);
                }
            }
            if (job.state !== "waiting" && job.state !== "running") return job;
            await pause(400);
            job = await get(`jobs/${job.id}`);
        }
    }

    noteJob(job) {
        // Its go must be known before its results are, so that news of it is recognised and what was before is kept with it.
        if (job.kind !== "undo" && job.go) this.noteGo(job.go, counted(job.total, "track"));
        if (job.total > 20 && job.state === "running") this.message({ text: `${job.done} of ${job.total} written` });
    }

    enqueue(work) {
        this.open += 1;
        this.tell([]);
        this.line = this.line.then(work).catch((error) => this.message({ text: error.message, isBad: true })).then(() => {
            this.open -= 1;
            this.tell([]);
        });
    }

    tell(ids) {
        this.dispatchEvent(new CustomEvent("change", { detail: ids }));
    }
}

export const decisions = new Decisions();

/** How a track looks that has these genres by the owner's decision. */
export function decidedAs(genres) {
    return genres.length > 0 ? { is: "done", words: genres.join("; ") } : { is: "left", words: "left alone" };
}

function isDecided(state) {
    return state !== undefined && (state.is === "done" || state.is === "left");
}

function nameOf(row) {
    return row.title ?? row.file;
}

// What is on its way would be written all the same, but whoever leaves does not see what became of it.
addEventListener("beforeunload", (event) => {
    if (decisions.open > 0) event.preventDefault();
});
