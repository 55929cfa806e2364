// Runs in: manager. Owns: the order in which a manager goes on with what one before it has left: nothing is had by two at a time, and no client is
// served before all is so that it will be told. The first manager goes the same way, with nothing.

import { limits } from "@ring3/core/lifecycle";
import type { AbsentClients } from "./absent-clients.ts";
import type { AttachedBus } from "./attached-bus.ts";
import { Estate, endAll } from "./estate.ts";
import type { History } from "./history.ts";
import type { HostSurroundings } from "./host.ts";
import { REMOVE_MS } from "./host-connection.ts";
import type { LeftHost } from "./host-process.ts";
import { endUnrecorded, inheritHost } from "./host-start.ts";
import { type Heirloom, type Inherited, type Left, nothingLeft, sorted } from "./legacy.ts";
import type { Manager } from "./manager.ts";
import type { Placements } from "./placements.ts";
import type { Processes } from "./processes.ts";
import type { Reflectors } from "./reflectors.ts";

/** What so many managers in a row have died of may be what they were left: the next one ends it all and begins anew. */
const DEATHS_BEFORE_ANEW = 3;

export interface Succession {
  readonly inherited: Inherited;
  /** How many managers in a row have died. */
  readonly deaths: number;
  /** Names of records that stay, whatever becomes of the others. */
  readonly keep: readonly string[];
  readonly sandboxed: boolean;
  readonly surroundings: HostSurroundings;
  readonly processes: Processes;
  readonly manager: Manager;
  readonly attached: AttachedBus;
  readonly absent: AbsentClients;
  readonly reflectors: Reflectors;
  readonly placements: Placements;
  /** Whose servers may live. */
  readonly disks: { inherit(left: Left["disks"]): void };
  readonly inputs: { inherit(left: Left["inputs"]): void };
  readonly takenHid: { giveBackAll(): void };
  readonly mapping: { inherit(left: Left["mappings"]): void };
  readonly history: Pick<History, "inherit" | "settled">;
  /** Each needs a reflector. */
  readonly classes: readonly string[];
  /** Has the buses tell of all that is there, before it returns. */
  readonly startBuses: () => void;
}

/** Resolves when clients may be served. Rejects where a driver of an earlier manager cannot be ended in time, or the first manager has no reflector. */
export async function succeed(succession: Succession): Promise<void> {
  const { inherited, sandboxed, surroundings, processes, manager, attached, absent } = succession;
  const { reflectors, placements } = succession;
  const { children } = inherited;
  const fenceMs = limits.fenceMs * surroundings.timeScale;
  const left = await read(succession, fenceMs);
  succession.disks.inherit(left.disks);
  succession.inputs.inherit(left.inputs);
  succession.mapping.inherit(left.mappings);
  succession.history.inherit(left.histories);
  await endUnrecorded(left, children, processes, { ...surroundings, sandboxed });
  const inherit = (host: Heirloom<"host">) => inheritHost(surroundings, processes, host, children);
  const own = left.hosts.filter(({ record }) => record.shared === null);
  const hosts = new Map<string, LeftHost>(own.map((host) => [host.name, inherit(host)]));
  for (const [name, seat] of placements.inherit(left, inherit)) hosts.set(name, seat);
  const estate = new Estate(left.devices, hosts, processes, REMOVE_MS * surroundings.timeScale);
  manager.goOnWith(estate);
  for (const { record } of left.plugs) attached.inherit(record);
  succession.startBuses();
  // In the same turn as the devices: what befalls these from now on is told to whoever stands for the clients.
  for (const client of left.clients)
    absent.inherit(client, (id) => manager.devices.find((device) => device.id === id));
  succession.history.settled(manager.devices);
  await estate.endRest(fenceMs, surroundings.clock);
  placements.goOn(left);
  for (const reflector of left.reflectors.filter(({ record }) => record.host === null))
    reflectors.inherit(
      reflector,
      children.some(({ name }) => name === reflector.name),
    );
  const first = inherited.records.length === 0;
  await Promise.all(succession.classes.map((className) => reflectors.start(className, !first)));
}

/** Nothing where it is not to be trusted: then all of it has been ended. */
async function read(
  { inherited, deaths, keep, surroundings, processes, manager, takenHid }: Succession,
  fenceMs: number,
): Promise<Left> {
  try {
    if (deaths >= DEATHS_BEFORE_ANEW) throw new Error(`${deaths} managers in a row have died`);
    return sorted(inherited, processes);
  } catch (error) {
    manager.log.error(`everything is begun anew, and requests fail: ${(error as Error).message}`);
    await endAll(inherited, processes, keep, fenceMs, surroundings.clock);
    takenHid.giveBackAll(); // no device is left that would
    return nothingLeft;
  }
}
