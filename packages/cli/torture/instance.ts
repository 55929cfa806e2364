// Runs in: CLI. Owns: the ring3 of a campaign, and what becomes of its processes: who has ended, and whether that was meant.
import { setTimeout as sleep } from "node:timers/promises";
import type { LogEntry } from "@ring3/core/log";
import { OwnRing3 } from "../own-ring3.ts";
import { eventually } from "./door.ts";
import type { End } from "./fault.ts";

const CONFIG = "spares: 4\n";
const FAILED = /^driver failed: (\w+): (.*)$/;
const HANGS: readonly string[] = ["heartbeat", "deadline"];

const NOTICED_MS = 1000;

export interface DeviceListener {
  /** Its driver has failed, and is being ended. */
  failed(end: End, reason: string): void;
  quarantined(): void;
}

export class Instance {
  readonly ring3: OwnRing3;
  readonly #devices = new Map<string, DeviceListener>();
  /** As they were last seen. */
  #pids = { manager: 0, reflector: 0 };
  #managersKilled = 0;
  #reflectorKilledAt = Number.NEGATIVE_INFINITY;
  managerDeaths = 0;
  reflectorDeaths = 0;
  #work: Promise<void> = Promise.resolve();
  #stopping = false;
  #ended: string | undefined;
  readonly #onManagerLost: () => void;

  /** `managerLost`: a manager has ended and another serves. */
  constructor(sandboxed: boolean, managerLost: () => void) {
    this.ring3 = new OwnRing3({
      verb: "torture",
      drivers: ["probe/drivers/torture"],
      config: CONFIG,
      sandboxed,
      quiet: true, // of killed reflectors there are lines without end
    });
    this.#onManagerLost = managerLost;
    void this.ring3.ended.then((how) => {
      this.#ended = how;
    });
  }

  async started(): Promise<void> {
    await this.ring3.started({ log: (entry) => this.#heard(entry) });
    await this.#follow();
    this.#pids = await this.#running();
  }

  async #follow(): Promise<void> {
    const { manager } = this.ring3;
    manager.signal.addEventListener("abort", () => void this.#managerEnded());
    await manager.ask("logs", { device: null, follow: true });
  }

  async #managerEnded(): Promise<void> {
    if (this.#ended !== undefined || this.#stopping) return;
    if (this.#managersKilled > 0) this.#managersKilled--;
    else this.managerDeaths++;
    await eventually("connect to the next manager", async () => {
      if (this.#ended !== undefined) return;
      this.ring3.connect({ log: (entry) => this.#heard(entry) });
      await this.#follow();
    });
    this.#onManagerLost();
  }

  watch(device: string, listener: DeviceListener): void {
    this.#devices.set(device, listener);
  }

  #heard({ source, message }: LogEntry): void {
    const listener = this.#devices.get(source.split("/").at(-1)!);
    if (listener === undefined) return;
    const [, kind, text] = FAILED.exec(message) ?? [];
    if (kind !== undefined) listener.failed(HANGS.includes(kind) ? "hang" : "crash", `${kind}: ${text}`);
    if (message.startsWith("quarantined: ")) listener.quarantined();
  }

  async #running(): Promise<{ manager: number; reflector: number }> {
    const { manager, reflectors } = await this.ring3.status();
    return {
      manager: manager.pid,
      reflector: reflectors.find(({ class: name }) => name === "block")?.pid ?? 0,
    };
  }

  /** Looks and kills come one after the other: a reflector that was killed has not ended by itself. */
  #serially(step: () => Promise<void>): Promise<void> {
    const done = this.#work.then(step);
    this.#work = done.catch(() => {});
    return done;
  }

  /** Counts reflectors that have ended and were not meant to. */
  look(): Promise<void> {
    return this.#serially(() => this.#look());
  }

  async #look(): Promise<void> {
    const now = await this.#running();
    if (now.reflector !== this.#pids.reflector) this.reflectorDeaths++;
    this.#pids = now;
  }

  kill(supervisor: "manager" | "reflector"): Promise<void> {
    return this.#serially(() => this.#kill(supervisor));
  }

  async #kill(supervisor: "manager" | "reflector"): Promise<void> {
    await this.#look();
    const pid = this.#pids[supervisor];
    if (supervisor === "manager") this.#managersKilled++;
    else this.#reflectorKilledAt = performance.now();
    process.kill(pid, "SIGKILL");
    if (supervisor === "reflector")
      await eventually("another reflector", async () => {
        const now = await this.#running();
        if (now.reflector === 0 || now.reflector === pid) throw new Error("there is none");
        this.#pids = now;
      });
  }

  /** Was a reflector killed since then, or so shortly before that its clients may not have noticed? */
  cutSince(time: number): boolean {
    return this.#reflectorKilledAt > time - NOTICED_MS;
  }

  /** To the driver's process, if it has one. */
  async signal(device: string, signal: NodeJS.Signals): Promise<void> {
    const { hostPid } = await this.ring3.device(device);
    if (hostPid === null) return;
    try {
      process.kill(hostPid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  /** Resolves with how it ended, once it has ended by itself; else stays pending. */
  get endedByItself(): Promise<string> {
    return this.ring3.ended.then((how) => (this.#stopping ? sleep(2 ** 30, how, { ref: false }) : how));
  }

  async stop(options: { keep: boolean }): Promise<void> {
    this.#stopping = true;
    await this.ring3.stop(options);
  }
}
