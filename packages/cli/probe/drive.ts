// Runs in: CLI. Owns: one simulated drive, a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { sentence } from "@ring3/control/sentence";
import { ended, onLine } from "../lines.ts";

const sim = fileURLToPath(new URL("../../../sims/usb-drive/main.ts", import.meta.url));

export class Drive {
  readonly device: string;
  readonly image: string;
  readonly #port: string;
  readonly #socket: string;
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;

  constructor(folder: string, port: string, serial: string) {
    this.#port = port;
    this.device = `usb-${port}:1.0`;
    this.image = join(folder, `${port}.img`);
    this.#socket = join(folder, `${port}.sock`);
    const args = ["--listen", this.#socket, "--image", this.image, "--create", "4M", "--serial", serial];
    this.#child = spawn(process.execPath, [sim, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true, // a Ctrl-C is the command's to handle
    });
    this.#ready = new Promise((resolve, reject) => {
      onLine(this.#child.stdout!, () => resolve()); // its first line says that it listens
      void ended(this.#child).then((how) => reject(sentence("internal", `simulated drive ended (${how})`)));
    });
    this.#ready.catch(() => {});
  }

  async plug(manager: ManagerConnection): Promise<void> {
    await this.#ready;
    await manager.ask("attach", {
      transport: "usbip",
      socket: this.#socket,
      busid: "1-1",
      port: this.#port,
    });
  }

  async end(): Promise<void> {
    this.#child.kill("SIGTERM");
    await ended(this.#child);
  }
}
