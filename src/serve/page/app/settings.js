// What the owner set for this browser. A browser that keeps nothing forgets it with the page.

const DEFAULTS = { letters: true, playAlong: false };

const kept = new Map();

/** `letters`: single letters are keys. `playAlong`: what one comes to is played at once. */
export function setting(name) {
    if (!kept.has(name)) {
        let value = DEFAULTS[name];
        try {
            const text = localStorage.getItem(`reclassd-${name}`);
            if (text !== null) value = text === "true";
        } catch {
            // The default, then.
        }
        kept.set(name, value);
    }
    return kept.get(name);
}

export function set(name, value) {
    kept.set(name, value);
    try {
        localStorage.setItem(`reclassd-${name}`, String(value));
    } catch {
        // It holds until the page is left.
    }
}
