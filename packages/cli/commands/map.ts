// Runs in: CLI. Owns: nothing.
import type { ManagerConnection } from "@ring3/client/manager-connection";
import type { MappingState } from "@ring3/control/client-edge";
import { durationForm, parseDuration } from "@ring3/control/duration";
import { mappingFor, parseMapping } from "@ring3/control/mapping";
import {
  actionOf,
  bind,
  checkControl,
  type Edited,
  type Place,
  profilesAsWritten,
  unbind,
} from "@ring3/control/mapping-edit";
import { resolveDevice, selectorText } from "@ring3/control/selector";
import { sentence } from "@ring3/control/sentence";
import { DeviceError } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";
import { type Args, type Command, UsageError } from "../command.ts";
import { readMapping, writeMapping } from "../map/file.ts";
import { learn } from "../map/learn.ts";
import { bindingsText, deviceOf, entryText, listText, refusalLines } from "../map/text.ts";
import type { Ring3 } from "../ring3.ts";

/** Is not part of the text for whoever reads the file to go by it. */
const BYTE_ORDER_MARK = /^\ufeff/;
/** What one action may press at once, and a device and a control before them. */
const WORDS_MAX = 2 + 8;

export default {
  summary: "shows and changes what the buttons of game controllers, keyboards and mice do",
  usage: "[DEVICE [CONTROL ACTION…]] [--learn] [--remove CONTROL] [--profile P]",
  options: {
    learn: { type: "boolean", help: "press it: binds ACTION to it, or only says what it is called" },
    remove: { type: "string", value: "CONTROL", help: "it does again what it does by itself" },
    profile: {
      type: "string",
      value: "NAME",
      help: "alone: makes it active; beside a change: changes that one, which is made if need be, instead of the active one",
    },
    timeout: { type: "string", value: "DURATION", help: "how long --learn waits; 30s unless said" },
  },
  words: [0, WORDS_MAX],
  details: `CONTROL is a button, a key, a way of a stick, or several joined by +: south, KEY_CAPSLOCK, leftStickUp, select+start. ACTION is what it presses instead, several names at once, "nothing", or YAML in one word:
  ring3 map pad south KEY_ENTER
  ring3 map pad west KEY_LEFTALT KEY_TAB
  ring3 map pad east '{ press: KEY_E, turbo: 12 }'
  ring3 map pad --learn BTN_LEFT
The mapping file keeps its comments; docs/mapping.md says all that it can say.`,
  async run(ring3, args) {
    const wanted = readWanted(args);
    const manager = ring3.connect();
    try {
      const state = await manager.ask("mapping", {});
      if (wanted.device === undefined) return list(ring3, state);
      const units = await unitsOf(manager, state, wanted.device);
      switch (wanted.do) {
        case "show":
          return show(ring3, state, units);
        case "use":
          return await use(ring3, manager, units, wanted.profile);
        case "learn":
          return await learned(ring3, manager, wanted.device, units, wanted);
        default:
          return await change(ring3, manager, state, units, wanted);
      }
    } finally {
      manager.disconnect();
    }
  },
} satisfies Command;

type Wanted =
  | { readonly device: undefined }
  | ({ readonly device: string } & (
      | { readonly do: "show" }
      | { readonly do: "use"; readonly profile: string }
      | Learning
      | Change
    ));
interface Learning {
  readonly do: "learn";
  readonly action: unknown;
  readonly profile: string | undefined;
  readonly timeoutMs: number;
  readonly timeoutText: string;
}
interface Change {
  readonly do: "bind" | "unbind";
  readonly control: string;
  readonly action?: unknown;
  readonly profile: string | undefined;
}

function readWanted({ words, values }: Args): Wanted {
  const [device, control, ...action] = words;
  const profile = values.profile as string | undefined;
  const remove = values.remove as string | undefined;
  const wrong = (text: string): never => {
    throw new UsageError(text);
  };
  if (device === undefined) {
    if (profile !== undefined || remove !== undefined || values.learn === true) wrong("of which DEVICE?");
    return { device };
  }
  if (values.timeout !== undefined && values.learn !== true) wrong("--timeout goes with --learn");
  if (values.learn === true) {
    if (remove !== undefined) wrong("either --learn or --remove");
    const timeoutText = (values.timeout as string | undefined) ?? "30s";
    const timeoutMs =
      parseDuration(timeoutText) ?? wrong(`--timeout: expected ${durationForm}, found "${timeoutText}"`);
    const pressed = words.slice(1);
    const learned = pressed.length === 0 ? undefined : unwritten(() => actionOf(pressed));
    return { device, do: "learn", action: learned, profile, timeoutMs, timeoutText };
  }
  if (remove !== undefined) {
    if (control !== undefined) wrong(`unexpected argument "${control}"`);
    return { device, do: "unbind", control: remove, profile };
  }
  if (control === undefined)
    return profile === undefined ? { device, do: "show" } : { device, do: "use", profile };
  if (action.length === 0)
    wrong(`which ACTION for ${control}? To make it do nothing: ring3 map ${device} ${control} nothing`);
  return { device, do: "bind", control, action: unwritten(() => actionOf(action)), profile };
}

type Units = MappingState["units"];

/** Those of the one device that is meant. Throws DeviceError where it has no buttons that a mapping could be about. */
async function unitsOf(manager: ManagerConnection, { units }: MappingState, wanted: string): Promise<Units> {
  const { devices } = await manager.ask("status", {});
  const device = resolveDevice(wanted.replace(/#\d+$/, ""), devices);
  const its = units.filter((unit) => unit.device === device.id);
  if (its.length > 0) return its;
  if (device.class !== null && device.class !== "gamepad" && device.class !== "input")
    throw sentence(
      "invalid",
      `map ${device.id}: it is of class ${device.class}, and has no buttons; "ring3 map" lists those that have`,
    );
  throw sentence(
    "busy",
    `map ${device.id}: no driver has it, it is ${device.state}; see: ring3 explain ${device.id}`,
  );
}

function list(ring3: Ring3, state: MappingState): number {
  const { running, ...rest } = state;
  const mapping = parseMapping(running, state.file);
  const units = state.units.map((unit) => ({ ...unit, for: entryText(mapping, unit) }));
  const paint = ring3.paint.bind(ring3);
  ring3.show({ ...rest, units }, listText(state, mapping, ring3.width, paint));
  return 0;
}

function show(ring3: Ring3, state: MappingState, units: Units): number {
  const { file, running, refused } = state;
  const parsed = parseMapping(running, file);
  const paint = ring3.paint.bind(ring3);
  const profiles = profilesAsWritten(running, file, deviceOf(units[0]!)) ?? {};
  const shown = units.map((unit) => ({ ...unit, for: entryText(parsed, unit), profiles }));
  const texts = units.map((unit) => {
    const mapping = mappingFor(parsed, deviceOf(unit));
    const head = `${unit.unit}  ${printable(unit.name)}`;
    if (mapping === undefined)
      return `${head}\n\nnothing is mapped: no entry in ${printable(file)} is for it\nto begin: ring3 map ${unit.device} --learn ACTION`;
    const device = `${head}\nby ${printable(file)}, for ${entryText(parsed, unit)}`;
    return bindingsText({ device, mapping, profile: unit.profile }, ring3.width, paint);
  });
  ring3.show({ file, refused, units: shown }, [...refusalLines(state, paint), texts.join("\n\n")].join("\n"));
  return 0;
}

async function use(ring3: Ring3, manager: ManagerConnection, units: Units, profile: string): Promise<number> {
  const { device } = units[0]!;
  const used = await manager.ask("useProfile", { device, profile });
  ring3.show({ ...used, profile }, `profile ${profile} of ${device} is active`);
  return 0;
}

async function learned(
  ring3: Ring3,
  manager: ManagerConnection,
  device: string,
  units: Units,
  { action, profile, timeoutMs, timeoutText }: Learning,
): Promise<number> {
  const control = await learn(ring3, units, timeoutMs, timeoutText);
  if (action !== undefined) {
    const state = await manager.ask("mapping", {}); // another profile may be active by now
    const now = await unitsOf(manager, state, device);
    return await change(ring3, manager, state, now, { do: "bind", control, action, profile });
  }
  ring3.show({ control }, control);
  return 0;
}

/** 1 where ring3 does not go by what was written. */
async function change(
  ring3: Ring3,
  manager: ManagerConnection,
  { file, units: all }: MappingState,
  units: Units,
  wanted: Change,
): Promise<number> {
  const unit = units[0]!;
  unwritten(() => checkControl(wanted.control, unit.class));
  const before = readMapping(file);
  const place: Place = {
    device: deviceOf(unit),
    devices: all.map(deviceOf),
    profile: wanted.profile ?? unit.profile ?? undefined,
  };
  const edited = edit(before, file, place, wanted);
  writeMapping(file, before, edited.text);
  const now = await manager.ask("mapping", {});
  const inForce = now.refused === null && now.running === edited.text.replace(BYTE_ORDER_MARK, "");
  const { text: _, ...written } = edited;
  const said = wanted.do === "bind" ? { action: wanted.action } : { removed: true };
  if (inForce || ring3.json)
    ring3.show({ file, ...written, ...said, inForce }, changeText(file, edited, wanted));
  if (!inForce)
    ring3.err.write(
      `ring3 map: ${file} is written, but ring3 does not go by it: ${now.refused?.message ?? "it has been changed since"}\n`,
    );
  return inForce ? 0 : 1;
}

/** Throws DeviceError, with what helps where the file was wrong before. */
function edit(before: string, file: string, place: Place, { do: what, control, action }: Change): Edited {
  try {
    parseMapping(before, file);
  } catch (error) {
    throw sentence("invalid", `${(error as Error).message}\nnothing was written: mend ${file} first`);
  }
  return unwritten(() =>
    what === "bind" ? bind(before, file, place, control, action) : unbind(before, file, place, control),
  );
}

/** Says with what is wrong that the file is as it was. */
function unwritten<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw sentence(error.kind, `${error.message}; nothing was written`, { cause: error });
  }
}

function changeText(file: string, edited: Edited, { do: what, action }: Change): string {
  const written = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  const before = edited.before === undefined ? "" : ` (it was ${written(edited.before)})`;
  const did =
    what === "bind"
      ? `${edited.control}: ${written(action)}${before}`
      : `${edited.control} is removed${before}`;
  const made = edited.made.map((part) => `; the ${part} is new`).join("");
  return `${did}\nin ${file}, for ${selectorText(edited.for)}, profile ${edited.profile}${made}`;
}
