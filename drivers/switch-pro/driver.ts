// Runs in: driver host, jailed. Owns: one claimed HID interface, of a Switch Pro Controller.
import { type Context, decline, defineDriver, type Gamepad, gamepad, openHid } from "@ring3/sdk";
import { propertiesOf } from "./input.ts";
import { SwitchPro } from "./pad.ts";

const running = new WeakMap<Context<Gamepad>, SwitchPro>();

export default defineDriver(gamepad, {
  async probe({ usb }, ctx) {
    const hid = ctx.scope.use(await openHid(usb, ctx));
    const pad = new SwitchPro(hid, ctx);
    const why = await pad.start();
    if (why !== undefined) return decline(why);
    running.set(ctx, pad);
    return {
      name: hid.name,
      properties: propertiesOf(hid),
      rumble: (input, call) => pad.rumble(input, call),
      player: ({ number }, call) => pad.player(number, call),
    };
  },
  suspend: (ctx) => running.get(ctx)!.rest(),
  resume: (ctx) => running.get(ctx)!.work(),
});
