// Activity: what the service does at this moment, as the server tells it.

import { sparkline } from "./charts.js";
import { h, put } from "./dom.js";
import { events } from "./events.js";
import { say } from "./say.js";
import { fileName, folderOf, grouped, moment, sure } from "./words.js";

/** Files that are shown at most. */
const FILES = 100;
/** Values of the rate that the line is drawn of, one a second. */
const RATES = 120;

/** What happened since the page was opened, whether it is looked at or not. */
const seen = { files: [], rates: [] };
events.on("recent", ({ files }) => {
    // After a reconnection the last ones are told again.
    const known = new Set(seen.files.map(nameOf));
    seen.files = [...files.filter((file) => !known.has(nameOf(file))), ...seen.files].slice(0, FILES);
});

function nameOf({ path, at }) {
    return `${at} ${path}`;
}

export class Activity {
    constructor() {
        this.title = "Activity";
        this.heading = h("h1", { tabindex: "-1" }, "Activity");
        this.connection = h("p", { class: "connection" });
        this.figures = h("dl", { class: "figures-row" });
        this.rate = h("div", { class: "rate" });
        this.jobs = h("div", {});
        this.files = h("ol", { class: "files" });
        this.errors = h("ul", { class: "errors" });
        this.element = h("div", { class: "page" }, this.heading, this.connection,
            h("section", { class: "card", "aria-label": "Now" }, this.figures, this.rate, this.jobs),
            h("section", { class: "card", "aria-labelledby": "activity-errors" }, h("h2", { id: "activity-errors" }, "Errors"), this.errors),
            h("section", { class: "card", "aria-labelledby": "activity-files" }, h("h2", { id: "activity-files" }, "Last files"),
                this.files));
        this.ends = [
            events.on("connection", () => this.showConnection(true)), events.on("status", (status) => this.showStatus(status)),
            events.on("recent", () => this.showFiles()), events.on("errors", (news) => this.showErrors(news)), events.on("job", (job) => this.showJob(job)),
        ];
        this.showConnection(false);
        if (events.last.status) this.showStatus(events.last.status);
        this.showErrors(events.last.errors ?? { errors: [] });
        this.showFiles();
        this.tick = setInterval(() => this.keepRate(), 1000);
    }

    focus() {
        this.heading.focus({ preventScroll: true });
    }

    close() {
        clearInterval(this.tick);
        for (const end of this.ends) end();
    }

    showConnection(isNews) {
        const words = {
            connecting: "connecting to the server…", live: "live", lost: "The connection to the server is lost; trying again…",
        }[events.state];
        put(this.connection, h("span", { class: `dot ${events.state}`, "aria-hidden": "true" }), words);
        if (isNews) say(events.state === "live" ? "connected again" : words);
    }

    showStatus(status) {
        this.status = status;
        const state = status.running ? stateOf(status) : "no service is running; scans show here as well";
        if (this.state !== undefined && this.state !== state) say(state);
        this.state = state;
        const { counts } = status;
        put(this.figures,
            figure("State", state), figure("In the queue", grouped(status.queued)), figure("In work", grouped(status.working)),
            figure("Settling", grouped(status.settling)), figure("Files a second", (status.rate ?? 0).toFixed(1)),
            figure("Written", grouped(counts.written)), figure("Unsure", grouped(counts.unsure)), figure("Skipped", grouped(counts.skipped)),
            figure("Failed", grouped(counts.failed)), figure("Waiting for you", h("a", { href: "#/review" }, grouped(status.waiting))));
        this.keepRate();
    }

    keepRate() {
        const now = Math.floor(Date.now() / 1000);
        if (seen.at === now) return;
        seen.at = now;
        seen.rates.push(events.state === "live" ? (this.status?.rate ?? 0) : 0);
        seen.rates = seen.rates.slice(-RATES);
        put(this.rate, h("p", { class: "quiet" }, "files a second, the last two minutes"), sparkline(seen.rates));
    }

    showFiles() {
        const { files } = seen;
        if (files.length === 0) {
            put(this.files, h("li", { class: "quiet" }, "No file was finished since this page was opened."));
            return;
        }
        put(this.files, files.map((file) => h("li", {},
            h("span", { class: "when quiet" }, moment(file.at).slice(11)), h("span", { class: `status ${file.status}` }, file.status),
            h("span", { class: "genre" }, file.genre ?? ""), h("span", { class: "sure" }, typeof file.confidence === "number" ? sure(file.confidence) : ""),
            h("span", { class: "file" }, file.id === null || file.id === undefined ? fileName(file.path) : h("a", { href: `#/track/${file.id}` }, fileName(file.path)),
                h("span", { class: "quiet" }, ` ${folderOf(file.path)}`)))));
    }

    showErrors({ errors }) {
        if (errors.length === 0) {
            put(this.errors, h("li", { class: "quiet" }, "none"));
            return;
        }
        put(this.errors, errors.map((error) => h("li", {},
            h("span", { class: "quiet" }, moment(error.at)), " ", h("b", {}, error.path ? fileName(error.path) : ""), " ", error.reason)));
    }

    showJob(job) {
        const isOn = job.state === "waiting" || job.state === "running";
        const kinds = { accept: "Accepting", set: "Setting genres", reject: "Leaving alone", undo: "Taking back" };
        if (!isOn) {
            put(this.jobs);
            return;
        }
        put(this.jobs, h("label", { class: "job" }, `${kinds[job.kind] ?? job.kind}: ${grouped(job.done)} of ${grouped(job.total)} `,
            h("progress", { max: String(Math.max(1, job.total)), value: String(job.done) })));
    }
}

function stateOf({ state, resting, trouble }) {
    return [state, resting ? `resting: ${resting}` : null, trouble].filter(Boolean).join("; ");
}

function figure(name, value) {
    return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}
