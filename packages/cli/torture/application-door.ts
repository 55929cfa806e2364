// Runs in: CLI. Owns: one disk as a program with @ring3/client has it, on a connection of its own.
import { type Block, blockClass, connect, DeviceError, type OpenUnit, type Ring3 } from "@ring3/client";
import { type Door, RequestFailure } from "./door.ts";
import { type Range, SECTOR_BYTES } from "./ledger.ts";

export class ApplicationDoor implements Door {
  readonly #stateDir: string;
  readonly #device: string;
  #client: Ring3 | undefined;
  #unit: OpenUnit<Block> | undefined;
  #closed = true;

  constructor(stateDir: string, device: string) {
    this.#stateDir = stateDir;
    this.#device = device;
  }

  get closed(): boolean {
    return this.#closed;
  }

  async open(): Promise<void> {
    await this.close();
    this.#client = await connect({ stateDir: this.#stateDir });
    this.#unit = await this.#client.open(`${this.#device}#0`, blockClass, "write");
    this.#closed = false;
  }

  async close(): Promise<void> {
    const unit = this.#unit;
    this.#unit = undefined;
    await unit?.close();
    this.#client?.close();
    this.#client = undefined;
    this.#closed = true;
  }

  async read({ lba, count }: Range, deadlineMs: number | undefined): Promise<Uint8Array> {
    const length = count * SECTOR_BYTES;
    const { data } = await this.#asked((unit) =>
      unit.request("read", { lba, count, medium: unit.properties.medium }, { length, ...within(deadlineMs) }),
    );
    if (data.length < length) throw new RequestFailure("short", `read of ${length} bytes: ${data.length}`);
    return data;
  }

  async write({ lba, count }: Range, data: Uint8Array, forced: boolean, deadlineMs: number | undefined) {
    const fua = Number(forced);
    await this.#asked((unit) =>
      unit.request(
        "write",
        { lba, count, fua, medium: unit.properties.medium },
        { data, ...within(deadlineMs) },
      ),
    );
  }

  async flush(): Promise<void> {
    await this.#asked((unit) => unit.request("flush", { medium: unit.properties.medium }));
  }

  async #asked<T>(ask: (unit: OpenUnit<Block>) => Promise<T>): Promise<T> {
    try {
      return await ask(this.#unit!);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (GONE.has(error.kind)) this.#closed = true;
      throw new RequestFailure(error.kind, error.message);
    }
  }
}

/** With these a session has ended. */
const GONE: ReadonlySet<string> = new Set(["disconnected", "medium-changed", "denied"]);
const within = (deadlineMs: number | undefined) => (deadlineMs === undefined ? {} : { deadlineMs });
