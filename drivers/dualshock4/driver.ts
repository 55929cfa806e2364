// Runs in: driver host, jailed. Owns: one claimed HID interface, of a DualShock 4.
import { type Context, decline, defineDriver, type Gamepad, gamepad, openHid } from "@ring3/sdk";
import { INPUT_ID, propertiesOf } from "./input.ts";
import { OUTPUT_ID } from "./output.ts";
import { DualShock4 } from "./pad.ts";
import { rehearsal } from "./rehearsal.ts";

const running = new WeakMap<Context<Gamepad>, DualShock4>();

export default defineDriver(gamepad, {
  rehearsal,
  async probe({ usb }, ctx) {
    const hid = ctx.scope.use(await openHid(usb, ctx));
    const { input, output } = hid.layout;
    if (!input.reports.has(INPUT_ID) || !output.reports.has(OUTPUT_ID))
      return decline(`its report descriptor has not reports ${INPUT_ID} and ${OUTPUT_ID} of a DualShock 4`);
    const pad = new DualShock4(hid, ctx);
    await pad.start();
    running.set(ctx, pad);
    return {
      name: hid.name,
      properties: propertiesOf(hid),
      rumble: (input, call) => pad.rumble(input, call),
      light: ({ red, green, blue }, call) => pad.light([red, green, blue], call),
      player: ({ number }, call) => pad.player(number, call),
    };
  },
  suspend: (ctx) => running.get(ctx)!.rest(),
  resume: (ctx) => running.get(ctx)!.work(),
});
