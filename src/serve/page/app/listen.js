// What would this file be? A file of whoever looks is sent, judged, and not kept.

import { send } from "./api.js";
import { h, put } from "./dom.js";
import { say, warn } from "./say.js";
import { scores } from "./scores.js";
import { clock, sure } from "./words.js";

export class Listen {
    constructor() {
        this.title = "Listen";
        this.heading = h("h1", { tabindex: "-1" }, "What would this file be?");
        this.input = h("input", { id: "listen-file", type: "file", accept: "audio/*,.flac,.opus,.ogg,.wv,.aiff,.m4a", multiple: true, onchange: () => this.take(this.input.files) });
        this.drop = h("div", { class: "drop" },
            h("label", { for: "listen-file" }, "Choose files, or drop them here"), this.input);
        this.note = h("p", { class: "quiet" }, "Files of your own are listened to as by a scan. They are not kept, and nothing in the library changes.");
        this.answers = h("div", { class: "cards" });
        this.element = h("div", { class: "page" }, this.heading, this.note, this.drop, this.answers);
        // Dropped anywhere in the view; anywhere else the browser would open the file in place of the page.
        this.element.addEventListener("dragover", (event) => {
            event.preventDefault();
            this.drop.classList.add("over");
        });
        this.element.addEventListener("dragleave", () => this.drop.classList.remove("over"));
        this.element.addEventListener("drop", (event) => {
            event.preventDefault();
            this.drop.classList.remove("over");
            this.take(event.dataTransfer.files);
        });
        this.queue = Promise.resolve();
    }

    focus() {
        this.heading.focus({ preventScroll: true });
    }

    close() {
        this.isOver = true;
    }

    /** Has files judged, one after the other; the last one that was chosen stands first. */
    take(files) {
        for (const file of files) {
            const card = h("section", { class: "card judged" }, h("h2", {}, file.name), h("p", { class: "quiet" }, "Listening…"));
            this.answers.prepend(card);
            this.queue = this.queue.then(() => this.judge(file, card));
        }
        // The same file may be chosen again.
        this.input.value = "";
    }

    async judge(file, card) {
        if (this.isOver) return;
        try {
            const judged = await send("classify/upload", file, { name: file.name.slice(0, 200) });
            put(card, h("h2", {}, file.name), answerOf(judged));
            say(`${file.name}: ${judged.genre}, confidence ${sure(judged.confidence)}`);
        } catch (problem) {
            put(card, h("h2", {}, file.name), h("p", { class: "bad" }, problem.message));
            warn(`${file.name}: ${problem.message}`);
        }
    }
}

function answerOf({ words, genre, confidence, sure: isSure, not_music: notMusic, ranking, models, duration, elapsed_ms: elapsed }) {
    const fate = isSure ? "A scan would write it." : "A scan would not be sure enough: it would wait in Review.";
    return [
        h("p", { class: "answer" }, isSure ? words.join("; ") : genre),
        h("p", {}, `Confidence ${sure(confidence)}. ${notMusic === null ? fate : `It sounds like ${notMusic.sound}, and would wait in Review.`}`),
        scores(ranking, models),
        h("p", { class: "quiet" }, `${duration === null ? "" : `${clock(duration)} long, `}listened to in ${(elapsed / 1000).toFixed(1)} s.`),
    ];
}
