// Runs in: CLI. Owns: a whole ring3 of a command's own, in a temporary folder: one that runs is left alone.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectToManager } from "@ring3/client/connect";
import type { ManagerConnection, ManagerNotices } from "@ring3/client/manager-connection";
import { sentence } from "@ring3/control/sentence";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { ended, onLine } from "./lines.ts";
import type { Attachment } from "./simulated-device.ts";

const build = fileURLToPath(new URL("../../build/", import.meta.url));
/** In build/, and where this ring3 has it. Its addon has one function more, for hostile drivers: any system call. */
const files: Readonly<Record<string, string>> = {
  "keeper.cjs": "keeper.cjs",
  "manager.cjs": "manager.cjs",
  "reflector.cjs": "reflector.cjs",
  "host.cjs": "host.cjs",
  "host-code.cjs": "host-code.cjs",
  "host-code.cache": "host-code.cache",
  "host-code-strict.cache": "host-code-strict.cache",
  "probe/kernel.node": "kernel.node",
};
const STARTED_MS = 60_000;

export interface OwnRing3Options {
  /** The verb that it is for; names its folder. */
  readonly verb: string;
  /** Folders of drivers below build/. */
  readonly drivers: readonly string[];
  /** The text of its ring3.yaml; this machine's is not read. */
  readonly config: string;
  readonly sandboxed: boolean;
  /** What its processes say is kept for their end, and not shown. */
  readonly quiet?: boolean;
}

/** Of what a quiet ring3 says. */
const SAID_MAX = 4096;

export class OwnRing3 {
  readonly folder: string;
  readonly directory: string;
  manager!: ManagerConnection;
  /** What is plugged in; a manager after the first has to be told. */
  readonly plugs = new Set<Attachment>();
  /** With each manager after the first, before anything else is asked. */
  resumed: ManagerConnection["onResumed"] = async () => {};
  readonly #keeper: ChildProcess;
  readonly #ended: Promise<string>;
  #said = "";

  /** Throws where something is missing, and says what; nothing is left behind then. */
  constructor({ verb, drivers, config, sandboxed, quiet = false }: OwnRing3Options) {
    const wanted = {
      ...files,
      ...Object.fromEntries(drivers.map((from) => [from, from.replace(/^probe\//, "")])),
    };
    const missing = Object.keys(wanted).find((file) => !existsSync(join(build, file)));
    if (missing !== undefined)
      throw sentence("invalid", `ring3 is not built, ${join(build, missing)} is missing: run "make setup"`);
    this.folder = mkdtempSync(join(tmpdir(), `ring3-${verb}-`));
    this.directory = join(this.folder, "state");
    chmodSync(this.folder, 0o711); // the jail's users read the program here
    for (const [from, to] of Object.entries(wanted))
      cpSync(join(build, from), join(this.folder, to), { recursive: true });
    const file = join(this.folder, "ring3.yaml");
    writeFileSync(file, config);
    const insecure = sandboxed ? [] : ["--insecure-no-sandbox"];
    const keeper = join(this.folder, "keeper.cjs");
    this.#keeper = spawn(process.execPath, [keeper, this.directory, "--config", file, ...insecure], {
      stdio: ["ignore", "pipe", quiet ? "pipe" : "inherit"],
      detached: true, // a Ctrl-C is the command's to handle
    });
    this.#keeper.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-SAID_MAX);
    });
    this.#ended = ended(this.#keeper);
  }

  /** Changes a driver's manifest, its limits one by one. Call before its first device is plugged in. */
  describe(driver: string, { limits, ...fields }: { sandbox?: string; limits?: object }): void {
    const file = join(this.folder, "drivers", driver, "driver.json");
    const manifest = JSON.parse(readFileSync(file, "utf8"));
    const changed = { ...manifest, ...fields, limits: { ...manifest.limits, ...limits } };
    writeFileSync(file, JSON.stringify(changed));
  }

  /** Resolves once it serves, or rejects with how it has ended. */
  async started(notices: ManagerNotices = {}): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      onLine(this.#keeper.stdout!, () => resolve());
      void this.#ended.then((how) =>
        reject(sentence("internal", `ring3 ended before it was ready (${how})`)),
      );
    });
    this.manager = connectToManager(this.directory, notices);
    this.manager.onResumed = async (ask) => {
      for (const attachment of this.plugs) await ask("attach", attachment);
      await this.resumed(ask);
    };
  }

  /** The end of what its processes have said. */
  get said(): string {
    return this.#said;
  }

  /** Resolves with "exit code 1" or "SIGKILL". */
  get ended(): Promise<string> {
    return this.#ended;
  }

  status(): Promise<Status> {
    return this.manager.ask("status", {});
  }

  async device(id: string): Promise<DeviceStatus> {
    const { devices } = await this.status();
    return devices.find((device) => device.id === id)!;
  }

  /** Running, or why not. */
  async reached(device: string): Promise<void> {
    const { missing } = await this.manager.ask("explain", { device });
    if (missing.length > 0) throw sentence("unsupported", missing.join("; "));
    const found = await this.manager.ask("wait", { device, state: "running", timeoutMs: STARTED_MS });
    if (!found.reached) throw sentence("internal", `${device} is ${found.state}: ${found.reason}`);
  }

  /** Its devices are away already: none of them sees it vanish. */
  async stop({ keep = false }: { keep?: boolean } = {}): Promise<void> {
    this.manager?.disconnect();
    this.#keeper.kill("SIGTERM");
    await this.#ended;
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
