// Runs in: CLI. Owns: nothing. Mappings as people read them, in 80 columns. Pure.
import type { MappingState } from "@ring3/control/client-edge";
import { entryFor, type MappedDevice, type Mapping } from "@ring3/control/mapping";
import { type Selector, selectorText } from "@ring3/control/selector";
import { type Control, controlName } from "@ring3/core/controls";
import { printable } from "@ring3/core/log";
import type {
  Action,
  AxisBinding,
  Binding,
  DeviceMapping,
  GyroBinding,
  Layer,
  Step,
} from "@ring3/core/mapping";
import { wrapped } from "../command.ts";
import { fit, type Paint } from "../text.ts";

type Unit = MappingState["units"][number];

export const deviceOf = ({ device: id, alias, usb, serial, class: className }: Unit): MappedDevice => ({
  ...{ id, alias, usb, serial },
  class: className,
});

/** The entry that is a unit's, as it stands in the file; null: none is. */
export function entryText(mapping: Mapping, unit: Unit): string | null {
  const entry = mapping.devices[entryFor(mapping, deviceOf(unit))];
  return entry === undefined ? null : selectorText(entry.for as Selector);
}

/** What is wrong with the file, if anything is. */
export function refusalLines(
  { file, refused }: Pick<MappingState, "file" | "refused">,
  paint: Paint,
): string[] {
  if (refused === null) return [];
  const head = paint("red", `${printable(file)} is refused; what it said before still applies:`);
  return [head, ...refused.message.split("\n").map((line) => wrapped("  ", printable(line)))];
}

/** A line a unit. */
export function listText(state: MappingState, mapping: Mapping, width: number, paint: Paint): string {
  const head = state.refused === null ? [printable(state.file)] : refusalLines(state, paint);
  if (state.units.length === 0) return [...head, "", "no game controllers, keyboards or mice"].join("\n");
  const label = ({ unit, alias }: Unit) => (alias === null ? unit : `${unit} (${alias})`);
  const idWidth = Math.min(34, Math.max(6, ...state.units.map((unit) => label(unit).length)));
  const entries = state.units.map((unit) => entryText(mapping, unit) ?? "-");
  const entryWidth = Math.min(24, Math.max(7, ...entries.map(({ length }) => length)));
  const row = (id: string, className: string, entry: string, profile: string) =>
    `${fit(id, idWidth)}  ${fit(className, 7)}  ${fit(entry, entryWidth)}  ${profile}`;
  return [
    ...head,
    "",
    paint("bold", row("UNIT", "CLASS", "MAPPING", "PROFILE")),
    ...state.units.map((unit, at) =>
      fit(row(label(unit), unit.class, printable(entries[at]!), unit.profile ?? "-"), width).trimEnd(),
    ),
  ].join("\n");
}

/** Every profile of a device, the active one marked. */
export function bindingsText(
  { device, mapping, profile }: { device: string; mapping: DeviceMapping; profile: string | null },
  width: number,
  paint: Paint,
): string {
  const profiles = [...mapping.profiles].map(([name, { layers, ...rest }]) => {
    const title = paint("bold", `profile ${name}`) + (name === profile ? paint("green", " (active)") : "");
    const below = [...layers].flatMap(([layer, bound]) => [
      `  layer ${layer}`,
      ...layerLines(bound, 4, width),
    ]);
    const lines = [...layerLines(rest, 2, width), ...below];
    return [title, ...(lines.length === 0 ? ["  nothing is bound"] : lines)].join("\n");
  });
  return [device, ...profiles].join("\n\n");
}

function layerLines({ bindings, axes, gyro }: Layer, indent: number, width: number): string[] {
  const rows: [string, string][] = [
    ...bindings.map((binding): [string, string] => [names(binding.on, "+"), bindingText(binding)]),
    ...axes.map((axis): [string, string] => [axis.from, axisText(axis)]),
    ...(gyro === undefined ? [] : [["gyro", gyroText(gyro)] as [string, string]]),
  ];
  const labels = Math.min(26, Math.max(0, ...rows.map(([label]) => label.length)));
  return rows.map(([label, text]) => wrapped(`${" ".repeat(indent)}${label.padEnd(labels)}  `, text, width));
}

const names = (controls: readonly Control[], joint: string) => controls.map(controlName).join(joint);

function bindingText({ action, also }: Binding): string {
  return `${actionText(action)}${also ? "; passes as well" : ""}`;
}

function actionText(action: Action): string {
  switch (action.type) {
    case "press": {
      const { controls, turbo, amount } = action;
      const pressed = controls.length === 0 ? "nothing" : names(controls, " + ");
      const often = turbo === 0 ? "" : `, ${turbo} times a second`;
      return `${pressed}${often}${amount === 1 ? "" : `, ${Math.round(amount * 100)} % of the way`}`;
    }
    case "macro": {
      const { steps, again, whileHeld } = action;
      const ms = steps.reduce((sum, { thenMs }) => sum + thenMs, 0);
      const rules = [
        ...(whileHeld ? ["while held"] : []),
        ...(again === "ignore" ? [] : [`again: ${again}`]),
      ];
      return `macro of ${ms} ms${rules.map((rule) => `, ${rule}`).join("")}: ${stepsText(steps)}`;
    }
    case "layer":
      return action.toggle
        ? `layer ${action.layer}, until the next press`
        : `layer ${action.layer} while held`;
    case "profile":
      return `profile ${action.profile}`;
  }
}

/** What goes down (+) and comes up (-), step by step. */
const stepsText = (steps: readonly Step[]): string =>
  steps
    .map(({ press, release }) =>
      [
        ...press.map((control) => `+${controlName(control)}`),
        ...release.map((control) => `-${controlName(control)}`),
      ].join(" "),
    )
    .filter((text) => text !== "")
    .join(" ");

function axisText(axis: AxisBinding): string {
  const { to, also, invertX, invertY, inner, outer, exponent, scale, speed, acceleration } = axis;
  const moves = to === "mouse" || to === "wheel";
  return [
    to ?? "itself",
    ...(moves ? [`speed ${speed}`] : []),
    ...(moves && acceleration > 0 ? [`acceleration ${acceleration}`] : []),
    ...(inner === 0 ? [] : [`dead zone ${inner}`]),
    ...(outer === 1 ? [] : [`full from ${Math.round(outer * 100) / 100}`]),
    ...(exponent === 1 ? [] : [`exponent ${exponent}`]),
    ...(scale === 1 ? [] : [`scale ${scale}`]),
    ...(invertX ? ["x turned round"] : []),
    ...(invertY ? ["y turned round"] : []),
    ...(also ? ["passes as well"] : []),
  ].join(", ");
}

function gyroText({ while: held, sensitivity, smoothingMs, also }: GyroBinding): string {
  return [
    `mouse, ${sensitivity} pixels a degree`,
    ...(held.length === 0 ? [] : [`while ${names(held, " + ")}`]),
    ...(smoothingMs === 0 ? [] : [`smoothed over ${smoothingMs} ms`]),
    ...(also ? ["passes as well"] : []),
  ].join(", ");
}
