// What the models said, one beside the other: a row a genre, a column a model, every bar on the same scale from nothing to certain.

import { h } from "./dom.js";
import { percent } from "./words.js";

/** Genres that are shown at most; the rest is in the numbers of a few per cent. */
const GENRES = 9;
/** A genre that nobody gives more than this is not shown. */
const LEAST = 0.01;

/** The table of the vote and of every model's scores. `models` may be undefined while they are being read. */
export function scores(ranking, models) {
    const columns = [{ model: "vote", ranking, weight: 1, isVote: true }, ...(models ?? [])];
    const shares = columns.map((column) => new Map(column.ranking.map(({ genre, share }) => [genre, share])));
    const names = [...new Set(columns.flatMap((column) => column.ranking.map(({ genre }) => genre)))];
    const most = (genre) => Math.max(...shares.map((column) => column.get(genre) ?? 0));
    const vote = (genre) => shares[0].get(genre) ?? 0;
    const shown = names.filter((genre) => most(genre) >= LEAST).sort((one, other) => vote(other) - vote(one) || most(other) - most(one));
    const table = h("table", { class: "scores", style: { "--columns": columns.length } },
        h("caption", { class: "visually-hidden" }, "Shares of the genres, by the vote and by each model"),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "genre")),
            columns.map((column) => h("th", { scope: "col", class: column.isVote ? "vote" : "", title: column.model },
                h("span", { class: "name" }, broken(column.model)), column.weight > 0 ? null : h("span", { class: "no-vote" }, " no vote"))))),
        h("tbody", {}, shown.slice(0, GENRES).map((genre) => h("tr", {},
            h("th", { scope: "row" }, genre),
            columns.map((column, at) => cell(shares[at].get(genre), column.ranking[0]?.genre === genre, column.isVote))))));
    return h("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": "Scores of the models" }, table);
}

function cell(share, isFirst, isVote) {
    if (share === undefined) return h("td", { class: "none" }, h("span", { class: "visually-hidden" }, "not said"));
    return h("td", { class: [isFirst ? "first" : "", isVote ? "vote" : ""].join(" ") },
        h("span", { class: "share" }, h("span", { class: "track" }, h("span", { class: "bar", style: { width: `${share * 100}%` } })),
            h("span", { class: "figure" }, percent(share))));
}

/** A name that may be broken behind its hyphens. */
function broken(name) {
    return name.split("-").flatMap((part, at) => (at > 0 ? ["-", h("wbr"), part] : [part]));
}
