// Runs in: CLI. Owns: the ring3 of a campaign, and what becomes of its processes: who has ended, and whether that was meant.
import { setTimeout as sleep } from "node:timers/promises";
import type { LogEntry } from "@ring3/core/log";
import { LogTail } from "../log-tail.ts";
import { OwnRing3 } from "../own-ring3.ts";
import { eventually } from "./door.ts";
import type { End } from "./fault.ts";

/** A busy machine takes its time to plug a device in again. */
const CONFIG = "spares: 4\nlimits: { replug_grace: 15s }\n";
const FAILED = /^driver failed: (\w+): (.*)$/;
const QUARANTINED = "quarantined: ";
const REFLECTORS = /\breflector (?:ended|cannot be started|is hung up on)\b/;
const HANGS: readonly string[] = ["heartbeat", "deadline"];
/** A reflector's clients have noticed its death by then. */
const NOTICED_MS = 1000;
/** A manager that lived for so long is no failure of ring3's: the keeper counts deaths in a row, and begins anew after three (keeper.ts). */
const LIVED_MS = 2500;

export interface DeviceListener {
  /** Its driver has failed, and is being ended. */
  failed(end: End, reason: string): void;
  quarantined(reason: string): void;
}

export class Instance {
  readonly ring3: OwnRing3;
  /** How long a driver's event loop may stand still. */
  readonly hangMs: number;
  readonly #log = new LogTail(null, (entry) => this.#heard(entry));
  readonly #devices = new Map<string, DeviceListener>();
  /** As it was last seen. */
  #reflector = 0;
  #reflectorKilledAt = Number.NEGATIVE_INFINITY;
  #managersKilled = 0;
  managerDeaths = 0;
  reflectorDeaths = 0;
  /** Of each of these deaths, what the manager has said last. */
  readonly wrong: string[] = [];
  #ofReflectors = "";
  #work: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(hangMs: number) {
    this.hangMs = hangMs;
    this.ring3 = new OwnRing3({
      verb: "torture",
      drivers: ["probe/drivers/torture"],
      config: CONFIG,
      sandboxed: true,
      quiet: true, // of killed reflectors there are lines without end
    });
    this.ring3.describe("torture", { limits: { hangMs } });
    this.ring3.resumed = async (ask) => {
      if (this.#managersKilled > 0) this.#managersKilled--;
      else this.managerDeaths++;
      await this.#log.read(ask, true);
    };
  }

  async started(): Promise<void> {
    await this.ring3.started({ log: this.#log.heard });
    await this.#log.read(this.ring3.manager.ask, true);
    this.#reflector = (await this.#running()).reflector;
  }

  watch(device: string, listener: DeviceListener): void {
    this.#devices.set(device, listener);
  }

  #heard({ source, message }: LogEntry): void {
    if (REFLECTORS.test(message)) this.#ofReflectors = message;
    const listener = this.#devices.get(source.split("/").at(-1)!);
    if (listener === undefined) return;
    const [, kind, text] = FAILED.exec(message) ?? [];
    if (kind !== undefined) listener.failed(HANGS.includes(kind) ? "hang" : "crash", `${kind}: ${text}`);
    if (message.startsWith(QUARANTINED)) listener.quarantined(message.slice(QUARANTINED.length));
  }

  /** 0: there is none now. */
  async #running(): Promise<{ manager: number; uptimeMs: number; reflector: number }> {
    const { manager, reflectors } = await this.ring3.status();
    const reflector = reflectors.find(({ class: name }) => name === "block")?.pid ?? 0;
    return { manager: manager.pid, uptimeMs: manager.uptimeMs, reflector };
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
    const { reflector } = await this.#running();
    // Its successor is no death.
    if (this.#reflector !== 0 && reflector !== this.#reflector) {
      this.reflectorDeaths++;
      this.wrong.push(`a reflector's death that nobody had ordered: ${this.#ofReflectors}`);
    }
    this.#reflector = reflector;
  }

  killReflector(): Promise<void> {
    return this.#serially(async () => {
      await this.#look();
      const killed = this.#reflector;
      this.#reflectorKilledAt = performance.now();
      process.kill(killed, "SIGKILL");
      await eventually("another reflector", async () => {
        const { reflector } = await this.#running();
        if (reflector === 0 || reflector === killed) throw new Error("there is none");
        this.#reflector = reflector;
      });
    });
  }

  /** Resolves once another one answers. */
  killManager(): Promise<void> {
    return this.#serially(async () => {
      const { manager, uptimeMs } = await this.#running();
      await sleep(Math.max(0, LIVED_MS - uptimeMs));
      this.#managersKilled++;
      process.kill(manager, "SIGKILL");
      await this.#running();
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
    return this.ring3.ended.then((how) => (this.#stopping ? new Promise<never>(() => {}) : how));
  }

  async stop(options: { keep: boolean }): Promise<void> {
    this.#stopping = true;
    await this.ring3.stop(options);
  }
}
