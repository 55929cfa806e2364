// Runs in: reflector. Owns: which classes can be reflected, and by which endpoints.

import { BLOCK_MEDIUM_PRESENT, type Block, type Geometry } from "@ring3/classes/block/contract";
import type { KernelDiskEndpoint } from "@ring3/classes/block/endpoint-kernel-disk";
import { startNbdEndpoint } from "@ring3/classes/block/endpoint-nbd";
import { type NbdDeviceOptions, startNbdDevice } from "@ring3/classes/block/endpoint-nbd-device";
import { startUblkEndpoint, type UblkEndpointOptions } from "@ring3/classes/block/endpoint-ublk";
import type { Gamepad } from "@ring3/classes/gamepad/contract";
import { startGamepad } from "@ring3/classes/gamepad/endpoint-uinput";
import type { InputClass } from "@ring3/classes/input/contract";
import type { InputNodes } from "@ring3/classes/input/endpoint-node";
import { startInput } from "@ring3/classes/input/endpoint-uinput";
import type { InputUnit, InputUnitOptions } from "@ring3/classes/input/endpoint-unit";
import { blockClass, gamepadClass, inputClass } from "@ring3/client/classes";
import type { ClientClass } from "@ring3/client/unit-session";
import type { UnitInfo } from "@ring3/control/client-edge";
import type { Clock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import type { Log } from "@ring3/core/log";
import type { DeviceMapping } from "@ring3/core/mapping";
import type { SlotPort } from "@ring3/core/slot-port";
import { unfitForKernel } from "@ring3/kernel/disk/kernel-disk";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { PeerCredentials } from "@ring3/kernel/socket/unix";

export interface Endpoint {
  readonly kind: string;
  /** null: nobody can meet the unit there now. */
  readonly address: string | null;
  /** The unit's properties, or its mapping, are others. */
  changed(): void;
  /** A profile of its mapping is to be active. */
  use?(profile: string): void;
  /** Hangs up on everyone: what they had open is not there any more. */
  disconnectAll(reason: string): void;
  /** Resolves once nobody is connected and the address is free. */
  close(): Promise<void>;
}

/** Where applications meet a unit: made by the manager, who also takes the path away. */
export interface EndpointListener {
  readonly path: string;
  readonly socket: Descriptor;
  /** Where others may connect than root and the user of ring3: what this one may do; null: nothing. */
  readonly guests: ((peer: PeerCredentials) => Promise<"read" | "write" | null>) | undefined;
}

/** A disk of the kernel's, by one of its drivers. */
export type KernelDiskParts = Pick<UblkEndpointOptions, "begin" | "withdraw"> & {
  /** The unit is met so, or not at all. */
  readonly only: boolean;
} & (
    | { readonly kind: "ublk"; readonly publish: UblkEndpointOptions["publish"] }
    | { readonly kind: "nbd-device"; readonly publish: NbdDeviceOptions["publish"] }
  );

export interface EndpointParts<C extends Contract> {
  /** The unit as it is now. */
  readonly info: () => UnitInfo;
  readonly open: (mode: "read" | "write") => Promise<SlotPort<C>>;
  /** A socket of its own for one kind of endpoint. */
  readonly listen: (kind: string) => Promise<EndpointListener>;
  /** undefined where the unit is not to be a disk of the kernel's. */
  readonly kernelDisk: KernelDiskParts | undefined;
  /** undefined where there is no uinput. */
  readonly inputNodes: InputNodes | undefined;
  /** What is said of its buttons, if anything. */
  readonly mapping: () => DeviceMapping | undefined;
  readonly profile: InputUnitOptions<C>["profile"];
  /** Of an endpoint whose address has changed since it was started. */
  readonly announce: (kind: string, address: string | null) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ReflectedClass<C extends Contract> {
  readonly client: ClientClass<C>;
  /** Every endpoint that a unit of this class gets. */
  startEndpoints(parts: EndpointParts<C>): Promise<Endpoint[]>;
}

const block: ReflectedClass<Block> = {
  client: blockClass,
  async startEndpoints({ info, open, listen, kernelDisk, announce, clock, log }) {
    const geometry = () => {
      const geometry = info().properties as unknown as Geometry;
      return (geometry.flags & BLOCK_MEDIUM_PRESENT) === 0 ? undefined : geometry;
    };
    const { sectorBytes = 512, maxTransferSectors = 8 } = geometry() ?? {};
    const unfit = unfitForKernel(sectorBytes, maxTransferSectors * sectorBytes);
    if (kernelDisk !== undefined && (kernelDisk.only || unfit === undefined)) {
      const tell = (node: string | null) => announce(kernelDisk.kind, node);
      const options = { ...kernelDisk, announce: tell, geometry, open, clock, log };
      return [
        kernelEndpoint(
          kernelDisk.kind,
          options.kind === "ublk" ? startUblkEndpoint(options) : startNbdDevice(options),
        ),
      ];
    }
    if (kernelDisk !== undefined) log.warn(`met by NBD instead: ${unfit}`);
    const listener = await listen("nbd");
    const { unit, alias, name } = info();
    const nbd = startNbdEndpoint({
      listener,
      exportName: unit,
      aliases: alias === null ? [] : [alias],
      description: name,
      geometry,
      open,
      clock,
      log,
    });
    return [
      {
        kind: "nbd",
        address: nbd.address,
        changed() {},
        disconnectAll: (reason) => nbd.disconnectAll(reason),
        close: () => nbd.close(),
      },
    ];
  },
};

function kernelEndpoint(kind: string, disk: KernelDiskEndpoint): Endpoint {
  return {
    kind,
    get address() {
      return disk.node;
    },
    changed: () => disk.changed(),
    disconnectAll: (reason) => disk.retire(reason),
    close: () => disk.close(),
  };
}

/** What a unit's input devices are to those who list endpoints. */
async function inputEndpoints<C extends Contract>(
  { inputNodes, announce, ...parts }: EndpointParts<C>,
  start: (options: InputUnitOptions<C>) => Promise<InputUnit<C>>,
): Promise<Endpoint[]> {
  if (inputNodes === undefined) return [];
  const kind = "uinput";
  const unit = await start({
    ...parts,
    open: () => parts.open("write"),
    nodes: inputNodes,
    moved: (paths) => announce(kind, paths.join(" ")),
  });
  return [
    {
      kind,
      get address() {
        return unit.paths.join(" ");
      },
      changed: () => unit.changed(),
      use: (profile) => unit.use(profile),
      disconnectAll: () => unit.lost(), // who has a node open keeps it, if what comes next is of the same shape
      close: () => unit.close(),
    },
  ];
}

const gamepad: ReflectedClass<Gamepad> = {
  client: gamepadClass,
  startEndpoints: (parts) => inputEndpoints(parts, startGamepad),
};

const input: ReflectedClass<InputClass> = {
  client: inputClass,
  startEndpoints: (parts) => inputEndpoints(parts, startInput),
};

export const reflectedClasses: Readonly<Record<string, ReflectedClass<Contract> | undefined>> = {
  block: block as unknown as ReflectedClass<Contract>,
  gamepad: gamepad as unknown as ReflectedClass<Contract>,
  input: input as unknown as ReflectedClass<Contract>,
};
