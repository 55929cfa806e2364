// Runs in: tests. Owns: nothing. HID devices in a made-up sysfs tree, as Linux 6.12 shows them.
import type { Tree } from "../usbfs/sysfs.fixture.ts";

export interface HidSpec {
  /** "0005:1209:0101.0004" */
  readonly kernelName: string;
  /** Below devices/: of the folder that the device's own is in. */
  readonly below?: string;
  readonly name?: string;
  readonly phys?: string;
  readonly uniq?: string;
  /** Undefined: none is bound. */
  readonly driver?: string | undefined;
  /** Its numbers. */
  readonly hidraw?: number;
  readonly inputs?: readonly number[];
}

/** A mouse's report descriptor without anything in it: HID 1.11 §6.2.2. */
const DESCRIPTOR = Uint8Array.of(0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0xc0);

export const folderOf = ({ kernelName, below = "virtual/misc/uhid" }: HidSpec) =>
  `devices/${below}/${kernelName}`;

export function hidDevice(spec: HidSpec): Tree {
  const { kernelName, name = "Pad", phys = "", uniq = "", driver, hidraw, inputs = [] } = spec;
  const [bus, vendor, product] = kernelName.split(/[:.]/);
  const folder = folderOf(spec);
  const up = "../".repeat(folder.split("/").length);
  const uevent = [
    ...(driver === undefined ? [] : [`DRIVER=${driver}`]),
    `HID_ID=${bus}:0000${vendor}:0000${product}`,
    `HID_NAME=${name}`,
    `HID_PHYS=${phys}`,
    `HID_UNIQ=${uniq}`,
    "MODALIAS=hid:x",
  ];
  return {
    [`bus/hid/devices/${kernelName}`]: `->../../../${folder}`,
    [`${folder}/uevent`]: `${uevent.join("\n")}\n`,
    [`${folder}/report_descriptor`]: DESCRIPTOR,
    [`${folder}/subsystem`]: `->${up}bus/hid`,
    ...(driver === undefined ? {} : { [`${folder}/driver`]: `->${up}bus/hid/drivers/${driver}` }),
    ...(hidraw === undefined
      ? {}
      : {
          [`${folder}/hidraw/hidraw${hidraw}/dev`]: `240:${hidraw}\n`,
          [`${folder}/hidraw/hidraw${hidraw}/device`]: "->../..",
          [`class/hidraw/hidraw${hidraw}`]: `->../../${folder}/hidraw/hidraw${hidraw}`,
        }),
    ...Object.fromEntries(
      inputs.flatMap((number) => [
        [`${folder}/input/input${number}/inhibited`, "0\n"],
        [`${folder}/input/input${number}/id/version`, "0110\n"],
        [`${folder}/input/input${number}/event${number}/dev`, `13:${number}\n`],
        [`${folder}/input/input${number}/device`, "->../.."],
      ]),
    ),
  };
}
