// Runs in: CLI, started by the `ring3` script. Owns: the verb, its exit code and how its errors look.
import { readdirSync } from "node:fs";
import { nearest } from "@ring3/control/nearest";
import { stateDirectory } from "@ring3/control/state-directory";
import { withoutKindText } from "@ring3/control/wire";
import { DeviceError } from "@ring3/core/errors";
import { type Command, helpText, readArgs, UsageError, usageText, wrapped } from "./command.ts";
import { Ring3 } from "./ring3.ts";

const verbs = readdirSync(new URL("./commands/", import.meta.url))
  .map((file) => /^([a-z]+)\.[jt]s$/.exec(file)?.[1])
  .filter((verb) => verb !== undefined);

async function load(verb: string): Promise<Command> {
  const module = (await import(new URL(`./commands/${verb}.ts`, import.meta.url).href)) as {
    default: Command;
  };
  return module.default;
}

async function overview(): Promise<string> {
  const commands = await Promise.all(verbs.map(async (verb) => ({ verb, command: await load(verb) })));
  const lines = commands.map(({ verb, command }) => wrapped(`  ${verb.padEnd(9)} `, command.summary));
  return `ring3 VERB [options]: device drivers as sandboxed, restartable processes\n\n${lines.join("\n")}\n\n"ring3 VERB --help" says more.`;
}

async function run(verb: string, argv: readonly string[]): Promise<number> {
  const command = await load(verb);
  try {
    const args = readArgs(command, argv);
    if (args.values.help === true) {
      process.stdout.write(helpText(verb, command) + (command.moreHelp?.(args.words) ?? ""));
      return 0;
    }
    const ring3 = new Ring3({
      directory: () =>
        stateDirectory(args.values["state-dir"] as string | undefined, process.env, process.getuid!()),
      json: args.values.json === true,
      out: process.stdout,
      err: process.stderr,
      env: process.env,
    });
    return (await command.run(ring3, args)) ?? 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return wrongUsage(
      argv,
      error.message,
      `ring3 ${verb}: ${error.message}\nusage: ${usageText(verb, command)}`,
    );
  }
}

function wrongUsage(argv: readonly string[], message: string, text: string): number {
  process.stderr.write(`${argv.includes("--json") ? errorJson("usage", message) : text}\n`);
  return 2;
}

function errorJson(kind: string, message: string): string {
  return JSON.stringify({ error: { kind, message } });
}

/** The sentence without the words of the kind where those say nothing that it does not say itself. */
function errorText(error: unknown): string {
  if (!(error instanceof DeviceError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  return error.kind === "invalid" ? withoutKindText(error) : error.message;
}

async function main(argv: readonly string[]): Promise<number> {
  const [verb, ...rest] = argv;
  if (verb === undefined || verb === "--help" || verb === "-h" || verb === "help") {
    (verb === undefined ? process.stderr : process.stdout).write(`${await overview()}\n`);
    return verb === undefined ? 2 : 0;
  }
  if (!verbs.includes(verb)) {
    const meant = nearest(verb, verbs);
    const message = `there is no verb "${verb}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
    return wrongUsage(rest, message, `ring3: ${message}\nusage: ring3 --help`);
  }
  try {
    return await run(verb, rest);
  } catch (error) {
    const kind = error instanceof DeviceError ? error.kind : "internal";
    const text = errorText(error);
    process.stderr.write(rest.includes("--json") ? `${errorJson(kind, text)}\n` : `ring3 ${verb}: ${text}\n`);
    return 1;
  }
}

// A reader that went away (`ring3 logs | head`) ends us quietly.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await main(process.argv.slice(2));
