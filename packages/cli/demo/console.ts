// Runs in: CLI, in the demo. Owns: the demo's console, a process of its own, and what is broken there on a click.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { sentence } from "@ring3/control/sentence";
import { ended, onLine } from "../lines.ts";
import type { SimulatedDevice } from "../simulated-device.ts";
import { type Followed, feedNonsense } from "./nonsense.ts";
import type { Verified } from "./workload.ts";

const program = fileURLToPath(new URL("../../../build/console.cjs", import.meta.url));

/** For so long a device stays unplugged, or answers nonsense. */
const AWAY_MS = 2000;

/** What it prints. */
interface Line {
  readonly url?: string;
  readonly id?: number;
  readonly device?: string;
  readonly fault?: string;
}

export interface Demo {
  readonly directory: string;
  readonly manager: Pick<ManagerConnection, "ask">;
  readonly devices: readonly SimulatedDevice[];
}

export class DemoConsole {
  readonly #demo: Demo;
  readonly #child: ChildProcess;
  /** Where a browser is let in, once; later ones come as they are needed. */
  readonly url: Promise<string>;
  #latest = "";

  constructor(demo: Demo) {
    this.#demo = demo;
    this.#child = spawn(process.execPath, [program, demo.directory, "0", "control", "json", "demo"], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true, // a Ctrl-C is the command's to handle
    });
    this.#child.stdin!.on("error", () => {}); // its end is told by the url
    this.url = new Promise((resolve, reject) => {
      onLine(this.#child.stdout!, (text) => this.#heard(JSON.parse(text) as Line, resolve));
      void ended(this.#child).then((how) => reject(sentence("internal", `the console ended (${how})`)));
    });
    this.url.catch(() => {});
  }

  #heard({ url, id, device, fault }: Line, resolve: (url: string) => void): void {
    if (url !== undefined) {
      this.#latest = url;
      return resolve(url);
    }
    const answer = (what: object) => void this.#child.stdin!.write(`${JSON.stringify({ id, ...what })}\n`);
    this.#break(device!, fault!).then(
      (followed) => answer({ followed }),
      ({ message }: Error) => answer({ error: message }),
    );
  }

  async #break(device: string, fault: string): Promise<Followed> {
    if (fault === "crash") return this.#signal(device, "SIGKILL");
    if (fault === "hang") return this.#signal(device, "SIGSTOP");
    const { manager } = this.#demo;
    const simulated = this.#demo.devices.find(({ port }) => device.startsWith(`usb-${port}:`));
    if (simulated === undefined)
      throw sentence(
        "invalid",
        `${device} is no device of the demo's own: it can be crashed and hung, no more`,
      );
    if (fault === "unplug") {
      await simulated.say("unplug");
      later(() => simulated.say("plug"));
      return [];
    }
    const pause = () => new Promise((resolve) => setTimeout(resolve, AWAY_MS));
    return feedNonsense({ manager, simulated, device, pause, now });
  }

  /** What follows is told as of any driver. */
  async #signal(device: string, signal: NodeJS.Signals): Promise<Followed> {
    const { devices } = await this.#demo.manager.ask("status", {});
    const pid = devices.find(({ id }) => id === device)?.hostPid ?? null;
    if (pid === null) throw sentence("invalid", `${device} has no driver's process now`);
    process.kill(pid, signal);
    return [];
  }

  /** That nobody has used yet. */
  get latest(): string {
    return this.#latest;
  }

  /** How the demo's program fares at a device: shown on the page. */
  tell(device: string, verified: Verified): void {
    this.#child.stdin!.write(`${JSON.stringify({ workload: { device, ...verified } })}\n`);
  }

  async end(): Promise<void> {
    this.#child.kill("SIGTERM");
    await ended(this.#child);
  }
}

/** Of a clock that nobody sets back. */
const now = () => performance.timeOrigin + performance.now();

/** The demo may have ended meanwhile. */
function later(run: () => Promise<unknown>): void {
  setTimeout(() => void run().catch(() => {}), AWAY_MS).unref();
}
