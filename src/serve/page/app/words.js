// Numbers, times and names as a person reads them.

const GROUPED = new Intl.NumberFormat("en-US");

/** 12,345 */
export function grouped(number) {
    return GROUPED.format(number);
}

/** "1 track", "12 tracks" */
export function counted(number, one, many = `${one}s`) {
    return `${grouped(number)} ${number === 1 ? one : many}`;
}

/** 0.87 as "87 %" */
export function percent(share) {
    return `${Math.round(share * 100)} %`;
}

/** A confidence: "0.87" */
export function sure(confidence) {
    return confidence.toFixed(2);
}

/** Seconds as "3:07" or "1:02:03" */
export function clock(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const two = (number) => String(number).padStart(2, "0");
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A moment (seconds since 1970 or RFC 3339) as "2026-11-29 14:05", in the zone of whoever looks. */
export function moment(time) {
    const date = dateOf(time);
    if (date === null) return "";
    const two = (number) => String(number).padStart(2, "0");
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** How long ago a moment is: "just now", "5 min ago", "3 h ago", "4 days ago". */
export function ago(time, now = Date.now()) {
    const date = dateOf(time);
    if (date === null) return "";
    const seconds = Math.max(0, (now - date.getTime()) / 1000);
    if (seconds < 10) return "just now";
    if (seconds < 60) return `${Math.floor(seconds)} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 2 * 86400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} days ago`;
}

function dateOf(time) {
    if (time === null || time === undefined) return null;
    const date = typeof time === "number" ? new Date(time * 1000) : new Date(time);
    return Number.isNaN(date.getTime()) ? null : date;
}

/** The name of a file, without its folders. */
export function fileName(path) {
    return path.slice(path.lastIndexOf("/") + 1);
}

/** The folder of a file. */
export function folderOf(path) {
    const at = path.lastIndexOf("/");
    return at > 0 ? path.slice(0, at) : "/";
}

/** "a", "a and b", "a, b and c" */
export function listed(words) {
    if (words.length < 2) return words.join("");
    return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
