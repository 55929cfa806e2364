// Runs in: a sim. Owns: nothing; what the command lines of all sims have in common.
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** A mistake of whoever typed: exit code 2 on the command line, an answer on stdin. */
export class UsageError extends Error {}

/** Where a sim listens, and the bus id that it answers to. */
export interface Place {
  readonly listen: string;
  readonly port: string;
}

export const placeFlags = {
  listen: { type: "string" },
  port: { type: "string" },
  help: { type: "boolean" },
} as const;

const MAX_PORT_BYTES = 31; // a busid with its terminating zero, usbip_protocol.rst

export function parseFlags<T extends ParseArgsOptionsConfig>(argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: false, strict: true }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

export function placeOf(values: { listen?: string; port?: string }): Place {
  const { listen, port = "1-1" } = values;
  if (listen === undefined) throw new UsageError("--listen: expected the path of a socket, found none");
  if (!/^[A-Za-z0-9._-]+$/.test(port) || port.length > MAX_PORT_BYTES)
    throw new UsageError(
      `--port: expected at most ${MAX_PORT_BYTES} letters, digits, ".", "-" or "_", found ${JSON.stringify(port)}`,
    );
  return { listen, port };
}

export function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined)
    throw new UsageError(`--${option}: expected ${allowed.join(" or ")}, found ${JSON.stringify(value)}`);
  return found;
}
