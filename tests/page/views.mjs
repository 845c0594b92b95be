// The other views, and what holds for all: live news, a phone, light and dark, axe, a base path.

import { figuresAre, holds, inBrowser, isSound, openReview, same, until } from "./browser.mjs";

/** Every view, in two sizes and two lights: nothing serious for axe, nothing to scroll sideways, and a background that is light or dark. */
export async function everywhere(url) {
    for (const [width, height] of [[1280, 800], [390, 844]]) {
        for (const scheme of ["light", "dark"]) {
            await inBrowser({ width, height, scheme, hasTouch: width < 500 }, async (page) => {
                const where = (view) => `${view}, ${width} px, ${scheme}`;
                await openReview(page, url);
                if (width > 500) await page.locator(".scores tbody tr").first().waitFor();
                await isSound(page, where("review"));
                const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
                same(Math.max(...ground) < 60, scheme === "dark", where("the ground"));
                if (width < 500) {
                    await page.locator(".row").nth(1).tap();
                    await page.locator(".panel .title").waitFor();
                    await isSound(page, where("the track"));
                    const title = await page.locator(".panel .title").textContent();
                    await page.locator(".accept").tap();
                    await until("the next track", async () => (await page.locator(".panel .title").textContent()) !== title);
                    await page.locator(".buttons").getByText("Undo").tap();
                    await until("and back", () => page.locator(".panel .title").textContent(), title);
                    await page.getByRole("button", { name: "‹ List" }).tap();
                    await page.locator(".row.current").waitFor();
                }
                if (scheme === "dark") {
                    await page.locator(".row.current").click();
                    await page.evaluate(() => document.querySelector(".list").focus());
                    await page.keyboard.press("s");
                    await page.locator("#genre-options li").first().waitFor();
                    await isSound(page, where("the chooser"));
                    await page.keyboard.press("Escape");
                    await page.keyboard.press("?");
                    await isSound(page, where("the help"));
                    await page.keyboard.press("Escape");
                }
                const id = (await (await page.request.get(`${url}api/v1/tracks`)).json()).tracks[0].id;
                for (const [view, ready] of [
                    ["library", ".card .chart"], ["listen", "#listen-file"], ["activity", ".figures-row dd"], ["search?q=song", ".row"], [`track/${id}`, ".similar tbody tr"],
                ]) {
                    await page.goto(`${url}#/${view}`);
                    await page.locator(ready).first().waitFor();
                    await isSound(page, where(view));
                }
                // Chosen, it holds against the system.
                await page.locator("#theme").click();
                await page.locator("#theme").click();
                same(await page.locator("html").getAttribute("data-theme"), "dark", where("the theme that was chosen"));
                await page.reload();
                same(await page.locator("html").getAttribute("data-theme"), "dark", where("the theme after a reload"));
            });
        }
    }
}

/** The figures of the library lead to the tracks that they count, a search to a track and its history, and that to what sounds like it. */
export async function library(url) {
    await inBrowser({}, async (page) => {
        await page.goto(`${url}#/library`);
        const genre = page.locator(".card", { has: page.getByRole("heading", { name: "Genres" }) }).locator("li").first();
        const tracks = (await genre.locator(".figure").textContent()).trim().split(" ")[0];
        await genre.locator("a").click();
        await figuresAre(page, `${tracks} tracks`);
        await page.goto(`${url}#/search`);
        await page.locator("#search-words:focus").waitFor();
        await page.keyboard.type("song 07");
        await page.keyboard.press("Enter");
        await page.locator(".row.current").waitFor();
        await page.keyboard.press("Enter");
        await page.locator(".track-view .scores tbody tr").first().waitFor();
        same(await page.locator("h1").textContent(), "Song 07", "the track that was found");
        await page.keyboard.press("a");
        await page.locator(".history tbody tr").first().waitFor();
        const history = await page.locator(".history").textContent();
        holds(history.includes("accepted the guess") && history.includes("you, page"), history);
        await page.keyboard.press("u");
        await until("it is taken back", async () => (await page.locator(".history").textContent()).includes("taken back since"));
        const like = page.locator(".similar tbody a").first();
        const name = await like.textContent();
        await like.click();
        await until("what sounds like it", async () => name.endsWith(await page.locator("h1").textContent()), true);
        holds(name !== "Song 07", name);
    });
}

/** Activity shows files while they are finished, and finds the server again after it was away. Lines on standard input are the test's. */
export async function activity(url) {
    const lines = (await import("node:readline")).createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const told = async (word) => same((await lines.next()).value, word, "what the test says");
    // The browser itself notes the connection that is lost and refused.
    await inBrowser({ expected: /Failed to load resource: net::ERR/ }, async (page) => {
        await page.goto(`${url}#/activity`);
        await page.locator(".dot.live").waitFor();
        console.log("looking");
        await page.locator(".files li a").first().waitFor();
        await until("both files", () => page.locator(".files li a").count(), 2);
        holds((await page.locator(".files").textContent()).includes("new-1.flac"), "the file is named");
        console.log("seen");
        await told("gone");
        await page.locator(".dot.lost").waitFor();
        console.log("lost");
        await told("back");
        await page.locator(".dot.live").waitFor();
    });
}

/** A file of one's own is judged, and one that is no sound is told of. */
export async function listen(url, song, text) {
    // The browser itself notes the answer that is no success.
    await inBrowser({ expected: /Failed to load resource.*status of 422/ }, async (page) => {
        await page.goto(`${url}#/listen`);
        await page.locator("#listen-file").setInputFiles([song, text]);
        await until("both are judged", () => page.locator(".judged .answer, .judged .bad").count(), 2);
        const card = page.locator(".judged", { hasText: "song.flac" });
        holds(/Confidence 0\.\d\d/.test(await card.textContent()), await card.textContent());
        holds((await card.locator(".scores tbody tr").count()) > 0, "the scores are there");
        holds((await page.locator(".judged", { hasText: "notes.txt" }).locator(".bad").textContent()).length > 10, "why not");
        await isSound(page, "listen");
    });
}

/** Behind a base path, all of it is asked for below it. */
export async function below(url) {
    await inBrowser({}, async (page) => {
        const asked = [];
        page.on("request", (request) => asked.push(new URL(request.url()).pathname));
        // The bare address leads to Review, with its list ready for keys.
        await page.goto(url);
        await page.locator(".row.current").waitFor();
        await until("the picture is there", () => page.locator(".picture").evaluate((image) => image.naturalWidth > 100));
        await page.keyboard.press("a");
        await until("it is decided", async () => (await page.locator(".row.done").count()) === 1);
        const base = new URL(url).pathname;
        same(asked.filter((path) => !path.startsWith(base)), [], "what was asked for outside");
    });
}
