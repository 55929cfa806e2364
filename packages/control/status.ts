// Runs in: every process. Owns: the shape of `ring3 status --json`, which programs outside ring3 read.
import * as v from "valibot";
import { className, count, name, pid, text } from "./fields.ts";
import { placement } from "./placement.ts";

export const deviceStates = [
  "unmatched",
  "available",
  "starting",
  "running",
  "suspended",
  "stopped",
  "failed",
  "quarantined",
  "stuck",
  "gone",
] as const;
export const deviceState = v.picklist(deviceStates);
export type DeviceState = v.InferOutput<typeof deviceState>;

const endpointStatus = v.strictObject({ kind: name, address: text });

const unitStatus = v.strictObject({
  /** `usb-1-4.2:1.0#0` */
  id: name,
  endpoints: v.array(endpointStatus),
});

export const deviceStatus = v.strictObject({
  id: name,
  alias: v.nullable(name),
  /** What the device is, as text: vendor and product id, and the serial number where there is one. */
  identity: text,
  /** What it calls itself, made printable. */
  name: text,
  bus: v.picklist(["usb", "hid"]),
  driver: v.nullable(name),
  class: v.nullable(className),
  placement: v.nullable(placement),
  /** "none" inline, and under --insecure-no-sandbox. */
  sandbox: v.nullable(v.picklist(["standard", "strict", "none"])),
  state: deviceState,
  reason: text,
  /** 0 before the first start. */
  incarnation: count,
  restarts: count,
  /** The driver's process as seen from outside its pid namespace: its own, its pool's or, inline, its reflector's. */
  hostPid: v.nullable(pid),
  units: v.array(unitStatus),
});

export const status = v.strictObject({
  keeperPid: pid,
  manager: v.strictObject({ pid, uptimeMs: v.pipe(v.number(), v.minValue(0)) }),
  /** `driver`: inline in it. */
  reflectors: v.array(v.strictObject({ class: className, pid, driver: v.exactOptional(name) })),
  devices: v.array(deviceStatus),
});

export type Status = v.InferOutput<typeof status>;
export type DeviceStatus = v.InferOutput<typeof deviceStatus>;
export type UnitStatus = v.InferOutput<typeof unitStatus>;

/** What `ring3 status --json` printed; throws a ValiError for anything else. */
export function parseStatus(value: unknown): Status {
  return v.parse(status, value);
}
