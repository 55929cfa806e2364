// Runs in: the usb-drive sim. Owns: the memory that bulk IN data passes through.
// A fresh megabyte costs a page fault each 4 KiB; a returned one costs nothing.

const CLASS_BYTES = 65536; // smaller buffers come cheaper from the allocator
const KEPT_BYTES = 32 * 1048576;

const free = new Map<number, ArrayBuffer[]>();
const ours = new WeakSet<ArrayBufferLike>();
let kept = 0;

/** `length` bytes with any content. */
export function takeBuffer(length: number): Uint8Array {
  if (length < CLASS_BYTES) return Buffer.allocUnsafe(length);
  const size = 2 ** Math.ceil(Math.log2(length));
  let memory = free.get(size)?.pop();
  if (memory === undefined) {
    memory = Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer;
    ours.add(memory);
  } else {
    kept -= size;
  }
  return new Uint8Array(memory, 0, length);
}

/** Called once nobody reads the bytes any more; memory from elsewhere is left to the collector. */
export function giveBuffer(bytes: Uint8Array): void {
  const memory = bytes.buffer;
  if (!ours.has(memory) || kept + memory.byteLength > KEPT_BYTES) return;
  kept += memory.byteLength;
  const list = free.get(memory.byteLength);
  if (list === undefined) free.set(memory.byteLength, [memory as ArrayBuffer]);
  else list.push(memory as ArrayBuffer);
}
