// Runs in: driver host, jailed. Owns: one claimed interface of an Xbox controller, of either kind.
import { type Context, decline, defineDriver, type Gamepad, gamepad } from "@ring3/sdk";
import type { Controller } from "./controller.ts";
import { modelOf } from "./models.ts";
import { OneController } from "./one-controller.ts";
import { Pipes } from "./pipes.ts";
import { rehearsal } from "./rehearsal.ts";
import { x360Controller } from "./x360-controller.ts";

const X360_SUBCLASS = 0x5d; // 93: xpad.c, XPAD_XBOX360_VENDOR_PROTOCOL

const running = new WeakMap<Context<Gamepad>, Controller>();

export default defineDriver(gamepad, {
  rehearsal,
  async probe({ usb }, ctx) {
    const { interfaceNumber, alternate } = usb.matched;
    const isX360 = alternate.interfaceSubclass === X360_SUBCLASS;
    // All interfaces of an Xbox One controller are of one kind: its sound is one of the others.
    if (!isX360 && interfaceNumber !== 0)
      return decline("the controls are interface 0 of an Xbox controller");
    const pipes = Pipes.of(usb, ctx);
    if (pipes === undefined) return decline("it has not an interrupt endpoint each way");

    const { vendorId, productId, deviceVersionMajor, deviceVersionMinor, deviceVersionSubminor } = usb;
    const version = (deviceVersionMajor << 8) | (deviceVersionMinor << 4) | deviceVersionSubminor;
    const identity = { vendorId, productId, version };
    const model = modelOf(vendorId, productId);
    const controller: Controller = isX360
      ? x360Controller(usb, ctx, pipes, model, identity)
      : new OneController(ctx, pipes, model, identity);
    await controller.start();
    running.set(ctx, controller);
    const { name, properties, rumble, player } = controller;
    return { name, properties, rumble, ...(player === undefined ? {} : { player }) };
  },
  suspend: (ctx) => running.get(ctx)!.rest(),
  resume: (ctx) => running.get(ctx)!.start(),
});
