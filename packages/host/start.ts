// Runs in: driver host. Owns: the start of this process. Becomes host.cjs, and host/main.ts, which it loads, host-code.cjs.
import { readFileSync } from "node:fs";
import { codeFiles, hostScript, run } from "./code.ts";

const { code, cache } = codeFiles(__dirname, process.execArgv.includes("--jitless"));
run(hostScript(code, readFileSync(cache)), require, code, __dirname);
