// Runs in: browser, in the console. Owns: what a disk does now, and what kind of disk it is.
import { type Activity, bytesText, type ViewParts } from "../view.ts";
import { activityText } from "./activity.ts";
import {
  BLOCK_DISCARD,
  BLOCK_FUA,
  BLOCK_MEDIUM_PRESENT,
  BLOCK_READ_ONLY,
  BLOCK_REMOVABLE,
  BLOCK_ROTATIONAL,
  BLOCK_WRITE_CACHE,
} from "./contract.ts";

export default function BlockView({ properties, seconds }: ViewParts) {
  const { flags = 0 } = properties as Record<string, number>;
  if ((flags & BLOCK_MEDIUM_PRESENT) === 0)
    return <p>There is no medium in it. Put one in, and it is shown here.</p>;
  return (
    <>
      <Work seconds={seconds.slice(-SECONDS_SHOWN)} />
      <Facts properties={properties} />
    </>
  );
}

const SECONDS_SHOWN = 60;
/** Of one second in the strip; the middle of the drawing is where reading and writing begin. */
const [BAR, MIDDLE] = [5, 30];

/** Reading upwards, writing downwards. */
function Work({ seconds }: { seconds: readonly Activity[] }) {
  const now = seconds.at(-1);
  const busy = seconds.filter(({ requests }) => requests > 0).length;
  const most = Math.max(1, ...seconds.flatMap(({ bytesRead, bytesWritten }) => [bytesRead, bytesWritten]));
  return (
    <figure class="work-strip">
      <svg viewBox={`0 0 ${SECONDS_SHOWN * BAR} ${2 * MIDDLE}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="axis" d={`M0 ${MIDDLE}h${SECONDS_SHOWN * BAR}`} />
        {seconds.map(({ bytesRead, bytesWritten }, index) => {
          const x = (SECONDS_SHOWN - seconds.length + index) * BAR;
          const [read, written] = [(bytesRead / most) * MIDDLE, (bytesWritten / most) * MIDDLE];
          return (
            <g key={index - seconds.length}>
              <rect class="read" x={x} y={MIDDLE - read} width={BAR - 1} height={read} />
              <rect class="written" x={x} y={MIDDLE} width={BAR - 1} height={written} />
            </g>
          );
        })}
      </svg>
      <figcaption>
        <strong>{activityText(now)}</strong>
        {seconds.length > 0 &&
          ` In ${busy} of the last ${seconds.length} ${seconds.length === 1 ? "second" : "seconds"} something was asked of it. Up: read, down: written.`}
      </figcaption>
    </figure>
  );
}

function Facts({ properties }: Pick<ViewParts, "properties">) {
  const {
    sectors = 0,
    sectorBytes = 0,
    flags = 0,
    maxTransferSectors = 0,
    medium = 1,
  } = properties as Record<string, number>;
  const has = (flag: number) => (flags & flag) !== 0;
  const facts: readonly (readonly [string, string])[] = [
    [
      "Size",
      `${bytesText(sectors * sectorBytes)}: ${sectors.toLocaleString()} blocks of ${sectorBytes} bytes`,
    ],
    ["In one request", `${bytesText(maxTransferSectors * sectorBytes)} at most`],
    ["May be written", has(BLOCK_READ_ONLY) ? "no, only read" : "yes"],
    ["What is written", keptText(has(BLOCK_WRITE_CACHE), has(BLOCK_FUA))],
    [
      "Is",
      `${has(BLOCK_ROTATIONAL) ? "a turning disk" : "without turning parts"}${
        has(BLOCK_REMOVABLE) ? `; its medium can be taken out, and this is number ${medium}` : ""
      }`,
    ],
    ["Space that is free again", has(BLOCK_DISCARD) ? "it can be told of" : "it need not be told of"],
  ];
  return (
    <dl class="facts">
      {facts.map(([what, value]) => (
        <div key={what}>
          <dt>{what}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const keptText = (cached: boolean, through: boolean) =>
  !cached
    ? "is kept at once"
    : `waits in the disk's own memory until somebody asks to flush it${through ? ", or asks for one write to be kept at once" : ""}`;
