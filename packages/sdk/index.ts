// Runs in: driver host, in a driver's code. Owns: the drivers' only door: all that a driver may import.
// Nothing here may need Node's types: drivers are checked with the web's alone.

export * from "@ring3/classes/block/contract";
export * from "@ring3/classes/gamepad/contract";
export * from "@ring3/classes/input/contract";
export type { Clock } from "@ring3/core/clock";
export type {
  Call,
  Contract,
  DriverUnit,
  EventData,
  EventName,
  Handler,
  Handlers,
  Input,
  OperationName,
  Output,
  Properties,
} from "@ring3/core/contract";
export { defineContract, event, operation } from "@ring3/core/contract";
export { DeviceError, type DeviceErrorKind, deviceErrorKinds } from "@ring3/core/errors";
export type {
  HidCollectionInfo,
  HidReportInfo,
  HidReportItem,
  HidUnitSystem,
} from "@ring3/core/hid/collections";
export { keyOfUsage } from "@ring3/core/hid/keys";
export {
  controlCount,
  type HidLayout,
  type ReportField,
  type ReportKind,
  type ReportLayout,
  type ReportLayouts,
} from "@ring3/core/hid/layout";
export { CONTROLS_MAX } from "@ring3/core/hid/limits";
export { HidReport, type PressedUsages } from "@ring3/core/hid/report";
/** `hidUsages.genericDesktop.x`, `hidUsages.button(1)`. */
export * as hidUsages from "@ring3/core/hid/usages";
export type { Log, LogFields } from "@ring3/core/log";
export {
  array,
  be,
  bytes,
  type Field,
  f32,
  f64,
  type Infer,
  i8,
  i16,
  i32,
  i64,
  type Struct,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "@ring3/core/struct";
export { Changes } from "./changes.ts";
export {
  type Context,
  type Declined,
  type DeviceIdentity,
  type Devices,
  type Driver,
  type DriverCallbacks,
  decline,
  defineDriver,
  type PlayedDevice,
  type Rehearsal,
} from "./define.ts";
export { openHid } from "./hid/device.ts";
export { hatDirection } from "./hid/hat.ts";
export { type Reading, readReports } from "./hid/reading.ts";
export { type HidRehearsal, hidRehearsal } from "./hid/rehearsal.ts";
export type {
  HidContext,
  HidDevice,
  HidInputReportEvent,
  HidInputReportListener,
  HidOptions,
  Hidraw,
  HidUsb,
  RawHidraw,
} from "./hid/types.ts";
export { Motors, type SendRumble } from "./motors.ts";
export { type Outcome, type OutcomeStatus, ok, outcomeError } from "./outcome.ts";
/** `playstation.Pad`: what DualShock 4 and DualSense have in common. */
export * as playstation from "./playstation/index.ts";
export type { Json, State } from "./state.ts";
export { tolerate } from "./tolerate.ts";
export type {
  RawPacket,
  RawUsb,
  Received,
  Setup,
  StreamOptions,
  UsbAlternateInterface,
  UsbBytes,
  UsbConfiguration,
  UsbControlSetup,
  UsbDevice,
  UsbEndpoint,
  UsbEndpointType,
  UsbInResult,
  UsbInterface,
  UsbIsochronousInResult,
  UsbIsochronousOutResult,
  UsbOutResult,
  UsbStatus,
  UsbStream,
} from "./usb/types.ts";
export type { Limit, Wait } from "./wait.ts";
