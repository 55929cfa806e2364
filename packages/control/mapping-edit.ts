// Runs in: CLI. Owns: nothing. Changes of a mapping file that leave all else in it as it is, comments too. Pure.
import { controlNamed, sideOf, triggerNames } from "@ring3/core/controls";
import { DeviceError } from "@ring3/core/errors";
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parse,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { type DeviceSelector, entryFor, type MappedDevice, onOf, parseMapping, partsOf } from "./mapping.ts";
import { actionNames } from "./mapping-actions.ts";
import { nearest } from "./nearest.ts";

/** Of an entry that had no profile yet. */
const FIRST_PROFILE = "main";

export interface Place {
  readonly device: MappedDevice;
  /** That there are now, itself among them: a new entry is for none of these but itself. */
  readonly devices: readonly MappedDevice[];
  /** undefined: the first. */
  readonly profile: string | undefined;
}

export interface Edited {
  /** The whole file. */
  readonly text: string;
  readonly for: DeviceSelector;
  /** The entry, or the profile, was not there before. */
  readonly made: readonly ("entry" | "profile")[];
  readonly profile: string;
  readonly control: string;
  /** As it was written before, if it was. */
  readonly before: unknown;
}

/** What may stand left of an action for a device of that class. */
export function controlsOf(className: string): readonly string[] {
  const isPad = className === "gamepad";
  return triggerNames.filter((name) => (sideOf(controlNamed(name)!) === "gamepad") === isPad);
}

/** Throws DeviceError for what no device of that class has. */
export function checkControl(text: string, className: string): void {
  const known = controlsOf(className);
  for (const name of partsOf(text))
    if (!known.includes(name)) throw unknown("control", name, known, className);
}

/** As it stands in the file: names that are held together, or YAML in one word: `{ press: south, turbo: 12 }`. Throws DeviceError. */
export function actionOf(words: readonly string[]): unknown {
  const [first = ""] = words;
  if (words.length === 1 && /^[{[]/.test(first)) {
    try {
      return parse(first, { logLevel: "error" });
    } catch (cause) {
      throw new DeviceError("invalid", `action ${first}: expected YAML, as it stands in the file`, { cause });
    }
  }
  for (const word of words)
    if (!actionNames.includes(word)) throw unknown("action", word, actionNames, undefined);
  return words.length === 1 ? first : words;
}

function unknown(
  what: string,
  name: string,
  known: readonly string[],
  className: string | undefined,
): DeviceError {
  const upper = [`KEY_${name.toUpperCase()}`, `BTN_${name.toUpperCase()}`].find((word) =>
    known.includes(word),
  );
  const meant = upper ?? nearest(name, known);
  const hint = meant === undefined ? "" : ` (did you mean "${meant}"?)`;
  const examples =
    className === undefined
      ? "KEY_ENTER, BTN_LEFT, south, wheelUp, nothing"
      : className === "gamepad"
        ? "south, leftShoulder, hatUp, leftStickUp, select+start"
        : "KEY_A, BTN_SIDE, KEY_LEFTCTRL+KEY_A";
  return new DeviceError("invalid", `there is no ${what} "${name}"${hint}; there are such as ${examples}`);
}

/** Throws DeviceError, DocumentError among it, where the file is not in order before or would not be afterwards. */
export function bind(text: string, file: string, place: Place, control: string, action: unknown): Edited {
  const { document, entry, made } = opened(text, file, place);
  const at = profileAt(document, file, entry, place, made);
  const buttons = mapAt(document, file, [...at.path, "buttons"], true)!;
  const pair = pairOf(buttons, control);
  const value = document.createNode(action, { flow: true }) as Node;
  const before = pair === undefined ? undefined : plain(document, pair.value);
  if (pair === undefined) buttons.add(document.createPair(control, value));
  else {
    const { comment = null, commentBefore = null } = (pair.value ?? {}) as Partial<Node>;
    Object.assign(value, { comment, commentBefore });
    pair.value = value;
  }
  return finished(document, file, at, control, before, made);
}

/** The same; throws where nothing is bound to it. */
export function unbind(text: string, file: string, place: Place, control: string): Edited {
  const { document, entry, made } = opened(text, file, place);
  if (entry < 0 || made.length > 0) throw nothingBound(control, file);
  const at = profileAt(document, file, entry, place, made);
  const buttons = made.length > 0 ? undefined : mapAt(document, file, [...at.path, "buttons"], false);
  const pair = buttons && pairOf(buttons, control);
  if (pair === undefined) throw nothingBound(control, file);
  const before = plain(document, pair.value);
  buttons!.delete(pair.key);
  return finished(document, file, at, control, before, made);
}

const nothingBound = (control: string, file: string) =>
  new DeviceError("invalid", `remove ${control}: nothing is bound to it in that profile in ${file}`);

type Made = ("entry" | "profile")[];

function opened(
  text: string,
  file: string,
  { device }: Place,
): { document: Document; entry: number; made: Made } {
  const entry = entryFor(parseMapping(text, file), device);
  return { document: parseDocument(text, { logLevel: "error" }), entry, made: [] };
}

interface At {
  readonly path: readonly (string | number)[];
  readonly for: DeviceSelector;
  readonly profile: string;
}

/** Of a USB device, of whose interfaces each is one of ring3's. */
const portOf = (id: string): string => /^usb-[^:]*/.exec(id)?.[0] ?? id;

/** By name, or by what it is; where another is the same, by what tells them apart. */
function selectorOf(device: MappedDevice, known: readonly MappedDevice[]): DeviceSelector {
  const { alias, usb, serial, id } = device;
  if (alias !== null) return { alias };
  const others = known.filter((other) => portOf(other.id) !== portOf(id));
  if (others.every((other) => other.usb !== usb)) return { usb };
  const isAlone = serial !== null && others.every((other) => other.serial !== serial);
  return isAlone ? { serial } : { device: portOf(id) };
}

/** Of the entry that is the device's, or of a new one; there is such a profile afterwards. */
function profileAt(
  document: Document,
  file: string,
  entry: number,
  { device, devices: known, profile }: Place,
  made: Made,
): At {
  if (entry < 0) {
    made.push("entry");
    const name = profile ?? FIRST_PROFILE;
    const selector = selectorOf(device, known);
    const node = document.createNode({ profiles: { [name]: {} } }) as YAMLMap;
    node.items.unshift(document.createPair("for", document.createNode(selector, { flow: true })));
    const devices = document.get("devices", true);
    if (!isSeq(devices)) document.set("devices", document.createNode([node]));
    else {
      devices.flow = false;
      devices.add(node);
    }
    const { length } = (document.get("devices", true) as unknown as { items: unknown[] }).items;
    return { path: ["devices", length - 1, "profiles", name], for: selector, profile: name };
  }
  const written = document.toJS() as {
    devices: { for: DeviceSelector; profiles: Record<string, unknown> }[];
  };
  const { for: selector, profiles } = written.devices[entry]!;
  const name = profile ?? Object.keys(profiles)[0]!;
  const path = ["devices", entry, "profiles", name];
  if (!Object.hasOwn(profiles, name)) {
    made.push("profile");
    mapAt(document, file, ["devices", entry, "profiles"], false)!.add(
      document.createPair(name, document.createNode({})),
    );
  }
  return { path, for: selector, profile: name };
}

/** The map at a path; undefined where there is none and none is to be made. */
function mapAt(
  document: Document,
  file: string,
  path: readonly (string | number)[],
  make: boolean,
): YAMLMap | undefined {
  for (let length = 1; length <= path.length; length++) {
    const node = document.getIn(path.slice(0, length), true);
    if (isAlias(node))
      throw new DeviceError(
        "unsupported",
        `${path.slice(0, length).join(".")} is an alias (*${node.source}), so it would change elsewhere too: edit ${file} by hand`,
      );
    if (isMap(node)) {
      if (node.items.length === 0) node.flow = false;
      continue;
    }
    if (isSeq(node)) continue;
    if (!make) return undefined;
    document.setIn(path.slice(0, length), document.createNode({}));
  }
  return document.getIn(path, true) as YAMLMap;
}

/** Whatever the order in which a chord's buttons are written. */
function pairOf(buttons: YAMLMap, control: string) {
  const wanted = key(control);
  return buttons.items.find((pair) => isScalar(pair.key) && key(String(pair.key.value)) === wanted);
}
const key = (text: string) => `${onOf(text).toSorted((a, b) => a - b)}`;

const plain = (document: Document, node: unknown): unknown => (node as Node | null)?.toJS(document);

function finished(
  document: Document,
  file: string,
  at: At,
  control: string,
  before: unknown,
  made: Made,
): Edited {
  const text = document.toString({ lineWidth: 0 });
  parseMapping(text, file); // what is bound may be wrong in itself, or name a layer that there is not
  return { text, for: at.for, profile: at.profile, made, control, before };
}

/** What the file says of each profile of the entry that is a device's, as it is written; undefined: there is none. */
export function profilesAsWritten(
  text: string,
  file: string,
  device: MappedDevice,
): Readonly<Record<string, unknown>> | undefined {
  const entry = entryFor(parseMapping(text, file), device);
  if (entry < 0) return undefined;
  const { devices } = parse(text) as { devices: { profiles: Record<string, unknown> }[] };
  return devices[entry]!.profiles;
}
