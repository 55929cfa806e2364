// Runs in: CLI. Owns: the counts of a campaign, and what is said of them. Pure.
import { printable } from "@ring3/core/log";
import { wrapped } from "../command.ts";
import type { Paint } from "../text.ts";
import type { Tally } from "./disk.ts";
import type { Outcome } from "./lane.ts";

/** Outcomes that were not as they must be; of more than these only the number is kept. */
const KEPT = 100;
/** recovered ÷ faults that are not meant to end in poison or quarantine. */
const GOAL = 0.999;

interface Kind {
  faults: number;
  recovered: number;
  deaths: number;
  /** Its driver was to end, and did not. */
  unnoticed: number;
  recoveryMsMax: number;
}

export class Outcomes {
  readonly kinds = new Map<string, Kind>();
  readonly recoveryMs: number[] = [];
  readonly wrong: string[] = [];
  faults = 0;
  crashes = 0;
  hangs = 0;
  quarantined = 0;
  recovered = 0;
  /** Not meant to end in poison or quarantine. */
  recoverable = 0;

  add({ planned, wrong, crashes, hangs, quarantined, recoveryMs, unnoticed }: Outcome): void {
    const { fault, number, door } = planned;
    this.faults++;
    this.crashes += crashes;
    this.hangs += hangs;
    this.quarantined += quarantined.length;
    const asMeant = wrong === undefined && (fault.final === true || quarantined.length === 0);
    if (fault.final !== true) this.recoverable++;
    if (fault.final !== true && asMeant) this.recovered++;
    if (recoveryMs !== undefined && fault.final !== true) this.recoveryMs.push(recoveryMs);
    const kind = this.kinds.get(fault.name) ?? {
      faults: 0,
      recovered: 0,
      deaths: 0,
      unnoticed: 0,
      recoveryMsMax: 0,
    };
    this.kinds.set(fault.name, kind);
    kind.faults++;
    kind.recovered += Number(asMeant);
    kind.deaths += crashes + hangs;
    kind.unnoticed += Number(unnoticed);
    kind.recoveryMsMax = Math.max(kind.recoveryMsMax, Math.round(recoveryMs ?? 0));
    if (!asMeant && this.wrong.length < KEPT)
      this.wrong.push(
        `fault ${number} (${fault.name}, ${door}): ${wrong ?? `quarantined: ${quarantined[0]}`}`,
      );
  }
}

/** What --json prints. */
export interface Result {
  readonly seed: number;
  readonly faults: number;
  readonly crashes: number;
  readonly hangs: number;
  readonly recovered: number;
  readonly quarantined: number;
  readonly lostRequests: number;
  readonly corruptReplies: number;
  readonly managerDeaths: number;
  readonly reflectorDeaths: number;
  readonly recoveryMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly recoverable: number;
  readonly requests: number;
  readonly failedRequests: number;
  readonly verified: boolean;
  readonly kinds: Readonly<Record<string, Readonly<Kind>>>;
  readonly wrong: readonly string[];
}

interface Deaths {
  readonly managerDeaths: number;
  readonly reflectorDeaths: number;
  readonly wrong: readonly string[];
}

export function summary(
  { seed }: { seed: number },
  outcomes: Outcomes,
  tally: Tally,
  { managerDeaths, reflectorDeaths, wrong }: Deaths,
): Result {
  const sorted = outcomes.recoveryMs.toSorted((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return {
    seed,
    faults: outcomes.faults,
    crashes: outcomes.crashes,
    hangs: outcomes.hangs,
    recovered: outcomes.recovered,
    quarantined: outcomes.quarantined,
    lostRequests: tally.lost,
    corruptReplies: tally.corrupt,
    managerDeaths,
    reflectorDeaths,
    recoveryMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    recoverable: outcomes.recoverable,
    requests: tally.requests,
    failedRequests: tally.failed,
    verified: tally.verified,
    kinds: Object.fromEntries([...outcomes.kinds].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    wrong: [...wrong.map((text) => printable(text)), ...tally.wrong, ...outcomes.wrong],
  };
}

/** Everything as it must be, in every request. */
export function passed(result: Result): boolean {
  const { lostRequests, corruptReplies, managerDeaths, reflectorDeaths } = result;
  const harm = lostRequests + corruptReplies + managerDeaths + reflectorDeaths;
  return harm === 0 && result.verified && result.recovered >= GOAL * result.recoverable;
}

const percent = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(3)} %`;

export function resultText(result: Result, width: number, paint: Paint): string {
  const { faults, crashes, hangs, recovered, recoverable, quarantined, recoveryMs, requests } = result;
  const rows: readonly (readonly [label: string, text: string])[] = [
    ["faults", `${faults}, of seed ${result.seed}`],
    ["deaths of drivers", `${crashes} crashes, ${hangs} hangs`],
    ["recovered", `${recovered} of ${recoverable} that were to be: ${percent(recovered, recoverable)}`],
    ["quarantined", String(quarantined)],
    ["requests", `${requests}, of which ${result.failedRequests} failed with a reason`],
    ["lost requests", String(result.lostRequests)],
    ["corrupt replies", String(result.corruptReplies)],
    ["other deaths", `${result.managerDeaths} of managers, ${result.reflectorDeaths} of reflectors`],
    [
      "until it served again",
      `p50 ${recoveryMs.p50} ms, p99 ${recoveryMs.p99} ms, at most ${recoveryMs.max} ms`,
    ],
  ];
  const unnoticed = Object.entries(result.kinds).filter(([, kind]) => kind.unnoticed > 0);
  return [
    ...rows.map(([label, text]) => wrapped(`${label.padEnd(22)} `, text, width)),
    ...(unnoticed.length === 0
      ? []
      : [
          "",
          ...unnoticed.map(([name, kind]) => `${name}: ${kind.unnoticed} of ${kind.faults} ended no driver`),
        ]),
    ...(result.wrong.length === 0 ? [] : ["", paint("red", "Not as it must be")]),
    ...result.wrong.map((line) => wrapped("  ", line, width)),
  ].join("\n");
}
