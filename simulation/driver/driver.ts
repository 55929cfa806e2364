// Runs in: simulated driver hosts. Owns: one simulated disk (../disk.ts), by four vendor requests and one that asks for news.

import type { Context, Properties, RawUsb, Wait } from "@ring3/sdk";
import {
  BLOCK_FUA,
  BLOCK_MEDIUM_PRESENT,
  BLOCK_WRITE_CACHE,
  block,
  DeviceError,
  defineDriver,
  ok,
} from "@ring3/sdk";

const request = { read: 1, write: 2, writeForced: 3, flush: 4, status: 5 } as const;
const OUT = 0x40; // vendor, device: USB 2.0 table 9-2
const IN = 0xc0;
const STATUS_BYTES = 12;
const ATTEMPTS = 3;
const FORCED_MS = 500;

class Disk {
  readonly #usb: RawUsb;
  readonly #ctx: Context<typeof block>;
  properties: Properties<typeof block>;
  /** Power losses that were told of in this incarnation: who was told in the one before, nobody knows. */
  #told = 0;

  constructor(usb: RawUsb, ctx: Context<typeof block>) {
    this.#usb = usb;
    this.#ctx = ctx;
    const flags = BLOCK_MEDIUM_PRESENT | BLOCK_WRITE_CACHE | BLOCK_FUA;
    const size = { sectorBytes: 512, maxTransferSectors: 2048, sectors: 0, optimalTransferSectors: 0 };
    this.properties = { ...size, flags, medium: 0 };
  }

  /** Asks for what is new, and tells the clients. */
  async look(): Promise<void> {
    const status = new Uint8Array(STATUS_BYTES);
    ok(
      await this.#usb.controlIn({ requestType: IN, request: request.status, value: 0, index: 0 }, status),
      "status",
    );
    const view = new DataView(status.buffer);
    const [sectors, medium, losses] = [0, 4, 8].map((at) => view.getUint32(at, true)) as [
      number,
      number,
      number,
    ];
    const before = this.properties.medium;
    this.properties = { ...this.properties, sectors, medium };
    if (before !== 0 && before !== medium) {
      const { sectorBytes, flags } = this.properties;
      this.#ctx.emit("mediumChanged", { sectors, sectorBytes, flags, medium });
    }
    if (losses > this.#told) this.#ctx.emit("powerLost", undefined as never);
    this.#told = losses;
    this.#ctx.state.set({ medium, losses });
  }

  /** A forced write is waited for, whoever takes it back: drivers may do so. */
  #wait(kind: keyof typeof request): Wait | undefined {
    return kind === "writeForced" ? { deadlineMs: this.#ctx.now() + FORCED_MS } : undefined;
  }

  async run(kind: keyof typeof request, lba: number, medium: number, data: Uint8Array): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (medium !== this.properties.medium) throw new DeviceError("medium-changed", kind);
      const setup = {
        request: request[kind],
        value: lba,
        index: (medium & 0xff) | ((this.#told & 0xff) << 8),
      };
      const outcome =
        kind === "read"
          ? await this.#usb.controlIn({ requestType: IN, ...setup }, data)
          : await this.#usb.controlOut({ requestType: OUT, ...setup }, data, this.#wait(kind));
      if (outcome.status !== "stall") return void ok(outcome, kind);
      await this.look();
    }
    throw new DeviceError("io", `${kind}: refused ${ATTEMPTS} times`);
  }
}

const nothing = new Uint8Array(0);

export default defineDriver(block, {
  async probe({ usb }, ctx) {
    const disk = new Disk(usb.raw, ctx);
    await disk.look();
    return {
      get properties() {
        return disk.properties;
      },
      concurrency: 4,
      read: ({ lba, medium }, call) => disk.run("read", lba, medium, call.data),
      write: ({ lba, fua, medium }, call) =>
        disk.run(fua === 1 ? "writeForced" : "write", lba, medium, call.data),
      flush: ({ medium }) => disk.run("flush", 0, medium, nothing),
    };
  },
});
