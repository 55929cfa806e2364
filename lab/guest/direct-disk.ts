// Runs in: lab guest, in tests. Owns: one opening of a disk, past the page cache: each request here is one of the disk's, whoever drives it.
import assert from "node:assert/strict";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { createShared } from "@ring3/kernel/shm/memory";

/** What is used of a disk, from its beginning. */
export const REGION_BYTES = 4 << 20;

export interface Requests {
  readonly kind: "read" | "write";
  readonly bytes: number;
  /** From one to the next, in requests. */
  readonly stride: number;
}

/** What the region holds once `writer` has written it: no two words are the same, nor two writers' words. */
export function contentOf(writer: number): Uint8Array {
  const words = new Uint32Array(REGION_BYTES / 4).map((_, index) => (writer << 24) | index);
  return new Uint8Array(words.buffer);
}

export class DirectDisk implements Disposable {
  readonly #fd: number;
  /** Pages of its own: O_DIRECT wants memory that is aligned as the disk's sectors are. */
  readonly #memory = new Uint8Array(createShared("requests", 64 << 10).buffer);

  constructor(node: string) {
    this.#fd = openSync(node, constants.O_RDWR | constants.O_DIRECT);
  }

  /** One after the other, each one system call. The region has, or is given, that content. */
  do({ kind, bytes, stride }: Requests, count: number, content: Uint8Array): void {
    for (let index = 0; index < count; index++) {
      const at = (index * stride * bytes) % REGION_BYTES;
      const part = content.subarray(at, at + bytes);
      if (kind === "write") this.#memory.set(part);
      const place = [this.#fd, this.#memory, 0, bytes, at] as const;
      assert.equal(kind === "write" ? writeSync(...place) : readSync(...place), bytes);
      if (Buffer.compare(this.#memory.subarray(0, bytes), part) !== 0)
        assert.fail(`not the bytes that were written at ${at}`);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
