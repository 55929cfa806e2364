// Runs in: the gamepad sim. Owns: nothing; the words of a script that say what hands do to a pad.
import { battery, found, numbers, type Vocabulary } from "../input/script.ts";
import { type Button, fresh, type Pad } from "./state.ts";

export const words = `  press BUTTON…             release BUTTON…, release all
  left X Y, right X Y       left-x X, left-y Y, right-x X, right-y Y
    sticks: -1 to 1, right and down are positive
  left-trigger V            right-trigger V: 0 to 1
  hat up, down, left, right, up-left …, center
  gyro X Y Z (degrees/s)    accel X Y Z (g)
  touch 0 X Y, touch 0 up   fingers 0 and 1; 0 to 1 from the top left
  battery PERCENT [charging]`;

/** What a model has to be played with, beside two sticks and a hat. */
export interface Controls {
  readonly buttons: readonly Button[];
  readonly triggers: boolean;
  /** It has sensors, and lying on a table feels gravity so. */
  readonly gravity?: Pad["accel"];
  readonly touch?: boolean;
  readonly battery?: boolean;
}

type Act = (pad: Pad) => void;
type Verb = (args: readonly string[]) => Act;

const hats: Record<string, readonly [number, number]> = {
  center: [0, 0],
  up: [0, -1],
  "up-right": [1, -1],
  right: [1, 0],
  "down-right": [1, 1],
  down: [0, 1],
  "down-left": [-1, 1],
  left: [-1, 0],
  "up-left": [-1, -1],
};

export function vocabularyOf(controls: Controls): Vocabulary<Pad> {
  const verbs = verbsOf(controls);
  return {
    fresh: () => fresh(controls.gravity),
    movement: movementOf(controls),
    step([verb = "", ...args]) {
      const known = Object.keys(verbs);
      if (!known.includes(verb))
        throw new Error(`expected wait, repeat or one of ${known.join(", ")}, found ${JSON.stringify(verb)}`);
      return verbs[verb]!(args);
    },
  };
}

function verbsOf(controls: Controls): Record<string, Verb> {
  const { buttons, triggers, gravity, touch } = controls;
  const axis = (verb: string, set: (pad: Pad, value: number) => void, low = -1): Verb => {
    return (args) => {
      const [value] = numbers(verb, args, 1, low, 1);
      return (pad) => set(pad, value!);
    };
  };
  const vector = (verb: string, set: (pad: Pad, values: [number, number, number]) => void): Verb => {
    return (args) => {
      const values = numbers(verb, args, 3, -10_000, 10_000) as [number, number, number];
      return (pad) => set(pad, values);
    };
  };
  const stick =
    (verb: "left" | "right"): Verb =>
    (args) => {
      const values = numbers(verb, args, 2, -1, 1) as [number, number];
      return (pad) => {
        pad[verb] = values;
      };
    };
  return {
    press: (args) => {
      const pressed = named("press", args, buttons);
      return (pad) => pressed.forEach((button) => void pad.pressed.add(button));
    },
    release: (args) => {
      if (args.length === 1 && args[0] === "all") return releaseAll;
      const released = named("release", args, buttons);
      return (pad) => released.forEach((button) => void pad.pressed.delete(button));
    },
    left: stick("left"),
    right: stick("right"),
    "left-x": axis("left-x", (pad, x) => (pad.left = [x, pad.left[1]])),
    "left-y": axis("left-y", (pad, y) => (pad.left = [pad.left[0], y])),
    "right-x": axis("right-x", (pad, x) => (pad.right = [x, pad.right[1]])),
    "right-y": axis("right-y", (pad, y) => (pad.right = [pad.right[0], y])),
    hat: (args) => {
      const at = args.length === 1 ? hats[args[0]!] : undefined;
      if (at === undefined)
        throw new Error(`hat: expected one of ${Object.keys(hats).join(", ")}, found ${found(args)}`);
      return (pad) => {
        pad.hat = at;
      };
    },
    ...(triggers && {
      "left-trigger": axis("left-trigger", (pad, value) => (pad.leftTrigger = value), 0),
      "right-trigger": axis("right-trigger", (pad, value) => (pad.rightTrigger = value), 0),
    }),
    ...(gravity && {
      gyro: vector("gyro", (pad, values) => (pad.gyro = values)),
      accel: vector("accel", (pad, values) => (pad.accel = values)),
    }),
    ...(touch && { touch: touched }),
    ...(controls.battery && { battery }),
  };
}

const releaseAll: Act = (pad) => {
  const { battery, charging, gyro, accel, touches } = pad;
  pad.pressed.clear();
  Object.assign(pad, { ...fresh(), pressed: pad.pressed, battery, charging, gyro, accel, touches });
};

const touched: Verb = ([which = "", ...args]) => {
  if (which !== "0" && which !== "1")
    throw new Error(`touch: expected finger 0 or 1, found ${found([which])}`);
  const finger = Number(which) as 0 | 1;
  if (args.length === 1 && args[0] === "up") {
    return (pad) => {
      pad.fingers[finger] = undefined;
    };
  }
  const [x, y] = numbers("touch", args, 2, 0, 1) as [number, number];
  return (pad) => {
    const id = pad.fingers[finger]?.id ?? pad.touches++;
    pad.fingers[finger] = { x, y, id };
  };
};

function named(verb: string, args: readonly string[], known: readonly Button[]): Button[] {
  if (args.length === 0) throw new Error(`${verb}: expected a button, found nothing`);
  return args.map((name) => {
    const button = known.find((each) => each === name);
    if (button === undefined)
      throw new Error(`${verb}: expected one of ${known.join(", ")}, found ${JSON.stringify(name)}`);
    return button;
  });
}

const POINTS = 64;
const POINT_MS = 50;

/** The sticks go slowly round, one this way and one that; a button now and then. */
function movementOf({ buttons }: Controls): string {
  const lines = Array.from({ length: POINTS }, (_, at) => {
    const turn = (at / POINTS) * 2 * Math.PI;
    const [x, y] = [Math.cos(turn).toFixed(3), Math.sin(turn).toFixed(3)];
    const back = (-Number(y)).toFixed(3);
    const button = buttons[(at >> 4) % buttons.length];
    const presses = at % 16 === 8 ? `press ${button}\n` : at % 16 === 12 ? `release ${button}\n` : "";
    return `${POINT_MS}ms left ${x} ${y}\nright ${x} ${back}\n${presses}`;
  });
  return `repeat forever {\n${lines.join("")}}\n`;
}
