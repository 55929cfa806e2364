// Runs in: CLI. Owns: a ring3 of the probes' own with two simulated drives: one for the hostile driver, and the victim beside it.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { controlSocket } from "@ring3/control/state-directory";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { OwnRing3 } from "../own-ring3.ts";
import { SimulatedDrive } from "../simulated-drive.ts";
import type { Tier } from "./catalogue.ts";

/** escape/driver.json matches it. */
const ESCAPE_SERIAL = "ring3-escape";
const MEDIUM = ["--create", "4M"];

export interface ArenaOptions {
  readonly tier: Tier;
  readonly sandboxed: boolean;
}

export class Arena implements AsyncDisposable {
  readonly hostile: SimulatedDrive;
  readonly victim: SimulatedDrive;
  readonly #ring3: OwnRing3;

  /** Throws where something is missing, and says what; nothing is left behind then. */
  static async start(options: ArenaOptions): Promise<Arena> {
    const arena = new Arena(options);
    try {
      await arena.#started();
      return arena;
    } catch (error) {
      await arena.stop();
      throw error;
    }
  }

  private constructor({ tier, sandboxed }: ArenaOptions) {
    const drivers = ["drivers/usb-storage", "probe/drivers/escape"];
    this.#ring3 = new OwnRing3({ verb: "probe", drivers, config: "", sandboxed });
    this.#ring3.describe("escape", { sandbox: tier });
    this.hostile = new SimulatedDrive(this.#ring3, "escape", [...MEDIUM, "--serial", ESCAPE_SERIAL]);
    this.victim = new SimulatedDrive(this.#ring3, "victim", [...MEDIUM, "--serial", "ring3-victim"]);
  }

  async #started(): Promise<void> {
    await this.#ring3.started();
    for (const drive of [this.victim, this.hostile]) {
      await drive.plug();
      await this.#ring3.reached(drive.device);
    }
  }

  get directory(): string {
    return this.#ring3.directory;
  }

  get manager(): ManagerConnection {
    return this.#ring3.manager;
  }

  status(): Promise<Status> {
    return this.#ring3.status();
  }

  device(drive: SimulatedDrive): Promise<DeviceStatus> {
    return this.#ring3.device(drive.device);
  }

  /** What a hostile driver goes for: escape/probe.ts, Targets. */
  async targets(allowed: readonly string[]): Promise<object> {
    const { keeperPid, manager, reflectors } = await this.status();
    const { hostPid } = await this.device(this.victim);
    const init = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${hostPid}/status`, "utf8"))![1]);
    return {
      keeper: keeperPid,
      manager: manager.pid,
      reflector: reflectors[0]!.pid,
      host: hostPid,
      init,
      stateDirectory: this.directory,
      socket: controlSocket(this.directory),
      image: this.victim.image,
      home: homedir(),
      allowed,
    };
  }

  /** Devices first, then ring3: none of them sees another vanish. */
  async stop(): Promise<void> {
    await Promise.all([this.hostile.end(), this.victim.end()]);
    await this.#ring3.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
