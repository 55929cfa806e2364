// Runs in: reflector. Owns: one disk's NBD socket and its connections.
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { type Log, printable } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { acceptFrom, type PeerCredentials } from "@ring3/kernel/socket/unix";
import type { Block, Geometry } from "./contract.ts";
import { NbdConnection } from "./endpoint-nbd-connection.ts";
import { nbdAddress } from "./endpoint-nbd-export.ts";
import { failureLog } from "./endpoint-nbd-failures.ts";
import { negotiate } from "./endpoint-nbd-negotiation.ts";
import { EndpointPort } from "./endpoint-port.ts";

const CONNECTIONS_MAX = 64;
/** Of one user who is let in by a rule: some are left for the others. */
const CONNECTIONS_OF_A_GUEST_MAX = 16;

export interface NbdEndpointOptions {
  /** Bound already. Where others may connect than root and the user of this process, `guests` says what this one may do; null: nothing. */
  readonly listener: {
    readonly path: string;
    readonly socket: Descriptor;
    readonly guests: ((peer: PeerCredentials) => Promise<"read" | "write" | null>) | undefined;
  };
  readonly exportName: string;
  /** Other names under which clients may ask for the export; the empty name, "the default", is one anyway. */
  readonly aliases: readonly string[];
  /** For people, in listings. */
  readonly description: string;
  /** Asked whenever the disk is opened; undefined while there is no medium. */
  readonly geometry: () => Geometry | undefined;
  /**
   * Called when the first client comes; the port is closed after the last has gone. After `disconnectAll` it is called anew, once the
   * port before is closed. Rejects with DeviceError.
   */
  readonly open: (mode: "read" | "write") => Promise<SlotPort<Block>>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface NbdEndpoint {
  /** A URI that nbdinfo and its like take as it is. */
  readonly address: string;
  connections(): number;
  /** Hangs up on every client once it has the answers to what is under way, after two seconds at the latest. Who comes later opens the disk anew. */
  disconnectAll(reason: string): void;
  /** May be called twice. Stops listening, hangs up, and resolves once no request is under way and the port is closed. */
  close(): Promise<void>;
}

export function startNbdEndpoint(options: NbdEndpointOptions): NbdEndpoint {
  const { listener, exportName, aliases, log, clock } = options;
  const description = printable(options.description); // the device's own words
  const shared = new EndpointPort(options);
  const failed = failureLog(clock, log);
  const connections = new Set<NbdConnection>();
  /** By user id: connections, and those that are being asked about. */
  const guests = new Map<number, number>();

  function accept(socket: Descriptor, pid: number, readOnly: boolean): Promise<void> {
    if (connections.size >= CONNECTIONS_MAX)
      throw new DeviceError("busy", `${CONNECTIONS_MAX} are connected`);
    const offer = { exportName, aliases, description };
    const connection = new NbdConnection(socket, {
      negotiate: (stream, enter) => negotiate(stream, { ...offer, enter }),
      shared,
      open: (holder) => shared.enter(holder),
      readOnly,
      pid,
      clock,
      log,
      failed,
    });
    connections.add(connection);
    return connection.done.then(() => void connections.delete(connection));
  }

  async function admit(socket: Descriptor, peer: PeerCredentials): Promise<void> {
    const { uid, pid } = peer;
    const others = guests.get(uid) ?? 0;
    guests.set(uid, others + 1);
    try {
      if (others >= CONNECTIONS_OF_A_GUEST_MAX && uid !== 0 && uid !== process.getuid!())
        throw new DeviceError("busy", `${others} of that user are connected`);
      const mode = listener.guests === undefined ? "write" : await listener.guests(peer);
      if (mode === null) throw new DeviceError("denied", "an access rule in ring3.yaml can let it in");
      if (closing !== undefined) throw new DeviceError("cancelled", "the endpoint closes");
      await accept(socket, pid, mode === "read");
    } catch (error) {
      log.warn(`NBD client of user ${uid} refused: ${(error as Error).message}`);
      socket.close();
    } finally {
      const left = guests.get(uid)! - 1;
      if (left > 0) guests.set(uid, left);
      else guests.delete(uid);
    }
  }

  function disconnectAll(reason: string): void {
    if (connections.size > 0) log.info(`${connections.size} NBD clients are disconnected: ${reason}`);
    for (const connection of connections) connection.disconnect();
    shared.retire();
  }

  let closing: Promise<void> | undefined;
  const accepting = acceptFrom(listener.socket, (socket, peer) => void admit(socket, peer));

  async function close(): Promise<void> {
    accepting.close();
    disconnectAll("the endpoint closes");
    await Promise.all([...connections].map(({ done }) => done));
    await shared.closed();
  }

  return {
    address: nbdAddress(exportName, listener.path),
    connections: () => connections.size,
    disconnectAll,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
