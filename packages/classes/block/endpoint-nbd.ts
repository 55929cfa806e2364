// Runs in: reflector. Owns: one disk's NBD socket and its connections.
import type { Clock } from "@ring3/core/clock";
import { type Log, printable } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { listen } from "@ring3/kernel/socket/unix";
import type { Block, Geometry } from "./contract.ts";
import { NbdConnection } from "./endpoint-nbd-connection.ts";
import { nbdAddress } from "./endpoint-nbd-export.ts";
import { NbdPort } from "./endpoint-nbd-port.ts";

const CONNECTIONS_MAX = 64;
/** Owner only; wider access is a rule of the configuration, applied by who chose the path. */
const SOCKET_MODE = 0o600;

export interface NbdEndpointOptions {
  readonly socketPath: string;
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
  const { socketPath, exportName, aliases, log } = options;
  const description = printable(options.description); // the device's own words
  const shared = new NbdPort(options);
  const connections = new Set<NbdConnection>();

  function accept(socket: Descriptor): void {
    if (connections.size >= CONNECTIONS_MAX) {
      log.warn(`NBD client refused: ${CONNECTIONS_MAX} are connected`);
      socket.close();
      return;
    }
    const offer = { exportName, aliases, description };
    const connection = new NbdConnection(socket, { offer, shared, clock: options.clock, log });
    connections.add(connection);
    void connection.done.then(() => connections.delete(connection));
  }

  function disconnectAll(reason: string): void {
    if (connections.size > 0) log.info(`${connections.size} NBD clients are disconnected: ${reason}`);
    for (const connection of connections) connection.disconnect();
    shared.retire();
  }

  const listener = listen(socketPath, SOCKET_MODE, accept);
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    listener.close();
    disconnectAll("the endpoint closes");
    await Promise.all([...connections].map(({ done }) => done));
    await shared.closed();
  }

  return {
    address: nbdAddress(exportName, socketPath),
    connections: () => connections.size,
    disconnectAll,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
