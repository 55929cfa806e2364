// Runs in: CLI. Owns: the way to the hostile driver: a probe goes in by a write to sector 0, its outcome comes out by a read.
import { type Block, blockClass, connect, type DeviceError, type OpenUnit, type Ring3 } from "@ring3/client";
import type { Arena } from "./arena.ts";
import type { Probe } from "./catalogue.ts";

const SECTOR_BYTES = 4096;
/** For what is denied at once; a driver that hangs is noticed long before. */
const DEADLINE_MS = 20_000;
const FAILED = /^driver failed: (.*)$/;

export class Attacker {
  readonly #arena: Arena;
  readonly #targets: object;
  #client: Ring3 | undefined;
  #unit: OpenUnit<Block> | undefined;
  #id = 0;

  constructor(arena: Arena, targets: object) {
    this.#arena = arena;
    this.#targets = targets;
  }

  /** The outcome, in the words of escape/probe.ts. */
  async run({ name, deadlineMs = DEADLINE_MS }: Probe): Promise<string> {
    const id = ++this.#id;
    const order = new TextEncoder().encode(JSON.stringify({ id, name, targets: this.#targets }));
    const data = new Uint8Array(SECTOR_BYTES);
    data.set(order);
    try {
      const unit = await this.#open();
      const { medium } = unit.properties;
      await unit.request("write", { lba: 0, count: 1, fua: 0, medium }, { data, deadlineMs });
      const answer = await this.#read(unit, 0);
      const said = JSON.parse(Buffer.from(answer).toString().replace(/\0+$/, "")) as {
        id: number;
        outcome: string;
      };
      if (said.id !== id) return "it did not run";
      const next = await this.#read(unit, 1);
      if (!next.every((byte) => byte === 1)) return "the next request is answered wrongly";
      return said.outcome === "died" ? await this.#death() : said.outcome;
    } catch (error) {
      const outcome = `a request failed: ${(error as DeviceError).message}`;
      await this.close();
      return outcome;
    }
  }

  async #read(unit: OpenUnit<Block>, lba: number): Promise<Uint8Array> {
    const { medium } = unit.properties;
    const { data } = await unit.request("read", { lba, count: 1, medium }, { length: SECTOR_BYTES });
    return data;
  }

  /** The manager's word for it. A client that complains often is hung up on, so that the next probe comes from another. */
  async #death(): Promise<string> {
    const { device } = this.#arena.hostile;
    const { entries } = await this.#arena.manager.ask("logs", { device, follow: false });
    const reason = entries
      .map(({ message }) => FAILED.exec(message)?.[1])
      .findLast((text) => text !== undefined);
    await this.close();
    return `died: ${reason}`;
  }

  async #open(): Promise<OpenUnit<Block>> {
    const { device } = this.#arena.hostile;
    this.#client ??= await connect({ stateDir: this.#arena.directory });
    this.#unit ??= await this.#client.open(`${device}#0`, blockClass, "write");
    return this.#unit;
  }

  async close(): Promise<void> {
    await this.#unit?.close().catch(() => {}); // failed already
    this.#client?.close();
    this.#unit = undefined;
    this.#client = undefined;
  }
}
