// Runs in: node --test. Owns: a disk in memory, with the port that a client end would offer for it.
import { DeviceError, type DeviceErrorKind, errnoOf, kindCode, kindOfCode } from "@ring3/core/errors";
import type { Completion, Slot, SlotPort } from "@ring3/core/slot-port";
import {
  BLOCK_DISCARD,
  BLOCK_FUA,
  BLOCK_MEDIUM_PRESENT,
  BLOCK_READ_ONLY,
  type Block,
  block,
  type Geometry,
} from "./contract.ts";

interface Range {
  lba: number;
  count: number;
  medium: number;
}

/** One request as the disk saw it. */
export interface Seen {
  readonly name: string;
  readonly input: object;
}

export interface MemoryDisk {
  readonly bytes: Uint8Array;
  readonly geometry: Geometry;
  readonly port: SlotPort<Block>;
  readonly seen: Seen[];
  readonly freeSlots: () => number;
  /** Each request waits for this before it is executed. */
  gate: (seen: Seen) => Promise<void> | undefined;
  /** Answers the error that a request is to fail with. */
  fault: (seen: Seen) => DeviceErrorKind | undefined;
  closed: number;
}

export interface MemoryDiskOptions {
  sectorBytes?: number;
  sectors?: number;
  maxTransferSectors?: number;
  flags?: number;
  slots?: number;
  slotBytes?: number;
  lacks?: readonly string[];
  medium?: number;
}

export function memoryDisk(options: MemoryDiskOptions = {}): MemoryDisk {
  const { sectorBytes = 512, sectors = 2048, slots = 8, slotBytes = 65_536, lacks = [] } = options;
  const { maxTransferSectors = slotBytes / sectorBytes } = options;
  const discard = lacks.includes("discard") ? 0 : BLOCK_DISCARD;
  const { flags = BLOCK_MEDIUM_PRESENT | BLOCK_FUA | discard, medium = 1 } = options;
  const geometry: Geometry = {
    sectorBytes,
    sectors,
    maxTransferSectors,
    flags,
    optimalTransferSectors: 8,
    medium,
  };
  const bytes = new Uint8Array(sectorBytes * sectors);
  const free = new SlotQueue(slots, slotBytes);
  const fromDriver = Array.from({ length: slots }, () => new Uint8Array(slotBytes));
  const nothing = new Uint8Array(0);

  const failed = (kind: DeviceErrorKind): Completion<never> =>
    ({ kind: kindCode(kind), errno: errnoOf(kind), out: {}, data: nothing }) as unknown as Completion<never>;

  function execute(name: string, input: Range, slot: Slot, length: number): DeviceErrorKind | Uint8Array {
    if (input.medium !== medium) return "medium-changed";
    if (name === "flush") return nothing;
    const { lba, count } = input;
    if (count < 1) return "invalid";
    if (lba + count > sectors) return "out-of-range";
    const carriesData = name === "read" || name === "write";
    if (carriesData && (length !== count * sectorBytes || count > maxTransferSectors)) return "invalid";
    if (name !== "read" && (flags & BLOCK_READ_ONLY) !== 0) return "read-only";
    const range = bytes.subarray(lba * sectorBytes, (lba + count) * sectorBytes);
    if (name === "write") range.set(slot.room(length));
    if (name === "writeZeroes") range.fill(0);
    if (name !== "read") return nothing;
    fromDriver[slot.index]!.set(range);
    return fromDriver[slot.index]!.subarray(0, length);
  }

  const disk: MemoryDisk = {
    bytes,
    geometry,
    seen: [],
    freeSlots: () => free.size,
    gate: () => undefined,
    fault: () => undefined,
    closed: 0,
    port: {
      contract: block,
      properties: geometry,
      slots,
      slotBytes,
      supports: (name) => !lacks.includes(name),
      reserve: (count) => free.reserve(count),
      take: () => free.take(),
      release: (slot) => {
        slot.room(slotBytes).fill(0xdb); // whoever still looks at it sees that it is no longer theirs
        fromDriver[slot.index]!.fill(0xdb);
        free.release(slot);
      },
      on: () => () => {},
      works: true,
      onDriver: () => () => {},
      async submit(name, input, slot, length) {
        const seen: Seen = { name, input: input as object };
        disk.seen.push(seen);
        await disk.gate(seen);
        const fault = disk.fault(seen) ?? (lacks.includes(name) ? "unsupported" : undefined);
        const result = fault ?? execute(name, input as unknown as Range, slot, length);
        if (typeof result === "string") return failed(result);
        return { kind: 0, errno: 0, out: {} as never, data: result };
      },
      send(name, input, slot, length, done) {
        void disk.port.submit(name, input, slot, length).then(done);
      },
      async request(name, input, { data = nothing, length = data.length, signal } = {}) {
        if (signal?.aborted) throw new DeviceError("cancelled", name);
        if (length > slotBytes) throw new DeviceError("invalid", name);
        const [slot] = (await free.reserve(1)) as [Slot];
        try {
          slot.room(length).set(data);
          const done = await disk.port.submit(name, input, slot, length);
          if (done.kind !== 0) throw new DeviceError(kindOfCode(done.kind)!, name);
          return { out: done.out, data: done.data.slice() };
        } finally {
          disk.port.release(slot);
        }
      },
      async close() {
        disk.closed++;
      },
    },
  };
  return disk;
}

class SlotQueue {
  readonly #free: Slot[];
  readonly #held = new Set<Slot>();
  readonly #waiting: { count: number; grant: (slots: Slot[]) => void }[] = [];

  constructor(count: number, slotBytes: number) {
    this.#free = Array.from({ length: count }, (_, index) => {
      const memory = new Uint8Array(slotBytes);
      return { index, room: (bytes) => memory.subarray(0, bytes) };
    });
  }

  get size(): number {
    return this.#free.length;
  }

  reserve(count: number): Promise<Slot[]> {
    return new Promise((grant) => {
      this.#waiting.push({ count, grant });
      this.#serve();
    });
  }

  take(): Slot | undefined {
    const slot = this.#waiting.length === 0 ? this.#free.shift() : undefined;
    if (slot !== undefined) this.#held.add(slot);
    return slot;
  }

  release(slot: Slot): void {
    if (!this.#held.delete(slot)) throw new Error(`slot ${slot.index} was released twice`);
    this.#free.push(slot);
    this.#serve();
  }

  #serve(): void {
    while (this.#waiting[0] !== undefined && this.#waiting[0].count <= this.#free.length) {
      const { count, grant } = this.#waiting.shift()!;
      const slots = this.#free.splice(0, count);
      for (const slot of slots) this.#held.add(slot);
      grant(slots);
    }
  }
}
