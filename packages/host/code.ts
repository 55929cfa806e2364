// Runs in: driver host, before all else; make setup. Owns: how a host's code is loaded together with what V8 has made of it before.
import { readFileSync } from "node:fs";
import { Script } from "node:vm";

/** Behind the code, and before what was made of it: V8 itself compares no more than the length of a source. */
export const TAG_BYTES = 32;

/** The host's code below a folder, for a runtime with or without a compiler. */
export function codeFiles(folder: string, jitless: boolean): { code: string; cache: string } {
  const cache = jitless ? "host-code-strict.cache" : "host-code.cache"; // V8 takes back only what was made under the same flags
  return { code: `${folder}/host-code.cjs`, cache: `${folder}/${cache}` };
}

/** A CommonJS module. Slower, and otherwise the same, where `cached` was made of another one. */
export function hostScript(file: string, cached: Uint8Array): Script {
  const code = readFileSync(file);
  const same = code.subarray(-TAG_BYTES).equals(cached.subarray(0, TAG_BYTES));
  return new Script(
    `(function (exports, require, module, __filename, __dirname) {${code.toString("latin1")}\n})`,
    {
      filename: file,
      ...(same ? { cachedData: cached.subarray(TAG_BYTES) } : {}),
    },
  );
}

/** Does what loading it as a module does. */
export function run(script: Script, require: NodeJS.Require, file: string, folder: string): void {
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, file, folder);
}
