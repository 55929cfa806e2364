// Runs in: driver host, jailed. Owns: one HID device, a claimed interface or a hidraw node. Each pad that its report descriptor declares becomes a unit.
import {
  Changes,
  type Context,
  decline,
  defineDriver,
  type Gamepad,
  gamepad,
  type HidDevice,
  openHid,
} from "@ring3/sdk";
import { padsOf } from "./controls.ts";
import { Pad } from "./pad.ts";
import { rehearsal } from "./rehearsal.ts";

interface Running {
  readonly hid: HidDevice;
  readonly pads: readonly Pad[];
}
const running = new WeakMap<Context<Gamepad>, Running>();

export default defineDriver(gamepad, {
  rehearsal,
  async probe({ usb, hid: hidraw }, ctx) {
    const hid = ctx.scope.use(await openHid(hidraw ?? usb, ctx, { recall: true }));
    const pads = padsOf(hid.collections, hid.layout).map((controls) => new Pad(controls, hid));
    if (pads.length === 0) return decline("its report descriptor declares no gamepad or joystick");
    const told = pads.map((_, unit) => new Changes(ctx, "state", unit));
    hid.oninputreport = ({ reportId, bytes }) => {
      for (const [unit, pad] of pads.entries()) {
        const state = pad.take(reportId, bytes);
        if (state !== undefined) told[unit]!.tell(state);
      }
    };
    running.set(ctx, { hid, pads });
    return pads.map(({ properties }) => ({ properties, name: hid.name }));
  },

  suspend: (ctx) => running.get(ctx)!.hid.close(),
  resume(ctx) {
    const { hid, pads } = running.get(ctx)!;
    for (const pad of pads) pad.forget();
    return hid.open();
  },
});
