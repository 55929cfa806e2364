// Runs in: driver host, jailed. Owns: nothing. Pure: which of a device's collections become which units, and what those are called: facts of Linux's
// drivers/hid/hid-input.c (hidinput_match_application, hidinput_allocate).
import { type HidCollectionInfo, hidUsages } from "@ring3/sdk";

const { mouse, pointer, keyboard, keypad, systemControl } = hidUsages.genericDesktop;
const { digitizer, pen, touchScreen, stylus } = hidUsages.digitizer;
const { consumerControl } = hidUsages.consumer;
/** Wacom's own digitizer page: usages as those of the others (drivers/hid/wacom_wac.h). */
const WACOM_DIGITIZER = 0xff0d_0001;
const APPLICATION = 1; // HID 1.11 §6.2.2.6

/** By the usage of an application collection: what Linux puts behind the device's name where there are several. */
const suffixes: ReadonlyMap<number, string> = new Map([
  [mouse, "Mouse"],
  [pointer, ""],
  [keyboard, "Keyboard"],
  [keypad, "Keypad"],
  [systemControl, "System Control"],
  [consumerControl, "Consumer Control"],
  [digitizer, ""],
  [pen, "Stylus"],
  [stylus, "Pen"],
  [touchScreen, "Touchscreen"],
  [WACOM_DIGITIZER, ""],
]);

export interface Application {
  readonly usage: number;
  readonly name: string;
  readonly collections: readonly HidCollectionInfo[];
}

/** One for each kind; what a keyboard's makers put beside it for volume and sleep is a part of it. */
export function applicationsOf(collections: readonly HidCollectionInfo[], device: string): Application[] {
  const found: { usage: number; collections: HidCollectionInfo[] }[] = [];
  for (const collection of collections) {
    const usage = ((collection.usagePage << 16) | collection.usage) >>> 0;
    if (!suffixes.has(usage)) continue;
    const isControl = usage === systemControl || usage === consumerControl;
    const own = found.find((each) => each.usage === usage || (isControl && each.usage === keyboard));
    if (own === undefined) found.push({ usage, collections: [collection] });
    else own.collections.push(collection);
  }
  const isOne = collections.filter(({ type }) => type === APPLICATION).length <= 1;
  return found.map(({ usage, collections }) => {
    const suffix = suffixes.get(usage)!;
    const name = isOne || suffix === "" || device.endsWith(suffix) ? device : `${device} ${suffix}`;
    return { usage, name, collections };
  });
}
