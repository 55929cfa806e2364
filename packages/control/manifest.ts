// Runs in: manager and CLI. Owns: nothing. driver.json: what a driver is, which devices it drives and what it is granted.
import * as v from "valibot";
import { readDocument } from "./document.ts";
import { className } from "./fields.ts";
import { placement } from "./placement.ts";
import { requestNames, surfaceNames, surfaces } from "./surfaces.ts";

/** The version of @ring3/sdk that manifests' ranges are held against. */
export const sdkVersion = "0.1.0";

function unsigned(bits: 8 | 16, example: string, description: string) {
  const most = 2 ** bits - 1;
  const form = `a number from 0 to ${most}, or a string such as "${example}"`;
  const digits = bits === 8 ? /^0x[0-9a-fA-F]{1,2}$/ : /^0x[0-9a-fA-F]{1,4}$/;
  return v.pipe(
    v.union(
      [
        v.pipe(v.number(), v.integer(form), v.minValue(0, form), v.maxValue(most, form)),
        v.pipe(v.string(), v.regex(digits, form)),
      ],
      form,
    ),
    v.description(description),
    v.transform(Number),
  );
}

const interfaceRule = v.pipe(
  v.strictObject({
    class: unsigned(8, "0x08", "bInterfaceClass"),
    subclass: v.exactOptional(unsigned(8, "0x06", "bInterfaceSubClass")),
    protocol: v.exactOptional(unsigned(8, "0x50", "bInterfaceProtocol; needs subclass")),
  }),
  v.check((rule) => rule.protocol === undefined || rule.subclass !== undefined, "subclass beside protocol"),
);

const usbRule = v.pipe(
  v.strictObject({
    vendor: v.exactOptional(unsigned(16, "0x046d", "idVendor")),
    product: v.exactOptional(unsigned(16, "0xc52b", "idProduct; needs vendor")),
    serial: v.exactOptional(
      v.pipe(v.string(), v.minLength(1), v.description("The serial number string, exactly; needs product")),
    ),
    deviceClass: v.exactOptional(unsigned(8, "0xff", "bDeviceClass")),
    interface: v.exactOptional(v.pipe(interfaceRule, v.description("Of the one interface that is driven"))),
  }),
  v.check(
    (rule) => Object.keys(rule).length > 0,
    "at least one field: an empty rule would match every device",
  ),
  v.check((rule) => rule.product === undefined || rule.vendor !== undefined, "vendor beside product"),
  v.check((rule) => rule.serial === undefined || rule.product !== undefined, "product beside serial"),
);
export type UsbRule = v.InferOutput<typeof usbRule>;

const hidRule = v.pipe(
  v.strictObject({
    bus: v.exactOptional(unsigned(16, "0x0005", "BUS_* of linux/input.h; 0x0005 is Bluetooth")),
    vendor: v.exactOptional(unsigned(16, "0x046d", "The vendor's id")),
    product: v.exactOptional(unsigned(16, "0xb023", "The product's id; needs vendor")),
    serial: v.exactOptional(
      v.pipe(
        v.string(),
        v.minLength(1),
        v.description("What tells it from others of its kind, HID_UNIQ, exactly; needs product"),
      ),
    ),
    usagePage: v.exactOptional(
      unsigned(16, "0x0001", "Of one of the outermost collections of its report descriptor"),
    ),
    usage: v.exactOptional(unsigned(16, "0x0006", "Of that collection; needs usagePage")),
  }),
  v.check(
    (rule) => Object.keys(rule).length > 0,
    "at least one field: an empty rule would match every device",
  ),
  v.check((rule) => rule.product === undefined || rule.vendor !== undefined, "vendor beside product"),
  v.check((rule) => rule.serial === undefined || rule.product !== undefined, "product beside serial"),
  v.check((rule) => rule.usage === undefined || rule.usagePage !== undefined, "usagePage beside usage"),
);
export type HidRule = v.InferOutput<typeof hidRule>;

const matchRule = v.pipe(
  v.strictObject({
    usb: v.exactOptional(v.pipe(usbRule, v.description("An interface of a USB device"))),
    hid: v.exactOptional(
      v.pipe(hidRule, v.description("A HID device that is no part of a USB interface: on Bluetooth, on I2C")),
    ),
  }),
  v.check((rule) => Object.keys(rule).length === 1, "exactly one of the fields usb, hid"),
);
export type MatchRule = v.InferOutput<typeof matchRule>;

const version = v.pipe(v.string(), v.regex(/^\d{1,6}\.\d{1,6}\.\d{1,6}$/, 'a version such as "1.4.0"'));
const range = v.pipe(
  v.string(),
  v.regex(/^\^?\d{1,6}\.\d{1,6}\.\d{1,6}$/, 'a version or a caret range such as "^0.1.0"'),
);
export const driverName = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9-]{0,62}$/, 'a name of small letters, digits and dashes, such as "usb-storage"'),
);
const within = (least: number, most: number) => {
  const form = `an integer from ${least} to ${most}`;
  return v.pipe(v.number(form), v.integer(form), v.minValue(least, form), v.maxValue(most, form));
};

const limits = v.strictObject({
  memoryMb: v.optional(
    v.pipe(within(32, 4096), v.description("The driver host may hold this much; beyond it is killed")),
    256,
  ),
  cpuPercent: v.exactOptional(
    v.pipe(
      within(5, 6400),
      v.description("Of one processor, where ring3 may make cgroups; all there is, without"),
    ),
  ),
  hangMs: v.optional(
    // A third of it is a beat: of anything shorter a busy machine would make a hang.
    v.pipe(within(100, 120_000), v.description("The driver's event loop may stand still this long")),
    1500,
  ),
  cancelMs: v.optional(
    v.pipe(
      within(50, 60_000),
      v.description(
        "The driver lets go of a request within this long, once its deadline has passed or its client has taken it back",
      ),
    ),
    1000,
  ),
  probeMs: v.optional(v.pipe(within(100, 120_000), v.description("probe has this long")), 15_000),
});

const manifestFields = v.strictObject({
  $schema: v.exactOptional(v.pipe(v.string(), v.description("For editors"))),
  name: v.pipe(driverName, v.description("Also the name of the driver's folder")),
  version: v.pipe(version, v.description("The driver's own version")),
  sdk: v.pipe(range, v.description("The versions of @ring3/sdk that it runs with")),
  class: v.pipe(className, v.description("The contract that its units serve: block, …")),
  match: v.pipe(
    v.array(matchRule),
    v.minLength(1, "at least one rule"),
    v.description("Devices that it drives: those that fit any one of these rules"),
  ),
  grants: v.pipe(
    v.array(v.picklist(surfaceNames)),
    v.minLength(1, "at least one surface"),
    v.description("Kernel surfaces that the driver is handed descriptors of"),
  ),
  requests: v.exactOptional(
    v.pipe(
      v.strictObject({
        usb: v.exactOptional(v.array(v.picklist(requestNames("usb")))),
        hidraw: v.exactOptional(v.array(v.picklist(requestNames("hidraw")))),
      }),
      v.description("Narrows a grant to these ioctl requests; without, it has all of its surface's table"),
    ),
  ),
  placement: v.optional(placement, "isolated"),
  latency: v.optional(
    v.pipe(
      v.picklist(["wake", "poll"]),
      v.description(
        "How driver and clients wait for each other. wake: asleep, until they are woken. poll: awake, each with a processor of its own, until for a second nothing was asked",
      ),
    ),
    "wake",
  ),
  sandbox: v.optional(
    v.pipe(
      v.picklist(["standard", "strict"]),
      v.description("The tier of the jail; strict: no memory is executable, at the cost of the compiler"),
    ),
    "standard",
  ),
  stateVersion: v.optional(
    v.pipe(
      within(0, 0xffff),
      v.description("Of what ctx.state keeps: a driver reads no state of another version"),
    ),
    0,
  ),
  stateOutlives: v.optional(
    v.pipe(
      v.picklist(["driver", "unplugging"]),
      v.description(
        "What ctx.state is there after. driver: another driver of the device, as long as that is plugged in. unplugging: the device's return too; for settings such as lights",
      ),
    ),
    "driver",
  ),
  limits: v.optional(v.pipe(limits, v.description("What kills the driver when it goes beyond")), {}),
});

/** A grant beyond the buses of the match rules, or a narrowing of what is not granted, is a mistake or a try. */
export const manifestSchema = v.pipe(
  manifestFields,
  v.forward(
    v.partialCheck(
      [["grants"], ["requests"]],
      ({ grants, requests = {} }) =>
        (Object.keys(requests) as (keyof typeof requests)[]).every((surface) => grants.includes(surface)),
      "requests of surfaces that are among the grants",
    ),
    ["requests"],
  ),
  v.rawCheck(({ dataset: { typed, value }, addIssue }) => {
    if (!typed || value.match.length === 0 || value.match.some((rule) => Object.keys(rule).length !== 1))
      return;
    const buses = new Set(value.match.flatMap((rule) => Object.keys(rule)));
    const granted = new Set<string>(value.grants.map((name) => surfaces[name].bus));
    if (buses.symmetricDifference(granted).size === 0) return;
    const at = { type: "object", origin: "value", input: { ...value }, key: "grants" } as const;
    addIssue({
      message: "the surface of each bus that its rules name, and no other",
      input: value.grants,
      path: [{ ...at, value: value.grants }],
    });
  }),
  v.rawCheck(({ dataset: { typed, value }, addIssue }) => {
    if (!typed || value.placement !== "inline" || value.sandbox !== "strict") return;
    const at = { type: "object", origin: "value", input: { ...value }, key: "placement" } as const;
    addIssue({
      message: '"isolated" or "pooled:NAME" beside sandbox "strict": a reflector runs with V8\'s compiler',
      input: value.placement,
      path: [{ ...at, value: value.placement }],
    });
  }),
);
export type Manifest = v.InferOutput<typeof manifestSchema>;

/** Throws DocumentError, which names file, line, field, what was expected and what was found. */
export function parseManifest(text: string, file: string): Manifest {
  return readDocument(text, file, manifestSchema);
}

/** npm's caret: the left-most figure that is not zero must be the same, the rest at least as high. */
export function satisfies(version: string, range: string): boolean {
  const have = version.split(".").map(Number);
  const want = range.replace("^", "").split(".").map(Number);
  if (!range.startsWith("^")) return version === range;
  const leading = want.findIndex((figure) => figure > 0);
  const fixed = leading === -1 ? 3 : leading + 1;
  const differs = have.findIndex((figure, index) => figure !== want[index]);
  return differs === -1 || (differs >= fixed && have[differs]! > want[differs]!);
}
