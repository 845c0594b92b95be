// What the scenarios share: a Chromium with one page, which fails where the page itself complains, and axe.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** How long a condition may take on a machine that is busy with other things, in milliseconds. */
const PATIENCE = 120_000;

/** Runs `scenario(page, browser)` in a window of a size. What the browser notes of answers like `expected` is no complaint. */
export async function inBrowser({ width = 1280, height = 800, scheme = "light", hasTouch = false, expected = null }, scenario) {
    const browser = await chromium.launch({
        executablePath: process.env.RECLASSD_CHROMIUM,
        args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"],
    });
    try {
        const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, hasTouch, reducedMotion: "reduce" });
        context.setDefaultTimeout(PATIENCE);
        const page = await context.newPage();
        const complaints = [];
        page.on("pageerror", (error) => complaints.push(error.stack));
        page.on("console", (message) => message.type() === "error" && !expected?.test(message.text()) && complaints.push(message.text()));
        await scenario(page, browser);
        same(complaints, [], "what the page complained about");
    } finally {
        await browser.close();
    }
}

/** Waits until `read()` gives something that is equal to `wanted`. */
export async function until(what, read, wanted = true) {
    const started = Date.now();
    for (;;) {
        const found = await read();
        if (JSON.stringify(found) === JSON.stringify(wanted)) return;
        if (Date.now() - started > PATIENCE) throw new Error(`waited in vain: ${what}: ${JSON.stringify(found)} and not ${JSON.stringify(wanted)}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
    }
}

export function same(found, wanted, what) {
    const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
    if (one !== other) throw new Error(`${what}: ${one} and not ${other}`);
}

export function holds(condition, what) {
    if (!condition) throw new Error(what);
}

/** Fails where axe finds something serious, or the page is wider than its window. */
export async function isSound(page, where) {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const words = serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html).join("\n    ")}`);
    if (words.length > 0) throw new Error(`${where}: ${words.join("\n")}`);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    holds(over <= 0, `${where}: ${over} pixels wider than the window`);
}

/** The list of Review, ready for keys. */
export async function openReview(page, url, query = "") {
    await page.goto(`${url}#/review${query}`);
    await page.locator(".row.current").waitFor();
    await page.locator(".list").focus();
}

/** The figures above the list. */
export function figures(page) {
    return page.locator(".filters .figures").textContent();
}

/** Waits until all decisions are written, and the figures say so. */
export async function figuresAre(page, wanted) {
    await until("the figures", () => figures(page), wanted);
}

/** The title of the track at the cursor. */
export function current(page) {
    return page.locator(".panel .title").textContent();
}
