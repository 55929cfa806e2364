// Runs in: reflector. Owns: which classes can be reflected, and by which endpoints.

import { join } from "node:path";
import { BLOCK_MEDIUM_PRESENT, type Block, block, type Geometry } from "@ring3/classes/block/contract";
import { startNbdEndpoint } from "@ring3/classes/block/endpoint-nbd";
import { recovery as blockRecovery } from "@ring3/classes/block/recovery";
import type { ClientClass } from "@ring3/client/unit-session";
import type { UnitInfo } from "@ring3/control/client-edge";
import type { Clock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import type { Log } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import type { PeerCredentials } from "@ring3/kernel/socket/unix";

export interface Endpoint {
  readonly kind: string;
  readonly address: string;
  /** Hangs up on everyone: what they had open is not there any more. */
  disconnectAll(reason: string): void;
  /** Resolves once nobody is connected and the address is free. */
  close(): Promise<void>;
}

export interface EndpointParts<C extends Contract> {
  /** The unit as it is now. */
  readonly info: () => UnitInfo;
  readonly open: (mode: "read" | "write") => Promise<SlotPort<C>>;
  /** Where an access rule lets others in than root and the user of ring3: what whoever has connected may do; null: nothing. */
  readonly guests: ((peer: PeerCredentials) => Promise<"read" | "write" | null>) | undefined;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ReflectedClass<C extends Contract> {
  readonly client: ClientClass<C>;
  /** Every endpoint that a unit of this class gets. */
  startEndpoints(parts: EndpointParts<C>): Endpoint[];
}

const blockClass: ReflectedClass<Block> = {
  client: { contract: block, recovery: blockRecovery },
  startEndpoints({ info, open, guests, directory, clock, log }) {
    const { unit, alias, name } = info();
    const nbd = startNbdEndpoint({
      socketPath: join(directory, `${fileName(unit)}.sock`),
      exportName: unit,
      aliases: alias === null ? [] : [alias],
      description: name,
      geometry: () => {
        const geometry = info().properties as unknown as Geometry;
        return (geometry.flags & BLOCK_MEDIUM_PRESENT) === 0 ? undefined : geometry;
      },
      open,
      guests,
      clock,
      log,
    });
    return [
      {
        kind: "nbd",
        address: nbd.address,
        disconnectAll: (reason) => nbd.disconnectAll(reason),
        close: () => nbd.close(),
      },
    ];
  },
};

/** "#" would begin a fragment in the endpoint's URI. */
function fileName(unit: string): string {
  return unit.replace("#", ".");
}

export const reflectedClasses: Readonly<Record<string, ReflectedClass<Contract> | undefined>> = {
  block: blockClass as unknown as ReflectedClass<Contract>,
};
