// Runs in: driver host, sdk/test. Owns: a driver's starts on a device that is not there, before it is given one that is.
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import { parseDescriptors } from "@ring3/kernel/usb/descriptors";
import { ownMemory } from "@ring3/kernel/usb/memory";
import type { Outcome, UsbTransport } from "@ring3/kernel/usb/transport";
import type { Driver, PlayedDevice, Rehearsal } from "./define.ts";
import { startDriver } from "./session.ts";
import { plainStateMemory, type StateMemory } from "./state.ts";
import { createUsbDevice } from "./usb/device.ts";

const ECONNRESET = 104; // asm-generic/errno.h

/** After so many starts V8 has gathered what it wants to know of the code. */
const STARTS = 12;

/** `instance` gives a fresh one of the driver for each start. Rejects with what goes wrong; a driver without a rehearsal has none. */
export async function rehearseDriver(instance: () => Driver, clock: Clock): Promise<void> {
  const { rehearsal } = instance();
  if (rehearsal === undefined) return;
  const transport = played(rehearsal.device());
  const state = plainStateMemory();
  for (let incarnation = 1; incarnation <= STARTS; incarnation++)
    await start(instance(), rehearsal, { transport, clock, state, incarnation });
}

interface Start {
  readonly transport: UsbTransport;
  readonly clock: Clock;
  readonly state: StateMemory;
  readonly incarnation: number;
}

async function start(driver: Driver, { descriptors, requests }: Rehearsal, parts: Start): Promise<void> {
  const { transport, clock } = parts;
  const usb = createUsbDevice({
    transport,
    clock,
    descriptors: parseDescriptors(descriptors),
    strings: {},
    configurationValue: 1,
    interfaceNumber: 0,
    claimed: [0],
  });
  const session = await startDriver(driver, {
    ...parts,
    devices: { usb },
    device: { id: "rehearsal", ordinal: 1 },
    reason: "",
    log: createLog("rehearsal", () => {}, clock),
    emit() {},
  });
  try {
    for (const [id, { operation, input, bytes }] of requests.entries()) {
      const { deadlineMs: timeoutMs } = driver.contract.operations[operation]!;
      await session.units[0]!.run(operation, input, { id, data: new Uint8Array(bytes), timeoutMs });
    }
  } finally {
    await session.remove();
  }
}

function played(device: PlayedDevice): UsbTransport {
  const done = (bytes: number): Promise<Outcome> => Promise.resolve({ status: "ok", bytes, errno: 0 });
  return {
    control: (setup, data) => done(device.control(setup, data)),
    transfer(_, endpoint, data, signal) {
      const bytes = device.transfer(endpoint, data);
      return bytes === undefined ? takenBack(signal) : done(bytes);
    },
    isochronous: () => Promise.reject(new DeviceError("unsupported", "isochronous transfer in a rehearsal")),
    memory: ownMemory,
    clearHalt: () => done(0),
    setInterface: () => done(0),
    claim: () => done(0),
    release: () => done(0),
    reset: () => done(0),
    gone: new Promise(() => {}),
    close: async () => {},
  };
}

function takenBack(signal: AbortSignal | undefined): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const end = (): void => resolve({ status: "cancelled", bytes: 0, errno: ECONNRESET });
  if (signal?.aborted) end();
  signal?.addEventListener("abort", end, { once: true });
  return promise;
}
