// Runs in: driver host. Owns: how a driver's code comes in: from sealed memory, with the sdk as its only import.

import { Script } from "node:vm";
import { DeviceError } from "@ring3/core/errors";
import type { Driver } from "@ring3/sdk";
import * as sdk from "@ring3/sdk";
import { driverOf } from "@ring3/sdk/define";

/** The one module that a bundled driver may ask for: the host's own copy, so that both sides of it are the same objects. */
const SDK = "@ring3/sdk";

/** "now": every function, not only when it is first called. A start takes longer then, and the driver's first requests less. */
export type Compile = "now" | "when called";

/**
 * Each call of what it gives runs a driver's CommonJS bundle from the start and gives its default export. The jail is what confines the
 * code; refusing every other import only makes a forbidden one a clear error. `made`: what V8 has made of it before, if anything.
 */
export function loadDriver(
  name: string,
  file: string,
  code: Uint8Array,
  made: Uint8Array,
  when: Compile,
): () => Driver {
  // V8 takes back only what was made under the same flags.
  return instancesOf(name, when === "now" ? compiledNow(file, code) : driverScript(file, code, made));
}

export function instancesOf(name: string, script: Script): () => Driver {
  const run = script.runInThisContext() as Run;
  return () => {
    const module = { exports: {} as Record<string, unknown> };
    run(module, module.exports, (id) => {
      if (id === SDK) return sdk;
      throw new DeviceError(
        "invalid",
        `driver ${name} imports "${id}"; a driver may import ${SDK} and its own files`,
      );
    });
    return driverOf(module.exports.default);
  };
}

type Run = (
  module: { exports: Record<string, unknown> },
  exports: object,
  require: (id: string) => unknown,
) => void;

/** On the first line of the code, which keeps its columns. */
const HEAD = "(function (module, exports, require) {";

export function driverScript(file: string, code: Uint8Array, made: Uint8Array): Script {
  try {
    return new Script(`${HEAD}${new TextDecoder().decode(code)}\n})`, {
      filename: file,
      columnOffset: -HEAD.length,
      ...(made.length > 0 ? { cachedData: made } : {}),
    });
  } catch (error) {
    // The first line of the stack is "driver:NAME:LINE".
    throw new DeviceError("invalid", `${(error as Error).stack?.split("\n")[0]}: ${error}`, { cause: error });
  }
}

/** Not imported: it would cost every host 5 ms of its start. */
const v8 = () => process.getBuiltinModule("node:v8");

function compiledNow(file: string, code: Uint8Array): Script {
  v8().setFlagsFromString("--no-lazy");
  try {
    return driverScript(file, code, new Uint8Array(0));
  } finally {
    v8().setFlagsFromString("--lazy");
  }
}
