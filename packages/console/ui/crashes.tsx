// Runs in: browser. Owns: the crash reports of one device.
import { bytesText } from "@ring3/classes/view";
import { useEffect, useState } from "preact/hooks";
import { ask } from "./feed.ts";
import { inHandText, recordsText } from "./report.ts";
import { Term } from "./term.tsx";
import type { CrashReport, CrashSummary, DeviceState } from "./told.ts";
import { timeText } from "./words.ts";

interface CrashesParts {
  readonly device: string;
  readonly state: DeviceState;
  readonly incarnation: number;
  readonly begun: number;
}

/** Written a moment after the next driver was started. */
const WRITTEN_MS = 400;

/** `state`, `incarnation`, `begun`: with others there may be another report. */
export function Crashes({ device, state, incarnation, begun }: CrashesParts) {
  const [reports, setReports] = useState<readonly CrashSummary[]>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    const look = () =>
      void ask<{ reports: CrashSummary[] }>(`/api/devices/${encodeURIComponent(device)}/crashes`).then(
        ({ reports }) => {
          setReports(reports.toReversed());
          setTrouble("");
        },
        ({ message }: Error) => setTrouble(message),
      );
    look();
    const again = setTimeout(look, WRITTEN_MS);
    return () => clearTimeout(again);
  }, [device, state, incarnation, begun]);
  return (
    <section aria-labelledby="crashes">
      <h2 id="crashes">
        <Term of="crash">Crash reports</Term>
      </h2>
      {trouble !== "" && <p class="failure">They cannot be had: {trouble}.</p>}
      {reports?.length === 0 ? (
        <p>None. Whenever its driver fails, a report says why, where it stood and what it had in hand.</p>
      ) : (
        reports?.map((report) => <Crash key={report.id} summary={report} />)
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
        {timeText(time)}, start #{incarnation}: {reason.kind}, {reason.text}
        {reason.outside ? " (not the driver's doing)" : ""}
      </summary>
      {report === undefined && trouble !== "" && <p class="failure">It cannot be had: {trouble}.</p>}
      {report !== undefined && (
        <>
          {report.stack.length > 0 && (
            <section class="text" tabIndex={0} aria-label="Where it stood">
              <pre>{report.stack.join("\n")}</pre>
            </section>
          )}
          <p>
            {inHandText(report.inFlight)}
            {report.resources === null
              ? ""
              : ` It had ${bytesText(report.resources.privateBytes)} for itself.`}
          </p>
          <p>
            What it did last, in time before the last that it <Term of="recorder">recorded</Term>:
          </p>
          <section class="text" tabIndex={0} aria-label="What it did last">
            <pre>{recordsText(report.recorder)}</pre>
          </section>
        </>
      )}
    </details>
  );
}
