// Runs in: tests. Owns: a Switch Pro Controller as far as it answers: USB commands, subcommands, its flash.
import { bytes } from "@ring3/core/hid/descriptors.fixture";
import { type HidOptions, type PlayedHid, playedHid } from "@ring3/sdk/test/played-hid";

/** Which reports there are: 63 bytes each, as the real one has them. */
const descriptor = bytes(
  "05 01 09 04 a1 01 06 00 ff 15 00 26 ff 00 75 08 95 3f",
  "85 21 09 01 81 02 85 30 09 02 81 02 85 81 09 03 81 02",
  "85 01 09 04 91 02 85 10 09 05 91 02 85 80 09 06 91 02 c0",
);

/** Sticks: left above, center, below; right center, below, above. Six numbers of twelve bits. */
const twelve = (...numbers: number[]): number[] =>
  [0, 2, 4].flatMap((at) => {
    const [x, y] = [numbers[at]!, numbers[at + 1]!];
    return [x & 0xff, (x >> 8) | ((y & 0x0f) << 4), y >> 4];
  });
const sixteen = (...numbers: number[]): number[] =>
  numbers.flatMap((number) => [number & 0xff, (number >> 8) & 0xff]);

export const factory: Readonly<Record<number, number[]>> = {
  24637: twelve(1500, 1400, 2000, 2100, 1600, 1700), // 603dh
  24646: twelve(2050, 1950, 1500, 1400, 1600, 1700), // 6046h
  24608: sixteen(100, -200, 300, 16_384, 16_384, 16_384, 10, 20, -30, 13_371, 13_371, 13_371), // 6020h
};
export const byHand: Readonly<Record<number, number[]>> = {
  32784: [0xb2, 0xa1, ...twelve(1000, 1000, 2048, 2048, 1000, 1000)], // 8010h
};

export interface Behaviour {
  readonly flash?: Readonly<Record<number, number[]>>;
  /** Commands and subcommands that it does not answer, so many times: { "80 02": 1 }. */
  readonly deaf?: Record<string, number>;
  /** Those that it answers so many times, and then no more. */
  readonly tired?: Record<string, number>;
  /** Output reports that are not taken. */
  readonly stalls?: readonly number[];
  /** Of subcommands, which are refused. */
  readonly refused?: readonly number[];
  readonly kind?: number;
  /** Told to report its input, it does not. */
  readonly mute?: boolean;
  /** It reports its input all the while, as an earlier driver has wanted it. */
  readonly streams?: boolean;
}

export function controller(behaviour: Behaviour = {}, options: HidOptions = {}): PlayedHid {
  const { flash = factory, deaf = {}, tired = {}, refused = [], kind = 3 } = behaviour;
  const hid = playedHid(descriptor, {
    ...{ vendorId: 0x057e, productId: 0x2009, out: true, ...options },
    report(data) {
      const [id, command] = [data[0]!, data[0] === 0x80 ? data[1]! : data[10]!];
      const key = `${id.toString(16)} ${command?.toString(16).padStart(2, "0")}`;
      if (behaviour.streams) void hid.send(input(1));
      if (behaviour.stalls?.includes(id)) return "stall";
      if (deaf[key] !== undefined && deaf[key]-- > 0) return "ok";
      if (tired[key] !== undefined && tired[key]-- <= 0) return "ok";
      if (id === 0x80 && command !== 0x04) void hid.send(Uint8Array.of(0x81, command, ...new Uint8Array(62)));
      if (id === 0x01)
        void hid.send(
          answer(command, data.subarray(11), { flash, isAccepted: !refused.includes(command), kind }),
        );
      if (id === 0x01 && command === 0x03 && !behaviour.mute) void hid.send(input(0));
      return "ok";
    },
  });
  return hid;
}

function answer(
  command: number,
  data: Uint8Array,
  {
    flash,
    isAccepted,
    kind,
  }: { flash: Readonly<Record<number, number[]>>; isAccepted: boolean; kind: number },
): Uint8Array {
  const report = new Uint8Array(64);
  report.set([0x21, 0, 0x8e]);
  report.set([isAccepted ? 0x80 | command : 0, command], 13);
  if (!isAccepted) return report;
  if (command === 0x02) report.set([4, 33, kind, 2], 15);
  if (command === 0x10) {
    const address = data[0]! | (data[1]! << 8);
    report.set(
      [...data.subarray(0, 5), ...Array.from({ length: data[4]! }, (_, at) => read(flash, address + at))],
      15,
    );
  }
  return report;
}

/** What nobody has written is FFh. */
function read(flash: Readonly<Record<number, number[]>>, address: number): number {
  for (const [from, bytes] of Object.entries(flash)) {
    const value = bytes[address - Number(from)];
    if (value !== undefined) return value;
  }
  return 0xff;
}

/** Report 30h; sticks as raw numbers. */
export function input(
  buttons: number,
  values: Readonly<Record<number, number>> = {},
  sticks = [2000, 2100, 2050, 1950],
) {
  const report = new Uint8Array(64);
  report.set([0x30, 0, 0x8e, buttons & 0xff, (buttons >> 8) & 0xff, buttons >> 16]);
  report.set(twelve(...sticks, 0, 0).slice(0, 6), 6);
  for (const [at, value] of Object.entries(values)) report[Number(at)] = value;
  return report;
}
