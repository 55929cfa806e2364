// Runs in: CLI. Owns: nothing. What a verb is: its words, its options, and the function behind it.
import { type ParseArgsOptionDescriptor, parseArgs } from "node:util";
import { nearest } from "@ring3/control/nearest";
import type { Ring3 } from "./ring3.ts";

export interface Option extends ParseArgsOptionDescriptor {
  /** What stands behind the option in the help: "DIR". */
  readonly value?: string;
  readonly help: string;
}

export type Values = Readonly<Record<string, string | boolean | string[] | undefined>>;

export interface Command {
  readonly summary: string;
  /** Behind the verb: "DEVICE [--state STATE]". */
  readonly usage: string;
  readonly options: Readonly<Record<string, Option>>;
  /** How many words the verb takes. */
  readonly words: readonly [least: number, most: number];
  /** Options that the verb does not know are handed on in `rest`. */
  readonly handsOn?: boolean;
  /** More lines for --help. */
  readonly details?: string;
  /** Help that depends on the words given. */
  moreHelp?(words: readonly string[]): string;
  /** The exit code; 0 where nothing is returned. */
  run(ring3: Ring3, args: Args): Promise<number | undefined> | Promise<void>;
}

export interface Args {
  readonly values: Values;
  readonly words: readonly string[];
  readonly rest: readonly string[];
}

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

export const commonOptions: Readonly<Record<string, Option>> = {
  "state-dir": {
    type: "string",
    value: "DIR",
    help: "where ring3 runs (RING3_STATE_DIR; /run/ring3 for root)",
  },
  json: { type: "boolean", help: "print JSON" },
  help: { type: "boolean", short: "h", help: "print this" },
};

export function readArgs(command: Command, argv: readonly string[]): Args {
  const options = { ...command.options, ...commonOptions };
  const [own, rest] = command.handsOn ? splitUnknown(argv, options) : [argv, []];
  const { values, positionals } = parse(own, options);
  const [least, most] = command.words;
  if (values.help !== true && (positionals.length < least || positionals.length > most)) {
    throw new UsageError(
      positionals.length < least ? "too few arguments" : `unexpected argument "${positionals[most]}"`,
    );
  }
  return { values, words: positionals, rest };
}

function parse(
  argv: readonly string[],
  options: Readonly<Record<string, Option>>,
): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true }) as {
      values: Values;
      positionals: string[];
    };
  } catch (error) {
    const unknown = /Unknown option '(-+([^'=]+))/.exec((error as Error).message);
    if (unknown === null) throw new UsageError((error as Error).message.split("\n")[0]!);
    const meant = nearest(unknown[2]!, Object.keys(options));
    throw new UsageError(
      `unknown option ${unknown[1]}${meant === undefined ? "" : `; did you mean --${meant}?`}`,
    );
  }
}

/** Options that are not ours go to the simulated device as they are, each with the value behind it. */
function splitUnknown(
  argv: readonly string[],
  options: Readonly<Record<string, Option>>,
): [own: string[], rest: string[]] {
  const own: string[] = [];
  const rest: string[] = [];
  let into = own;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    const name = /^--?([^=]+)/.exec(word)?.[1];
    if (name === undefined) {
      // The first word is the verb's; a word behind an unknown option is that option's value.
      into.push(word);
      into = own;
      continue;
    }
    const known = options[name] ?? Object.values(options).find((option) => option.short === name);
    into = known === undefined ? rest : own;
    into.push(word);
    if (known?.type === "boolean" || word.includes("=")) into = own;
  }
  return [own, rest];
}

export const usageText = (verb: string, { usage }: Pick<Command, "usage">): string =>
  `ring3 ${verb} ${usage}`.trimEnd();

export function helpText(verb: string, command: Command): string {
  const options = { ...command.options, ...commonOptions };
  const left = ([name, option]: [string, Option]) =>
    `  ${option.short === undefined ? "" : `-${option.short}, `}--${name}${option.value === undefined ? "" : ` ${option.value}`}`;
  const width = Math.max(...Object.entries(options).map((entry) => left(entry).length)) + 2;
  const lines = Object.entries(options).map((entry) => wrapped(left(entry).padEnd(width), entry[1].help));
  const details =
    command.details === undefined
      ? ""
      : `\n${command.details
          .split("\n")
          .map((line) => wrapped("", line))
          .join("\n")}\n`;
  return `${usageText(verb, command)}\n\n${command.summary}\n${details}\n${lines.join("\n")}\n`;
}

/** The text behind its label, broken so that nothing passes column 80. */
export function wrapped(label: string, text: string, width = 80): string {
  const room = Math.max(20, width - label.length);
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.map((line, index) => (index === 0 ? label : " ".repeat(label.length)) + line).join("\n");
}
