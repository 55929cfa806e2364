// Runs in: manager. Owns: what drivers have kept, in ctx.state, of devices that are not plugged in, for when they are again.
import { type Identity, identityText } from "@ring3/control/fields";

/** Which device, and which driver's state: no other reads it. */
export interface KeptState {
  readonly driver: string;
  /** As the device's memory has it (channel/device-memory). */
  readonly bytes: Uint8Array;
}

/** Devices remembered at a time, 16 KiB each: of more, the one that has been away for longest is forgotten. */
const MOST = 64;

export class KeptStates {
  readonly #states = new Map<string, KeptState>();

  keep(device: { readonly id: string; readonly identity: Identity }, state: KeptState): void {
    const key = keyOf(device);
    this.#states.delete(key); // so that it counts as new
    this.#states.set(key, state);
    if (this.#states.size > MOST) this.#states.delete(this.#states.keys().next().value!);
  }

  /** The device is there again. */
  take(device: { readonly id: string; readonly identity: Identity }): KeptState | undefined {
    const key = keyOf(device);
    const state = this.#states.get(key);
    this.#states.delete(key);
    return state;
  }
}

const USB_INTERFACE = /^usb-[^:]*(:.*)$/;

/** One with a serial number is known at whichever port; one without only where it was. */
function keyOf({ id, identity }: { readonly id: string; readonly identity: Identity }): string {
  const part = identity.serial === null ? undefined : USB_INTERFACE.exec(id)?.[1];
  return `${identityText(identity)} ${part ?? id}`;
}
