// Runs in: a sim. Owns: bytes that arrived on a stream and were not asked for yet.

export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Exactly `count` bytes (the caller has checked `length`) as views of what arrived, not copied. */
  take(count: number): Buffer[] {
    const taken: Buffer[] = [];
    this.#length -= count;
    let left = count;
    while (left > 0) {
      const first = this.#chunks[0]!;
      if (first.length <= left) {
        taken.push(first);
        this.#chunks.shift();
        left -= first.length;
      } else {
        taken.push(first.subarray(0, left));
        this.#chunks[0] = first.subarray(left);
        left = 0;
      }
    }
    return taken;
  }

  /** As `take`, in one piece; for headers. */
  takeWhole(count: number): Buffer {
    const pieces = this.take(count);
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }
}

/** The first `count` bytes of a list of chunks, and the rest, as views. */
export function splitChunks(
  chunks: readonly Uint8Array[],
  count: number,
): [head: Uint8Array[], tail: Uint8Array[]] {
  const head: Uint8Array[] = [];
  const tail: Uint8Array[] = [];
  let left = count;
  for (const chunk of chunks) {
    const here = Math.min(left, chunk.length);
    if (here > 0) head.push(chunk.subarray(0, here));
    if (here < chunk.length) tail.push(chunk.subarray(here));
    left -= here;
  }
  return [head, tail];
}
