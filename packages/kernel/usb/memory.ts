// Runs in: driver host, tests. Owns: memory for transfers where a transport has none of a kind of its own.
import type { TransferMemory } from "./transport.ts";

export function ownMemory(length: number): TransferMemory {
  const buffer = new ArrayBuffer(length);
  return { bytes: new Uint8Array(buffer), release: () => void buffer.transfer() };
}
