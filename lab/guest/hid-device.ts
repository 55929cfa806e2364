// Runs in: lab guest, in tests. Owns: a HID device made by uhid.ts, and what this kernel makes of it.
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Talker } from "./talker.ts";
import { listen } from "./uevents.ts";

const program = fileURLToPath(new URL("./uhid.ts", import.meta.url));

export class HidDevice implements AsyncDisposable {
  readonly talker: Talker;
  /** As ring3 calls it. */
  readonly id: string;
  readonly uniq: string;

  private constructor(talker: Talker, id: string, uniq: string) {
    this.talker = talker;
    this.id = id;
    this.uniq = uniq;
  }

  /**
   * Resolves once the kernel's driver has it: input devices, their nodes and the hidraw node come one after the other, and reports are dropped until all
   * are there (drivers/hid/hid-core.c, hid_connect and hid_input_report).
   */
  static async plug(kind: "gamepad" | "keyboard" | "mouse", uniq: string): Promise<HidDevice> {
    const product = { gamepad: "0101", keyboard: "0102", mouse: "0103" }[kind];
    using announced = listen();
    const talker = new Talker(process.execPath, [program, kind, uniq]);
    await talker.hears("readiness", (line) => line === "ready" || undefined);
    await announced.next("bind", uniq, "HID_UNIQ");
    return new HidDevice(talker, `hid-0005:1209:${product}-${uniq}`, uniq);
  }

  /** In sysfs. */
  get folder(): string {
    const name = readdirSync("/sys/bus/hid/devices").find((each) =>
      readFileSync(`/sys/bus/hid/devices/${each}/uevent`, "utf8").includes(`HID_UNIQ=${this.uniq}\n`),
    );
    return realpathSync(`/sys/bus/hid/devices/${name}`);
  }

  get node(): string {
    return `/dev/${readdirSync(`${this.folder}/hidraw`)[0]}`;
  }

  /** Who may open it, in octal digits. */
  get mode(): string {
    return (statSync(this.node).mode & 0o777).toString(8);
  }

  /** Folders of the input devices that the kernel makes of it. */
  get inputs(): string[] {
    const names = readdirSync(this.folder).includes("input") ? readdirSync(`${this.folder}/input`) : [];
    return names.map((name) => `${this.folder}/input/${name}`);
  }

  get eventNode(): string {
    const [input] = this.inputs;
    return `/dev/input/${readdirSync(input!).find((name) => /^event\d+$/.test(name))}`;
  }

  get inhibited(): string[] {
    return this.inputs.map((input) => readFileSync(`${input}/inhibited`, "utf8").trim());
  }

  send(...report: readonly number[]): void {
    this.talker.say(`send ${Buffer.from(report).toString("hex")}`);
  }

  /** Unplugs it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.talker[Symbol.asyncDispose]();
  }
}
