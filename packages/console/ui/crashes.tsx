// Runs in: browser. Owns: the crash reports of one device.
import { useEffect, useState } from "preact/hooks";
import { ask } from "./feed.ts";
import { Term } from "./term.tsx";
import type { CrashReport, CrashSummary } from "./told.ts";
import { bytesText, dateText, durationText } from "./words.ts";

/** Written a moment after the next driver was started. */
const WRITTEN_MS = 400;

/** `incarnation`: with another one there is another report. */
export function Crashes({ device, incarnation }: { device: string; incarnation: number }) {
  const [reports, setReports] = useState<readonly CrashSummary[]>([]);
  useEffect(() => {
    const look = () =>
      void ask<{ reports: CrashSummary[] }>(`/api/devices/${encodeURIComponent(device)}/crashes`).then(
        ({ reports }) => setReports(reports.toReversed()),
        () => {},
      );
    look();
    const again = setTimeout(look, WRITTEN_MS);
    return () => clearTimeout(again);
  }, [device, incarnation]);
  return (
    <section aria-labelledby="crashes">
      <h2 id="crashes">
        <Term of="crash">Crash reports</Term>
      </h2>
      {reports.length === 0 ? (
        <p>None. Whenever its driver fails, a report says why, where it stood and what it had in hand.</p>
      ) : (
        reports.map((report) => <Crash key={report.id} summary={report} />)
      )}
    </section>
  );
}

function Crash({ summary: { id, time, incarnation, reason } }: { summary: CrashSummary }) {
  const [report, setReport] = useState<CrashReport>();
  const [trouble, setTrouble] = useState("");
  const open = () => {
    if (report === undefined)
      void ask<CrashReport>(`/api/crashes/${encodeURIComponent(id)}`).then(setReport, ({ message }: Error) =>
        setTrouble(message),
      );
  };
  return (
    <details onToggle={open}>
      <summary>
        {dateText(time)}, start #{incarnation}: {reason.kind}, {reason.text}
        {reason.outside ? " (not the driver's doing)" : ""}
      </summary>
      {report === undefined && trouble !== "" && <p class="failure">It cannot be had: {trouble}.</p>}
      {report !== undefined && (
        <>
          {report.stack.length > 0 && <pre tabIndex={0}>{report.stack.join("\n")}</pre>}
          <p>
            {report.inFlight.length === 0
              ? "It had no request in hand."
              : `In hand: ${report.inFlight.map(({ operation, ageUs }) => `${operation} since ${durationText(ageUs)}`).join(", ")}.`}
            {report.resources === null
              ? ""
              : ` It had ${bytesText(report.resources.privateBytes)} for itself.`}
          </p>
          <p>What it did last:</p>
          <pre tabIndex={0}>
            {report.recorder
              .slice(-40)
              .map(({ ageUs, kind, text }) => `-${durationText(ageUs)}  ${kind}  ${text}`)
              .join("\n")}
          </pre>
        </>
      )}
    </details>
  );
}
