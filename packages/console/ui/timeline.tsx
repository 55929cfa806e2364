// Runs in: browser. Owns: what a device has gone through: its drivers one after the other, why each ended, and how long there was none.
import { isDown, livesOf } from "./lives.ts";
import { recoveriesByLife } from "./recoveries.ts";
import { StepList } from "./steps.tsx";
import { Term } from "./term.tsx";
import type { Passage, Step } from "./told.ts";
import { timeText } from "./words.ts";

const gapText = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

export function Timeline({ passages, steps }: { passages: readonly Passage[]; steps: readonly Step[] }) {
  const lives = livesOf(passages);
  const recoveries = recoveriesByLife(lives, steps);
  if (lives.length === 0) return <p>No driver was started on it yet.</p>;
  return (
    <ol class="timeline" reversed>
      {lives.toReversed().map((life, index, shown) => {
        const { gap } = life; // before it, and so below it: the newest stands first
        return (
          <li key={shown.length - index}>
            <details open={index === 0}>
              <summary>
                Start #{life.incarnation}
                {life.servedMs === undefined ? ", never served" : `, served from ${timeText(life.servedMs)}`}
                {life.endedMs === undefined ? " until now" : ` to ${timeText(life.endedMs)}`}
                {life.why !== "" && <span class="why">{life.why}</span>}
              </summary>
              <Steps passages={life.passages} />
              {recoveries.get(life)?.map((recovery) => (
                <StepList key={recovery[0]!.timeMs} steps={recovery} />
              ))}
            </details>
            {gap !== undefined && (
              <p class="gap">
                <span
                  class="bar"
                  style={{ inlineSize: `${Math.min(100, 4 + Math.log2(1 + gap.ms) * 6)}%` }}
                />
                <Term of={gap.isStop ? "stop" : "gap"}>{gapText(gap.ms)} without a driver</Term>
              </p>
            )}
          </li>
        );
      })}
    </ol>
  );
}

function Steps({ passages }: { passages: readonly Passage[] }) {
  const first = passages[0]!.timeMs;
  return (
    <table class="steps">
      <tbody>
        {passages.map(({ timeMs, state, fenced, hostPid, reason }, index) => (
          <tr key={index}>
            <td class="number">{index === 0 ? timeText(timeMs) : `+${gapText(timeMs - first)}`}</td>
            <td>
              {state}
              {isDown(passages[index]!) && fenced && (
                <>
                  {", "}
                  <Term of="fenced">proven to be gone</Term>
                </>
              )}
            </td>
            <td>{hostPid === null ? "" : `process ${hostPid}`}</td>
            <td>{reason}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
