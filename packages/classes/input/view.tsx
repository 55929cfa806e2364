// Runs in: browser, in the console. Owns: a keyboard, a mouse and a tablet as drawings: what is down, where it moves, and what was done last.
import { clockText, type ViewParts } from "../view.ts";
import {
  INPUT_ABSOLUTE,
  INPUT_HORIZONTAL_WHEEL,
  INPUT_POWER,
  INPUT_RELATIVE,
  INPUT_WHEEL,
  KEY_CODES,
} from "./contract.ts";
import { Field } from "./field.tsx";
import { happenings, keyName, pressedOf } from "./happenings.ts";
import { type Key, keyboardKeys, MAIN_WIDTH } from "./keyboard-layout.ts";
import { Mouse, mouseButtons } from "./mouse.tsx";

const HAPPENINGS_MAX = 10;
/** Of a keyboard; who has fewer of its keys has some extra buttons. */
const TYPING_KEYS = 20;

export default function InputView({ properties, events, past }: ViewParts) {
  const { features = 0, dpi = 0 } = properties as Record<string, number>;
  const has = (feature: number) => (features & feature) !== 0;
  const codes = codesOf((properties.keys ?? []) as readonly number[]);
  const down = new Set(pressedOf(events.keys));
  const isKeyboard = keyboardKeys.filter(({ code }) => codes.has(code)).length >= TYPING_KEYS;
  const drawn = new Set([
    ...(isKeyboard ? keyboardKeys.map(({ code }) => code) : []),
    ...(has(INPUT_RELATIVE) ? mouseButtons.map(({ code }) => code) : []),
  ]);
  const others = [...down].filter((code) => !drawn.has(code));
  const power = events.power as { percent: number; charging: number } | undefined;
  return (
    <div class="hands">
      <div>
        {isKeyboard && <Keyboard codes={codes} down={down} />}
        {has(INPUT_RELATIVE) && (
          <Mouse
            codes={codes}
            down={down}
            moved={past.motion ?? []}
            hasWheel={has(INPUT_WHEEL | INPUT_HORIZONTAL_WHEEL)}
          />
        )}
        {has(INPUT_ABSOLUTE) && <Field properties={properties} pointer={events.pointer} />}
        <p class="keys">
          {events.driver?.there === false
            ? "No driver: every key is up."
            : down.size === 0
              ? "Nothing is down."
              : `Down: ${[...down].map(keyName).join(", ")}.`}
          {others.length > 0 && ` Not in the drawing: ${others.map(keyName).join(", ")}.`}
          {dpi > 0 && ` It measures ${(events.resolution?.dpi as number | undefined) ?? dpi} steps an inch.`}
          {has(INPUT_POWER) &&
            power !== undefined &&
            ` Battery ${power.percent} %${power.charging === 1 ? ", charging" : ""}.`}
        </p>
      </div>
      <Happenings past={past} />
    </div>
  );
}

function codesOf(words: readonly number[]): ReadonlySet<number> {
  const codes = Array.from({ length: KEY_CODES }, (_, code) => code);
  return new Set(codes.filter((code) => ((words[code >> 5] ?? 0) & (1 << (code & 31))) !== 0));
}

/** Of a key's width: between two keys, and around them all. */
const [GAP, EDGE] = [0.08, 0.1];
const HEIGHT = 6.5 + 2 * EDGE;
/** Side by side, or, where there is little room, one below the other. */
const parts = [
  { name: "main", x: 0, width: MAIN_WIDTH },
  { name: "side", x: MAIN_WIDTH + 0.5, width: 7.5 },
] as const;

function Keyboard({ codes, down }: { codes: ReadonlySet<number>; down: ReadonlySet<number> }) {
  const lit = keyboardKeys.filter(({ code }) => down.has(code));
  return (
    <figure class="keyboard">
      <div
        role="img"
        aria-label={`Keyboard. Down: ${lit.map(({ code }) => keyName(code)).join(", ") || "nothing"}`}
      >
        {parts.map(({ name, x, width }) => (
          <svg
            key={name}
            class={name}
            aria-hidden="true"
            viewBox={`${x - EDGE} ${-EDGE} ${width + 2 * EDGE} ${HEIGHT}`}
          >
            {keyboardKeys
              .filter((key) => key.x >= x && key.x < x + width)
              .map((key) => (
                <KeyCap key={key.code} at={key} isDown={down.has(key.code)} isThere={codes.has(key.code)} />
              ))}
          </svg>
        ))}
      </div>
      <figcaption>Keys by where they lie; what they type depends on the layout that is set.</figcaption>
    </figure>
  );
}

interface KeyCapParts {
  readonly at: Key;
  readonly isDown: boolean;
  readonly isThere: boolean;
}

function KeyCap({ at: { label, x, y, width, height }, isDown, isThere }: KeyCapParts) {
  return (
    <g class={isDown ? "key lit" : isThere ? "key" : "key absent"}>
      <rect x={x} y={y} width={width - GAP} height={height - GAP} rx={0.15} />
      <text
        class={label.length > 2 * width ? "long" : undefined}
        x={x + (width - GAP) / 2}
        y={y + (height - GAP) / 2}
      >
        {label}
      </text>
    </g>
  );
}

function Happenings({ past }: Pick<ViewParts, "past">) {
  const last = happenings(past, HAPPENINGS_MAX);
  return (
    <section aria-label="What was done last">
      <h3>What was done last</h3>
      {last.length === 0 ? (
        <p>Nothing, since this page looks.</p>
      ) : (
        <ol class="happenings" reversed>
          {last.map(({ timeMs, text }, index) => (
            <li key={last.length - index}>
              <time>{clockText(timeMs)}</time> {text}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
