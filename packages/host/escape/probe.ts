// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: what a probe is, and how its outcome becomes a word.
import type { Context, Devices, UsbDevice } from "@ring3/sdk";
import { systemCalls } from "./system-calls.ts";

/** What a probe goes for, as seen from outside. */
export interface Targets {
  readonly keeper: number;
  readonly manager: number;
  readonly reflector: number;
  /** The driver host of the drive beside this one, and the first process of its jail. */
  readonly host: number;
  readonly init: number;
  readonly stateDirectory: string;
  readonly socket: string;
  readonly image: string;
  readonly home: string;
  /** The system calls that the manager says this driver may make. */
  readonly allowed: readonly string[];
}

/** What a probe has to work with. */
export interface Inside {
  readonly targets: Targets;
  readonly ctx: Context;
  readonly usb: Devices["usb"] & UsbDevice;
}

export interface Probe {
  readonly name: string;
  /**
   * The outcomes that prove it denied; one that ends the driver is "died: KIND", whatever text follows. Anything else, and a probe
   * that does not run, counts as escaped.
   */
  readonly denied: readonly string[];
  /** Only in this tier of the jail; in both where absent. */
  readonly tier?: "standard" | "strict";
  /** Does no harm where there is no jail. */
  readonly harmless?: true;
  /** The request's, where the deadline itself is what denies. */
  readonly deadlineMs?: number;
  /** What is looked at from outside afterwards, besides what is looked at after every probe. */
  readonly check?: "logs" | "descriptors";
  run(inside: Inside): string | number | Promise<string | number>;
}

export interface Group {
  readonly name: string;
  readonly probes: readonly Probe[];
}

type Memory = ArrayBuffer | ArrayBufferView;
type Word = number | bigint | Memory;
export type Argument = Word | string | ((targets: Targets) => number | string);

/** native/probe.c */
declare const syscall: (nr: number, ...words: Word[]) => number;

const builtin = process.getBuiltinModule; // a driver's own `require` knows the sdk alone
const { getSystemErrorName } = builtin("node:util");

/** The answer of a system call as a word: the errno's name, or the number. */
export const word = (answer: number): string => (answer < 0 ? getSystemErrorName(answer) : String(answer));

/** By name; text becomes memory that ends in a zero. */
export function call(name: string, ...words: (Word | string)[]): number {
  const nr = systemCalls.get(name);
  if (nr === undefined) throw new Error(`no system call ${name}`);
  return callNumber(nr, ...words);
}

export function callNumber(nr: number, ...words: (Word | string)[]): number {
  return syscall(nr, ...words.map((given) => (typeof given === "string" ? text(given) : given)));
}

const text = (given: string): Uint8Array => new TextEncoder().encode(`${given}\0`);

/** A name is the call, and what tells it apart from others of that call: "openat /etc/passwd". None where this architecture lacks it. */
export function refused(name: string, ...given: readonly Argument[]): Probe[] {
  const [systemCall] = name.split(" ") as [string];
  if (!systemCalls.has(systemCall)) return [];
  return [
    {
      name,
      denied: ["EPERM"],
      run: ({ targets }) =>
        call(
          systemCall,
          ...given.map((argument) => (typeof argument === "function" ? argument(targets) : argument)),
        ),
    },
  ];
}

export const harmless = (probes: readonly Probe[]): Probe[] =>
  probes.map((probe) => ({ ...probe, harmless: true }));

/** What was thrown, as a word. */
export function thrown(error: unknown): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? `${code}: ${message}` : `${name}: ${message}`;
}
