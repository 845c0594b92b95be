// The charts: drawn as SVG from numbers, each inside a figure with a caption and with the same numbers as a table for whoever cannot or
// does not want to look at a picture. Colours are the style sheet's.

import { h, s } from "./dom.js";
import { grouped, percent } from "./words.js";

/** Where a chart is drawn narrower, so that its words stay as large as the others. */
const NARROW = matchMedia("(max-width: 760px)");

/**
 * How many tracks there are by confidence. `bins` are equally wide and cover 0 to 1; each is `{written, other}`.
 * `threshold` is drawn as a line; `onpick(from, to)` is called for the bin that was chosen.
 */
export function histogram({ bins, threshold, href }) {
    const width = NARROW.matches ? 350 : 560;
    const [height, left, right, top, bottom] = [190, 44, 8, 14, 34];
    const [inner, tall] = [width - left - right, height - top - bottom];
    const most = Math.max(1, ...bins.map((bin) => bin.written + bin.other));
    const ticks = niceTicks(most);
    const scale = tall / ticks.at(-1);
    const step = inner / bins.length;
    const edge = (at) => (at / bins.length).toFixed(2).replace(/0$/, "");
    const picture = s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    for (const tick of ticks) {
        const y = top + tall - tick * scale;
        picture.append(
            s("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }),
            s("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, compact(tick)),
        );
    }
    bins.forEach((bin, at) => {
        const x = left + at * step + 1;
        const wide = Math.max(1, step - 2);
        const written = bin.written * scale;
        const other = bin.other * scale;
        const words = `${edge(at)} to ${edge(at + 1)}: ${grouped(bin.written)} written, ${grouped(bin.other)} not`;
        picture.append(
            s("a", { href: href(at / bins.length, (at + 1) / bins.length), tabindex: "-1" },
                s("title", {}, words),
                s("rect", { class: "hit", x, y: top, width: wide, height: tall }),
                s("rect", { class: "bar", x, y: top + tall - written, width: wide, height: written }),
                s("rect", { class: "bar-other", x, y: top + tall - written - other, width: wide, height: other }),
            ),
        );
    });
    for (let tick = 0; tick <= 10; tick += 2) {
        const x = left + (inner * tick) / 10;
        picture.append(s("text", { x, y: height - bottom + 16, "text-anchor": "middle" }, (tick / 10).toFixed(1)));
    }
    picture.append(s("text", { x: left + inner / 2, y: height - 4, "text-anchor": "middle" }, "confidence"));
    if (threshold !== null && threshold !== undefined) {
        const x = left + inner * threshold;
        picture.append(
            s("line", { class: "threshold", x1: x, x2: x, y1: top - 6, y2: top + tall }),
            s("text", { class: "threshold-name", x: x > width / 2 ? x - 5 : x + 5, y: top, "text-anchor": x > width / 2 ? "end" : "start" },
                `written from ${threshold.toFixed(2)}`),
        );
    }
    const rows = bins.map((bin, at) => [
        h("a", { href: href(at / bins.length, (at + 1) / bins.length) }, `${edge(at)} to ${edge(at + 1)}`),
        grouped(bin.written),
        grouped(bin.other),
    ]);
    const legend = h("p", { class: "legend", "aria-hidden": "true" },
        h("span", { class: "key-bar" }), "genre written ", h("span", { class: "key-bar other" }), "not written");
    return figure(picture, legend, table("Tracks by confidence", ["confidence", "written", "not written"], rows));
}

/** How often each two models name the same genre. `shares[i][j]` is 0 to 1, or null where they were never asked about the same track. */
export function agreement({ models, shares, counts }) {
    const names = models.map((_, at) => String.fromCharCode(65 + (at % 26)));
    const [cell, left, top] = [46, 24, 22];
    const size = models.length * cell;
    const picture = s("svg", {
        class: "chart matrix", viewBox: `0 0 ${left + size + 2} ${top + size + 2}`, style: { width: `${left + size + 2}px` }, "aria-hidden": "true",
    });
    models.forEach((model, row) => {
        picture.append(
            s("text", { x: left - 8, y: top + row * cell + cell / 2 + 4, "text-anchor": "end" }, names[row]),
            s("text", { x: left + row * cell + cell / 2, y: top - 8, "text-anchor": "middle" }, names[row]),
        );
        models.forEach((other, column) => {
            const share = row === column ? null : shares[row][column];
            const [x, y] = [left + column * cell + 1, top + row * cell + 1];
            const words = row === column ? model : `${model} and ${other}: ${share === null ? "no track in common" : percent(share)}`;
            const block = s("g", {}, s("title", {}, words), s("rect", { class: "cell-ground", x, y, width: cell - 2, height: cell - 2 }));
            if (share !== null) {
                block.append(
                    s("rect", { class: "cell", x, y, width: cell - 2, height: cell - 2, "fill-opacity": (share * 0.85).toFixed(3) }),
                    s("text", {
                        class: share > 0.55 ? "on-cell" : "", x: x + cell / 2 - 1, y: y + cell / 2 + 4, "text-anchor": "middle",
                    }, String(Math.round(share * 100))),
                );
            }
            picture.append(block);
        });
    });
    const legend = h("ol", { class: "letters", "aria-hidden": "true" },
        models.map((model, at) => h("li", {}, h("b", {}, names[at]), " ", model)));
    const rows = models.map((model, row) => [
        model,
        ...models.map((_, column) => {
            if (row === column) return "–";
            const share = shares[row][column];
            if (share === null) return "no track in common";
            const count = counts?.[row]?.[column];
            return count ? `${percent(share)} of ${grouped(count)}` : percent(share);
        }),
    ]);
    return figure(picture, legend, table("Agreement of the models", ["model", ...models], rows));
}

/** A line of the last values, one a step, the newest at the right. */
export function sparkline(values, { width = 240, height = 40 } = {}) {
    const most = Math.max(1e-9, ...values);
    const step = width / Math.max(1, values.length - 1);
    const points = values.map((value, at) => `${(at * step).toFixed(1)},${(height - 2 - (value / most) * (height - 6)).toFixed(1)}`);
    const picture = s("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    if (points.length > 1) {
        picture.append(
            s("polygon", { class: "under", points: `0,${height} ${points.join(" ")} ${width},${height}` }),
            s("polyline", { points: points.join(" ") }),
        );
    }
    return picture;
}

/** A table with a caption, the first column as row headings. */
export function table(caption, heads, rows, { isHidden = false } = {}) {
    return h("table", { class: "plain" },
        h("caption", { class: isHidden ? "visually-hidden" : "" }, caption),
        h("thead", {}, h("tr", {}, heads.map((head, at) => h("th", { scope: "col", class: at > 0 ? "number" : "" }, head)))),
        h("tbody", {}, rows.map(([head, ...cells]) => h("tr", {},
            h("th", { scope: "row" }, head), cells.map((cell) => h("td", { class: "number" }, cell))))),
    );
}

function figure(picture, legend, numbers) {
    return h("figure", { class: "chart-box" }, picture, legend,
        h("details", {}, h("summary", {}, "The numbers as a table"),
            h("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": "The numbers" }, numbers)));
}

/** Three to five round numbers from 0 on, the last at least `most`. */
export function niceTicks(most) {
    const rough = most / 3;
    const magnitude = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
    const step = Math.max(1, [1, 2, 5, 10].map((by) => by * magnitude).find((by) => by >= rough));
    const ticks = [0];
    while (ticks.at(-1) < most) ticks.push(ticks.at(-1) + step);
    return ticks;
}

function compact(number) {
    if (number < 10_000) return grouped(number);
    if (number < 1_000_000) return `${grouped(number / 1000)}k`;
    return `${number / 1_000_000}M`;
}
