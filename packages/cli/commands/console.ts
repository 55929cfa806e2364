// Runs in: CLI; becomes the console. Owns: nothing afterwards.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sentence } from "@ring3/control/sentence";
import { type Command, UsageError } from "../command.ts";

const program = fileURLToPath(new URL("../../../build/console.cjs", import.meta.url));

export default {
  summary: "shows all devices in a browser, on this machine alone",
  usage: "[--control] [--port N]",
  options: {
    control: { type: "boolean", help: "devices may be started, stopped and restarted there" },
    port: { type: "string", value: "N", help: "of 127.0.0.1; any that is free unless said" },
  },
  words: [0, 0],
  details: `Prints an address that lets one browser in, once. Enter prints another. Ctrl-C ends it.
With --json the address comes as {"url"}.`,
  async run(ring3, { values }) {
    const port = portOf(values.port as string | undefined);
    if (!existsSync(program))
      throw sentence("invalid", `ring3 is not built, ${program} is missing: run "make setup"`);
    const manager = ring3.connect(); // says what is wrong where ring3 does not run
    await manager.ask("status", {}).finally(() => manager.disconnect());
    const control = values.control === true ? ["control"] : [];
    const json = ring3.json ? ["json"] : [];
    process.execve!(
      process.execPath,
      [process.execPath, "--enable-source-maps", program, ring3.directory, String(port), ...control, ...json],
      process.env,
    );
  },
} satisfies Command;

function portOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65535) return port;
  throw new UsageError(`--port: expected a number from 1 to 65535, found "${text}"`);
}
