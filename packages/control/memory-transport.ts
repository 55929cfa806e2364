// Runs in: tests. Owns: two ends of a connection without a socket, with descriptors that know whether they were closed.
import type { FrameTransport, Handed } from "./peer.ts";

export class CountedDescriptor implements Handed {
  readonly fd: number;
  open = true;
  constructor(fd: number) {
    this.fd = fd;
  }
  close(): void {
    this.open = false;
  }
}

export class MemoryEnd implements FrameTransport<CountedDescriptor> {
  onFrame: (payload: Uint8Array, fds: CountedDescriptor[]) => void = () => {};
  onClose: () => void = () => {};
  other: MemoryEnd | undefined;
  /** What arrived here, as a frame socket would have made it of the descriptors' numbers. */
  readonly received: CountedDescriptor[] = [];
  readonly sent: string[] = [];

  send(payload: Uint8Array, fds: number[] = []): void {
    this.sent.push(new TextDecoder().decode(payload));
    const other = this.other;
    queueMicrotask(() => other?.deliver(payload.slice(), fds.length, fds));
  }

  /** As if the peer had sent it. */
  deliver(payload: Uint8Array | string, count = 0, numbers: number[] = []): CountedDescriptor[] {
    const fds = Array.from(
      { length: count },
      (_, index) => new CountedDescriptor((numbers[index] ?? index) + 1000),
    );
    this.received.push(...fds);
    this.onFrame(typeof payload === "string" ? new TextEncoder().encode(payload) : payload, fds);
    return fds;
  }

  close(): void {
    const other = this.other;
    this.other = undefined;
    if (other === undefined) return;
    other.other = undefined;
    queueMicrotask(() => other.onClose());
  }
}

export function memoryPair(): [MemoryEnd, MemoryEnd] {
  const [near, far] = [new MemoryEnd(), new MemoryEnd()];
  near.other = far;
  far.other = near;
  return [near, far];
}
