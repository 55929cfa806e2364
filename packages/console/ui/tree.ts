// Runs in: browser. Owns: what hangs from what: a bus, what is plugged in there, its interfaces, their units.
import type { DeviceStatus } from "./told.ts";
import { urgency } from "./words.ts";

/** A line of the tree, `level` steps below its bus. Of what is the only one at its place, or in its device, there is no line beside that's. */
export type Line =
  | { readonly kind: "place"; readonly key: string; readonly level: number; readonly name: string }
  | { readonly kind: "device"; readonly key: string; readonly level: number; readonly device: DeviceStatus }
  | {
      readonly kind: "unit";
      readonly key: string;
      readonly level: number;
      readonly unit: DeviceStatus["units"][number];
    };

export interface Branch {
  readonly bus: DeviceStatus["bus"];
  readonly lines: readonly Line[];
}

/** Something plugged in, and what is plugged into it. */
interface Place {
  readonly id: string;
  readonly name: string;
  readonly devices: DeviceStatus[];
  readonly behind: Place[];
}

/**
 * The branches of the buses and their lines; at each level what is more urgent comes first.
 * `all` says what is plugged in where, hubs among it; of `shown`, which are among them, there are lines.
 */
export function treeOf(all: readonly DeviceStatus[], shown: readonly DeviceStatus[]): readonly Branch[] {
  const buses = [...new Set(shown.map(({ bus }) => bus))].toSorted(inOrder);
  return buses.map((bus) => {
    const onBus = (device: DeviceStatus) => device.bus === bus;
    return { bus, lines: roots(all.filter(onBus), shown.filter(onBus)).flatMap((root) => linesOf(root, 1)) };
  });
}

/** The interface "usb-1-4.2:1.0" is a part of what is plugged in at "usb-1-4.2"; the kernel names them so (drivers/usb/core/message.c, usb_set_configuration). */
const placeOf = ({ bus, id }: DeviceStatus) => (bus === "usb" ? id.replace(/:\d+\.\d+$/, "") : id);
/** The hub at port 4 is "usb-1-4" to what is at its port 2. */
const hubOf = (place: string) => /^(usb-\d+-.+)\.\d+$/.exec(place)?.[1];

function roots(all: readonly DeviceStatus[], shown: readonly DeviceStatus[]): readonly Place[] {
  const places = new Map<string, Place>();
  for (const device of all) {
    const id = placeOf(device);
    if (!places.has(id)) places.set(id, { id, name: device.name, devices: [], behind: [] });
  }
  for (const device of shown) places.get(placeOf(device))!.devices.push(device);
  const top: Place[] = [];
  for (const place of places.values()) {
    const hub = hubOf(place.id);
    const above = hub === undefined ? undefined : places.get(hub);
    (above?.behind ?? top).push(place);
  }
  return sorted(top);
}

function linesOf(place: Place, level: number): readonly Line[] {
  const { id, name, devices } = place;
  const behind = sorted(place.behind);
  if (behind.length === 0 && devices.length <= 1)
    return devices.flatMap((device) => linesOfDevice(device, level));
  const within = [
    ...devices.toSorted(byUrgency).flatMap((device) => linesOfDevice(device, level + 1)),
    ...behind.flatMap((each) => linesOf(each, level + 1)),
  ];
  return within.length === 0 ? [] : [{ kind: "place", key: id, level, name }, ...within];
}

function linesOfDevice(device: DeviceStatus, level: number): readonly Line[] {
  const units = device.units.length > 1 ? device.units : [];
  return [
    { kind: "device", key: device.id, level, device },
    ...units.map((unit) => ({ kind: "unit" as const, key: unit.id, level: level + 1, unit })),
  ];
}

const { compare: inOrder } = new Intl.Collator("en", { numeric: true }); // port 10 is behind port 9
export const byUrgency = (a: DeviceStatus, b: DeviceStatus) =>
  urgency[a.state] - urgency[b.state] || inOrder(a.id, b.id);

/** The most urgent of all that hangs there; Infinity where nothing is shown. */
const urgencyOf = ({ devices, behind }: Place): number =>
  Math.min(...devices.map(({ state }) => urgency[state]), ...behind.map(urgencyOf));
const sorted = (places: readonly Place[]) => {
  const urgent = new Map(places.map((place) => [place, urgencyOf(place)]));
  const byPlace = (a: Place, b: Place) => {
    const [first, second] = [urgent.get(a)!, urgent.get(b)!];
    return first === second ? inOrder(a.id, b.id) : first - second;
  };
  return places.toSorted(byPlace);
};
