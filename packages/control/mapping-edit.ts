// Runs in: CLI. Owns: nothing. Changes of a mapping file that leave all else in it as it is, comments too. Pure.
import { controlNamed, sideOf, triggerNames } from "@ring3/core/controls";
import type { DeviceError } from "@ring3/core/errors";
import { mappingLimits as limits } from "@ring3/core/mapping";
import { parse } from "yaml";
import { DocumentError, saidOf } from "./document.ts";
import { inline, withoutPair, withValue } from "./document-edit.ts";
import {
  checkAction,
  type DeviceSelector,
  entryFor,
  type MappedDevice,
  onOf,
  parseMapping,
  partsOf,
} from "./mapping.ts";
import { actionNames } from "./mapping-actions.ts";
import { nearest } from "./nearest.ts";
import { sentence } from "./sentence.ts";

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

/** Throws DeviceError for what no device of that class has, and what is no chord. */
export function checkControl(text: string, className: string): void {
  const known = controlsOf(className);
  const names = partsOf(text);
  for (const name of names) if (!known.includes(name)) throw unknown("control", name, known, className);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined)
    throw sentence("invalid", `control ${text}: expected each button once, found ${twice} twice`);
  if (names.length > limits.chord)
    throw sentence(
      "invalid",
      `control ${text}: expected at most ${limits.chord} joined by +, found ${names.length}`,
    );
}

/** As it stands in the file: names that are held together, or YAML in one word: `{ press: south, turbo: 12 }`. Throws DeviceError. */
export function actionOf(words: readonly string[]): unknown {
  const [first = ""] = words;
  const isYaml = words.length === 1 && /^[{[]/.test(first);
  const wrong = isYaml ? undefined : words.find((word) => !actionNames.includes(word));
  if (wrong !== undefined) throw unknown("action", wrong, actionNames, undefined);
  const action = isYaml ? yamlOf(first) : words.length === 1 ? first : words;
  try {
    checkAction(action);
    return action;
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    const said = error.problems.map((problem) =>
      saidOf({ ...problem, path: problem.path.replace(/^action\.?/, "") }),
    );
    throw sentence("invalid", said.map((problem) => `action ${words.join(" ")}: ${problem}`).join("\n"));
  }
}

function yamlOf(text: string): unknown {
  try {
    return parse(text, { logLevel: "error" });
  } catch (cause) {
    throw sentence("invalid", `action ${text}: expected YAML, as it stands in the file`, { cause });
  }
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
  return sentence("invalid", `there is no ${what} "${name}"${hint}; there are such as ${examples}`);
}

/** Throws DeviceError where the file is not in order before, would not be afterwards, or cannot be changed in that place alone. */
export function bind(text: string, file: string, place: Place, control: string, action: unknown): Edited {
  const { entries, at, selector, profile } = found(text, file, place);
  const { buttons = {} } = entries[at]?.profiles[profile] ?? {};
  const written = keyOf(buttons, control) ?? partsOf(control).join("+");
  const path = ["devices", at, "profiles", profile, "buttons", written];
  const value = inline(action);
  const isNew = entries[at] === undefined;
  const edited = isNew
    ? withValue(text, file, path.slice(0, 2), {
        for: inline(selector),
        profiles: { [profile]: { buttons: { [written]: value } } },
      })
    : withValue(text, file, path, value);
  const made = isNew ? "entry" : Object.hasOwn(entries[at]!.profiles, profile) ? undefined : "profile";
  const result = { for: selector, profile, control, before: buttons[written] };
  return { ...result, text: checked(edited, file, control), made: made === undefined ? [] : [made] };
}

/** The same; throws where nothing is bound to it. */
export function unbind(text: string, file: string, place: Place, control: string): Edited {
  const { entries, at, selector, profile } = found(text, file, place);
  const { buttons = {} } = entries[at]?.profiles[profile] ?? {};
  const written = keyOf(buttons, control);
  if (written === undefined)
    throw sentence("invalid", `remove ${control}: nothing is bound to it in that profile in ${file}`);
  const edited = withoutPair(text, file, ["devices", at, "profiles", profile, "buttons", written]);
  const result = { for: selector, profile, control, before: buttons[written] };
  return { ...result, text: checked(edited, file, control), made: [] };
}

type Buttons = Readonly<Record<string, unknown>>;
interface Entry {
  readonly for: DeviceSelector;
  readonly profiles: Readonly<Record<string, { readonly buttons?: Buttons }>>;
}
const entriesOf = (text: string): readonly Entry[] =>
  (parse(text) as { devices: Entry[] } | null)?.devices ?? [];

/** The entry that is the device's, or would be: that is the one behind the last. */
function found(text: string, file: string, { device, devices: known, profile }: Place) {
  const entry = entryFor(parseMapping(text, file), device);
  const entries = entriesOf(text);
  const its = entries[entry];
  return {
    entries,
    at: its === undefined ? entries.length : entry,
    selector: its?.for ?? selectorOf(device, known),
    profile: profile ?? Object.keys(its?.profiles ?? {})[0] ?? FIRST_PROFILE,
  };
}

/** As it is written there, whatever the order of a chord's buttons. */
function keyOf(buttons: Buttons, control: string): string | undefined {
  const key = (text: string) => `${onOf(text).toSorted((a, b) => a - b)}`;
  const wanted = key(control);
  return Object.keys(buttons).find((text) => key(text) === wanted);
}

/** What is bound may be wrong beside that control, or name a layer that there is not; no such file is written, so its lines are not told. */
function checked(text: string, file: string, control: string): string {
  try {
    parseMapping(text, file);
    return text;
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw sentence("invalid", error.problems.map((problem) => `${control}: ${saidOf(problem)}`).join("\n"));
  }
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

/** What the file says of each profile of the entry that is a device's, as it is written; undefined: there is none. */
export function profilesAsWritten(
  text: string,
  file: string,
  device: MappedDevice,
): Readonly<Record<string, unknown>> | undefined {
  const entry = entryFor(parseMapping(text, file), device);
  if (entry < 0) return undefined;
  return entriesOf(text)[entry]!.profiles;
}
