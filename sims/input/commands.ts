// Runs in: a sim of an input device. Owns: nothing; the commands that come in as lines on stdin.
import { readFileSync } from "node:fs";
import { parseFault } from "./faults.ts";
import type { Peripheral } from "./peripheral.ts";
import { parseLine, parseScript } from "./script.ts";

/** One line in, one object out: `{ok: true, command, …}` or `{ok: false, command, error}`. */
export async function obey<State>(device: Peripheral<State>, line: string): Promise<object> {
  const words = line.split(/\s+/).filter(Boolean);
  const command = words[0]!;
  try {
    return { ok: true, command, ...(await run(device, command, words)) };
  } catch (error) {
    return { ok: false, command, error: (error as Error).message };
  }
}

async function run<State>(device: Peripheral<State>, command: string, words: string[]): Promise<object> {
  const args = words.slice(1);
  switch (command) {
    case "unplug":
      device.unplug();
      return {};
    case "plug":
      device.plug();
      return {};
    case "stats":
      return device.stats();
    case "fault":
      fault(device, args);
      return {};
    case "play":
      if (args.length !== 1) throw new Error(`play: expected one FILE, found ${args.length} words`);
      await device.play(readScript(args[0]!, device));
      return {};
    default: // a step, as in a script
      await device.play(parseLine(words, device.model.vocabulary));
      return {};
  }
}

export function readScript<State>(file: string, { model }: Pick<Peripheral<State>, "model">) {
  return parseScript(readFileSync(file, "utf8"), model.vocabulary, file);
}

function fault<State>({ faults, model }: Peripheral<State>, kinds: readonly string[]): void {
  if (kinds.length === 0) throw new Error("fault: expected a kind of fault or clear, found nothing");
  for (const kind of kinds) {
    if (kind === "clear") faults.clear();
    else faults.add(parseFault(kind, model));
  }
}
