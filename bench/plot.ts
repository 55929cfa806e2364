// Runs in: `ring3 bench --save`. Owns: nothing. All benchmarks' ratios against their goals, as a picture.
import { CustomChart, ScatterChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { type Result, type Setting, share } from "./benchmark.ts";

use([CustomChart, ScatterChart, GridComponent, MarkLineComponent, TitleComponent, SVGRenderer]);

const WIDTH = 800;
const ROW = 28;
const MARGIN = { left: 300, right: 40, top: 70, bottom: 50 };
const [MET, NOT_MET, AXIS] = ["#2a7d4f", "#b3422f", "#777"];

const TITLE = "Measured against its goal";

const labelOf = ({ name, variant, pinned, goal }: { name: string } & Setting) =>
  `${name}${variant === undefined ? "" : `, ${variant}`}${pinned === null ? "" : `, pinned to ${pinned}`}  ${goal}`;

/** An SVG document. */
export function plot(results: readonly Result[]): string {
  const all = results.flatMap(({ name, also, ...headline }) =>
    [headline, ...also].map((figures) => ({ name, ...figures })),
  );
  const height = MARGIN.top + MARGIN.bottom + ROW * all.length;
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  const rows = all.map(({ ratio, goal }, row) => ({
    row,
    median: share(ratio.median, goal),
    ends: [share(ratio.min, goal), share(ratio.max, goal)],
  }));
  chart.setOption({
    animation: false,
    title: {
      text: TITLE,
      subtext: "left of 1: the goal is met; dot: median of the rounds, line: all of them",
      left: "center",
    },
    grid: MARGIN,
    xAxis: { type: "log", name: "times the goal", nameLocation: "middle", nameGap: 28 },
    yAxis: { type: "category", inverse: true, data: all.map(labelOf) },
    series: [
      {
        type: "custom",
        data: rows.map(({ row, ends }) => [row, ...ends]),
        encode: { x: [1, 2], y: 0 },
        renderItem(_: unknown, api: { value(index: number): number; coord(at: number[]): number[] }) {
          const [from, to] = [1, 2].map((index) => api.coord([api.value(index), api.value(0)]));
          const [[x1, y1], [x2, y2]] = [from!, to!] as [[number, number], [number, number]];
          return { type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: AXIS, lineWidth: 2 } };
        },
      },
      {
        type: "scatter",
        symbolSize: 10,
        data: rows.map(({ row, median }) => ({
          value: [median, row],
          itemStyle: { color: median <= 1 ? MET : NOT_MET },
        })),
        markLine: { symbol: "none", silent: true, label: { show: false }, data: [{ xAxis: 1 }] },
      },
    ],
  });
  const picture = chart.renderToSVGString();
  chart.dispose();
  return `${picture.replace(/^<svg [^>]*>/, `$&\n<title>${TITLE}</title>`)}\n`;
}
