// Runs in: CLI. Owns: one `ring3 up`, and its simulated devices.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { nearest } from "@ring3/control/nearest";
import { sentence } from "@ring3/control/sentence";
import { type Command, UsageError } from "../command.ts";
import { demoDevices } from "../demo/devices.ts";
import { DemoPage } from "../demo/page.ts";
import { show } from "../demo/view.ts";
import { askedToEnd, ended, onLine } from "../lines.ts";
import type { Ring3 } from "../ring3.ts";
import { type Attachment, SimulatedDevice } from "../simulated-device.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
const known = Object.keys(demoDevices);

/** This machine's is not read: nothing real is taken, and no simulated mouse moves a real pointer. What is unplugged there is to come back, however busy the machine is. */
const CONFIGURATION = "endpoints: { input: none }\nlimits: { replug_grace: 30s }\n";

export default {
  summary: "runs ring3 with a simulated device of every class, and says what to try",
  usage: "[CLASS…] [--insecure-no-sandbox]",
  options: {
    "insecure-no-sandbox": { type: "boolean", help: "for machines without bubblewrap" },
  },
  words: [0, known.length],
  details: `With classes (${known.join(", ")}) only devices of those, and no page for a browser. Its configuration is its own: it takes no real device, and makes no input devices of the kernel's.
Uses a temporary state directory unless one is named. Ctrl-C ends everything.`,
  async run(ring3, { values, words }) {
    const wrong = words.find((word) => !known.includes(word));
    if (wrong !== undefined) throw unknownClass(wrong);
    const named = (values["state-dir"] as string | undefined) ?? process.env.RING3_STATE_DIR;
    const directory = named === undefined ? mkdtempSync(join(tmpdir(), "ring3-demo-")) : ring3.directory;
    const folder = mkdtempSync(join(tmpdir(), "ring3-demo-disk-"));
    const config = join(folder, "ring3.yaml");
    writeFileSync(config, CONFIGURATION);
    const insecure = values["insecure-no-sandbox"] === true ? ["--insecure-no-sandbox"] : [];
    const stop = askedToEnd();
    const up = startUp(["--state-dir", directory, "--config", config, ...insecure]);
    const demo = new Demo(ring3.at(directory), folder, words);
    try {
      await Promise.race([stop, ready(up).then(() => demo.run()), demo.failed]);
      return 0;
    } finally {
      // Devices first, then ring3: none of them sees another vanish.
      await demo.end();
      up.kill("SIGTERM");
      await ended(up);
      rmSync(folder, { recursive: true, force: true });
      if (named === undefined) rmSync(directory, { recursive: true, force: true });
    }
  },
} satisfies Command;

class Demo {
  readonly folder: string;
  readonly plugs = new Set<Attachment>();
  manager!: ManagerConnection;
  readonly #ring3: Ring3;
  readonly #devices: ReadonlyMap<string, SimulatedDevice>;
  readonly #shown = new AbortController();
  /** Only where everything is there. */
  readonly #page: DemoPage | undefined;

  /** The devices start while ring3 does. `classes`: none means all. */
  constructor(ring3: Ring3, folder: string, classes: readonly string[]) {
    this.#ring3 = ring3;
    this.folder = folder;
    this.#page = classes.length === 0 ? new DemoPage(this) : undefined;
    this.#devices = new Map(
      (classes.length === 0 ? known : classes).map((name) => {
        const { kind, port, options } = demoDevices[name]!;
        return [name, new SimulatedDevice(this, kind, port, options(folder))];
      }),
    );
  }

  /** Rejects when one of its devices has ended. */
  get failed(): Promise<never> {
    const all = [...this.#devices.values(), ...(this.#page === undefined ? [] : [this.#page])];
    return Promise.race(all.map(({ over }) => over));
  }

  /** Until ring3 ends, or this is ended. */
  async run(): Promise<void> {
    const { directory } = this.#ring3;
    this.manager = this.#ring3.connect();
    this.manager.onResumed = async (ask) => {
      for (const attachment of this.plugs) await ask("attach", attachment);
    };
    const devices = [...this.#devices.values()];
    await Promise.all(devices.map((device) => device.plug()));
    await this.#page?.start(directory, this, devices);
    const page = this.#page;
    const unplugs = Object.fromEntries([...this.#devices].map(([name, { pid }]) => [name, pid]));
    const view = { classes: [...this.#devices.keys()], unplugs, page: () => page?.url };
    await show(this.#ring3, this.manager, view, this.#shown.signal);
  }

  async end(): Promise<void> {
    this.#shown.abort();
    await this.#page?.end();
    await Promise.all([...this.#devices.values()].map((device) => device.end()));
    this.manager?.disconnect();
  }
}

/** In a process group of its own: a Ctrl-C is ours to pass on, in order. */
function startUp(args: readonly string[]): ChildProcess {
  const line = [main, "up", ...args];
  return spawn(process.execPath, line, { stdio: ["ignore", "pipe", "inherit"], detached: true });
}

function ready(up: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    onLine(up.stdout!, resolve);
    ended(up).then((how) => reject(sentence("internal", `ring3 up ended before it was ready (${how})`)));
  });
}

function unknownClass(name: string): UsageError {
  const meant = nearest(name, known);
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return new UsageError(`no simulated device of the class "${name}"${hint}; there are: ${known.join(", ")}`);
}
