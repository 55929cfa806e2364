// Runs in: browser. Owns: the steps of a recovery, with their times: the last one's below the actions as it goes on, the others' in the time line.
import { recoveriesOf, sinceText, stepText } from "./recoveries.ts";
import type { Step } from "./told.ts";
import { timeText } from "./words.ts";

export function LastRecovery({ steps }: { steps: readonly Step[] }) {
  const last = recoveriesOf(steps).at(-1) ?? [];
  return (
    <section aria-labelledby="recovery" hidden={last.length === 0}>
      <h2 id="recovery">Step by step{last[0] === undefined ? "" : `, since ${timeText(last[0].timeMs)}`}</h2>
      <StepList steps={last} live="polite" />
    </section>
  );
}

export function StepList({ steps, live }: { steps: readonly Step[]; live?: "polite" }) {
  return (
    <ol class="recovery" aria-live={live}>
      {steps.map((step) => (
        <li key={`${step.timeMs} ${step.step} ${step.detail}`} data-step={step.step}>
          <span class="number">+{sinceText(step.sinceMs)}</span> {stepText(step)}
        </li>
      ))}
    </ol>
  );
}
