// Runs in: manager (tells) and whoever observes. Owns: the shape of what a device has gone through.
import * as v from "valibot";
import { count, name, pid, text } from "./fields.ts";
import { deviceState } from "./status.ts";

/** One step of a device's life. */
export const passage = v.strictObject({
  device: name,
  /** Milliseconds since 1970. */
  timeMs: v.pipe(v.number(), v.minValue(0)),
  state: deviceState,
  reason: text,
  /** 0 before its first driver. */
  incarnation: count,
  /** No process of an incarnation before can touch the device any more. */
  fenced: v.boolean(),
  /** Of the driver's process, once it is known. */
  hostPid: v.nullable(pid),
});
export type Passage = v.InferOutput<typeof passage>;
