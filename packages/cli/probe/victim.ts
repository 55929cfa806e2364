// Runs in: CLI. Owns: the work on the drive beside the hostile one: it is written and read all the while, and must never notice.
import { setTimeout as sleep } from "node:timers/promises";
import { blockClass, connect } from "@ring3/client";

const SECTOR_BYTES = 512;
const COUNT = 128;
const PLACES = 32;
const PAUSE_MS = 5;

export class Victim {
  /** What it noticed. */
  noticed: string | undefined;
  #rounds = 0;
  #stopping = false;
  readonly #work: Promise<void>;

  constructor(stateDir: string, device: string) {
    this.#work = this.#run(stateDir, device).catch((error: Error) => {
      this.noticed = error.message;
    });
  }

  async #run(stateDir: string, device: string): Promise<void> {
    using client = await connect({ stateDir });
    await using unit = await client.open(`${device}#0`, blockClass, "write");
    for (; !this.#stopping; this.#rounds++) {
      const { medium } = unit.properties;
      const lba = (this.#rounds % PLACES) * COUNT;
      const data = new Uint8Array(COUNT * SECTOR_BYTES).fill(this.#rounds);
      await unit.request("write", { lba, count: COUNT, fua: 0, medium }, { data });
      const read = await unit.request("read", { lba, count: COUNT, medium }, { length: data.length });
      if (Buffer.compare(data, read.data) !== 0) throw new Error(`reads at ${lba} what it has not written`);
      await sleep(PAUSE_MS);
    }
  }

  /** Rounds done, once the one under way is. */
  async end(): Promise<number> {
    this.#stopping = true;
    await this.#work;
    return this.#rounds;
  }
}
