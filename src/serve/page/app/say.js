// What a decision did, for whoever does not see it: two live regions, one that waits its turn and one that does not.

/** Says something to screen readers. The same words twice are said twice. */
export function say(words) {
    tell("announcer", words);
}

/** Says something that went wrong. */
export function warn(words) {
    tell("alarm", words);
}

function tell(id, words) {
    const region = document.getElementById(id);
    // A no-break space makes it another text where it is the same.
    region.textContent = region.textContent === words ? `${words}\u00a0` : words;
}
