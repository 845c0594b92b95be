// What was listened to: its spectrogram, with time and frequency, and a player of that part of the file. The position of what plays is
// drawn over the picture; a click there goes there.

import { address } from "./api.js";
import { h, key, put } from "./dom.js";
import { setting } from "./settings.js";
import { clock } from "./words.js";

/** The band of the picture in Hz; its scale is librosa's mel scale. */
const BAND = { low: 0, high: 11_025 };
/** Frequencies that are named beside it. */
const NAMED = [200, 500, 1000, 2000, 4000, 8000];
/** Between two moves of the cursor a picture is not asked for, in milliseconds. */
const REST = 120;

export class Player {
    constructor() {
        this.row = null;
        this.audio = h("audio", { preload: "none" });
        this.picture = h("img", { class: "picture", alt: "", decoding: "async", draggable: "false" });
        this.head = h("div", { class: "playhead", hidden: true });
        this.plot = h("div", { class: "plot", onpointerdown: (event) => this.pointed(event) }, this.picture, this.head);
        this.times = h("div", { class: "times", "aria-hidden": "true" });
        const frequencies = NAMED.map((hertz) => h("span", { style: { bottom: `${heightOf(hertz) * 100}%` } },
            hertz < 1000 ? String(hertz) : `${hertz / 1000}k`));
        this.button = h("button", { type: "button", class: "play", "aria-keyshortcuts": "p", onclick: () => this.toggle() });
        this.position = h("input", {
            type: "range", min: "0", max: "30", step: "0.1", value: "0", "aria-label": "Position in what was listened to",
            oninput: () => this.seek(Number(this.position.value)),
        });
        this.clock = h("output", { class: "clock" });
        this.problem = h("p", { class: "bad", role: "alert", hidden: true });
        this.element = h("section", { class: "sound", "aria-label": "What was listened to" },
            h("div", { class: "spectrogram" }, h("div", { class: "hertz", "aria-hidden": "true" }, frequencies), this.plot,
                h("div", { class: "unit", "aria-hidden": "true" }, "Hz"), this.times),
            h("div", { class: "controls" }, this.button, this.position, this.clock),
            this.problem, this.audio);
        this.picture.addEventListener("load", () => this.plot.classList.remove("loading", "missing"));
        this.picture.addEventListener("error", () => {
            this.plot.classList.remove("loading");
            this.plot.classList.add("missing");
            this.picture.alt = "The spectrogram could not be made.";
        });
        for (const event of ["play", "pause", "ended", "loadedmetadata"]) this.audio.addEventListener(event, () => this.draw());
        this.audio.addEventListener("timeupdate", () => this.tick());
        this.audio.addEventListener("error", () => this.failed());
        this.draw();
    }

    get isPlaying() {
        return !this.audio.paused && !this.audio.ended;
    }

    /** Shows another track. What played stops, unless it is the same. */
    show(row, canPlay = true) {
        if (this.row?.id === row.id) return;
        this.stop();
        this.row = row;
        this.isLoaded = false;
        this.problem.hidden = true;
        const { start, length } = row.window;
        this.position.max = String(length);
        this.position.value = "0";
        this.button.disabled = !canPlay;
        this.position.disabled = !canPlay;
        put(this.times, ticks(length).map((second) => h("span", { style: { left: `${(second / length) * 100}%` } }, clock(start + second))));
        this.picture.removeAttribute("src");
        this.picture.alt = "";
        this.plot.classList.add("loading");
        this.plot.classList.remove("missing");
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
            this.picture.alt = `Spectrogram of ${clock(start)} to ${clock(start + length)}, ${BAND.low} to ${BAND.high} Hz`;
            this.picture.src = pictureOf(row);
            if (canPlay && setting("playAlong")) this.play();
        }, REST);
        this.draw();
    }

    toggle() {
        if (this.isPlaying) this.stop();
        else this.play();
    }

    /** Plays from the position on; from the start where it is at the end. */
    async play() {
        if (this.row === null || this.button.disabled) return;
        this.problem.hidden = true;
        if (!this.isLoaded) {
            this.isLoaded = true;
            this.audio.src = address(`tracks/${this.row.id}/audio`);
        }
        const { start, length } = this.row.audio;
        const from = Number(this.position.value);
        this.audio.currentTime = start + (from >= length - 0.2 ? 0 : from);
        try {
            await this.audio.play();
        } catch (error) {
            if (error.name === "NotAllowedError") this.complain("The browser plays nothing before you press a key or a button here.");
        }
        this.follow();
    }

    stop() {
        this.audio.pause();
        this.draw();
    }

    /** Lets go of the connection. */
    close() {
        this.stop();
        clearTimeout(this.timer);
        this.audio.removeAttribute("src");
        this.audio.load();
    }

    seek(seconds) {
        this.position.value = String(seconds);
        if (this.isLoaded) this.audio.currentTime = this.row.audio.start + seconds;
        this.draw();
    }

    pointed(event) {
        if (this.row === null || this.button.disabled || event.button !== 0) return;
        const box = this.plot.getBoundingClientRect();
        this.seek(((event.clientX - box.left) / box.width) * this.row.audio.length);
        if (!this.isPlaying) this.play();
    }

    tick() {
        if (this.row === null) return;
        const { start, length } = this.row.audio;
        const at = this.audio.currentTime - start;
        // Only what was listened to.
        if (at >= length) {
            this.audio.pause();
            this.position.value = "0";
        } else if (!this.audio.paused) this.position.value = String(Math.max(0, at));
        this.draw();
    }

    follow() {
        if (!this.isPlaying) return;
        this.tick();
        requestAnimationFrame(() => this.follow());
    }

    draw() {
        const { isPlaying } = this;
        if (this.button.dataset.state !== String(isPlaying)) {
            this.button.dataset.state = String(isPlaying);
            put(this.button, isPlaying ? "Stop " : "Play ", key("p"));
        }
        if (this.row === null) return;
        const at = Number(this.position.value);
        const { start, length } = this.row.window;
        this.head.hidden = !isPlaying && at === 0;
        this.head.style.setProperty("left", `${(at / length) * 100}%`);
        const words = `${clock(start + at)} / ${clock(start + length)}`;
        if (this.clock.textContent !== words) {
            this.clock.textContent = words;
            this.position.setAttribute("aria-valuetext", clock(start + at));
        }
    }

    failed() {
        // An element without a source says so as well.
        if (!this.audio.hasAttribute("src")) return;
        this.isLoaded = false;
        this.complain("The sound could not be played.");
        this.draw();
    }

    complain(words) {
        this.problem.hidden = false;
        this.problem.textContent = words;
    }
}

/** The picture of a track. */
export function pictureOf(row) {
    return address(`tracks/${row.id}/spectrogram.png`, { axes: "false", width: 900, height: 256 }).href;
}

/** Where a frequency is in the picture: 0 at its bottom, 1 at its top. */
export function heightOf(hertz) {
    const low = mel(BAND.low);
    return (mel(hertz) - low) / (mel(BAND.high) - low);
}

/** Slaney's mel scale: linear to 1 kHz, then logarithmic. */
function mel(hertz) {
    return hertz < 1000 ? hertz / (200 / 3) : 15 + Math.log(hertz / 1000) / (Math.log(6.4) / 27);
}

/** Seconds that are named below a picture of so many. */
function ticks(length) {
    const step = [1, 2, 5, 10, 15, 30, 60].find((step) => length / step <= 7) ?? 120;
    const ticks = [];
    for (let second = 0; second <= length + 1e-6; second += step) ticks.push(second);
    return ticks;
}
