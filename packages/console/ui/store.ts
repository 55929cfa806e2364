// Runs in: browser. Owns: all that this tab knows of ring3.
import { useEffect, useState } from "preact/hooks";
import { ask, type Heard, listen } from "./feed.ts";
import { type Ended, withEnd } from "./reflectors.ts";
import type {
  DeviceStatus,
  LogEntry,
  Passage,
  Rates,
  Second,
  Status,
  Step,
  Whole,
  Workload,
} from "./told.ts";

export interface Known {
  /** "closed": the browser is not let in any more, or the console has ended for good. */
  readonly connection: "first" | "here" | "away" | "closed";
  /** Since when it is so, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Why it is "away", where the console has said so; "" otherwise. */
  readonly why: string;
  readonly about: { readonly control: boolean; readonly demo: boolean };
  readonly status: Status | undefined;
  readonly devices: ReadonlyMap<string, DeviceStatus>;
  readonly rates: ReadonlyMap<string, Rates>;
  /** Of each device, when its drivers failed since this tab was opened, oldest first: the last ones. */
  readonly failures: ReadonlyMap<string, readonly number[]>;
  /** Of each class, as far as this tab has heard. */
  readonly endedReflectors: ReadonlyMap<string, Ended>;
  /** Only in a demo. */
  readonly workload: Workload | null;
  /** How often everything was told anew: what came in between was not. */
  readonly begun: number;
}

/** Of each device. */
const FAILURES_KEPT = 8;

/** For a page that keeps more than the latest. */
export type Word =
  | { readonly event: "passage"; readonly passage: Passage }
  | { readonly event: "step"; readonly step: Step }
  | { readonly event: "second"; readonly second: Second }
  | { readonly event: "log"; readonly entry: LogEntry };

let known: Known = {
  connection: "first",
  sinceMs: Date.now(),
  why: "",
  about: { control: false, demo: false },
  status: undefined,
  devices: new Map(),
  rates: new Map(),
  failures: new Map(),
  endedReflectors: new Map(),
  workload: null,
  begun: 0,
};
const lookers = new Set<(known: Known) => void>();
const hearers = new Set<(word: Word) => void>();

function become(change: Partial<Known>): void {
  const changed = change.connection !== undefined && change.connection !== known.connection;
  known = { ...known, ...change, ...(changed ? { sinceMs: Date.now() } : {}) };
  for (const look of lookers) look(known);
}
const tell = (word: Word) => {
  for (const hear of hearers) hear(word);
};
const byId = (rates: readonly Rates[]) => new Map(rates.map((each) => [each.id, each]));

function hear({ event, data }: Heard): void {
  switch (event) {
    case "here":
      return become({ connection: "here", why: "" });
    case "away":
      return become({ connection: "away" });
    case "refused":
      return become({ connection: "away", why: data });
    case "closed":
      return become({ connection: "closed" });
    case "snapshot": {
      const { status, second, workload } = JSON.parse(data) as Whole;
      const devices = new Map(status.devices.map((device) => [device.id, device]));
      void ask<Known["about"]>("/api/about").then(
        (about) => become({ about }),
        () => {}, // gone again: asked anew with the next
      );
      return become({
        connection: "here",
        status,
        devices,
        rates: byId(second?.rates ?? []),
        workload,
        begun: known.begun + 1,
      });
    }
    case "device": {
      const device = JSON.parse(data) as DeviceStatus;
      return become({ devices: new Map(known.devices).set(device.id, device) });
    }
    case "gone": {
      const devices = new Map(known.devices);
      const failures = new Map(known.failures);
      const { id } = JSON.parse(data) as { id: string };
      devices.delete(id);
      failures.delete(id);
      return become({ devices, failures });
    }
    case "second": {
      const second = JSON.parse(data) as Second;
      become({ rates: byId(second.rates) });
      return tell({ event, second });
    }
    case "workload":
      return become({ workload: JSON.parse(data) as Workload });
    case "passage": {
      const passage = JSON.parse(data) as Passage;
      if (passage.state === "failed") {
        const before = known.failures.get(passage.device) ?? [];
        const now = [...before.slice(1 - FAILURES_KEPT), passage.timeMs];
        become({ failures: new Map(known.failures).set(passage.device, now) });
      }
      return tell({ event, passage });
    }
    case "step":
      return tell({ event, step: JSON.parse(data) as Step });
    case "log": {
      const entry = JSON.parse(data) as LogEntry;
      const endedReflectors = withEnd(known.endedReflectors, entry, known.status?.reflectors ?? []);
      if (endedReflectors !== known.endedReflectors) become({ endedReflectors });
      return tell({ event, entry });
    }
  }
}

/** Once. */
export function begin(): void {
  listen(hear);
}

export function useKnown(): Known {
  const [shown, show] = useState(known);
  useEffect(() => {
    lookers.add(show);
    show(known);
    return () => void lookers.delete(show);
  }, []);
  return shown;
}

export function useWords(hear: (word: Word) => void, of: readonly unknown[]): void {
  useEffect(() => {
    hearers.add(hear);
    return () => void hearers.delete(hear);
  }, of);
}
