// Runs in: CLI. Owns: a whole ring3 of the probes' own, in a temporary folder, with two simulated drives: one for the hostile driver, and
// the victim beside it.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectToManager } from "@ring3/client/connect";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { sentence } from "@ring3/control/sentence";
import { controlSocket } from "@ring3/control/state-directory";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { ended, onLine } from "../lines.ts";
import type { Tier } from "./catalogue.ts";
import { Drive } from "./drive.ts";

const build = fileURLToPath(new URL("../../../build/", import.meta.url));
/** In build/, and where the probes' ring3 has it. */
const files: Readonly<Record<string, string>> = {
  "keeper.cjs": "keeper.cjs",
  "manager.cjs": "manager.cjs",
  "reflector.cjs": "reflector.cjs",
  "host.cjs": "host.cjs",
  "host-code.cjs": "host-code.cjs",
  "host-code.cache": "host-code.cache",
  "host-code-strict.cache": "host-code-strict.cache",
  "probe/kernel.node": "kernel.node",
  "drivers/usb-storage": "drivers/usb-storage",
  "probe/drivers/escape": "drivers/escape",
};
/** escape/driver.json matches it. */
const ESCAPE_SERIAL = "ring3-escape";
const STARTED_MS = 60_000;

export interface ArenaOptions {
  readonly tier: Tier;
  readonly sandboxed: boolean;
}

export class Arena implements AsyncDisposable {
  readonly directory: string;
  readonly hostile: Drive;
  readonly victim: Drive;
  manager!: ManagerConnection;
  readonly #folder: string;
  readonly #keeper: ChildProcess;

  /** Throws where something is missing, and says what; nothing is left behind then. */
  static async start(options: ArenaOptions): Promise<Arena> {
    const missing = Object.keys(files).find((file) => !existsSync(join(build, file)));
    if (missing !== undefined)
      throw sentence("invalid", `ring3 is not built, ${join(build, missing)} is missing: run "make setup"`);
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
    this.#folder = mkdtempSync(join(tmpdir(), "ring3-probe-"));
    chmodSync(this.#folder, 0o711); // the jail's users read the program here
    for (const [from, to] of Object.entries(files))
      cpSync(join(build, from), join(this.#folder, to), { recursive: true });
    const manifest = join(this.#folder, "drivers/escape/driver.json");
    writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, "utf8")), sandbox: tier }));
    const config = join(this.#folder, "ring3.yaml");
    writeFileSync(config, ""); // not this machine's
    this.directory = join(this.#folder, "state");
    const insecure = sandboxed ? [] : ["--insecure-no-sandbox"];
    const keeper = join(this.#folder, "keeper.cjs");
    this.#keeper = spawn(process.execPath, [keeper, this.directory, "--config", config, ...insecure], {
      stdio: ["ignore", "pipe", "inherit"],
      detached: true, // a Ctrl-C is the command's to handle
    });
    this.hostile = new Drive(this.#folder, "escape", ESCAPE_SERIAL);
    this.victim = new Drive(this.#folder, "victim", "ring3-victim");
  }

  async #started(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      onLine(this.#keeper.stdout!, () => resolve());
      void ended(this.#keeper).then((how) =>
        reject(sentence("internal", `ring3 ended before it was ready (${how})`)),
      );
    });
    this.manager = connectToManager(this.directory);
    for (const drive of [this.victim, this.hostile]) {
      await drive.plug(this.manager);
      const { missing } = await this.manager.ask("explain", { device: drive.device });
      if (missing.length > 0) throw sentence("unsupported", missing.join("; "));
      await this.reached(drive.device);
    }
  }

  /** Running, or why not. */
  async reached(device: string): Promise<void> {
    const found = await this.manager.ask("wait", { device, state: "running", timeoutMs: STARTED_MS });
    if (!found.reached) throw sentence("internal", `${device} is ${found.state}: ${found.reason}`);
  }

  status(): Promise<Status> {
    return this.manager.ask("status", {});
  }

  async device(drive: Drive): Promise<DeviceStatus> {
    const { devices } = await this.status();
    return devices.find(({ id }) => id === drive.device)!;
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
    this.manager?.disconnect();
    this.#keeper.kill("SIGTERM");
    await ended(this.#keeper);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
