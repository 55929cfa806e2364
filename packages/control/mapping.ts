// Runs in: reflector and CLI. Owns: nothing. The mapping file: what the buttons, sticks and keys of devices do, as people write it.
import { type Control, controlNamed, outputNames, triggerNames } from "@ring3/core/controls";
import {
  type Action,
  type Binding,
  type DeviceMapping,
  type Layer,
  mappingLimits as limits,
} from "@ring3/core/mapping";
import * as v from "valibot";
import { type Hint, readDocument } from "./document.ts";
import { className } from "./fields.ts";
import { type Effect, effect, outputForm } from "./mapping-actions.ts";
import { axes, gyro, triggerForm } from "./mapping-axes.ts";
import { named, pathItem } from "./mapping-fields.ts";
import { nearest } from "./nearest.ts";
import { exactlyOne, type Named, type Selector, selectorEntries, selects } from "./selector.ts";

const CHORD_MS = 50;
const selectorFields = [...Object.keys(selectorEntries), "class"];
const selector = v.pipe(
  v.strictObject({ ...selectorEntries, class: v.exactOptional(className) }),
  v.check(
    (fields) => exactlyOne(fields, selectorFields),
    `exactly one of the fields ${selectorFields.join(", ")}`,
  ),
);

export const partsOf = (text: string): string[] => text.split("+").map((part) => part.trim());
const isPressable = (name: string) => triggerNames.includes(name);
const chordForm = `${triggerForm}, or up to ${limits.chord} joined by +`;
const pressed = v.pipe(
  v.string(),
  v.regex(/^\w+( ?\+ ?\w+)*$/, chordForm),
  v.check((text) => {
    const parts = partsOf(text);
    return parts.length <= limits.chord && new Set(parts).size === parts.length && parts.every(isPressable);
  }, chordForm),
);

const layerFields = {
  buttons: v.optional(
    v.pipe(
      v.record(pressed, effect),
      v.maxEntries(limits.bindings, `at most ${limits.bindings} buttons and chords`),
      v.rawCheck(({ dataset: { typed, value }, addIssue }) => {
        if (!typed) return;
        const seen = new Set<string>();
        for (const [text, { within }] of Object.entries(value)) {
          const on = `${onOf(text).toSorted((a, b) => a - b)}`;
          const path = pathItem(value, text);
          if (seen.has(on))
            addIssue({ message: "each button and chord once", received: JSON.stringify(text), path: [path] });
          if (within !== undefined && onOf(text).length === 1)
            addIssue({ message: "a chord beside within", received: JSON.stringify(text), path: [path] });
          seen.add(on);
        }
      }),
      v.description("What they do, by button or chord (select+start)"),
    ),
    {},
  ),
  axes: v.optional(v.pipe(axes, v.description("What sticks and triggers do")), {}),
  gyro: v.exactOptional(v.pipe(gyro, v.description("Moves the pointer"))),
};

const layer = v.strictObject(layerFields);
const profile = v.strictObject({
  ...layerFields,
  layers: v.optional(
    v.pipe(
      v.record(named, layer),
      v.maxEntries(limits.layers, `at most ${limits.layers} layers`),
      v.description("What is otherwise while a layer is in force"),
    ),
    {},
  ),
});
type WrittenLayer = v.InferOutput<typeof layer>;
type WrittenProfile = v.InferOutput<typeof profile>;

const device = v.pipe(
  v.strictObject({
    for: v.pipe(selector, v.description("Which devices: by one field")),
    profiles: v.pipe(
      v.record(named, profile),
      v.minEntries(1, "at least one profile"),
      v.maxEntries(limits.profiles, `at most ${limits.profiles} profiles`),
      v.description("The first is active until a button says otherwise"),
    ),
  }),
  v.rawCheck(({ dataset: { typed, value }, addIssue }) => {
    if (!typed) return;
    const { profiles } = value;
    for (const [name, profile] of Object.entries(profiles))
      for (const { layer, path } of layersIn(profile))
        for (const [text, { action }] of Object.entries(layer.buttons)) {
          const wrong = unknownName(action, Object.keys(profiles), Object.keys(profile.layers));
          if (wrong === undefined) continue;
          const { kind, known, found } = wrong;
          const inside = [pathItem(layer, "buttons"), pathItem(layer.buttons, text), pathItem(action, kind)];
          addIssue({
            message:
              known.length === 0 ? `a profile with ${kind}s` : `one of the ${kind}s ${known.join(", ")}`,
            received: JSON.stringify(found),
            path: [pathItem(value, "profiles"), pathItem(profiles, name), ...path, ...inside],
          });
        }
  }),
);

export const mappingSchema = v.strictObject({
  devices: v.pipe(
    v.array(device),
    v.maxLength(limits.devices, `at most ${limits.devices} devices`),
    v.description("The first that fits a device is meant"),
  ),
});

function layersIn(profile: WrittenProfile): { layer: WrittenLayer; path: v.IssuePathItem[] }[] {
  const { layers } = profile;
  const below = Object.entries(layers).map(([name, layer]) => ({
    layer,
    path: [pathItem(profile, "layers"), pathItem(layers, name)],
  }));
  return [{ layer: profile, path: [] }, ...below];
}

function unknownName(action: Action, profiles: readonly string[], layers: readonly string[]) {
  if (action.type === "profile" && !profiles.includes(action.profile))
    return { kind: "profile", known: profiles, found: action.profile };
  if (action.type === "layer" && !layers.includes(action.layer))
    return { kind: "layer", known: layers, found: action.layer };
  return undefined;
}

export type DeviceSelector = Selector & { readonly class?: string };
export interface Mapping {
  readonly devices: readonly { readonly for: DeviceSelector; readonly mapping: DeviceMapping }[];
}

/** Throws DocumentError, which names file, line, field, what was expected and what was found. An empty text maps nothing. */
export function parseMapping(text: string, file: string): Mapping {
  const { devices } = readDocument(text, file, mappingSchema, { devices: [] }, meantName);
  return {
    devices: devices.map(({ for: selector, profiles }) => ({
      for: selector as DeviceSelector,
      mapping: {
        first: Object.keys(profiles)[0]!,
        profiles: new Map(
          Object.entries(profiles).map(([name, profile]) => [
            name,
            {
              ...layerOf(profile),
              layers: new Map(Object.entries(profile.layers).map(([name, layer]) => [name, layerOf(layer)])),
            },
          ]),
        ),
      },
    })),
  };
}

/** Of what stands right of a control, wherever that will be. Throws DocumentError, whose lines are nobody's. */
export function checkAction(action: unknown): void {
  readDocument(JSON.stringify({ action }), "", v.strictObject({ action: effect }), undefined, meantName);
}

export type MappedDevice = Named & { readonly class: string };

/** The place of the entry that is a device's; -1: none is. */
export function entryFor({ devices }: Mapping, device: MappedDevice): number {
  return devices.findIndex(({ for: selector }) =>
    selector.class === undefined ? selects(selector, device) : selector.class === device.class,
  );
}

/** What the file says of a device, if anything. */
export function mappingFor(mapping: Mapping, device: MappedDevice): DeviceMapping | undefined {
  return mapping.devices[entryFor(mapping, device)]?.mapping;
}

function layerOf({ buttons, axes, gyro }: WrittenLayer): Layer {
  const bindings = Object.entries(buttons).map(([text, effect]) => bindingOf(text, effect));
  return { bindings, axes, ...(gyro === undefined ? {} : { gyro }) };
}

const bindingOf = (text: string, { action, also, within }: Effect): Binding => ({
  on: onOf(text),
  withinMs: within ?? CHORD_MS,
  also,
  action,
});

/** The controls that stand left of an action: `select+start`. */
export const onOf = (text: string): Control[] => partsOf(text).map((name) => controlNamed(name)!);

/** The name of a control that is nearest to a wrong one. */
function meantName({ message, input }: Parameters<Hint>[0]): ReturnType<Hint> {
  const known = { [outputForm]: outputNames, [triggerForm]: triggerNames, [chordForm]: triggerNames }[
    message
  ];
  if (known === undefined || typeof input !== "string") return undefined;
  const wrong = partsOf(input).find((name) => !known.includes(name));
  if (wrong === undefined) return undefined;
  const bare = wrong.replace(/^(KEY|BTN)_/i, "");
  const likely = [`KEY_${bare.toUpperCase()}`, `BTN_${bare.toUpperCase()}`, bare.toLowerCase()];
  return likely.find((name) => known.includes(name)) ?? nearest(wrong, known);
}
