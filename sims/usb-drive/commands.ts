// Runs in: the usb-drive sim. Owns: nothing; the commands that come in as lines on stdin.
import type { Drive } from "./drive.ts";
import { parseFault } from "./faults.ts";
import { parsePlug } from "./options.ts";

const known = ["fault", "unplug", "plug", "eject", "insert", "stats"] as const;

/** One line in, one object out: `{ok: true, command, …}` or `{ok: false, command, error}`. */
export async function obey(drive: Drive, line: string): Promise<object> {
  const words = split(line);
  const command = words[0] ?? "";
  try {
    return { ok: true, command, ...(await run(drive, command, words.slice(1))) };
  } catch (error) {
    return { ok: false, command, error: (error as Error).message };
  }
}

async function run(drive: Drive, command: string, args: readonly string[]): Promise<object> {
  switch (command) {
    case "fault":
      for (const spec of args) fault(drive, spec);
      if (args.length === 0) throw new Error("fault: expected KIND[:ARG][@COUNT] or clear, found nothing");
      return {};
    case "unplug":
      await drive.unplug();
      return {};
    case "plug":
      await drive.plug(parsePlug(args, drive.configured));
      return {};
    case "eject":
      await drive.eject(0);
      return {};
    case "insert":
      if (args.length > 1) throw new Error(`insert: expected at most one FILE, found ${args.length} words`);
      await drive.insert(0, args[0]);
      return {};
    case "stats":
      return drive.stats();
    default:
      throw new Error(`expected one of ${known.join(", ")}, found ${JSON.stringify(command)}`);
  }
}

function fault(drive: Drive, spec: string): void {
  const parsed = spec === "clear" ? undefined : parseFault(spec);
  if (typeof parsed === "string") throw new Error(`fault: ${parsed}`);
  if (parsed === undefined) drive.faults.clear();
  else drive.fault(parsed);
}

/** Words between blanks; double quotes hold a word with blanks together. */
function split(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
}
