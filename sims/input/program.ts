// Runs in: a process of its own, a sim of an input device. Owns: the file that it logs to.
import { appendFileSync, openSync } from "node:fs";
import { print, runSim } from "../usbip/process.ts";
import { obey, readScript } from "./commands.ts";
import { Faults } from "./faults.ts";
import { helpOf, type InputOptions, type Models, parseOptions, usageOf } from "./options.ts";
import { Peripheral } from "./peripheral.ts";
import { parseScript } from "./script.ts";

/** `words`: lines for --help, what a script may say. */
export function runInputSim<State>(name: string, models: Models<State>, words: string): Promise<void> {
  return runSim<InputOptions<State>, Peripheral<State>>({
    name,
    usage: usageOf(name),
    help: helpOf(models, words),
    parse: (argv) => parseOptions(argv, models),
    build: (options) => build(name, options),
    obey,
    shutdown: async (device) => device.shutdown(),
  });
}

function build<State>(name: string, options: InputOptions<State>): Peripheral<State> {
  const { model, port, script, move, intervalMs } = options;
  const log = options.log === undefined ? undefined : openSync(options.log, "a");
  const steps =
    script !== undefined
      ? readScript(script, { model })
      : move
        ? parseScript(model.vocabulary.movement, model.vocabulary, "movement")
        : [];
  const device = new Peripheral({
    model,
    port,
    path: `/sys/devices/ring3/${name}/${port}`,
    intervalMs,
    faults: new Faults(options.faults),
    steps,
    tell: print,
    observe(observed, details) {
      const line = { observed, ...details };
      if (options.report) print(line);
      if (log !== undefined) appendFileSync(log, `${JSON.stringify(line)}\n`);
    },
  });
  process.on("SIGUSR2", () => (device.plugged ? device.unplug() : device.plug()));
  return device;
}
