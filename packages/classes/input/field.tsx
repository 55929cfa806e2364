// Runs in: browser, in the console. Owns: a tablet or a touch screen as a drawing: where it points, and how hard.
import type { ViewParts } from "../view.ts";
import { INPUT_PRESSURE } from "./contract.ts";

const WIDTH = 300;
/** A pen pressed as hard as can be is a dot of so much. */
const DOT_MAX = 16;
const DOT_MIN = 4;

interface Parts {
  readonly properties: ViewParts["properties"];
  readonly pointer: ViewParts["events"][string];
}

export function Field({ properties, pointer }: Parts) {
  const {
    absoluteMaxX = 1,
    absoluteMaxY = 1,
    pressureMax = 0,
    features = 0,
  } = properties as Record<string, number>;
  const { x = 0, y = 0, pressure = 0, near = 0 } = (pointer ?? {}) as Record<string, number>;
  const height = Math.min(WIDTH, Math.max(WIDTH / 4, (WIDTH * absoluteMaxY) / Math.max(1, absoluteMaxX)));
  const hard = (features & INPUT_PRESSURE) === 0 || pressureMax === 0 ? undefined : pressure / pressureMax;
  const text =
    pointer === undefined
      ? "It has not pointed anywhere yet."
      : `Points at ${x}, ${y} of ${absoluteMaxX}, ${absoluteMaxY}${near === 1 ? "" : ", from afar"}${
          hard === undefined ? "" : `, pressed ${Math.round(hard * 100)} %`
        }.`;
  return (
    <figure class="field">
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={text}>
        <rect class="track" width={WIDTH} height={height} rx={8} />
        {pointer !== undefined && (
          <circle
            class={near === 1 ? "lit" : "knob"}
            cx={(x / Math.max(1, absoluteMaxX)) * WIDTH}
            cy={(y / Math.max(1, absoluteMaxY)) * height}
            r={DOT_MIN + (hard ?? 0) * (DOT_MAX - DOT_MIN)}
          />
        )}
      </svg>
      <figcaption>{text}</figcaption>
    </figure>
  );
}
