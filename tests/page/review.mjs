// Review as an owner uses it: the keys, an album, the sound, a long list.

import { current, figuresAre, holds, inBrowser, openReview, same, until } from "./browser.mjs";

/** Twenty tracks by keyboard alone; what was decided is printed for whoever looks at the files. */
export async function twenty(url) {
    await inBrowser({}, async (page) => {
        await openReview(page, url, "?order=path");
        const keys = page.keyboard;
        await figuresAre(page, "24 wait");
        const decided = {};
        const note = async (genre) => {
            await page.locator("dialog").waitFor({ state: "detached" });
            decided[await current(page)] = genre;
        };
        const guessOf = (at) => page.locator(".guess .genre").nth(at).textContent();
        // As fast as keys come: nothing waits for the server.
        for (let at = 0; at < 12; at += 1) {
            await note(await guessOf(0));
            await keys.press(at % 2 === 0 ? "a" : "Enter");
        }
        await note(await guessOf(1));
        await keys.press("2");
        await note(await guessOf(2));
        await keys.press("3");
        // Typed on at once: the letters go to the search, and Enter waits for what it finds.
        await note("Hip-Hop");
        await keys.press("s");
        await keys.type("rap");
        await keys.press("Enter");
        await note("Jazz; Blues");
        await keys.press("s");
        await keys.type("jazz");
        await keys.press("Tab");
        await keys.type("blues");
        await keys.press("Enter");
        await note("Zeuhl");
        await keys.press("s");
        await keys.type("Zeuhl");
        await keys.press("Enter");
        await note("");
        await keys.press("x");
        await figuresAre(page, "6 wait, 18 decided");
        // The last one after all: back at it, and another decision.
        await keys.press("u");
        await figuresAre(page, "7 wait, 17 decided");
        holds((await page.locator(".message").textContent()).startsWith("taken back"), "the undo is told");
        await note("Folk");
        await keys.press("s");
        await keys.type("folk");
        await keys.press("Enter");
        // Two that are marked, one after the other, decided together.
        await note("Reggae");
        await keys.press(" ");
        await note("Reggae");
        await keys.press(" ");
        await until("two are marked", () => page.locator(".row.marked").count(), 2);
        await keys.press("m");
        await keys.press("s");
        await keys.type("regg");
        await keys.press("Enter");
        await figuresAre(page, "4 wait, 20 decided");
        same(await page.locator(".list").evaluate((list) => list === document.activeElement), true, "the list has the focus again");
        const said = await page.locator("#announcer").textContent();
        holds(said.includes("2 tracks decided"), `a screen reader is told: ${said}`);
        // What was decided is in no list that is read anew.
        await keys.press("r");
        await figuresAre(page, "4 wait");
        console.log(JSON.stringify(decided));
    });
}

/** A hundred corrections: eight albums whose genre is another one, and sixty accepts. The number of keys is printed. */
export async function hundred(url) {
    await inBrowser({}, async (page) => {
        await openReview(page, url, "?order=path");
        await figuresAre(page, "100 wait");
        let pressed = 0;
        const press = async (key) => {
            pressed += 1;
            await page.keyboard.press(key);
        };
        for (const [album, genre] of ["jaz", "blu", "fol", "clas", "coun", "rap", "metal", "reg"].entries()) {
            await press("b");
            await press("s");
            await page.getByRole("heading", { name: "Genre for the album" }).waitFor();
            for (const letter of genre) await press(letter);
            await press("Enter");
            await figuresAre(page, `${95 - 5 * album} wait, ${5 * (album + 1)} decided`);
        }
        for (let single = 0; single < 60; single += 1) await press("a");
        await figuresAre(page, "0 wait, 100 decided");
        console.log(pressed);
    });
}

/** An album at once, and back at once; then filters, and a file that cannot be written. */
export async function album(url, broken) {
    // The browser itself notes the answer that is no success.
    await inBrowser({ expected: /Failed to load resource.*status of (409|422)/ }, async (page) => {
        const keys = page.keyboard;
        await openReview(page, url, "?order=path");
        await figuresAre(page, "24 wait");
        await keys.press("b");
        await until("its rows are shown", () => page.locator(".row.meant").count(), 6);
        await keys.press("s");
        await page.getByRole("heading", { name: "Genre for the album" }).waitFor();
        await keys.type("folk");
        await keys.press("Enter");
        await figuresAre(page, "18 wait, 6 decided");
        same(await page.locator(".row.done").count(), 6, "decided rows stay in sight");
        await keys.press("u");
        await figuresAre(page, "24 wait");
        same(await page.locator(".row.done").count(), 0, "and wait again");
        // A filter by words, typed and left.
        await keys.press("/");
        await keys.type("album-2");
        await figuresAre(page, "6 wait");
        await keys.press("Enter");
        holds(page.url().includes("text=album-2"), page.url());
        await keys.press("f");
        await keys.press("a");
        await figuresAre(page, "0 wait, 6 decided");
        await keys.press("Escape");
        await figuresAre(page, "18 wait");
        // A file that is none any more is told of, and waits.
        await page.locator(".filters input[type=search]").fill(broken);
        await figuresAre(page, "1 wait");
        await page.locator(".filters input[type=search]").press("Enter");
        await keys.press("a");
        await page.locator(".message.bad").waitFor();
        await page.locator(".row.failed").waitFor();
        await figuresAre(page, "1 wait");
    });
}

/** What was listened to is heard: a file that browsers play from where it was listened to, and one that they do not, as a WAV. */
export async function sound(url) {
    await inBrowser({}, async (page) => {
        for (const [text, start] of [["played", 35], ["turned", 0]]) {
            await openReview(page, url, `?text=${text}`);
            await until("the picture is there", () => page.locator(".picture").evaluate((image) => image.naturalWidth > 100));
            await page.keyboard.press("p");
            const at = () => page.locator("audio").evaluate((audio) => audio.currentTime);
            await until("the sound goes on", async () => (await at()) > start + 0.3);
            holds((await at()) < start + 20, `it began at ${start} s: ${await at()}`);
            await until("a stop is offered", () => page.locator(".play").textContent(), "Stop p");
            await page.keyboard.press("p");
            const stopped = await at();
            await new Promise((resolve) => setTimeout(resolve, 200));
            same(await at(), stopped, "it stopped");
        }
    });
}

/** A hundred thousand rows: few elements, whichever way one goes. */
export async function long(url) {
    // The rows are of files that there are not: there are no pictures of them.
    await inBrowser({ expected: /status of 410/ }, async (page) => {
        const keys = page.keyboard;
        await openReview(page, url, "?order=path");
        await figuresAre(page, "100,001 wait");
        const name = (number) => `${String(number).padStart(6, "0")}.mp3`;
        const elements = () => page.locator("*").count();
        const before = await elements();
        await until("the first row", () => current(page), name(0));
        await keys.press("End");
        await until("the last row", () => current(page), "pattern");
        await keys.press("k");
        await until("the one before it", () => current(page), name(99_999));
        await keys.press("Home");
        await until("the first row again", () => current(page), name(0));
        // Much faster than rows are read: no key is lost.
        const page_ = await page.evaluate(() => Math.floor(document.querySelector(".list").clientHeight / document.querySelector(".row").getBoundingClientRect().height) - 1);
        for (let at = 0; at < 200; at += 1) await keys.press("PageDown");
        await until("two hundred pages on", () => current(page), name(200 * page_));
        for (let at = 0; at < 190; at += 1) await keys.press("PageUp");
        await until("and back", () => current(page), name(10 * page_));
        const after = await elements();
        holds(after < before + 200 && after < 1000, `${before} elements before, ${after} after`);
        const position = await page.locator(".row.current").getAttribute("aria-posinset");
        same(position, String(10 * page_ + 1), "a screen reader is told the place");
    });
}
