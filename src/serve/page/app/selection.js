// Which tracks a list is of and in which order: in the address of the page, so that a view can be kept and shared, in the parameters of
// the server's lists, and in words.

import { fileName } from "./words.js";

/** The sets, in the order in which `v` goes through them; the last one is reached from the library's figures. */
export const SETS = [
    ["unsure", "Unsure"],
    ["tagged", "Tagged"],
    ["not-music", "Not music"],
    ["taken-out", "Taken out"],
    ["analysed", "All analysed"],
    ["library", "Whole library"],
];

export const ORDERS = [
    ["worth", "Most worth asking"],
    ["confidence", "By confidence"],
    ["path", "By path"],
    ["added", "Newest first"],
];

export const AGES = [
    ["", "any time"],
    ["1", "the last 24 hours"],
    ["7", "the last 7 days"],
    ["30", "the last 30 days"],
];

/** The view of an address: what is not in it is as by default. */
export function viewOf(parameters) {
    const among = (name, choices) => (choices.some(([value]) => value === parameters.get(name)) ? parameters.get(name) : choices[0][0]);
    const share = (name) => {
        const number = Number.parseFloat(parameters.get(name) ?? "");
        return number >= 0 && number <= 1 ? number : null;
    };
    return {
        set: among("set", SETS), order: among("order", ORDERS), isReversed: parameters.get("reverse") === "true",
        text: parameters.get("text") ?? "", genre: parameters.get("genre") ?? "", path: parameters.get("path") ?? "",
        below: share("below"), above: share("above"), days: among("days", AGES), disagree: parameters.get("disagree") === "true",
    };
}

/** The address of a view. */
export function addressOf(view) {
    const parameters = new URLSearchParams();
    const defaults = viewOf(parameters);
    for (const [name, value] of Object.entries(view)) {
        if (value !== defaults[name] && value !== null && value !== "") parameters.set(name === "isReversed" ? "reverse" : name, String(value));
    }
    const text = parameters.toString();
    return text === "" ? "#/review" : `#/review?${text}`;
}

/** What the server's corrections take for a filter. */
export function filterOf(view, now = Date.now()) {
    const filter = { set: view.set };
    if (view.text.trim() !== "") filter.text = view.text.trim();
    if (view.genre !== "") filter.genre = [view.genre];
    if (view.path !== "") filter.path = view.path;
    if (view.below !== null) filter.below = view.below;
    if (view.above !== null) filter.above = view.above;
    if (view.days !== "") filter.added_since = Math.floor(now / 1000) - Number(view.days) * 86_400;
    if (view.disagree) filter.disagree = true;
    return filter;
}

/** What narrows a view down, in words: `[names of its parts, words]`. */
export function narrowedBy(view) {
    const words = [];
    if (view.above !== null && view.below !== null) words.push([["above", "below"], `confidence ${view.above} to ${view.below}`]);
    else if (view.above !== null) words.push([["above"], `confidence from ${view.above}`]);
    else if (view.below !== null) words.push([["below"], `confidence below ${view.below}`]);
    if (view.genre !== "") words.push([["genre"], view.genre]);
    if (view.path !== "") words.push([["path"], `in ${fileName(view.path) || view.path}`]);
    if (view.days !== "") words.push([["days"], `added in ${AGES.find(([days]) => days === view.days)[1]}`]);
    if (view.disagree) words.push([["disagree"], "models differ"]);
    return words;
}
