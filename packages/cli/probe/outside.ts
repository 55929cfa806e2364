// Runs in: CLI. Owns: what is looked at from outside after a probe: the processes that must live, the drive beside, what people read.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { crashDirectory, parseCrashReport } from "@ring3/control/crash";
import type { Status } from "@ring3/control/status";
import { crashText } from "../crash-text.ts";
import { devicesText, logText, plain } from "../text.ts";
import type { Arena } from "./arena.ts";
import type { Probe } from "./catalogue.ts";
import type { Victim } from "./victim.ts";

/** The manager and the reflectors may hold as many more than at first: a channel opened in between. */
const DESCRIPTORS_MORE = 16;
const LINES_MAX = 2000;
/** Hosts that are started or ended, spares among them, hold some for a while: what is held for longer is lost. */
const PASSING_MS = 10_000;
const LOOK_MS = 100;
/** Nothing is started or ended any more. */
const STILL_LOOKS = 10;
/** A machine under load is slow, not flooded. */
const ANSWER_MS = 5000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const DRIVES_A_TERMINAL = /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** Who they are; they must stay the same. */
const processes = ({ keeperPid, manager, reflectors }: Status): string =>
  [
    `keeper ${keeperPid}`,
    `manager ${manager.pid}`,
    ...reflectors.map(({ pid }) => `reflector ${pid}`),
  ].join();

function descriptors({ manager, reflectors }: Status): number {
  const pids = [manager.pid, ...reflectors.map(({ pid }) => pid)];
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
}

export class Outside {
  readonly #arena: Arena;
  readonly #victim: Victim;
  readonly #atFirst: {
    readonly processes: string;
    readonly descriptors: number;
    readonly host: number | null;
  };

  static async of(arena: Arena, victim: Victim): Promise<Outside> {
    const status = await arena.status();
    let held = descriptors(status);
    for (let still = 0, looks = 0; still < STILL_LOOKS && looks * LOOK_MS < PASSING_MS; looks++) {
      await sleep(LOOK_MS);
      const now = descriptors(status);
      still = now === held ? still + 1 : 0;
      held = now;
    }
    return new Outside(arena, victim, await arena.status());
  }

  private constructor(arena: Arena, victim: Victim, status: Status) {
    this.#arena = arena;
    this.#victim = victim;
    this.#atFirst = {
      processes: processes(status),
      descriptors: descriptors(status),
      host: this.#hostBeside(status),
    };
  }

  #hostBeside({ devices }: Status): number | null {
    return devices.find(({ id }) => id === this.#arena.victim.device)?.hostPid ?? null;
  }

  /** undefined: unharmed. */
  async harm({ check }: Pick<Probe, "check">): Promise<string | undefined> {
    if (this.#victim.noticed !== undefined) return `the drive beside noticed: ${this.#victim.noticed}`;
    const asked = performance.now();
    const status = await this.#arena.status();
    const took = performance.now() - asked;
    if (took > ANSWER_MS) return `the manager has answered after ${Math.round(took)} ms`;
    if (processes(status) !== this.#atFirst.processes) return `other processes: ${processes(status)}`;
    if (this.#hostBeside(status) !== this.#atFirst.host) return "the drive beside has another driver process";
    if (check === "logs") return await this.#harmInText(status);
    return check === "descriptors" ? await this.#harmInDescriptors(status) : undefined;
  }

  async #harmInDescriptors(status: Status): Promise<string | undefined> {
    const most = this.#atFirst.descriptors + DESCRIPTORS_MORE;
    for (let waited = 0; descriptors(status) > most; waited += LOOK_MS) {
      if (waited >= PASSING_MS)
        return `manager and reflectors hold ${descriptors(status)} descriptors, and held ${this.#atFirst.descriptors} at first`;
      await sleep(LOOK_MS);
    }
    return undefined;
  }

  /** What people read of it: status, logs and crash reports. */
  async #harmInText(status: Status): Promise<string | undefined> {
    const { entries } = await this.#arena.manager.ask("logs", { device: null, follow: false });
    if (entries.length > LINES_MAX) return `the log has ${entries.length} lines`;
    const text = [
      devicesText(status.devices, 80, plain),
      ...entries.map((entry) => logText(entry, plain)),
      ...crashTexts(this.#arena.directory),
    ].join("\n");
    const found = DRIVES_A_TERMINAL.exec(text);
    return found === null ? undefined : `listings have ${JSON.stringify(found[0])}`;
  }
}

function crashTexts(directory: string): string[] {
  const reports = crashDirectory(directory);
  return readdirSync(reports)
    .filter((file) => file.endsWith(".json"))
    .map((file) => crashText(parseCrashReport(readFileSync(join(reports, file), "utf8")), 80, plain));
}
