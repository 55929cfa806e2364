// Runs in: tests. Owns: a connection on which the manager tells of units as drivers start for them, and the signals that
// drivers are sent.
import { connectToManager } from "@ring3/client/connect";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import type { UnitInfo } from "@ring3/control/client-edge";
import type { DeviceStatus } from "@ring3/control/status";
import { type Drive, PATIENCE_MS, type RunningRing3 } from "./running-ring3.fixture.ts";

/** A drive of any make. */
type Plugged = Pick<Drive, "device">;

export class DriversLife {
  readonly #ring3: RunningRing3;
  readonly #connection: ManagerConnection;
  readonly #units = new Map<string, UnitInfo>();
  readonly #checks = new Set<() => void>();

  private constructor(ring3: RunningRing3) {
    this.#ring3 = ring3;
    const told = (info: UnitInfo) => this.#changed(() => this.#units.set(info.unit, info));
    this.#connection = connectToManager(ring3.directory, {
      unitAdded: told,
      unitChanged: told,
      unitRemoved: ({ unit }) => this.#changed(() => this.#units.delete(unit)),
    });
  }

  static async of(ring3: RunningRing3): Promise<DriversLife> {
    const life = new DriversLife(ring3);
    const subscribe = (ask: ManagerConnection["ask"]) => ask("subscribe", { class: null, formerly: null });
    life.#connection.onResumed = async (ask) => void (await subscribe(ask));
    await subscribe(life.#connection.ask);
    return life;
  }

  /** A drive's unit as the manager has told of it last. */
  unit(drive: Plugged): UnitInfo | undefined {
    return this.#units.get(`${drive.device}#0`);
  }

  close(): void {
    this.#connection.disconnect();
  }

  /** Waits until a drive's driver runs and its endpoint is there. */
  async served(drive: Plugged): Promise<DeviceStatus> {
    await this.#ring3.reached(drive.device, "running");
    return await eventually(`an endpoint of ${drive.device}`, async () => {
      const status = await this.#ring3.device(drive.device);
      return status.units[0]?.endpoints[0] === undefined ? undefined : status;
    });
  }

  /** Sends a signal to the driver's process and waits until another driver runs. */
  async kill(drive: Plugged, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { hostPid, incarnation } = await this.#ring3.device(drive.device);
    process.kill(hostPid!, signal);
    await this.restarted(drive, incarnation);
  }

  /** Waits for a driver later than that incarnation. */
  restarted(drive: Plugged, incarnation: number): Promise<void> {
    return this.#told(
      drive,
      `a start after #${incarnation}`,
      (info) => (info?.incarnation ?? 0) > incarnation,
    );
  }

  /** Waits for a driver after the drive was plugged in for that time. */
  replugged(drive: Plugged, enumeration: number): Promise<void> {
    return this.#told(drive, `plugging in #${enumeration}`, (info) => info?.enumeration === enumeration);
  }

  removed(drive: Plugged): Promise<void> {
    return this.#told(drive, "its removal", (info) => info === undefined);
  }

  #told(drive: Plugged, what: string, fits: (info: UnitInfo | undefined) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!fits(this.unit(drive))) return;
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#checks.delete(check);
        const late = (log: string) => reject(new Error(`${drive.device}: waited for ${what}\n${log}`));
        this.#ring3.log(drive.device).then(late, reject);
      }, PATIENCE_MS);
      this.#checks.add(check);
      check();
    });
  }

  #changed(change: () => void): void {
    change();
    for (const check of [...this.#checks]) check();
  }
}

/** The path of an NBD endpoint's socket. */
export function socketOf(status: DeviceStatus): string {
  return new URL(status.units[0]!.endpoints[0]!.address).searchParams.get("socket")!;
}

/** For what no event tells of: looks again and again until there is something, and gives up after a while. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(`${what}: not within ${patienceMs} ms`);
    await pause(10);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
