// Runs in: driver host, jailed. Owns: one claimed HID interface, of a DualShock 4.
import { type Context, decline, defineDriver, type Gamepad, gamepad, openHid, playstation } from "@ring3/sdk";
import { dualShock4, propertiesOf } from "./kind.ts";
import { DualShock4 } from "./pad.ts";
import { rehearsal } from "./rehearsal.ts";

const running = new WeakMap<Context<Gamepad>, playstation.Pad>();

export default defineDriver(gamepad, {
  rehearsal,
  async probe({ usb }, ctx) {
    const hid = ctx.scope.use(await openHid(usb, ctx));
    const why = playstation.whyNot(hid, dualShock4);
    if (why !== undefined) return decline(why);
    const device = new DualShock4(hid, ctx);
    const { pad } = device;
    await pad.start();
    running.set(ctx, pad);
    return {
      name: hid.name,
      properties: propertiesOf(hid),
      rumble: (input, call) => pad.rumble(input, call),
      light: ({ red, green, blue }, call) => device.light([red, green, blue], call),
      player: ({ number }, call) => device.player(number, call),
    };
  },
  suspend: (ctx) => running.get(ctx)!.rest(),
  resume: (ctx) => running.get(ctx)!.work(),
});
