// Runs in: browser. Owns: nothing; what a program has done with the demo's disk.
import type { Workload } from "./told.ts";

/** The number that the demo is about. */
export function Work({ workload: { device, blocks, lost, longestMs } }: { workload: Workload }) {
  return (
    <section class="work" aria-label="A program at work">
      <p>
        A program writes to <a href={`#/${encodeURIComponent(device)}`}>{device}</a> whenever it can, and
        reads each block again, at once and before it overwrites it:{" "}
        <strong>{blocks.toLocaleString()} blocks checked</strong>,{" "}
        <strong class={lost === 0 ? "none" : "failure"}>{lost} lost</strong>. Its longest wait for one was{" "}
        <strong>{Math.round(longestMs)} ms</strong>. Break that device, and see which of the numbers change.
      </p>
    </section>
  );
}
