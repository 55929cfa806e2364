// Runs in: manager. Owns: the disks that the kernel has of us (ublk): each is made for one medium in a unit, given to the unit's reflector, and ends
// with either. Which there are is the kernel's to say, over the deaths of managers and keepers: a disk bears the marks of its maker.
import { createHash } from "node:crypto";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { UBLK_S_DEV_LIVE, UBLK_S_DEV_QUIESCED } from "@ring3/kernel/ublk/constants";
import type { UblkControl, UblkInfo, UblkParameters } from "@ring3/kernel/ublk/control";
import { type KernelDisk, ublkParameters } from "@ring3/kernel/ublk/disk";

/** How soon the kernel lets go of a server that has died. */
const QUIET_MS = 10_000;
const LOOK_MS = 20;

export interface KernelDisksParts {
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
  readonly stateDirectory: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a disk is of: a unit is a place, where another medium or device may be by now. */
export interface DiskIdentity {
  readonly unit: string;
  readonly enumeration: number;
  readonly medium: number;
}

export class KernelDisks {
  readonly #parts: KernelDisksParts;
  readonly #ours: number;
  /** Those that were published here, by their units. */
  readonly #published = new Map<string, number>();
  /** One thing at a time is done for a unit. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(parts: KernelDisksParts) {
    this.#parts = parts;
    this.#ours = hash(parts.stateDirectory);
  }

  /** Ends what is of none of these and has no server either: a unit went while it had no reflector that could withdraw it. */
  async keep(identities: readonly DiskIdentity[]): Promise<void> {
    const units = new Map(identities.map((identity) => [markOf(identity), identity.unit]));
    const disks = await this.#disks();
    for (const { devId, ublksrvFlags } of disks) {
      const unit = units.get(ublksrvFlags); // an earlier manager's
      if (unit !== undefined && !this.#published.has(unit)) this.#published.set(unit, devId);
    }
    const served = new Set(identities.map(({ unit }) => this.#published.get(unit)));
    const left = disks.filter(
      ({ devId, ublksrvPid }) => !served.has(devId) && !this.#parts.lives(ublksrvPid),
    );
    await Promise.all(left.map(({ devId }) => this.#end(devId)));
  }

  /** Whoever uses it has the disk in his caches, also while it has no server: nobody else may write there. */
  has(unit: string): boolean {
    return this.#published.has(unit);
  }

  /** Also those that an earlier ring3 has left which was killed. */
  async endAll(): Promise<void> {
    await Promise.all((await this.#disks()).map(({ devId }) => this.#end(devId)));
  }

  /** For the process `server`: the disk that there is, where it is the same and its server has died; else a new one. */
  publish(
    identity: DiskIdentity,
    server: number,
    disk: KernelDisk,
  ): Promise<{ device: Descriptor; queues: number; depth: number }> {
    return this.#inTurn(identity.unit, async () => {
      const parameters = ublkParameters(disk);
      const left = await this.#find(identity);
      const same = left !== undefined && (await this.#recovered(left, identity, server, parameters));
      if (left !== undefined && !same) await this.#end(left.devId);
      const info = same ? left : await this.#make(identity, disk, parameters);
      this.#published.set(identity.unit, info.devId);
      const device = this.#parts.open(info.devId);
      return { device, queues: info.nrHwQueues, depth: info.queueDepth };
    });
  }

  /** Of what that server has published. Resolves with the disk's node. */
  begin(identity: DiskIdentity, server: number): Promise<string> {
    return this.#inTurn(identity.unit, async () => {
      const { control, lives } = this.#parts;
      const found = await this.#find(identity);
      if (found === undefined)
        throw new DeviceError("invalid", `begin ${identity.unit}: it is not published`);
      if (!lives(server))
        throw new DeviceError("disconnected", `begin ${identity.unit}: its reflector has died`);
      const { devId, state } = found;
      if (state === UBLK_S_DEV_QUIESCED) await control.endRecovery(devId, server);
      else if (state !== UBLK_S_DEV_LIVE) await control.start(devId, server);
      return `/dev/ublkb${devId}`;
    });
  }

  /** Resolves once the unit's disk is gone, if it has one: its server, if it lives, has let go of it. */
  withdraw(identity: DiskIdentity): Promise<void> {
    return this.#inTurn(identity.unit, async () => {
      const found = await this.#find(identity);
      if (found !== undefined) await this.#end(found.devId);
    });
  }

  #inTurn<T>(unit: string, act: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(unit) ?? Promise.resolve()).then(act);
    const over = turn
      .catch(() => {}) // whoever asked is told
      .finally(() => {
        if (this.#turns.get(unit) === over) this.#turns.delete(unit);
      });
    this.#turns.set(unit, over);
    return turn;
  }

  async #make(identity: DiskIdentity, disk: KernelDisk, parameters: UblkParameters): Promise<UblkInfo> {
    const { control } = this.#parts;
    const marks = { ublksrvFlagsHigh: this.#ours, ublksrvFlags: markOf(identity) };
    const info = await control.add(disk.queues, disk.depth, marks);
    await control.setParameters(info.devId, parameters);
    return info;
  }

  /** false: what is left is to be ended, and whoever waits for it is told that his requests have failed. */
  async #recovered(
    { devId, state, ublksrvPid, ublksrvFlags }: UblkInfo,
    identity: DiskIdentity,
    server: number,
    parameters: UblkParameters,
  ): Promise<boolean> {
    const { control, clock, log } = this.#parts;
    if (ublksrvFlags !== markOf(identity)) return false; // it is another medium's
    if (state !== UBLK_S_DEV_LIVE && state !== UBLK_S_DEV_QUIESCED) return false;
    if (state === UBLK_S_DEV_LIVE && ublksrvPid === server) return false;
    const has = await control.parameters(devId);
    const same = (Object.keys(parameters) as (keyof UblkParameters)[])
      .filter((name) => name !== "len" && name !== "types") // the kernel adds to these
      .every((name) => has[name] === parameters[name]);
    if (!same) return false;
    for (const end = clock.now() + QUIET_MS; ; ) {
      try {
        await control.startRecovery(devId);
        log.info(`/dev/ublkb${devId} is given to another reflector`);
        return true;
      } catch (error) {
        // Anything else: one that had been given it never asked for a request. No server can be given it any more then.
        if ((error as DeviceError).kind !== "busy" || clock.now() > end) return false;
        await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
      }
    }
  }

  async #end(number: number): Promise<void> {
    const { control, log } = this.#parts;
    try {
      await control.stop(number);
      await control.delete(number);
      log.info(`/dev/ublkb${number} is ended`);
    } catch (error) {
      if ((error as DeviceError).kind !== "disconnected") throw error; // it went meanwhile
    }
    for (const [unit, published] of this.#published) if (published === number) this.#published.delete(unit);
  }

  async #find(identity: DiskIdentity): Promise<UblkInfo | undefined> {
    const [number, mark] = [this.#published.get(identity.unit), markOf(identity)];
    const disks = await this.#disks();
    return disks.find(({ devId, ublksrvFlags }) =>
      number === undefined ? ublksrvFlags === mark : devId === number,
    );
  }

  async #disks(): Promise<UblkInfo[]> {
    const { control, numbers } = this.#parts;
    const found = await Promise.all(
      numbers().map((number) =>
        control.info(number).catch((error: DeviceError) => {
          if (error.kind === "disconnected") return undefined; // it has gone since
          throw error;
        }),
      ),
    );
    return found.filter((info) => info?.ublksrvFlagsHigh === this.#ours) as UblkInfo[];
  }
}

/** Never 0, which those have that nobody has marked. */
const hash = (text: string): number => createHash("sha256").update(text).digest().readUInt32LE(0) || 1;

const markOf = ({ unit, enumeration, medium }: DiskIdentity): number =>
  hash(`${unit} ${enumeration} ${medium}`);
