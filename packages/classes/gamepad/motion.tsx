// Runs in: browser, in the console. Owns: how a game controller is turned and pulled, as bars to both sides and in numbers.
import type { ViewParts } from "../view.ts";

const WIDTH = 120;
/** What fills a bar: a quick turn of the hand, and twice the pull of the earth. */
const [TURN_MAX, PULL_MAX] = [360, 2];

interface Parts {
  readonly properties: Readonly<Record<string, number>>;
  readonly motion: ViewParts["events"][string];
}

export function Motion({ properties: { gyroPerDegree, accelPerG }, motion }: Parts) {
  const { gyro, accel } = (motion ?? {}) as Record<string, readonly number[] | undefined>;
  const scaled = (values: readonly number[] | undefined, unit: number) =>
    values?.map((value) => value / Math.max(1, unit));
  return (
    <dl class="facts motion">
      <Axes
        name="Turning about x, y, z"
        unit="° a second"
        values={scaled(gyro, gyroPerDegree!)}
        most={TURN_MAX}
        digits={0}
      />
      <Axes
        name="Pull along x, y, z"
        unit="g"
        values={scaled(accel, accelPerG!)}
        most={PULL_MAX}
        digits={2}
      />
    </dl>
  );
}

interface AxesParts {
  readonly name: string;
  readonly unit: string;
  /** x, y and z. */
  readonly values: readonly number[] | undefined;
  readonly most: number;
  readonly digits: number;
}

function Axes({ name, unit, values, most, digits }: AxesParts) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {values === undefined ? (
          "not told yet"
        ) : (
          <>
            <svg viewBox={`0 0 ${WIDTH} 30`} aria-hidden="true">
              {values.map((value, axis) => {
                const length = Math.max(-1, Math.min(1, value / most)) * (WIDTH / 2);
                return (
                  <g key={axis}>
                    <rect class="track" y={axis * 10 + 1} width={WIDTH} height={7} rx={3} />
                    <rect
                      class="lit"
                      x={WIDTH / 2 + Math.min(0, length)}
                      y={axis * 10 + 1}
                      width={Math.abs(length)}
                      height={7}
                    />
                  </g>
                );
              })}
            </svg>
            {values.map((value) => value.toFixed(digits)).join(", ")} {unit}
          </>
        )}
      </dd>
    </div>
  );
}
