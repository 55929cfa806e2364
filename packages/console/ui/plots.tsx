// Runs in: browser. Owns: the plots of one device's last two minutes.
import { bytesText, countText, durationText } from "@ring3/classes/view";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Term } from "./term.tsx";
import type { Rates } from "./told.ts";
import { secondText } from "./words.ts";

export interface Point {
  readonly timeMs: number;
  readonly rates: Rates;
}

interface Line {
  readonly label: string;
  readonly of: (rates: Rates) => number | null;
  readonly dash?: number[];
}

const throughput: readonly Line[] = [
  { label: "read", of: ({ bytesRead }) => bytesRead },
  { label: "written", of: ({ bytesWritten }) => bytesWritten, dash: [6, 3] },
];
const requests: readonly Line[] = [{ label: "requests", of: (rates) => rates.requests }];
const told: readonly Line[] = [{ label: "events", of: (rates) => rates.events }];
const latency: readonly Line[] = [
  { label: "p50", of: ({ p50Us }) => p50Us },
  { label: "p99", of: ({ p99Us }) => p99Us, dash: [6, 3] },
];

const dark = matchMedia("(prefers-color-scheme: dark)");

export function Plots({ points }: { points: readonly Point[] }) {
  const last = points.at(-1)?.rates;
  const [isDark, become] = useState(dark.matches);
  useEffect(() => {
    const changed = () => become(dark.matches);
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, []);
  return (
    <div class="plots" key={String(isDark) /* drawn anew: their colours are the page's */}>
      <Plot
        title="Requests a second"
        lines={requests}
        text={countText}
        points={points}
        now={countText(last?.requests ?? 0)}
      />
      <Plot
        title="Events a second"
        lines={told}
        text={countText}
        points={points}
        now={countText(last?.events ?? 0)}
      />
      <Plot
        title="Bytes a second"
        lines={throughput}
        text={bytesText}
        points={points}
        now={`${bytesText(last?.bytesRead ?? 0)} read, ${bytesText(last?.bytesWritten ?? 0)} written (dashed)`}
      />
      <Plot
        title="Time of a request"
        lines={latency}
        text={durationText}
        points={points}
        now={
          <>
            <Term of="p50">p50</Term> {durationText(last?.p50Us ?? null)}, <Term of="p99">p99</Term>{" "}
            {durationText(last?.p99Us ?? null)} (dashed)
          </>
        }
      />
    </div>
  );
}

interface PlotParts {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly text: (value: number) => string;
  readonly points: readonly Point[];
  /** The latest, for who cannot see the plot. */
  readonly now: ComponentChildren;
}

const HEIGHT = 130;
/** Room for a time of day, in pixels. */
const LABEL = 110;

function Plot({ title, lines, text, points, now }: PlotParts) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  useEffect(() => {
    const element = place.current!;
    const style = getComputedStyle(element);
    const colour = style.getPropertyValue("--plot");
    const axis = { stroke: style.color, grid: { stroke: style.getPropertyValue("--line"), width: 1 } };
    const made = new uPlot(
      {
        width: Math.max(200, element.clientWidth),
        height: HEIGHT,
        padding: [null, LABEL / 2, null, null],
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_, __, most) => [0, Math.max(1, (most ?? 1) * 1.1)] } },
        axes: [
          { ...axis, space: LABEL, values: (_, seconds) => seconds.map((each) => secondText(each * 1000)) },
          { ...axis, size: 64, values: (_, values) => values.map((value) => text(value)) },
        ],
        series: [
          {},
          ...lines.map(({ label, dash }) => ({ label, stroke: colour, width: 2, ...(dash ? { dash } : {}) })),
        ],
      },
      dataOf(lines, points),
      element,
    );
    plot.current = made;
    const fit = new ResizeObserver(() =>
      made.setSize({ width: Math.max(200, element.clientWidth), height: HEIGHT }),
    );
    fit.observe(element);
    return () => {
      fit.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf(lines, points)), [points]);
  return (
    <figure>
      <figcaption>
        {title}: <span class="now">{now}</span>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

const dataOf = (lines: readonly Line[], points: readonly Point[]): uPlot.AlignedData => [
  points.map(({ timeMs }) => timeMs / 1000),
  ...lines.map(({ of }) => points.map(({ rates }) => of(rates))),
];
