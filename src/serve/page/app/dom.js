// Elements made from plain values. Text is always text: nothing that comes out of a file's tags is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Attributes that are null, undefined or false are left out; `on…` are listeners; `style` is an object. */
export function h(name, attributes, ...children) {
    return fill(document.createElement(name), attributes, children);
}

/** An SVG element. */
export function s(name, attributes, ...children) {
    return fill(document.createElementNS(SVG, name), attributes, children);
}

/** Puts children in place of those that an element has. */
export function put(element, ...children) {
    element.replaceChildren(...kept(children));
    return element;
}

/** A key as it is shown beside what it does. Screen readers learn of it by `aria-keyshortcuts`. */
export function key(name) {
    return h("kbd", { "aria-hidden": "true" }, name);
}

function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (value === undefined || value === null || value === false) continue;
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (name === "style") {
            // Set one by one: the page's policy forbids style attributes.
            for (const [property, set] of Object.entries(value)) element.style.setProperty(property, set);
        } else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...kept(children));
    return element;
}

function kept(children) {
    return children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false);
}
