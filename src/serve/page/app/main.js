// The page's frame: which view is shown, the session, the theme, and the keys that are everywhere.

import { Activity } from "./activity.js";
import { sessionOf, signIn } from "./api.js";
import { h, put } from "./dom.js";
import { events } from "./events.js";
import { showHelp } from "./help.js";
import { Library } from "./library.js";
import { Listen } from "./listen.js";
import { Review } from "./review.js";
import { say } from "./say.js";
import { Search } from "./search.js";
import { setting } from "./settings.js";
import { Track } from "./track.js";
import { grouped } from "./words.js";

const VIEWS = { review: Review, library: Library, activity: Activity, search: Search, listen: Listen, track: Track };

const main = document.getElementById("main");
let shown = null;
let isFirst = true;
/** Whether views may be shown: not before there is a session. */
let isOpen = false;

function route() {
    const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    const [name, ...rest] = path.split("/");
    const parameters = new URLSearchParams(query);
    if (!(name in VIEWS)) {
        location.replace("#/review");
        return;
    }
    for (const link of document.querySelectorAll("[data-view]")) {
        if (link.dataset.view === name) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    document.body.dataset.view = name;
    if (shown?.name === name && shown.view.update !== undefined) {
        shown.view.update(parameters, rest);
    } else {
        shown?.view.close();
        const view = new VIEWS[name](parameters, rest);
        shown = { name, view };
        put(main, view.element);
        scrollTo(0, 0);
        // The first view takes no focus away from whoever is on the way to somewhere; the others begin at their top.
        if (!isFirst || name === "review") view.focus();
    }
    isFirst = false;
    entitle();
}

/** Names the window after the view. */
function entitle() {
    document.title = `${shown?.view.title ?? "reclassd"} · reclassd`;
}

function pressed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const { target } = event;
    const isTyping = target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]") !== null;
    if (isTyping) return;
    // What has the focus keeps the keys that work it.
    const isWorked = target.closest("a, button, summary, input") !== null;
    if (isWorked && [" ", "Enter", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"].includes(event.key)) return;
    if (event.key.length === 1 && event.key !== " " && !setting("letters")) return;
    if (event.key === "?" || event.key === "F1") {
        event.preventDefault();
        showHelp();
    } else if (shown?.view.press?.(event)) event.preventDefault();
}

function showTheme() {
    const button = document.getElementById("theme");
    const theme = window.reclassdTheme;
    const draw = () => {
        const signs = { system: "◐", light: "○", dark: "●" };
        put(button, h("span", { "aria-hidden": "true" }, signs[theme.get()]));
        button.setAttribute("aria-label", `Theme: ${theme.get()}`);
        button.title = `Theme: ${theme.get()}`;
    };
    button.addEventListener("click", () => {
        const next = theme.CHOICES[(theme.CHOICES.indexOf(theme.get()) + 1) % theme.CHOICES.length];
        theme.set(next);
        draw();
        say(`theme: ${next}`);
    });
    draw();
}

function showWaiting(status) {
    const badge = document.getElementById("waiting");
    badge.hidden = !(status.waiting > 0);
    put(badge, status.waiting > 9999 ? "9999+" : grouped(status.waiting ?? 0), h("span", { class: "visually-hidden" }, " waiting"));
}

/** Asks for a token, and goes on when it was right. */
function askForToken() {
    shown?.view.close();
    shown = null;
    isOpen = false;
    const token = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
    const problem = h("p", { class: "bad", role: "alert" });
    const form = h("form", {
        class: "sign-in", onsubmit: async (event) => {
            event.preventDefault();
            problem.textContent = "";
            try {
                await signIn(token.value.trim());
                begin();
            } catch (error) {
                problem.textContent = error.message;
                token.select();
            }
        },
    }, h("h1", {}, "Sign in"), h("p", {}, "This page is not on the machine that serves it, so it needs a token: ", h("code", {}, "reclassd serve token"), " makes one."),
    h("label", { for: "token" }, "Token"), token, problem, h("button", { type: "submit", class: "primary" }, "Sign in"));
    put(main, form);
    token.focus();
}

async function begin() {
    try {
        const session = await sessionOf();
        if (!session.signed_in) {
            askForToken();
            return;
        }
    } catch (problem) {
        put(main, h("div", { class: "nothing" }, h("p", { class: "bad" }, problem.message),
            h("button", { type: "button", onclick: begin }, "Try again")));
        return;
    }
    isOpen = true;
    events.start();
    route();
}

addEventListener("hashchange", () => isOpen && route());
addEventListener("keydown", pressed);
addEventListener("reclassd:signed-out", askForToken);
addEventListener("reclassd:title", entitle);
document.getElementById("help").addEventListener("click", showHelp);
document.getElementById("skip").addEventListener("click", (event) => {
    // The address holds the view; the link only moves the focus.
    event.preventDefault();
    if (shown !== null) shown.view.focus();
    else main.focus();
});
events.on("status", showWaiting);
showTheme();
begin();
