// Runs in: manager. Owns: the connections of the kernel's NBD client to ring3's reflectors: /dev/nbdN. Each stays open as long as this process
// or the keeper has it, over the death of who serves it: what the kernel asks meanwhile lies in the socket, and is sent again to the next one.
import { recordName } from "@ring3/control/legacy";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { KernelDisk } from "@ring3/kernel/disk/kernel-disk";
import { type Descriptor, duplicate } from "@ring3/kernel/fd/descriptor";
import type { NbdDevice } from "@ring3/kernel/nbd/device";
import { nbdFlags } from "@ring3/kernel/nbd/disk";
import type { NbdLimits, NbdState } from "@ring3/kernel/nbd/sysfs";
import { hangUp, hungUp } from "@ring3/kernel/socket/hang-up";
import { socketPair } from "@ring3/kernel/socket/unix";
import type { DiskDriver, FoundDisk, ServedDisk } from "./kernel-disks.ts";
import type { Heirloom, Legacy } from "./legacy.ts";

/** So long at most, and a new connection, waits what a dead reflector had not answered. What a living one has not answered costs a line in the kernel's log each time. */
const RESEND_MS = 3000;
/** Once manager, keeper and reflector are dead, what is not sent yet fails after this. As long as manager or keeper lives, a connection is replaced within milliseconds. */
const DEAD_SECONDS = 30;
/** How soon the kernel lets go of a connection that we have ended. */
const QUIET_MS = 10_000;
/** More than a moment's disks are on their way away. */
const CONNECT_TRIES = 8;
const EINVAL = 22; // asm-generic/errno-base.h
/** drivers/block/nbd.c: one queue a connection, of 128 requests (nbd_dev_add). */
const SHAPE = { queues: 1, depth: 128 };

/** kernel/nbd; played in tests. */
export interface NbdKernel {
  devices(): NbdState[];
  connect(device: NbdDevice): void;
  reconnect(number: number, backend: string, socket: number): void;
  resize(number: number, backend: string, bytes: number): void;
  disconnect(number: number): void;
  tune(number: number, limits: NbdLimits): Promise<void>;
}

export interface NbdDisksParts {
  readonly kernel: NbdKernel;
  readonly legacy: Legacy;
  readonly lives: (pid: number) => boolean;
  /** Whose managers make these disks. */
  readonly mark: number;
  readonly clock: Clock;
}

interface Connection {
  readonly server: number;
  /** The server's end. */
  readonly socket: Descriptor;
}

export class NbdDisks implements DiskDriver {
  readonly #parts: NbdDisksParts;
  readonly #connections = new Map<number, Connection>();

  constructor(parts: NbdDisksParts) {
    this.#parts = parts;
  }

  /** An earlier manager's. A disk without such a record was never served, or has been ended, and somebody has it open still. */
  inherit(left: readonly Heirloom<"disk">[]): void {
    const there = new Set(this.#ours().map(({ index }) => index));
    for (const { name, record, held } of left) {
      const [socket] = held as [Descriptor];
      if (there.has(record.number)) this.#connections.set(record.number, { server: record.server, socket });
      else {
        socket.close();
        this.#parts.legacy.drop(name);
      }
    }
  }

  node(number: number): string {
    return `/dev/nbd${number}`;
  }

  async found(): Promise<FoundDisk[]> {
    return this.#ours().map(({ index, backend }) => {
      const connection = this.#connections.get(index);
      if (connection === undefined) return { number: index, mark: 0, server: 0, served: false };
      const { server } = connection;
      return { number: index, mark: backend.mark, server, served: this.#parts.lives(server) };
    });
  }

  async make(
    mark: number,
    server: number,
    disk: KernelDisk,
  ): Promise<ServedDisk & { readonly number: number }> {
    const { kernel } = this.#parts;
    const backend = this.#backend(mark, disk);
    const [client, served] = socketPair();
    const connect = (index: number) =>
      kernel.connect({
        index,
        temporary: true, // those that are there from the beginning stay everybody's
        socket: client.fd,
        bytes: 0,
        blockBytes: disk.sectorBytes,
        flags: backend.flags,
        deadSeconds: DEAD_SECONDS,
        backend: encode(backend),
      });
    try {
      const number = this.#atFree(connect);
      this.#keep(number, server, served);
      return { number, device: served, ...SHAPE };
    } catch (error) {
      served.close();
      throw error;
    } finally {
      client.close();
    }
  }

  /** Where the kernel has no disk any more it may still be putting one away (nbd_genl_connect: EINVAL), or have another's by now: then at the next number. */
  #atFree(connect: (index: number) => void): number {
    const taken = this.#parts.kernel.devices().map(({ index }) => index);
    for (let tries = 1; ; tries++) {
      const number = firstFree(taken);
      try {
        connect(number);
        return number;
      } catch (error) {
        const { kind, errno } = error as DeviceError;
        if (tries === CONNECT_TRIES || (kind !== "busy" && errno !== EINVAL)) throw error;
        taken.push(number);
      }
    }
  }

  async giveTo(server: number, { number }: FoundDisk, disk: KernelDisk): Promise<ServedDisk | undefined> {
    const { kernel, clock } = this.#parts;
    const last = this.#connections.get(number);
    const its = this.#ours().find(({ index }) => index === number)?.backend;
    if (last === undefined || its === undefined) return undefined;
    const backend = encode(its);
    if (backend !== encode(this.#backend(its.mark, disk))) return undefined;
    // The kernel takes another socket only once it has let go of the last one, and does not say whether it did (nbd_genl_reconfigure, ENOSPC).
    if (!(await hungUp(last.socket.fd, QUIET_MS, clock))) return undefined;
    const [client, served] = socketPair();
    try {
      kernel.reconnect(number, backend, client.fd);
    } catch (error) {
      served.close();
      throw error;
    } finally {
      client.close();
    }
    this.#keep(number, server, served);
    return { device: served, ...SHAPE };
  }

  async begin(number: number): Promise<void> {
    const { kernel } = this.#parts;
    const its = this.#ours().find(({ index }) => index === number);
    if (its === undefined) throw new DeviceError("disconnected", `begin ${this.node(number)}`);
    if (its.bytes > 0) return; // it goes on
    const { backend } = its;
    await kernel.tune(number, { resendMs: RESEND_MS, transferBytes: backend.transferBytes });
    kernel.resize(number, encode(backend), backend.bytes);
  }

  async end(number: number): Promise<void> {
    const { kernel, legacy } = this.#parts;
    const connection = this.#connections.get(number);
    this.#connections.delete(number);
    if (connection !== undefined) {
      hangUp(connection.socket.fd); // or the kernel would wait for room in there
      connection.socket.close();
      legacy.drop(recordName("disk", `${number}`));
    }
    try {
      kernel.disconnect(number);
    } catch (error) {
      if (this.#ours().some(({ index }) => index === number)) throw error; // otherwise it went meanwhile
    }
  }

  #ours(): { index: number; bytes: number; backend: Backend }[] {
    return this.#parts.kernel.devices().flatMap(({ index, bytes, backend }) => {
      const its = backend === undefined ? undefined : decode(backend);
      return its?.maker === this.#parts.mark ? [{ index, bytes, backend: its }] : [];
    });
  }

  #backend(mark: number, disk: KernelDisk): Backend {
    const { bytes, sectorBytes, transferBytes } = disk;
    return { maker: this.#parts.mark, mark, bytes, sectorBytes, transferBytes, flags: nbdFlags(disk) };
  }

  /** This manager, and the keeper for the next one. */
  #keep(number: number, server: number, socket: Descriptor): void {
    const { legacy } = this.#parts;
    this.#connections.get(number)?.socket.close();
    const own = duplicate(socket.fd);
    this.#connections.set(number, { server, socket: own });
    const name = recordName("disk", `${number}`);
    legacy.note("disk", name, { number, server });
    legacy.hold(name, [own.fd]);
  }
}

/** What the kernel keeps of a disk for whoever made it: its "backend", a text. */
interface Backend {
  readonly maker: number;
  readonly mark: number;
  readonly bytes: number;
  readonly sectorBytes: number;
  readonly transferBytes: number;
  readonly flags: number;
}

const encode = ({ maker, mark, bytes, sectorBytes, transferBytes, flags }: Backend): string =>
  ["ring3", maker, mark, bytes, sectorBytes, transferBytes, flags].join(" ");

function decode(text: string): Backend | undefined {
  if (!/^ring3( \d+){6}$/.test(text)) return undefined;
  const [maker, mark, bytes, sectorBytes, transferBytes, flags] = text.split(" ").slice(1).map(Number);
  return { maker, mark, bytes, sectorBytes, transferBytes, flags } as Backend;
}

/** Also for those who ask whether a ring3 has left any. */
export const madeBy = (mark: number, { backend }: NbdState): boolean =>
  backend !== undefined && decode(backend)?.maker === mark;

function firstFree(taken: readonly number[]): number {
  let number = 0;
  while (taken.includes(number)) number++;
  return number;
}
