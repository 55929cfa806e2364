// Runs in: driver host, jailed. Owns: nothing. Pure: what a HID++ device is to programs.
import {
  type EventData,
  INPUT_DPI,
  INPUT_KEYS,
  INPUT_POWER,
  INPUT_REPEATS,
  type InputClass,
  type InputProperties,
  input,
  KEYS_PRESSED_MAX,
} from "@ring3/sdk";

export interface Abilities {
  readonly codes: readonly number[];
  readonly types: boolean;
  readonly hasPower: boolean;
  readonly hasResolution: boolean;
  readonly dpi: number;
}

export interface Identity {
  readonly bustype: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly version: number;
}

export function propertiesOf(
  { codes, types, hasPower, hasResolution, dpi }: Abilities,
  identity: Identity,
): InputProperties {
  const bits = input.properties!.create();
  for (const code of codes) bits.keys[code >>> 5] = (bits.keys[code >>> 5]! | (1 << (code & 31))) >>> 0;
  const features =
    (codes.length > 0 ? INPUT_KEYS : 0) |
    (types ? INPUT_REPEATS : 0) |
    (hasPower ? INPUT_POWER : 0) |
    (hasResolution ? INPUT_DPI : 0);
  const { bustype, vendorId: vendor, productId: product, version } = identity;
  return { ...bits, busType: bustype, vendor, product, version, features, dpi };
}

export function pressedKeys(codes: readonly number[]): Omit<EventData<InputClass, "keys">, "timestampUs"> {
  return { pressed: Array.from({ length: KEYS_PRESSED_MAX }, (_, at) => codes[at] ?? 0) };
}
