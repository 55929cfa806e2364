// Runs in: tests. Owns: a HID++ device as far as it answers: root, batteries, resolution, buttons.
import { bytes } from "@ring3/core/hid/descriptors.fixture";
import { type HidOptions, type PlayedHid, playedHid } from "@ring3/sdk/test/played-hid";

const keyboard = "05 01 09 06 a1 01 85 01 05 07 19 00 29 65 15 00 25 65 75 08 95 04 81 00 c0";
const consumer = "05 0c 09 01 a1 01 85 03 19 01 2a ff 02 15 01 26 ff 02 75 10 95 02 81 00 c0";
const short = "06 00 ff 09 01 a1 01 85 10 15 00 26 ff 00 75 08 95 06 09 01 81 00 09 01 91 00 c0";
const long = "06 00 ff 09 02 a1 01 85 11 15 00 26 ff 00 75 08 95 13 09 02 81 00 09 02 91 00 c0";

/** The second interface of a mouse with keys that can be put on its buttons. */
export const second = bytes(keyboard, consumer, short, long);
/** Nothing but HID++, and of that long reports only. */
export const onlyLong = bytes(long);
export const onlyShort = bytes(keyboard, short);
export const withMouse = bytes(
  "05 01 09 02 a1 01 85 02 05 09 19 01 29 08 15 00 25 01 75 01 95 08 81 02 c0",
  long,
);
export const withLights = bytes(
  "05 01 09 06 a1 01 85 01 05 08 19 01 29 05 15 00 25 01 75 01 95 05 91 02 c0",
  long,
);

/** What a feature's function answers to its parameters; a number: it refuses with that error. */
type Function = (parameters: readonly number[]) => readonly number[] | number;
type Features = Readonly<Record<number, readonly Function[]>>;

/** "00c3 31": spaces anywhere. */
export const packed = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

const list = packed("00 00c8 e032 6400 0000");

/** Two hundred to 25600 in steps of fifty, until now 1600; left, two for gestures, one that is virtual, one that is none of a mouse, the DPI switch. */
export function features(own: Features = {}): Features {
  let dpi = [0x06, 0x40];
  const controls = [
    "0050 0038 31",
    "00d0 00ad 31",
    "00c3 00a9 31",
    "00d7 00b4 a1",
    "00c7 00b4 34",
    "00fd 00d2 31",
  ];
  return {
    4096: [() => [80, 50, 0]],
    8705: [
      () => [1],
      () => [...list],
      () => [0, ...dpi, 0x06, 0x40],
      ([, ...set]) => {
        dpi = set.slice(0, 2);
        return [0, ...dpi];
      },
    ],
    6916: [() => [controls.length], ([at]) => [...packed(controls[at!]!)], () => [], (asked) => asked],
    ...own,
  };
}

export interface Behaviour {
  readonly features?: Features;
  readonly version?: readonly [number, number];
  /** HID++ 1.0: it knows no features. */
  readonly isOld?: boolean;
  /** What it is asked from then on it does not answer: "2201 1", "ping". */
  readonly deaf?: string;
  /** So many times it is too busy for anything. */
  readonly busy?: number;
  /** What it says before the first answer. */
  readonly before?: readonly Uint8Array[];
}

export interface Played extends PlayedHid {
  /** What it was asked, oldest first: "ping", "0000 0 2201", "2201 3 000640". */
  readonly asked: string[];
}

const hex = (number: number, digits = 2): string => number.toString(16).padStart(digits, "0");
const report = (...head: number[]): Uint8Array => {
  const long = new Uint8Array(20);
  long.set([0x11, 0xff, ...head]);
  return long;
};

export function device(behaviour: Behaviour = {}, descriptor = second, options: HidOptions = {}): Played {
  const { features: own = features(), version = [4, 2], before = [] } = behaviour;
  const ids = Object.keys(own).map(Number);
  const asked: string[] = [];
  let busy = behaviour.busy ?? 0;
  let isDeaf = false;
  let isFirst = true;

  function answerTo([, , index = 0, fn = 0, ...parameters]: readonly number[]): Uint8Array {
    if (behaviour.isOld) return Uint8Array.of(0x10, 0xff, 0x8f, index, fn, 1, 0);
    if (busy-- > 0) return report(0xff, index, fn, 8);
    if (index === 0 && fn >> 4 === 1) return report(index, fn, ...version, parameters[2]!);
    if (index === 0) return report(index, fn, 1 + ids.indexOf((parameters[0]! << 8) | parameters[1]!));
    const answered = own[ids[index - 1]!]![fn >> 4]!(parameters);
    return typeof answered === "number"
      ? report(0xff, index, fn, answered)
      : report(index, fn, ...answered.slice(0, 16));
  }

  function described([, , index = 0, fn = 0, ...parameters]: readonly number[]): string {
    if (index === 0 && fn >> 4 === 1) return "ping";
    const feature = index === 0 ? 0 : ids[index - 1]!;
    const used = index === 0 ? 2 : 1 + parameters.findLastIndex((each) => each !== 0);
    const text = parameters.slice(0, used).map((each) => hex(each));
    return `${hex(feature, 4)} ${fn >> 4} ${text.join("")}`.trimEnd();
  }

  const hid = playedHid(descriptor, {
    ...{ vendorId: 0x046d, productId: 0xc08b, manufacturer: "Logitech", product: "Mouse", ...options },
    report(data) {
      const bytes = [...data];
      const text = described(bytes);
      asked.push(text);
      isDeaf ||= behaviour.deaf !== undefined && text.startsWith(behaviour.deaf);
      if (isDeaf) return "ok";
      void hid.send(...(isFirst ? before : []), answerTo(bytes));
      isFirst = false;
      return "ok";
    },
  });
  return { ...hid, asked };
}

/** An event of the feature with this number among those that it has, counted from 1. */
export const event = (index: number, ...parameters: number[]): Uint8Array => report(index, 0, ...parameters);
