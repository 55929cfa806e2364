// Runs in: an application. Owns: the applications' door: the way to a unit's driver.

import type { UnitInfo } from "@ring3/control/client-edge";
import { stateDirectory } from "@ring3/control/state-directory";
import type { Contract, EventData, EventName } from "@ring3/core/contract";
import type { UnitPort } from "@ring3/core/unit";
import { systemClock } from "@ring3/kernel/clock/clock";
import { connectToManager } from "./connect.ts";
import { Ending, EventStream } from "./event-stream.ts";
import { type Lent, LentSlot } from "./lent.ts";
import type { ClientClass } from "./unit-session.ts";
import { type UnitListener, Units } from "./units.ts";

export type { Block, Geometry } from "@ring3/classes/block/contract";
export {
  type Gamepad,
  type GamepadButton,
  type GamepadProperties,
  gamepadButton,
  gamepadButtons,
} from "@ring3/classes/gamepad/contract";
export type { InputClass, InputProperties } from "@ring3/classes/input/contract";
export type { UnitInfo } from "@ring3/control/client-edge";
export { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
export type { RequestOptions, UnitPort } from "@ring3/core/unit";
export { blockClass, gamepadClass, inputClass, unitClasses } from "./classes.ts";
export type { EventStream } from "./event-stream.ts";
export type { Lent } from "./lent.ts";
export type { ClientClass } from "./unit-session.ts";
export type { UnitListener } from "./units.ts";

export interface Ring3 extends Disposable {
  /** The units that there are now, those whose driver is being replaced included. */
  readonly units: readonly UnitInfo[];
  /**
   * A channel of its own, straight to the unit's driver host. Requests wait while a dead driver is replaced; they fail
   * with a DeviceError only when the device can no longer execute them. `unit`: as in `ring3 status`.
   */
  open<C extends Contract>(
    unit: string,
    unitClass: ClientClass<C>,
    mode: "read" | "write",
  ): Promise<OpenUnit<C>>;
  /** Units still open fail. */
  close(): void;
}

export interface OpenUnit<C extends Contract> extends UnitPort<C>, AsyncDisposable {
  /** For direct I/O; waits until there is room. A unit has room for `contract.slots` at once, those of `request` included. */
  lend(): Promise<Lent<C>>;
  /**
   * Of one kind, from now on: of states those that came at once, and the latest for a reader who is slower; of occurrences up to 1024 that wait
   * (`dropped` counts those that were lost, here or on their way).
   */
  events<E extends EventName<C>>(name: E): EventStream<EventData<C, E>>;
  /**
   * Tells when a driver works (true) and when it does not any more (false): it has failed, is dead or suspended, or a debugger holds it. What it told of its state
   * does not count then; once one works again, what is so is told anew. Answers what ends the subscription.
   */
  onDriver(listener: (there: boolean) => void): () => void;
  /** Waits for unfinished requests, then lets others have the unit. */
  close(): Promise<void>;
}

/**
 * Connects to the ring3 of a state directory (default: RING3_STATE_DIR, else /run/ring3 for root). Rejects with
 * DeviceError("disconnected") where none runs.
 */
export async function connect(options: { stateDir?: string } & UnitListener = {}): Promise<Ring3> {
  const { stateDir, ...listener } = options;
  const directory = stateDirectory(stateDir, process.env, process.getuid!());
  const units = new Units((notices) => connectToManager(directory, notices), systemClock, listener);
  await units.subscribe(null);
  const close = () => units.connection.disconnect();
  return {
    get units() {
      return units.known;
    },
    async open<C extends Contract>(unit: string, unitClass: ClientClass<C>, mode: "read" | "write") {
      const session = await units.open(unit, unitClass, mode);
      const { port } = session;
      const ending = new Ending(Promise.race([session.end.whenEnded, session.closed.then(() => undefined)]));
      return Object.assign(port, {
        events: <E extends EventName<C>>(name: E) =>
          new EventStream<EventData<C, E>>(
            unitClass.contract.events[name]!.overflow,
            (give) => port.on(name, give),
            ending,
          ),
        lend: async () => new LentSlot(port, (await port.reserve(1))[0]!),
        [Symbol.asyncDispose]: () => port.close(),
      });
    },
    close,
    [Symbol.dispose]: close,
  };
}
