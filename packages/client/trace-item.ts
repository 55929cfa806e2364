// Runs in: CLI. Owns: nothing. What a trace is made of: types only.
import type { ClientRecordKind } from "@ring3/channel/client-recorder";
import type { RingEntry } from "@ring3/channel/entry-ring";
import type { RecordKind } from "@ring3/channel/recorder";
import type { Trace, TraceNews } from "@ring3/control/trace";

type Told<K extends TraceNews["kind"]> = Omit<TraceNews & { kind: K }, "kind">;

/** What an entry's values mean is told by its kind (channel/recorder, channel/client-recorder). Nobody vouches for them. */
export type DriverItem = Omit<RingEntry, "kind"> & { readonly type: "driver"; readonly kind: RecordKind };
export type RequestItem = Omit<RingEntry, "kind"> & {
  readonly type: "request";
  readonly client: number;
  readonly kind: ClientRecordKind;
};

/** Those with a time come in its order, but for what came very late; the others before all that needs them. */
export type TraceItem =
  | ({ readonly type: "begins"; readonly device: string } & NonNullable<Trace["begins"]>)
  | ({ readonly type: "client" } & Told<"client">)
  | ({ readonly type: "channel" } & Told<"channel">)
  | ({ readonly type: "state" } & Told<"state">)
  | ({ readonly type: "left" } & Told<"left">)
  | DriverItem
  | RequestItem;
