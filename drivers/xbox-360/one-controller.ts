// Runs in: driver host, jailed. Owns: an Xbox One or Series controller.
import {
  Changes,
  type Context,
  DeviceError,
  type Gamepad,
  type GamepadProperties,
  gamepadButton,
  Motors,
  tolerate,
  type Wait,
} from "@ring3/sdk";
import type { Controller } from "./controller.ts";
import {
  acknowledgement,
  commands,
  decodeInput,
  decodeMessages,
  identify,
  isGuidePressed,
  type Message,
  numbered,
  rumble,
  startMessages,
  TRIGGER_MAX,
} from "./gip.ts";
import type { Model } from "./models.ts";
import { NEXT_STEP, type Pipes } from "./pipes.ts";
import { atRest, type Identity, propertiesOf, type State } from "./state.ts";

/** One that is off announces itself twice a second: one that does not for longer is on, and has nothing to say. */
const QUIET_MS = 700;
/** Of what it is asked; it takes some milliseconds. */
const ANSWER_MS = 1000;
/** So often it is told to start, in vain. */
const TRIES = 5;
const MODE = gamepadButton("mode");

type First = "announced" | "on";

interface Kept {
  /** It was heard to be on, and has not announced itself since. */
  readonly isOn: boolean;
}

export class OneController implements Controller {
  readonly name: string;
  readonly properties: GamepadProperties;
  readonly #ctx: Context<Gamepad>;
  readonly #pipes: Pipes;
  readonly #model: Model;
  readonly #start: readonly Uint8Array[];
  readonly #motors: Motors;
  readonly #told: Changes<Gamepad, "state">;
  #sequence = 0;
  #state: State | undefined;
  #isGuideDown = false;
  /** Announcements since it has said anything else. */
  #announced = 0;
  /** While it is started: what it says first. */
  #starting: PromiseWithResolvers<First> | undefined;
  #isSwitchingOn = false;
  /** The last message that is to be acknowledged and was not, for another is on its way. */
  #unacknowledged: Message | undefined;
  #isAcknowledging = false;

  constructor(ctx: Context<Gamepad>, pipes: Pipes, model: Model, identity: Identity) {
    this.name = model.name;
    this.properties = propertiesOf(identity, model, { triggerMax: TRIGGER_MAX, player: false });
    this.#ctx = ctx;
    this.#pipes = pipes;
    this.#model = model;
    this.#start = startMessages(identity.vendorId, identity.productId);
    this.#motors = ctx.scope.use(
      new Motors(ctx, (strong, weak, durationMs, wait) =>
        this.#send(rumble(strong, weak, durationMs), "rumble", wait),
      ),
    );
    this.#told = new Changes(ctx, "state");
  }

  async start(): Promise<void> {
    this.#forget();
    this.#announced = 0;
    this.#starting = Promise.withResolvers(); // until it is told to start an announcement is no news
    this.#pipes.listen((bytes) => this.#take(bytes));
    await this.#motors.settle();
    await this.#startAnew();
  }

  readonly rumble = (
    input: { strong: number; weak: number; durationMs: number },
    wait: Wait,
  ): Promise<void> => this.#motors.run(input, wait);

  async rest(): Promise<void> {
    await this.#motors.settle();
    await this.#pipes.rest();
  }

  async #startAnew(): Promise<void> {
    let isKnown = this.#ctx.incarnation > 1 && this.#isOn;
    for (let tries = 0; tries < TRIES; tries++) {
      const first = Promise.withResolvers<First>();
      this.#starting = first;
      await this.#switchOn();
      // One that is on and left alone says nothing by itself, but answers. Off it answers too, and announces itself before.
      const unasked = isKnown ? undefined : await this.#within(QUIET_MS, first);
      const said = unasked ?? (await this.#ask(first));
      this.#starting = undefined;
      if (said === undefined)
        throw new DeviceError(
          "timeout",
          `${this.#ctx.device.id}: told to start, the Xbox controller tells no input and no status, and does not answer what it is (${NEXT_STEP})`,
        );
      this.#keep(said === "on");
      if (said === "on") return;
      isKnown = false;
    }
    throw this.#notStarting();
  }

  async #ask(first: PromiseWithResolvers<First>): Promise<First | undefined> {
    await this.#send(identify, "what it is");
    return await this.#within(ANSWER_MS, first);
  }

  /** Undefined: it has said nothing for so long. */
  async #within(ms: number, { promise }: PromiseWithResolvers<First>): Promise<First | undefined> {
    return (await Promise.race([promise, this.#ctx.sleep(ms)])) ?? undefined;
  }

  get #isOn(): boolean {
    return (this.#ctx.state.get() as Kept | undefined)?.isOn === true;
  }

  #keep(isOn: boolean): void {
    if (isOn !== this.#isOn) this.#ctx.state.set({ isOn } satisfies Kept);
  }

  #notStarting(): DeviceError {
    return new DeviceError(
      "timeout",
      `${this.#ctx.device.id}: told ${TRIES} times to start, the Xbox controller still announces itself (${NEXT_STEP})`,
    );
  }

  /** Input comes as soon as it is on; only some want to hear more. */
  async #switchOn(): Promise<void> {
    for (const message of this.#start) {
      const sent = this.#send(message, "start");
      await (message[0] === commands.power ? sent : tolerate(this.#ctx.log, sent));
    }
  }

  #take(bytes: Uint8Array): void {
    for (const message of decodeMessages(bytes)) if (message.client === 0) this.#hear(message);
  }

  #hear(message: Message): void {
    if (message.needsAcknowledgement) this.#acknowledge(message);
    if (message.command === commands.announce) return this.#announce();
    this.#announced = 0;
    this.#starting?.resolve("on");
    if (message.isPart) return; // nothing that is wanted here is so long
    if (message.command === commands.guide) this.#guide(isGuidePressed(message));
    else if (message.command === commands.input) this.#input(message);
  }

  /** It is off: it has just been plugged in, or has started anew by itself. */
  #announce(): void {
    if (this.#starting !== undefined) return this.#starting.resolve("announced");
    if (this.#state !== undefined) this.#told.tell(atRest);
    this.#forget();
    this.#keep(false);
    if (++this.#announced === TRIES) throw this.#notStarting();
    if (this.#isSwitchingOn) return;
    this.#isSwitchingOn = true;
    this.#later(
      this.#switchOn().finally(() => {
        this.#isSwitchingOn = false;
      }),
    );
  }

  /** What was pressed, who knows. */
  #forget(): void {
    this.#state = undefined;
    this.#isGuideDown = false;
  }

  #guide(isDown: boolean): void {
    this.#isGuideDown = isDown;
    const state = this.#state ?? atRest;
    this.#tell({ ...state, buttons: isDown ? state.buttons | MODE : state.buttons & ~MODE });
  }

  #input(message: Message): void {
    const state = decodeInput(message, this.#model, this.#isGuideDown);
    if (state !== undefined) this.#tell(state);
  }

  #tell(state: State): void {
    this.#state = state;
    this.#told.tell(state);
  }

  /** One at a time, and of those that come meanwhile only the last: what is not acknowledged is told again. */
  #acknowledge(message: Message): void {
    this.#unacknowledged = message;
    if (!this.#isAcknowledging) this.#later(this.#acknowledgeLast());
  }

  async #acknowledgeLast(): Promise<void> {
    this.#isAcknowledging = true;
    try {
      for (let message = this.#unacknowledged; message !== undefined; message = this.#unacknowledged) {
        this.#unacknowledged = undefined;
        await this.#pipes.send(acknowledgement(message), "acknowledgement");
      }
    } finally {
      this.#isAcknowledging = false;
    }
  }

  #send(message: Uint8Array, what: string, wait?: Wait): Promise<void> {
    this.#sequence = (this.#sequence % 255) + 1;
    return this.#pipes.send(numbered(message, this.#sequence), what, wait);
  }

  /** Nobody waits for it. One that is gone is known by other ways. */
  #later(sent: Promise<void>): void {
    sent.catch((error) => {
      if (!(error instanceof DeviceError)) throw error;
      if (error.kind !== "disconnected") this.#ctx.log.warn(error.message);
    });
  }
}
