// Runs in: driver host, jailed. Owns: a wired Xbox 360 controller.
import { Changes, type Context, type Gamepad, Motors, tolerate, type UsbDevice, type Wait } from "@ring3/sdk";
import type { Controller } from "./controller.ts";
import type { Model } from "./models.ts";
import type { Pipes } from "./pipes.ts";
import { type Identity, propertiesOf } from "./state.ts";
import {
  decodeInput,
  light,
  playerBlinks,
  playerPattern,
  READ_INPUT_BYTES,
  readInput,
  rumble,
  TRIGGER_MAX,
} from "./x360.ts";

/** drivers/input/joystick/xpad.c, xpad_start_input */
const READ_INPUT_MS = 25;

interface Kept {
  readonly player: number;
}

export function x360Controller(
  usb: UsbDevice,
  ctx: Context<Gamepad>,
  pipes: Pipes,
  model: Model,
  identity: Identity,
): Controller {
  const state = new Changes(ctx, "state");
  const motors = ctx.scope.use(
    new Motors(ctx, (strong, weak, _, wait) => pipes.send(rumble(strong, weak), "rumble", wait)),
  );
  const lights = new Changes(ctx, "lights");
  let told = 0;
  const take = (message: Uint8Array): void => {
    const decoded = decodeInput(message, model);
    if (decoded === undefined) return;
    told++;
    state.tell(decoded);
  };
  async function show(player: number, pattern: number, wait?: Wait): Promise<void> {
    await pipes.send(light(pattern), "ring of light", wait);
    lights.tell({ red: 0, green: 0, blue: 0, player });
  }

  /** What comes of it shows the next message. Where that has come already, the answer is the older one. */
  async function ask(): Promise<void> {
    using limit = ctx.limit(READ_INPUT_MS);
    const before = told;
    const answer = new Uint8Array(READ_INPUT_BYTES);
    const { status, bytes } = await usb.raw.controlIn(readInput, answer, limit);
    if (status === "ok" && told === before) take(answer.subarray(0, bytes));
  }

  return {
    name: model.name,
    properties: propertiesOf(identity, model, { triggerMax: TRIGGER_MAX, player: true }),
    async start() {
      pipes.listen(take); // and the question first of all: some copies take nothing before it
      await ask();
      await motors.settle();
      const kept = ctx.state.get() as Kept | undefined;
      const { ordinal } = ctx.device; // one that nobody has made a player yet blinks
      const shown =
        kept === undefined
          ? show(ordinal, playerBlinks(ordinal))
          : show(kept.player, playerPattern(kept.player));
      await tolerate(ctx.log, shown);
    },
    rumble: (input, wait) => motors.run(input, wait),
    async player({ number }, wait) {
      await show(number, playerPattern(number), wait);
      ctx.state.set({ player: number } satisfies Kept);
    },
    async rest() {
      await motors.settle();
      await pipes.rest();
    },
  };
}
