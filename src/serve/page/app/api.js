// The way to the server: addresses that work behind a base path, the page's session and its CSRF value, and problems as errors.

const ROOT = new URL("api/v1/", new URL("./", document.baseURI));

/** How often a change is tried where the server does not answer at all. */
const TRIES = 4;

/** What went wrong, in the server's words. */
export class Problem extends Error {
    constructor({ type = "", title = "", status = 0, detail = "" } = {}) {
        super(detail || title || `the server answered ${status}`);
        this.kind = type.replace(/^urn:reclassd:problem:/, "");
        this.status = status;
    }

    /** Whether the server was not reached at all. */
    get isUnreached() {
        return this.status === 0;
    }
}

/** An address below the interface, with parameters; null and undefined are left out, lists are given several times. */
export function address(path, parameters = {}) {
    const url = new URL(path, ROOT);
    for (const [name, value] of Object.entries(parameters)) {
        for (const one of Array.isArray(value) ? value : [value]) {
            if (one !== null && one !== undefined && one !== "" && one !== false) url.searchParams.append(name, one);
        }
    }
    return url;
}

export async function get(path, parameters = {}, { signal } = {}) {
    return answerOf(await reach(address(path, parameters), { signal }));
}

/** Changes something: with the page's CSRF value, and once more with a new one where the server has forgotten it. */
export async function post(path, body, parameters = {}) {
    return change("POST", path, body, parameters);
}

export async function remove(path) {
    return change("DELETE", path, undefined, {});
}

/** A change that does no harm when it is made twice: tried again where the server does not answer. */
export async function postPatiently(path, body, parameters = {}) {
    for (let tried = 1; ; tried += 1) {
        try {
            return await post(path, body, parameters);
        } catch (problem) {
            const isWorthIt = problem.isUnreached || problem.status === 503;
            if (!isWorthIt || tried >= TRIES) throw problem;
            await pause(500 * 2 ** tried);
        }
    }
}

let session = null;

/** The page's session; asked for once, and anew after a sign-in. */
export function sessionOf({ isNew = false } = {}) {
    if (session === null || isNew) {
        session = get("session");
        session.catch(() => (session = null));
    }
    return session;
}

/** Opens a session by a token. */
export async function signIn(token) {
    const opened = await answerOf(
        await reach(address("session"), {
            method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
        }),
    );
    session = Promise.resolve(opened);
    return opened;
}

/** Sends a file as it is. */
export async function send(path, file, parameters = {}) {
    return change("POST", path, file, parameters);
}

async function change(method, path, body, parameters) {
    for (let isSecond = false; ; isSecond = true) {
        const { csrf } = await sessionOf({ isNew: isSecond });
        const headers = { "X-CSRF-Token": csrf ?? "" };
        const isFile = body instanceof Blob;
        if (body !== undefined) headers["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
        const answer = await reach(address(path, parameters), {
            method, headers, body: body === undefined || isFile ? body : JSON.stringify(body),
        });
        try {
            return await answerOf(answer);
        } catch (problem) {
            if (isSecond || problem.kind !== "csrf") throw problem;
        }
    }
}

async function reach(url, options) {
    try {
        return await fetch(url, { credentials: "same-origin", ...options });
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new Problem({ title: "the server does not answer" });
    }
}

async function answerOf(answer) {
    if (answer.status === 204) return null;
    let body = null;
    try {
        body = await answer.json();
    } catch (error) {
        if (error.name === "AbortError") throw error;
        if (answer.ok) throw new Problem({ title: "the server's answer was cut off" });
    }
    if (answer.ok) return body;
    const problem = new Problem({ ...body, status: answer.status });
    if (problem.kind === "token") window.dispatchEvent(new CustomEvent("reclassd:signed-out"));
    throw problem;
}

export function pause(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
