// Runs in: manager. Owns: what drivers have kept, in ctx.state, of devices that are not plugged in, for when they are again.
import { type Identity, identityText } from "@ring3/control/fields";

export interface Place {
  readonly id: string;
  readonly identity: Identity;
}

interface Kept {
  readonly place: string;
  /** Undefined: nothing tells it from others of its kind. Copies of a controller share one. */
  readonly serial: string | undefined;
  readonly driver: string;
  /** As the device's memory has it (channel/device-memory). */
  readonly bytes: Uint8Array;
}

/** Held at a time, 16 KiB each: of more, the one that has been here for longest is forgotten. */
const MOST = 64;
const USB_INTERFACE = /^usb-[^:]*(:.*)$/;

/** No driver finds what another has kept. */
export class KeptStates {
  readonly #present: () => readonly Place[];
  #states: readonly Kept[] = [];

  /** `present`: what is plugged in. */
  constructor(present: () => readonly Place[]) {
    this.#present = present;
  }

  keep(device: Place, driver: string, bytes: Uint8Array): void {
    if (bytes.every((byte) => byte === 0)) return; // it has kept nothing
    const place = placeOf(device);
    const others = this.#states.filter((kept) => kept.place !== place || kept.driver !== driver);
    this.#states = [...others, { place, serial: this.#ownSerial(device), driver, bytes }].slice(-MOST);
  }

  /** The device is there again: where it was, or at another port, if its serial number is no other's. */
  take(device: Place, driver: string): Uint8Array | undefined {
    const [place, serial] = [placeOf(device), this.#ownSerial(device)];
    const own = this.#states.filter((kept) => kept.driver === driver);
    const moved = serial === undefined ? [] : own.filter((kept) => kept.serial === serial);
    const found = own.find((kept) => kept.place === place) ?? (moved.length === 1 ? moved[0] : undefined);
    this.#states = this.#states.filter((kept) => kept !== found);
    return found?.bytes;
  }

  /** Its serial number, if nothing else that is plugged in has it. */
  #ownSerial(device: Place): string | undefined {
    const serial = serialOf(device);
    const isOther = (other: Place) => other.id !== device.id && serialOf(other) === serial;
    return this.#present().some(isOther) ? undefined : serial;
  }
}

const placeOf = ({ id, identity }: Place): string => `${id} ${identityText(identity)}`;

/** Of one interface of a USB device. A HID device's id says already which one it is. */
function serialOf({ id, identity }: Place): string | undefined {
  const part = USB_INTERFACE.exec(id)?.[1];
  return identity.serial === null || part === undefined ? undefined : `${identityText(identity)} ${part}`;
}
