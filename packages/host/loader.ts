// Runs in: driver host. Owns: how a driver's code comes in: from sealed memory, with the sdk as its only import.

import { compileFunction } from "node:vm";
import { DeviceError } from "@ring3/core/errors";
import type { Driver } from "@ring3/sdk";
import * as sdk from "@ring3/sdk";
import { driverOf } from "@ring3/sdk/define";

/** The one module that a bundled driver may ask for: the host's own copy, so that both sides of it are the same objects. */
const SDK = "@ring3/sdk";

/**
 * Runs a driver's CommonJS bundle and gives its default export. The jail is what confines the code; refusing every
 * other import only makes a forbidden one a clear error.
 */
export function loadDriver(name: string, code: Uint8Array): Driver {
  const run = compileFunction(new TextDecoder().decode(code), ["module", "exports", "require"], {
    filename: `driver:${name}`,
  }) as (
    module: { exports: Record<string, unknown> },
    exports: object,
    require: (id: string) => unknown,
  ) => void;
  const module = { exports: {} as Record<string, unknown> };
  run(module, module.exports, (id) => {
    if (id === SDK) return sdk;
    throw new DeviceError(
      "denied",
      `driver ${name} imports "${id}"; a driver may import ${SDK} and its own files`,
    );
  });
  return driverOf(module.exports.default);
}
