// Runs one scenario against a server: node run.mjs SCENARIO URL. It ends with 0 where all of it was as it should be.

const [name, url, ...rest] = process.argv.slice(2);
const scenarios = { ...(await import("./review.mjs")), ...(await import("./views.mjs")) };
try {
    await scenarios[name](url, ...rest);
    // What the test may still say on standard input is waited for no longer.
    process.exit(0);
} catch (error) {
    console.error(error.stack);
    process.exit(1);
}
