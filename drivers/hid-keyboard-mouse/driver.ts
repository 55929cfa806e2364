// Runs in: driver host, jailed. Owns: one HID device, a claimed interface or a hidraw node. Each keyboard, mouse and tablet that its report descriptor declares becomes a unit.
import { type Context, decline, defineDriver, type InputClass, input, openHid } from "@ring3/sdk";
import { Keyboards } from "./keyboards.ts";
import { rehearsal } from "./rehearsal.ts";

const running = new WeakMap<Context<InputClass>, Keyboards>();

export default defineDriver(input, {
  rehearsal,
  async probe({ usb, hid: hidraw }, ctx) {
    const hid = ctx.scope.use(await openHid(hidraw ?? usb, ctx, { recall: true }));
    const keyboards = new Keyboards(hid, ctx);
    if (keyboards.speakers.length === 0)
      return decline("its report descriptor declares no keyboard, mouse, tablet or control");
    await keyboards.start(usb?.matched);
    running.set(ctx, keyboards);
    return keyboards.speakers.map(({ unit: { name, properties, lights } }, number) => ({
      name,
      properties,
      ...(lights.mask === 0 ? {} : { leds: ({ mask }, call) => keyboards.light(number, mask, call) }),
    }));
  },
  suspend: (ctx) => running.get(ctx)!.rest(),
  resume: (ctx) => running.get(ctx)!.work(),
});
