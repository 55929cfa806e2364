// Runs in: reflector. Owns: the ring through which it serves its ublk disks, and what it has of each: /dev/ublkcN and the requests' descriptions.
import { DeviceError, systemError } from "@ring3/core/errors";
import type { Infer } from "@ring3/core/struct";
import { check, type Descriptor } from "../fd/descriptor.ts";
import { native, type RegionHandle } from "../native.ts";
import { watch } from "../poll/watch.ts";
import { CommandRing } from "../uring/ring.ts";
import {
  requestDescription,
  UBLK_IO_RES_ABORT,
  UBLK_MAX_QUEUE_DEPTH,
  UBLK_QID_OFF,
  UBLK_TAG_OFF,
  UBLK_U_IO_COMMIT_AND_FETCH_REQ,
  UBLK_U_IO_FETCH_REQ,
  UBLKSRV_IO_BUF_OFFSET,
} from "./constants.ts";

const PAGE_BYTES = 4096;
const toPages = (bytes: number) => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
const SECTOR_BYTES = 512; // whatever the disk's own are

// A command's id: which disk, queue and tag.
const TAG_BITS = 12;
const QUEUE_BITS = 8;
const SOON = Promise.resolve();

/** What the kernel wants done. Valid until it is answered. */
export interface UblkRequest {
  /** UBLK_IO_OP_… */
  readonly operation: number;
  /** UBLK_IO_F_… */
  readonly flags: number;
  /** Bytes from the start of the disk. */
  readonly offset: number;
  readonly length: number;
  /** Into the memory of whoever reads the disk: DeviceError where they do not all get there. */
  give(bytes: Uint8Array): void;
  /** From the memory of whoever writes. */
  take(into: Uint8Array): void;
  /** Once. `result`: how many bytes, or a negative errno. */
  answer(result: number): void;
}

export interface UblkShape {
  readonly queues: number;
  /** Requests that a queue may have under way. */
  readonly depth: number;
}

export class UblkServer {
  readonly #ring = new CommandRing(false);
  readonly #disks = new Map<number, UblkDisk>();
  #soon = false;

  constructor() {
    watch(this.#ring.fd, { readable: true }, () => this.#reap()).ref(false);
  }

  /** For the filter of this process: all that it must still be able to do with the ring is to enter it. */
  get fd(): number {
    return this.#ring.fd;
  }

  /** Owns `device`, /dev/ublkcN. The kernel has requests for `serve` as soon as its disk is started. */
  serve(device: Descriptor, shape: UblkShape, serve: (request: UblkRequest) => void): UblkDisk {
    let place = 0;
    while (this.#disks.has(place)) place++;
    const command = (operation: number, queue: number, tag: number, result: number) => {
      const id = ((place << QUEUE_BITS) | queue) * 2 ** TAG_BITS + tag;
      this.#ring.push({ descriptor: device.fd, operation, id }, (view, at) => {
        view.setUint16(at, queue, true); // struct ublksrv_io_cmd
        view.setUint16(at + 2, tag, true);
        view.setInt32(at + 4, result, true);
      });
      this.#flushSoon();
    };
    try {
      const disk = new UblkDisk(device, shape, command, serve, () => this.#disks.delete(place));
      this.#disks.set(place, disk);
      return disk;
    } catch (error) {
      device.close(); // the kernel would wait for that
      throw error;
    }
  }

  #reap(): void {
    this.#ring.reap((id, result) => {
      const tag = id % 2 ** TAG_BITS;
      const queue = (id >>> TAG_BITS) % 2 ** QUEUE_BITS;
      this.#disks.get(id >>> (TAG_BITS + QUEUE_BITS))?.completed(queue, tag, result);
    });
  }

  /** All that a turn has answered goes in one call. */
  #flushSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    void SOON.then(() => {
      this.#soon = false;
      this.#ring.flush();
    });
  }
}

type Send = (operation: number, queue: number, tag: number, result: number) => void;

export class UblkDisk {
  readonly #device: Descriptor;
  readonly #send: Send;
  readonly #serve: (request: UblkRequest) => void;
  readonly #ended: () => void;
  readonly #regions: RegionHandle[] = [];
  readonly #descriptions: DataView[];
  readonly #gone = Promise.withResolvers<void>();
  /** Commands that the kernel has, and requests that are served here. */
  #open: number;

  constructor(
    device: Descriptor,
    { queues, depth }: UblkShape,
    send: Send,
    serve: (request: UblkRequest) => void,
    ended: () => void,
  ) {
    this.#device = device;
    this.#send = send;
    this.#serve = serve;
    this.#ended = ended;
    this.#descriptions = Array.from({ length: queues }, (_, queue) => this.#map(queue, depth));
    this.#open = queues * depth;
    for (let queue = 0; queue < queues; queue++)
      for (let tag = 0; tag < depth; tag++) send(UBLK_U_IO_FETCH_REQ, queue, tag, 0);
  }

  /** Resolves once the kernel has stopped the disk, and nothing of it is under way here; its descriptor is closed then. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  #map(queue: number, depth: number): DataView {
    const length = toPages(depth * requestDescription.size);
    const offset = queue * toPages(UBLK_MAX_QUEUE_DEPTH * requestDescription.size);
    const region = native.map(this.#device.fd, length, false, offset);
    if (typeof region === "number") throw systemError("map the requests of a ublk disk", region);
    this.#regions.push(region);
    return new DataView(native.part(region, 0, length));
  }

  /** For the ring's owner: the kernel has done with a command. */
  completed(queue: number, tag: number, result: number): void {
    if (result === 0) return this.#serve(this.#request(queue, tag));
    if (result !== UBLK_IO_RES_ABORT) throw systemError("serve a ublk disk", result);
    if (--this.#open > 0) return;
    for (const region of this.#regions) native.unmap(region); // the kernel waits for that too
    this.#device.close();
    this.#ended();
    this.#gone.resolve();
  }

  #request(queue: number, tag: number): UblkRequest {
    const found: Infer<typeof requestDescription> = requestDescription.decode(
      this.#descriptions[queue]!,
      tag * requestDescription.size,
    );
    const at = UBLKSRV_IO_BUF_OFFSET + queue * 2 ** UBLK_QID_OFF + tag * 2 ** UBLK_TAG_OFF;
    const { fd } = this.#device;
    return {
      operation: found.opFlags & 0xff,
      flags: found.opFlags >>> 0,
      offset: (found.startSectorHigh * 2 ** 32 + found.startSector) * SECTOR_BYTES,
      length: found.nrSectors * SECTOR_BYTES,
      give: (bytes) => whole(native.pwrite(fd, bytes, at), bytes.length),
      take: (into) => whole(native.pread(fd, into, at), into.length),
      answer: (result) => this.#send(UBLK_U_IO_COMMIT_AND_FETCH_REQ, queue, tag, result),
    };
  }
}

function whole(moved: number, wanted: number): void {
  if (check(moved, "move the bytes of a ublk request") !== wanted)
    throw new DeviceError("io", `move the bytes of a ublk request: ${moved} of ${wanted}`);
}
