// Runs in: driver host, sdk/test. Owns: one driver from probe to remove.
import type { Contract } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { type ContextParts, createContext, type Incarnation } from "./context.ts";
import { Declined, type Devices, type Driver } from "./define.ts";
import { runWithin } from "./request-context.ts";
import { UnitRunner } from "./runner.ts";
import { validateUnits } from "./units.ts";
import { Limit, type Wait } from "./wait.ts";

export interface SessionParts extends Omit<ContextParts, "contract"> {
  readonly devices: Devices;
  /** How long probe may take. Slow disks spin up for half a minute. */
  readonly probeMs?: number;
  /** The handler of a request that had to wait starts. */
  readonly turn?: (id: number | string) => void;
}

export const PROBE_MS = 60_000;
/** How long each of suspend, resume, remove and a handler's way out may take. */
export const CALLBACK_MS = 5_000;

/** A probed driver. */
export interface Session {
  readonly units: readonly UnitRunner[];
  /**
   * Requests and runs of `ctx.every` that have begun end first; others wait. Rejects where that or the driver's callback fails or takes too
   * long: all goes on then. One change at a time, and asking for what is the case already changes nothing: who asks may not know.
   */
  suspend(): Promise<void>;
  /** Rejects where the driver's callback fails: the driver is of no more use then. */
  resume(): Promise<void>;
  /** Cancels the requests, waits for their handlers, calls `remove`, disposes of the scope. Never rejects: what fails is logged. */
  remove(reason?: DeviceError): Promise<void>;
}

/** Probes. Rejects with Declined where the driver does not want the device, with DeviceError when probe throws, takes too long or returns the wrong shape; the scope is disposed then. */
export async function startDriver(driver: Driver, parts: SessionParts): Promise<Session> {
  const incarnation = createContext<Contract>({ ...parts, contract: driver.contract });
  const { clock, log, turn } = parts;
  try {
    const result = await timely(parts, parts.probeMs ?? PROBE_MS, "probe", incarnation.context, () =>
      driver.probe(parts.devices, incarnation.context),
    );
    if (result instanceof Declined) throw result;
    const units = validateUnits(driver.contract, result);
    incarnation.open(units.length);
    return session(
      driver,
      parts,
      incarnation,
      units.map((unit) => new UnitRunner(driver.contract, unit, { clock, log, turn })),
    );
  } catch (thrown) {
    const error =
      thrown instanceof DeviceError
        ? thrown
        : new DeviceError("internal", `probe threw ${thrown}`, { cause: thrown });
    if (thrown !== error) log.error(`probe threw: ${thrown instanceof Error ? thrown.stack : thrown}`);
    await incarnation.close(error);
    throw error;
  }
}

function session(
  driver: Driver,
  parts: SessionParts,
  incarnation: Incarnation<Contract>,
  units: UnitRunner[],
): Session {
  const { context } = incarnation;
  const bounded = (what: string, run: () => unknown): Promise<unknown> =>
    timely(parts, CALLBACK_MS, what, {}, run);
  const attempt = async (what: string, run: () => unknown): Promise<void> => {
    try {
      await bounded(what, run);
    } catch (error) {
      parts.log.warn(`${what}: ${error instanceof Error ? error.message : error}`);
    }
  };
  const work = (): void => {
    incarnation.work();
    for (const unit of units) unit.release();
  };
  let removal: Promise<void> | undefined;
  let resting = false;
  const suspend = async (): Promise<void> => {
    if (resting) return;
    let given = false; // up: what it waited for may end later all the same
    try {
      await bounded("suspend", async () => {
        await Promise.all([...units.map((unit) => unit.hold()), incarnation.rest()]);
        if (given || removal !== undefined) throw new DeviceError("cancelled", "suspend");
        await driver.suspend?.(context);
      });
      incarnation.release(units.map(({ unit }) => unit.properties));
      resting = true;
    } catch (error) {
      given = true;
      incarnation.wake(); // some states may have been told as let go
      work();
      throw error;
    }
  };
  const resume = async (): Promise<void> => {
    if (!resting) return;
    incarnation.wake();
    await bounded("resume", () => driver.resume?.(context));
    resting = false;
    work();
  };
  let turning: Promise<unknown> = Promise.resolve();
  const inTurn = (turn: () => Promise<void>): Promise<void> => {
    const turned = turning.then(turn);
    turning = turned.catch(() => {}); // told to whoever asked
    return turned;
  };
  const remove = async (reason: DeviceError): Promise<void> => {
    await attempt("end of the requests", () => Promise.all(units.map((unit) => unit.close(reason))));
    incarnation.stop(reason);
    await attempt("remove", () => driver.remove?.(context));
    await attempt("disposal", () => incarnation.close(reason));
  };
  return {
    units,
    suspend: () => inTurn(suspend),
    resume: () => inTurn(resume),
    remove(reason = new DeviceError("cancelled", "remove")) {
      removal ??= remove(reason);
      return removal;
    },
  };
}

/** Runs a callback with a deadline for its waits, and goes on without it when it overstays. */
async function timely(
  parts: SessionParts,
  ms: number,
  what: string,
  outer: Wait,
  run: () => unknown,
): Promise<unknown> {
  using limit = new Limit(parts.clock, parts.clock.now() + ms, what, outer);
  const { promise, reject } = Promise.withResolvers<never>();
  // Waits of the callback see the signal first; a callback that honours it ends with its own, better error.
  const overdue = (): void => void parts.clock.after(0, () => reject(limit.over));
  limit.signal.addEventListener("abort", overdue, { once: true });
  return await Promise.race([promise, runWithin(limit, async () => run())]);
}
