// Runs in: browser, in the console. Owns: nothing; what somebody did with a keyboard, a mouse or a tablet, in words, made of what its unit has told last. Pure.
import type { Told, ViewParts } from "../view.ts";
import { WHEEL_NOTCH } from "./contract.ts";
import { keyNames } from "./key-names.ts";

export interface Happening {
  /** When it began. */
  readonly timeMs: number;
  readonly text: string;
}

/** Movements that follow one another within this are one. */
const PAUSE_MS = 500;

/** Linux's, without what is before it: LEFTSHIFT. */
export const keyName = (code: number): string =>
  keyNames.get(code)?.replace(/^(KEY|BTN)_/, "") ?? `code ${code}`;

export const pressedOf = (data: Told["data"] | undefined): readonly number[] =>
  ((data?.pressed ?? []) as readonly number[]).filter((code) => code !== 0);

/** Newest first, `most` of them. */
export function happenings(past: ViewParts["past"], most: number): Happening[] {
  const all = [
    ...keyChanges(past.keys ?? []),
    ...movements(past.motion ?? []),
    ...driverChanges(past.driver ?? []),
  ];
  return all.sort((a, b) => b.timeMs - a.timeMs).slice(0, most);
}

/** Of the first one nobody knows since when it is so. */
function keyChanges(states: readonly Told[]): Happening[] {
  return states.flatMap(({ timeMs, data }, index) => {
    const before = index === 0 ? [] : pressedOf(states[index - 1]!.data);
    const now = pressedOf(data);
    const went = (codes: readonly number[], without: readonly number[], how: string) =>
      codes
        .filter((code) => !without.includes(code))
        .map((code) => ({ timeMs, text: `${keyName(code)} ${how}` }));
    return [...went(before, now, "up"), ...went(now, before, index === 0 ? "is down" : "down")];
  });
}

const amount = (value: number, less: string, more: string): string[] =>
  value === 0 ? [] : [`${Math.abs(Math.round(value * 100) / 100)} ${value < 0 ? less : more}`];

function movements(told: readonly Told[]): Happening[] {
  const runs: Told[][] = [];
  for (const each of told) {
    const last = runs.at(-1)?.at(-1);
    if (last === undefined || each.timeMs - last.timeMs > PAUSE_MS) runs.push([]);
    runs.at(-1)!.push(each);
  }
  return runs.flatMap((run) => {
    const sum = (name: string) => run.reduce((all, { data }) => all + Number(data[name]), 0);
    const way = [...amount(sum("x"), "left", "right"), ...amount(sum("y"), "up", "down")];
    const turn = [
      ...amount(sum("wheel") / WHEEL_NOTCH, "down", "up"),
      ...amount(sum("horizontalWheel") / WHEEL_NOTCH, "left", "right"),
    ];
    const { timeMs } = run[0]!;
    return [
      ...(way.length === 0 ? [] : [{ timeMs, text: `moved ${way.join(", ")}` }]),
      ...(turn.length === 0 ? [] : [{ timeMs, text: `wheel ${turn.join(", ")}` }]),
    ];
  });
}

/** The first one says how it was; who comes later is told again what is so. */
const driverChanges = (told: readonly Told[]): Happening[] =>
  told.flatMap(({ timeMs, data: { there } }, index) =>
    index === 0 || there === told[index - 1]!.data.there
      ? []
      : [{ timeMs, text: there === true ? "driver is there again" : "no driver" }],
  );
