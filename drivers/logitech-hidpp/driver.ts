// Runs in: driver host, jailed. Owns: one HID device, a claimed interface or a hidraw node, of a device that speaks HID++ 2.0.
import { type Context, decline, defineDriver, type InputClass, input, openHid } from "@ring3/sdk";
import { HidppDevice } from "./device.ts";
import { whyNot } from "./interface.ts";
import { propertiesOf } from "./unit.ts";

const running = new WeakMap<Context<InputClass>, HidppDevice>();

export default defineDriver(input, {
  async probe({ usb, hid: hidraw }, ctx) {
    const hid = ctx.scope.use(await openHid(hidraw ?? usb, ctx, { recall: true }));
    const notFit = whyNot(hid);
    if (notFit !== undefined) return decline(notFit);
    const device = ctx.scope.use(new HidppDevice(hid, ctx));
    const why = await device.start();
    if (why !== undefined) return decline(why);
    const { features } = propertiesOf(device.abilities, hid);
    if (features === 0) return decline("it has neither keys nor a battery, a resolution or buttons to tell");
    running.set(ctx, device);
    return {
      name: hid.name,
      get properties() {
        return propertiesOf(device.abilities, hid);
      },
      ...(device.abilities.hasResolution ? { dpi: ({ dpi }, call) => device.resolve(dpi, call) } : {}),
    };
  },
  suspend: (ctx) => running.get(ctx)!.rest(),
  resume: (ctx) => running.get(ctx)!.work(),
});
