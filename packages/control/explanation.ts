// Runs in: manager (answers) and whoever asks. Owns: the shape of what `ring3 explain` says of a device.
import * as v from "valibot";
import { count, name, text } from "./fields.ts";
import { requestInFlight, step } from "./observation.ts";
import { deviceState } from "./status.ts";

export const explanation = v.strictObject({
  id: name,
  identity: text,
  name: text,
  state: deviceState,
  reason: text,
  /** The driver chosen; null where none matches. */
  driver: v.nullable(name),
  /** Every driver known, best first: why, or why not. */
  ranking: v.array(
    v.strictObject({
      driver: name,
      version: name,
      score: count,
      matched: v.array(text),
      missed: v.array(text),
    }),
  ),
  /** The kernel driver that has the device, where one does. */
  kernelDriver: v.nullable(name),
  /** The take rule that covers the device, as it stands in the configuration. */
  takeRule: v.nullable(text),
  /** Who uses what the kernel driver makes of it: mounted, swap, holders. */
  holders: v.array(v.strictObject({ node: text, how: name, where: text })),
  /** What its driver may ask of the kernel; null where none matches or there is no jail. */
  jail: v.nullable(
    v.strictObject({
      tier: v.picklist(["standard", "strict"]),
      systemCalls: v.array(name),
      /** ioctl requests by name; on a descriptor of that surface, so none on a device that is reached through a stream. */
      requests: v.array(name),
    }),
  ),
  /** In which process its driver runs or is to run, and with whom; null where it has none. */
  placement: v.nullable(text),
  /** On which processors its driver runs, and why; null while none does. */
  processors: v.nullable(text),
  /** What ring3 lacks to run it. */
  missing: v.array(text),
  /** Commands or edits that help, one a line. */
  next: v.array(text),
  /** How its driver came to run, or the last one to its end; oldest first. */
  steps: v.array(step),
  /** What its driver has in hand. */
  inFlight: v.array(requestInFlight),
});
export type Explanation = v.InferOutput<typeof explanation>;
