// Runs in: tests. Owns: a driver run without host, manager or privilege, its units as a client would see them.
import type { Clock } from "@ring3/core/clock";
import type {
  Contract,
  EventData,
  EventName,
  Input,
  OperationName,
  Output,
  Properties,
  RequestOptions,
  UnitPort,
} from "@ring3/core/contract";
import { createLog, type LogEntry } from "@ring3/core/log";
import { systemClock } from "@ring3/kernel/clock/clock";
import type { UsbDescriptors } from "@ring3/kernel/usb/descriptors";
import type { UsbTransport } from "@ring3/kernel/usb/transport";
import type { Devices, Driver } from "../define.ts";
import type { Hidraw } from "../hid/types.ts";
import type { UnitRunner } from "../runner.ts";
import { startDriver } from "../session.ts";
import { plainStateMemory, type StateMemory } from "../state.ts";
import { createUsbDevice } from "../usb/device.ts";

export interface RunOptions {
  readonly usb: {
    readonly transport: UsbTransport;
    readonly descriptors: UsbDescriptors;
    readonly strings?: {
      readonly manufacturer?: string;
      readonly product?: string;
      readonly serial?: string;
    };
    readonly configurationValue?: number;
    /** The matched interface; 0 unless given. */
    readonly interfaceNumber?: number;
  };
  /** Of the device; 1 unless given. */
  readonly ordinal?: number;
  /** The system's unless given. */
  readonly clock?: Clock;
  readonly incarnation?: number;
  readonly reason?: string;
  /** That of an earlier incarnation. */
  readonly state?: StateMemory;
  readonly probeMs?: number;
}

/** The same, on a device that the kernel has a hidraw node of. */
export interface RunHidOptions extends Omit<RunOptions, "usb"> {
  readonly hid: Hidraw;
}

export interface RunningDriver<C extends Contract> extends AsyncDisposable {
  readonly units: readonly UnitPort<C>[];
  readonly incarnation: number;
  readonly state: StateMemory;
  /** All that the driver and the sdk have logged, oldest first. */
  readonly log: readonly LogEntry[];
  /** By unit and event, "0 state": what was told last, while it probed too. */
  readonly told: ReadonlyMap<string, unknown>;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** Ends requests, calls `remove`, disposes of the scope and closes the transport. */
  remove(): Promise<void>;
}

/** Probes `driver` on a scripted or simulated device. Rejects as the host would see it when probe fails. */
export async function runDriver<C extends Contract>(
  driver: Driver<C>,
  options: RunOptions | RunHidOptions,
): Promise<RunningDriver<C>> {
  const { clock = systemClock, incarnation = 1, reason = "", state = plainStateMemory() } = options;
  const entries: LogEntry[] = [];
  const log = createLog("driver", (entry) => entries.push(entry), clock);
  const listeners = new Map<string, Set<(data: unknown) => void>>();
  const told = new Map<string, unknown>();
  const session = await startDriver(driver as unknown as Driver, {
    devices: devicesOf(options, clock),
    device: { id: "usb" in options ? "usb-test:1.0" : "hid-test", ordinal: options.ordinal ?? 1 },
    incarnation,
    reason,
    clock,
    log,
    state,
    emit: (unit, event, data) => {
      told.set(`${unit} ${event}`, data);
      for (const listener of listeners.get(`${unit} ${event}`) ?? []) listener(data);
    },
    ...(options.probeMs === undefined ? {} : { probeMs: options.probeMs }),
  });
  const units = session.units.map((runner, index) => nearUnit(driver.contract, runner, index, listeners));
  const remove = async (): Promise<void> => {
    await session.remove();
    if ("usb" in options) await options.usb.transport.close();
  };
  return {
    units,
    incarnation,
    state,
    log: entries,
    told,
    suspend: session.suspend,
    resume: session.resume,
    remove,
    [Symbol.asyncDispose]: remove,
  };
}

function devicesOf(options: RunOptions | RunHidOptions, clock: Clock): Devices {
  if ("hid" in options) return { hid: options.hid } as Partial<Devices> as Devices; // as the host gives it
  const { transport, descriptors, strings = {}, configurationValue = 1, interfaceNumber = 0 } = options.usb;
  const claimed = [interfaceNumber];
  const parts = { transport, clock, descriptors, strings, configurationValue, interfaceNumber, claimed };
  return { usb: createUsbDevice(parts) };
}

function nearUnit<C extends Contract>(
  contract: C,
  runner: UnitRunner,
  index: number,
  listeners: Map<string, Set<(data: unknown) => void>>,
): UnitPort<C> {
  let lastId = 0;

  async function request<K extends OperationName<C>>(
    name: K,
    input: Input<C, K>,
    options: RequestOptions = {},
  ): Promise<{ out: Output<C, K>; data: Uint8Array }> {
    const spec = contract.operations[name]!;
    const data = spec.data === "out" ? new Uint8Array(options.length ?? 0) : options.data;
    const id = ++lastId;
    const timeoutMs = options.deadlineMs ?? spec.deadlineMs;
    const cancel = (): void => runner.cancel(id);
    const running = runner.run(name, input, { id, data, timeoutMs });
    options.signal?.addEventListener("abort", cancel, { once: true });
    if (options.signal?.aborted) cancel();
    try {
      const { out, length } = await running;
      const bytes = spec.data === "out" ? data!.subarray(0, length) : new Uint8Array(0);
      return { out: (out ?? {}) as Output<C, K>, data: bytes };
    } finally {
      options.signal?.removeEventListener("abort", cancel);
    }
  }

  return {
    contract,
    get properties() {
      return (runner.unit.properties ?? {}) as Properties<C>;
    },
    supports: (name) => typeof (runner.unit as Record<string, unknown>)[name] === "function",
    request,
    on<E extends EventName<C>>(name: E, listener: (data: EventData<C, E>, dropped: number) => void) {
      const key = `${index} ${name}`;
      const set = listeners.get(key) ?? new Set();
      listeners.set(key, set);
      const own = (data: unknown): void => listener(data as EventData<C, E>, 0);
      set.add(own);
      return () => void set.delete(own);
    },
  };
}
