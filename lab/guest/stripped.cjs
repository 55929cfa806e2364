// Runs in: lab guest, first thing in every Node that inherits the tests' environment. TypeScript comes stripped from outside (strip.ts).
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { registerHooks } = require("node:module");
const { join } = require("node:path");
const { fileURLToPath } = require("node:url");

registerHooks({
  load(url, context, next) {
    if (!url.startsWith("file:") || !url.endsWith(".ts")) return next(url, context);
    const source = readFileSync(fileURLToPath(url));
    const stripped = join(process.env.RING3_STRIPPED, createHash("sha256").update(source).digest("hex"));
    return { format: "module", source: readFileSync(stripped, "utf8"), shortCircuit: true };
  },
});
