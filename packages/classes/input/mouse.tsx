// Runs in: browser, in the console. Owns: a mouse as a drawing: its buttons, its wheel, and the way that it has gone.
import { BTN_EXTRA, BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE } from "@ring3/core/input-codes";
import type { Told } from "../view.ts";
import { WHEEL_NOTCH } from "./contract.ts";

export const mouseButtons = [
  { code: BTN_LEFT, name: "left", path: "M52 8C28 8 12 26 12 52v18h40z" },
  { code: BTN_RIGHT, name: "right", path: "M68 8c24 0 40 18 40 44v18H68z" },
  { code: BTN_MIDDLE, name: "middle", path: "M53 22h14v34H53z" },
  { code: BTN_SIDE, name: "side", path: "M4 112h7v26H4z" },
  { code: BTN_EXTRA, name: "extra", path: "M4 80h7v26H4z" },
] as const;

/** The pad on which it moves, in the drawing, and how many of its steps that is wide. */
const [PAD_X, PAD_Y, PAD_SIZE, PAD_STEPS] = [130, 8, 164, 800];
/** Degrees that a notch turns the wheel in the drawing: 24 make a round. */
const NOTCH_MARK = 4;

interface Parts {
  readonly codes: ReadonlySet<number>;
  readonly down: ReadonlySet<number>;
  /** Oldest first. */
  readonly moved: readonly Told[];
  readonly hasWheel: boolean;
}

export function Mouse({ codes, down, moved, hasWheel }: Parts) {
  const pressed = mouseButtons.filter(({ code }) => down.has(code)).map(({ name }) => name);
  const turned = moved.reduce((all, { data }) => all + Number(data.wheel), 0) / WHEEL_NOTCH;
  const last = moved.at(-1)?.data;
  const way = last === undefined ? "not yet" : `${String(last.x)}, ${String(last.y)}`;
  return (
    <figure class="mouse">
      <svg
        viewBox="0 0 302 180"
        role="img"
        aria-label={`Mouse. Down: ${pressed.join(", ") || "nothing"}. Moved last: ${way}`}
      >
        <path class="body" d="M60 8C30 8 12 28 12 56v68c0 28 20 48 48 48s48-20 48-48V56C108 28 90 8 60 8z" />
        {mouseButtons
          .filter(({ code }) => codes.has(code))
          .map(({ code, name, path }) => (
            <path key={name} class={down.has(code) ? "lit" : "track"} d={path} />
          ))}
        {hasWheel &&
          [0, 1, 2].map((line) => (
            <path key={line} class="notch" d={`M54 ${26 + within(line * 10 - turned * NOTCH_MARK, 30)}h12`} />
          ))}
        <rect class="track" x={PAD_X} y={PAD_Y} width={PAD_SIZE} height={PAD_SIZE} rx={8} />
        <Trail moved={moved} />
      </svg>
      <figcaption>
        {last === undefined
          ? "It has not moved since this page looks."
          : `Last movement ${way} (right and down are positive).`}
      </figcaption>
    </figure>
  );
}

/** Ends in the middle of its pad: where a mouse is nobody knows, only which way it has come. */
function Trail({ moved }: { moved: readonly Told[] }) {
  const middle = PAD_SIZE / 2;
  const scale = PAD_SIZE / PAD_STEPS;
  const points = [[PAD_X + middle, PAD_Y + middle]];
  for (const { data } of moved.toReversed()) {
    const [x, y] = points.at(-1)!;
    points.push([x! - Number(data.x) * scale, y! - Number(data.y) * scale]);
  }
  return (
    <svg
      aria-hidden="true"
      x={PAD_X}
      y={PAD_Y}
      width={PAD_SIZE}
      height={PAD_SIZE}
      viewBox={`${PAD_X} ${PAD_Y} ${PAD_SIZE} ${PAD_SIZE}`}
    >
      <polyline
        class="trail"
        points={points.map(([x, y]) => `${x!.toFixed(1)},${y!.toFixed(1)}`).join(" ")}
      />
      <circle class="knob" cx={PAD_X + middle} cy={PAD_Y + middle} r={5} />
    </svg>
  );
}

const within = (value: number, length: number) => ((value % length) + length) % length;
