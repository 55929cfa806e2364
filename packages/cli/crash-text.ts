// Runs in: CLI. Owns: nothing. What people read of crash reports. Pure.
import type { CrashReport } from "@ring3/control/crash";
import { durationText } from "@ring3/control/duration";
import { identityText } from "@ring3/control/fields";
import { wrapped } from "./command.ts";
import { fit, type Paint } from "./text.ts";

/** Of the recorder, on a terminal; all of it stands in the report itself. */
const RECORDS_SHOWN = 32;

const when = (time: number) => new Date(time).toISOString().replace("T", " ").slice(0, 19);
const why = ({ reason }: CrashReport) => `${reason.kind}: ${reason.text}`;

/** The latest last, two lines each: the second is to be copied. */
export function crashesText(reports: readonly CrashReport[], width: number, paint: Paint): string {
  if (reports.length === 0) return "no crashes";
  return reports
    .flatMap((report) => {
      const head = `${when(report.time)}  ${report.device.id} #${report.incarnation} ${report.driver.name}  `;
      return [
        `${head}${paint("red", fit(why(report), Math.max(20, width - head.length)).trimEnd())}`,
        `  ${report.id}`,
      ];
    })
    .join("\n");
}

export function crashText(report: CrashReport, width: number, paint: Paint): string {
  const { device, driver, resources } = report;
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", paint("bold", title), ...lines.map((line) => wrapped("  ", line, width))];
  const used =
    resources === null
      ? []
      : [
          `${durationText(resources.aliveMs)} alive, ${(resources.cpuMs / 1000).toFixed(2)} s of processor, ${Math.round(resources.privateBytes / 2 ** 20)} MB of its own`,
        ];
  const last = report.recorder.slice(-RECORDS_SHOWN);
  return [
    `${paint("bold", report.id)}  ${when(report.time)}`,
    wrapped("", `${device.id}  ${device.name}  ${identityText(device.identity)}`, width),
    wrapped(
      "",
      `${driver.name} ${driver.version} (${driver.class}), start #${report.incarnation}, sandbox ${report.sandbox}`,
      width,
    ),
    wrapped("", paint("red", why(report)), width),
    ...section("Where it stood", report.stack),
    ...section(
      "Requests in hand",
      report.inFlight.map(
        ({ operation, channel, slot, ageUs }) =>
          `${operation} on slot ${slot} of channel ${channel}, ${age(ageUs)}`,
      ),
    ),
    ...section(
      last.length < report.recorder.length
        ? `What it did last (${last.length} of ${report.recorder.length}; all with --json)`
        : "What it did last",
      last.map(({ ageUs, kind, text }) => `${age(ageUs).padStart(12)}  ${kind.padEnd(7)}  ${text}`),
    ),
    ...section("What it used", used),
  ].join("\n");
}

/** Before the newest record. */
function age(us: number): string {
  return us < 100_000 ? `-${us} us` : `-${Math.round(us / 1000)} ms`;
}
