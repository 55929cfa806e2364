// Runs in: CLI, in the demo. Owns: nonsense that a simulated device answers for a while, and what its driver makes of it.
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { sentence } from "@ring3/control/sentence";
import type { DeviceStatus } from "@ring3/control/status";
import type { SimulatedDevice } from "../simulated-device.ts";

/** What came of it, one after the other; times in milliseconds. */
export type Followed = readonly { readonly sinceMs: number; readonly text: string }[];

interface Nonsense {
  readonly command: string;
  readonly text: string;
  /** It makes sense again: by this command, or by itself. */
  readonly end: { readonly command: string; readonly text: string } | undefined;
}

const disk: Nonsense = {
  command: "fault wrong-tag",
  text: "The status of its next command carries another command's tag.",
  end: undefined,
};
const input: Nonsense = {
  command: "fault short-reports",
  text: "Each of its reports is cut to half of its length.",
  end: { command: "fault clear", text: "Its reports are whole again." },
};

/** Of its driver's log: what it says again and again is not read. */
const LINES_MAX = 20;

export interface Fed {
  readonly manager: Pick<ManagerConnection, "ask">;
  readonly simulated: Pick<SimulatedDevice, "kind" | "say">;
  readonly device: string;
  /** For so long, in milliseconds. */
  readonly pause: () => Promise<unknown>;
  /** Since 1970, as the log counts; it never goes back. */
  readonly now: () => number;
}

/** What followed: what its driver has logged meanwhile, and whether it is still the same one. */
export async function feedNonsense({ manager, simulated, device, pause, now }: Fed): Promise<Followed> {
  const { command, text, end } = simulated.kind === "usb-drive" ? disk : input;
  const statusOf = async (): Promise<DeviceStatus> => {
    const { devices } = await manager.ask("status", {});
    const found = devices.find(({ id }) => id === device);
    if (found === undefined) throw sentence("disconnected", `${device} has gone`);
    return found;
  };
  const before = await statusOf();
  const began = now();
  await simulated.say(command);
  await pause();
  const ended = end === undefined ? [] : [{ sinceMs: now() - began, text: end.text }];
  if (end !== undefined) await simulated.say(end.command);
  const { entries } = await manager.ask("logs", { device, follow: false });
  const logged = entries
    .filter(({ time }) => time >= began)
    .slice(0, LINES_MAX)
    .map(({ time, message }) => ({ sinceMs: time - began, text: message }));
  const after = await statusOf();
  const same = after.incarnation === before.incarnation && after.state === before.state;
  const outcome = same
    ? `Its driver, start #${after.incarnation}, has seen through it and is ${after.state}.`
    : `Its driver, start #${before.incarnation}, did not last: start #${after.incarnation} is ${after.state}.`;
  const between = [...logged, ...ended].toSorted((a, b) => a.sinceMs - b.sinceMs);
  return [{ sinceMs: 0, text }, ...between, { sinceMs: now() - began, text: outcome }];
}
