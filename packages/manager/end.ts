// Runs in: manager. Owns: nothing. How an incarnation of a driver is ended, by what has happened to its device. Pure.

import { isHang, type LifeEvent } from "@ring3/core/lifecycle";

export interface End {
  readonly how: "in order" | "let go" | "kill";
  /** Where it stands is to be found out first. */
  readonly hung: boolean;
  /** For those in the same process: "failed: crash: …". */
  readonly why: string;
}

/**
 * A driver at fault is killed, with whatever shares its process: what it has left there nobody can take away. One that has only
 * refused its device, or is at no fault, leaves and lets its neighbours be, unless it cannot: a heartbeat that stands still is the whole process's.
 */
export function endBy(event: LifeEvent): End {
  if (event.type === "stop") return { how: "in order", hung: false, why: "did not stop in order" };
  if (event.type !== "failed") return { how: "let go", hung: false, why: "did not let go of its device" };
  const { reason } = event;
  const why = `failed: ${reason.kind}: ${reason.text}`;
  const { kind, outside } = reason;
  const innocent = outside || kind === "grant" || kind === "probe";
  return { how: innocent && kind !== "heartbeat" ? "let go" : "kill", hung: isHang(reason), why };
}
