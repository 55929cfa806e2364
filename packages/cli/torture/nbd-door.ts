// Runs in: CLI. Owns: one disk as a program that speaks NBD has it.
import { NbdClient, NbdError } from "../nbd-client.ts";
import { type Door, RequestFailure } from "./door.ts";
import { type Range, SECTOR_BYTES } from "./ledger.ts";

export class NbdDoor implements Door {
  readonly #path: string;
  /** What the server has said that no request had asked for. */
  readonly #broken: (what: string) => void;
  #client: NbdClient | undefined;

  constructor(path: string, broken: (what: string) => void) {
    this.#path = path;
    this.#broken = broken;
  }

  get closed(): boolean {
    return this.#client?.ended ?? true;
  }

  async open(): Promise<void> {
    await this.close();
    this.#client = await NbdClient.connect(this.#path, this.#broken);
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client?.ended === false) await client.close();
  }

  read({ lba, count }: Range): Promise<Uint8Array> {
    return asked(this.#client!.read(lba * SECTOR_BYTES, count * SECTOR_BYTES));
  }

  write({ lba }: Range, bytes: Uint8Array, forced: boolean): Promise<void> {
    return asked(this.#client!.write(lba * SECTOR_BYTES, bytes, forced));
  }

  flush(): Promise<void> {
    return asked(this.#client!.flush());
  }
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof NbdError)) throw error;
    throw new RequestFailure(error.code === 0 ? "disconnected" : "refused", error.message);
  }
}
