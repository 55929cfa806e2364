// Runs in: driver host, as the driver of `ring3 torture`. Owns: nothing. What its control connection is not there for.

import { integer } from "@ring3/core/chance";
import { call } from "../escape/probe.ts";
import { frame } from "../escape/rings.ts";
import type { Fault, Faults } from "./fault.ts";

const CONTROL = 3; // host/main.ts
const send = (bytes: Uint8Array) => call("write", CONTROL, bytes, bytes.length);
const said =
  (text: string, descriptors = 0): Fault =>
  () =>
    send(frame(text, descriptors));

export const control: Faults = {
  "control-garbage": ({ random }) =>
    send(Uint8Array.from({ length: 1000 }, (_, at) => (at < 8 ? 0xff : integer(random, 256)))),
  "control-no-json": said("no json"),
  "control-unknown-notice": said(`{"notice":"surrender","params":{}}`),
  "control-prototype": said(`{"notice":"__proto__","params":{"constructor":{}}}`),
  "control-unasked-answer": said(`{"id":99999,"result":{}}`),
  "control-lacks-descriptors": said(`{"notice":"disconnected","params":{}}`, 1),
  "control-question": said(`{"id":1,"method":"stop","params":{"device":"usb-1:1.0"}}`),
  "control-closed": () => call("close", CONTROL),
};
