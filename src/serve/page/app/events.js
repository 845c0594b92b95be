// What the server tells by itself, over one connection for the whole page. It connects again when the connection is lost, sooner at
// first and later after a while.

import { address } from "./api.js";

const KINDS = ["status", "recent", "errors", "job", "changed"];
/** The longest wait before another try, in milliseconds. */
const LONGEST = 15_000;

class Events extends EventTarget {
    constructor() {
        super();
        /** `connecting`, `live` or `lost`. */
        this.state = "connecting";
        /** The last of each kind. */
        this.last = {};
        this.source = null;
        this.wait = 500;
        this.timer = 0;
    }

    /** Listens from now on. */
    start() {
        clearTimeout(this.timer);
        this.source?.close();
        this.source = new EventSource(address("events"));
        this.source.onopen = () => {
            this.wait = 500;
            this.become("live");
        };
        this.source.onerror = () => {
            // The browser's own reconnection gives up for good at some answers; this one does not.
            this.source.close();
            this.become("lost");
            this.timer = setTimeout(() => this.start(), this.wait);
            this.wait = Math.min(LONGEST, this.wait * 2);
        };
        for (const kind of KINDS) {
            this.source.addEventListener(kind, (event) => {
                let detail = null;
                try {
                    detail = JSON.parse(event.data);
                } catch {
                    return;
                }
                this.last[kind] = detail;
                this.dispatchEvent(new CustomEvent(kind, { detail }));
            });
        }
    }

    /** Has `listener` told the data of a kind, or the state of the connection, until the function that this gives is called. */
    on(kind, listener) {
        const heard = (event) => listener(event.detail);
        this.addEventListener(kind, heard);
        return () => this.removeEventListener(kind, heard);
    }

    become(state) {
        if (this.state === state) return;
        this.state = state;
        this.dispatchEvent(new CustomEvent("connection", { detail: state }));
    }
}

export const events = new Events();

// A phone that was asleep, or a network that came back: no need to wait.
addEventListener("online", () => events.state === "lost" && events.start());
document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && events.state === "lost") events.start();
});
// A page that is left holds no connection of the few that a browser allows.
addEventListener("pagehide", () => events.source?.close());
addEventListener("pageshow", (event) => event.persisted && events.start());
