// Runs in: manager. Owns: nothing but the door to ublk, by which it makes and ends disks that bear this ring3's mark: /dev/ublkbN.
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { KernelDisk } from "@ring3/kernel/disk/kernel-disk";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { UBLK_S_DEV_LIVE, UBLK_S_DEV_QUIESCED } from "@ring3/kernel/ublk/constants";
import type { UblkControl, UblkInfo, UblkParameters } from "@ring3/kernel/ublk/control";
import { ublkParameters } from "@ring3/kernel/ublk/disk";
import type { DiskDriver, FoundDisk, ServedDisk } from "./kernel-disks.ts";

/** How soon the kernel lets go of a server that has died. */
const QUIET_MS = 10_000;
const LOOK_MS = 20;

export interface UblkDisksParts {
  readonly control: Pick<
    UblkControl,
    | "add"
    | "setParameters"
    | "parameters"
    | "info"
    | "start"
    | "stop"
    | "delete"
    | "startRecovery"
    | "endRecovery"
  >;
  /** The numbers of all ublk disks that the kernel has, whosever they are. */
  readonly numbers: () => number[];
  /** /dev/ublkcN */
  readonly open: (number: number) => Descriptor;
  readonly lives: (pid: number) => boolean;
  /** Whose managers make these disks. */
  readonly mark: number;
  readonly clock: Clock;
}

export class UblkDisks implements DiskDriver {
  readonly #parts: UblkDisksParts;

  constructor(parts: UblkDisksParts) {
    this.#parts = parts;
  }

  node(number: number): string {
    return `/dev/ublkb${number}`;
  }

  async found(): Promise<FoundDisk[]> {
    const { control, numbers, lives, mark } = this.#parts;
    const infos = await Promise.all(
      numbers().map((number) =>
        control.info(number).catch((error: DeviceError) => {
          if (error.kind === "disconnected") return undefined; // it has gone since
          throw error;
        }),
      ),
    );
    return infos
      .filter((info): info is UblkInfo => info?.ublksrvFlagsHigh === mark)
      .map(({ devId: number, ublksrvFlags, ublksrvPid: server }) => ({
        number,
        mark: ublksrvFlags,
        server,
        served: lives(server),
      }));
  }

  async make(
    mark: number,
    _server: number,
    disk: KernelDisk,
  ): Promise<ServedDisk & { readonly number: number }> {
    const { control } = this.#parts;
    const parameters = ublkParameters(disk);
    const marks = { ublksrvFlagsHigh: this.#parts.mark, ublksrvFlags: mark };
    const info = await control.add(disk.queues, disk.depth, marks);
    await control.setParameters(info.devId, parameters);
    return { number: info.devId, ...this.#served(info) };
  }

  async giveTo(server: number, { number }: FoundDisk, disk: KernelDisk): Promise<ServedDisk | undefined> {
    const { control, clock } = this.#parts;
    const parameters = ublkParameters(disk);
    const info = await control.info(number);
    const { state, ublksrvPid } = info;
    if (state !== UBLK_S_DEV_LIVE && state !== UBLK_S_DEV_QUIESCED) return undefined;
    if (state === UBLK_S_DEV_LIVE && ublksrvPid === server) return undefined;
    const has = await control.parameters(number);
    const same = (Object.keys(parameters) as (keyof UblkParameters)[])
      .filter((name) => name !== "len" && name !== "types") // the kernel adds to these
      .every((name) => has[name] === parameters[name]);
    if (!same) return undefined;
    for (const end = clock.now() + QUIET_MS; ; ) {
      try {
        await control.startRecovery(number);
        return this.#served(info);
      } catch (error) {
        // Anything else: one that had been given it never asked for a request. No server can be given it any more then.
        if ((error as DeviceError).kind !== "busy" || clock.now() > end) return undefined;
        await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
      }
    }
  }

  async begin(number: number, server: number): Promise<void> {
    const { control, lives } = this.#parts;
    if (!lives(server))
      throw new DeviceError("disconnected", `begin ${this.node(number)}: its reflector has died`);
    const { state } = await control.info(number);
    if (state === UBLK_S_DEV_QUIESCED) await control.endRecovery(number, server);
    else if (state !== UBLK_S_DEV_LIVE) await control.start(number, server);
  }

  /** Resolves once it is gone: its server, if it lives, has let go of it. */
  async end(number: number): Promise<void> {
    const { control } = this.#parts;
    try {
      await control.stop(number);
      await control.delete(number);
    } catch (error) {
      if ((error as DeviceError).kind !== "disconnected") throw error; // it went meanwhile
    }
  }

  #served({ devId, nrHwQueues, queueDepth }: UblkInfo): ServedDisk {
    return { device: this.#parts.open(devId), queues: nrHwQueues, depth: queueDepth };
  }
}
