// Runs in: CLI; becomes the keeper. Owns: nothing afterwards.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { sentence } from "@ring3/control/sentence";
import type { Command } from "../command.ts";

const keeper = fileURLToPath(new URL("../../../build/keeper.cjs", import.meta.url));

export default {
  summary: "runs ring3 in the foreground; prints `ready` once it serves",
  usage: "[--config FILE] [--drivers DIR]… [--insecure-no-sandbox]",
  options: {
    config: {
      type: "string",
      value: "FILE",
      help: "what people decide (/etc/ring3/ring3.yaml where it exists)",
    },
    drivers: {
      type: "string",
      multiple: true,
      value: "DIR",
      help: "a folder of driver folders, searched before ring3's own; may be repeated",
    },
    "insecure-no-sandbox": {
      type: "boolean",
      help: "runs drivers without a jail, for machines without bubblewrap; marked in every listing",
    },
  },
  words: [0, 0],
  details: 'With --json the line is {"ready":true}. SIGTERM, SIGINT or SIGHUP stop everything in order.',
  async run(ring3, { values }) {
    if (!existsSync(keeper))
      throw sentence("invalid", `ring3 is not built, ${keeper} is missing: run "make setup"`);
    const file = values.config === undefined ? undefined : resolve(values.config as string);
    if (file !== undefined && !existsSync(file))
      throw sentence("invalid", `configuration ${file}: there is no such file`);
    const config = file === undefined ? [] : ["--config", file];
    const drivers = ((values.drivers as string[] | undefined) ?? []).flatMap((path) => [
      "--drivers",
      resolve(path),
    ]);
    const json = ring3.json ? ["--json"] : [];
    const bus = process.env.DBUS_SYSTEM_BUS_ADDRESS; // the manager is started with an environment of its own
    const systemBus = bus === undefined ? [] : ["--system-bus", bus];
    const insecure = values["insecure-no-sandbox"] === true ? ["--insecure-no-sandbox"] : [];
    // The same process from here on: whoever started us supervises the keeper itself.
    process.execve!(
      process.execPath,
      [
        process.execPath,
        "--enable-source-maps",
        keeper,
        ring3.directory,
        ...config,
        ...drivers,
        ...json,
        ...insecure,
        ...systemBus,
      ],
      process.env,
    );
  },
} satisfies Command;
