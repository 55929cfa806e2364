// Runs in: the keyboard sim. Owns: nothing; the words of a script that say what hands do to a keyboard or a mouse.
import { battery, found, numbers, type Vocabulary } from "../input/script.ts";
import { fresh, type Hands } from "./hands.ts";
import { FIRST_MODIFIER, keys, mediaKeys, mouseButtons } from "./keys.ts";

export const words = `  key NAME down, key NAME up (by Linux's names: a, enter, leftshift, volumeup)
  button NAME down, button NAME up (left, right, middle, side, extra)
  release all
  move X Y (counts, right and down are positive)
  wheel N, pan N (notches, up and right are positive, 0.5 is half a one)
  battery PERCENT [charging]`;

type Act = (hands: Hands) => void;
type Verb = (args: readonly string[]) => Act;
export type Verbs = Readonly<Record<string, Verb>>;

export function vocabularyOf(verbs: Verbs, movement: string): Vocabulary<Hands> {
  const known: Verbs = { ...verbs, release };
  return {
    fresh,
    movement,
    step([verb = "", ...args]) {
      const act = Object.hasOwn(known, verb) ? known[verb] : undefined;
      if (act !== undefined) return act(args);
      const names = Object.keys(known).join(", ");
      throw new Error(`expected wait, repeat or one of ${names}, found ${JSON.stringify(verb)}`);
    },
  };
}

const release: Verb = (args) => {
  if (args.length !== 1 || args[0] !== "all") throw new Error(`release: expected all, found ${found(args)}`);
  return ({ keys, media, buttons }) => {
    keys.clear();
    media.clear();
    buttons.clear();
  };
};

/** `key NAME down` or `up`: keys up to usage `last`, modifiers, and media keys where there are any. */
export function keyVerb(last: number, media: boolean): Verb {
  return ([name = "", way, ...more]) => {
    const usage = keys.get(name);
    const mediaUsage = media ? mediaKeys.get(name) : undefined;
    const known = usage !== undefined && (usage <= last || usage >= FIRST_MODIFIER);
    if (!known && mediaUsage === undefined)
      throw new Error(
        `key: expected a key of this keyboard by Linux's name for it, such as a, kp1 or leftshift, found ${JSON.stringify(name)}`,
      );
    const down = isDown("key", way, more);
    return (hands) => (known ? held(hands.keys, usage, down) : held(hands.media, mediaUsage!, down));
  };
}

const button: Verb = ([name = "", way, ...more]) => {
  const which = mouseButtons.find((each) => each === name);
  if (which === undefined)
    throw new Error(`button: expected one of ${mouseButtons.join(", ")}, found ${JSON.stringify(name)}`);
  const down = isDown("button", way, more);
  return (hands) => held(hands.buttons, which, down);
};

const MAX_MOVE = 32767; // 16 bits
const MAX_NOTCHES = 15; // 120 counts of an eighth in 8 bits

export const mouseVerbs: Verbs = {
  button,
  move: (args) => {
    const [x, y] = numbers("move", args, 2, -MAX_MOVE, MAX_MOVE) as [number, number];
    return (hands) => {
      hands.x += Math.trunc(x);
      hands.y += Math.trunc(y);
    };
  },
  wheel: (args) => {
    const [notches] = numbers("wheel", args, 1, -MAX_NOTCHES, MAX_NOTCHES) as [number];
    return (hands) => {
      hands.wheel += notches;
    };
  },
  pan: (args) => {
    const [notches] = numbers("pan", args, 1, -MAX_NOTCHES, MAX_NOTCHES) as [number];
    return (hands) => {
      hands.pan += notches;
    };
  },
};

export const batteryVerb: Verbs = { battery };

function isDown(verb: string, way: string | undefined, more: readonly string[]): boolean {
  if ((way !== "down" && way !== "up") || more.length > 0)
    throw new Error(
      `${verb}: expected down or up behind the name, found ${found([way ?? [], ...more].flat())}`,
    );
  return way === "down";
}

function held<T>(set: Set<T>, which: T, down: boolean): void {
  if (down) set.add(which);
  else set.delete(which);
}

/** Someone types the same words again and again, slowly. */
export const typing = `repeat forever {
${[..."ring3"].map((key) => `  200ms key ${key} down\n  60ms key ${key} up\n`).join("")}  200ms key space down
  60ms key space up
}
`;

const POINTS = 64;

/** The pointer goes round, and clicks now and then. */
export const circling = `repeat forever {
${Array.from({ length: POINTS }, (_, at) => {
  const turn = (at / POINTS) * 2 * Math.PI;
  return `  30ms move ${Math.round(8 * Math.cos(turn))} ${Math.round(8 * Math.sin(turn))}\n`;
}).join("")}  button left down
  50ms button left up
  wheel 1
}
`;
