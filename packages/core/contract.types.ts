// Runs in: nowhere; the type checker reads it. Owns: what `defineContract` must infer.
import {
  type Contract,
  type DriverUnit,
  defineContract,
  type EventData,
  type EventName,
  event,
  type Handlers,
  type Input,
  type Nothing,
  type OperationName,
  type Output,
  operation,
  type Properties,
  type UnitPort,
} from "./contract.ts";
import { array, bytes, f64, type Infer, struct, u8, u16, u32, u64 } from "./struct.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_proof: Same<A, B>): void => {};

const disk = defineContract({
  name: "disk",
  version: 1,
  properties: struct({ sectors: u64, sectorBytes: u32 }),
  operations: {
    read: operation({ nr: 1, in: struct({ lba: u64, count: u32 }), data: "out", replay: "always" }),
    flush: operation({ nr: 2, replay: "always" }),
    sense: operation({
      nr: 3,
      out: struct({ key: u8, code: array(u16, 2) }),
      replay: "never",
      optional: true,
    }),
  },
  events: {
    changed: event({ nr: 1, data: struct({ sectors: u64 }), overflow: "latest" }),
    lost: event({ nr: 2, overflow: "drop-and-count" }),
  },
});
type Disk = typeof disk;

same<OperationName<Disk>, "read" | "flush" | "sense">(true);
same<EventName<Disk>, "changed" | "lost">(true);
same<Input<Disk, "read">, { lba: number; count: number }>(true);
same<Input<Disk, "flush">, Nothing>(true);
same<Output<Disk, "read">, Nothing>(true);
same<Output<Disk, "sense">, { key: number; code: number[] }>(true);
same<EventData<Disk, "changed">, { sectors: number }>(true);
same<EventData<Disk, "lost">, Nothing>(true);
same<Properties<Disk>, { sectors: number; sectorBytes: number }>(true);
same<Disk["operations"]["read"]["data"], "out">(true);
same<Disk["operations"]["sense"]["optional"], true>(true);

const nested = struct({ id: bytes(16), corner: struct({ x: f64, y: f64 }) });
same<Infer<typeof nested>, { id: Uint8Array; corner: { x: number; y: number } }>(true);
same<keyof typeof nested.offsets, "id" | "corner">(true);

// Any contract, event-free ones too, is a Contract.
const bare = defineContract({
  name: "bare",
  version: 1,
  operations: { go: operation({ nr: 1, replay: "never" }) },
});
export const contracts: Contract[] = [disk, bare];
same<EventName<typeof bare>, never>(true);
same<Properties<typeof bare>, Nothing>(true);

// Optional handlers may be absent; every other must be there and of the right shape.
export const unit: DriverUnit<Disk> = {
  properties: { sectors: 8, sectorBytes: 512 },
  read: async ({ lba, count }, call) => {
    call.length = lba + count;
  },
  flush: () => {},
};
export const bareUnit: DriverUnit<typeof bare> = { go: () => {} };
export const sensing: Pick<Handlers<Disk>, "sense"> = { sense: () => ({ key: 1, code: [1, 2] }) };
// @ts-expect-error an operation with `out` must give it
export const mute: Pick<Handlers<Disk>, "sense"> = { sense: () => {} };
// @ts-expect-error flush is not optional
export const half: Handlers<Disk> = { read: () => {} };
// @ts-expect-error properties are required when the contract has some
export const naked: DriverUnit<Disk> = { read: () => {}, flush: () => {} };

// Code for any class takes a unit of one.
export const anyPort = (port: UnitPort<Disk>): UnitPort<Contract> => port;

export async function use(port: UnitPort<Disk>): Promise<number> {
  await port.request("flush", {});
  await port.request("read", { lba: 1, count: 2 }, { length: 1024 });
  port.on("changed", ({ sectors }) => sectors);
  // @ts-expect-error count is missing
  await port.request("read", { lba: 1 });
  // @ts-expect-error no such operation
  await port.request("write", {});
  return (await port.request("sense", {})).out.key;
}
