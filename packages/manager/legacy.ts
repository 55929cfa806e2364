// Runs in: manager. Owns: nothing. What a manager writes down for the next one, and what it finds of the one before.

import { decodeRecord, isOfKind, type LegacyKind, type LegacyRecord } from "@ring3/control/legacy";
import type { Sendable } from "@ring3/control/peer";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";

/** Each record goes to the keeper before what it tells of is done, so that a death at any moment leaves nothing unknown. */
export interface Legacy {
  note<K extends LegacyKind>(kind: K, name: string, record: LegacyRecord<K>): void;
  /** In place of the descriptors that the record had. */
  hold(name: string, descriptors: readonly Sendable[]): void;
  drop(name: string): void;
}

/** A record as the keeper hands it over; its descriptors are the receiver's. */
export interface InheritedRecord {
  readonly name: string;
  readonly note: string | null;
  readonly held: readonly Descriptor[];
}

export interface Inherited {
  readonly records: readonly InheritedRecord[];
  /** Processes that live, by the names that their records have too. */
  readonly children: readonly { readonly name: string; readonly pid: number }[];
}

export interface Heirloom<K extends LegacyKind> {
  readonly name: string;
  readonly record: LegacyRecord<K>;
  readonly held: readonly Descriptor[];
}

/** The records by what they are about. */
export interface Left {
  readonly devices: readonly Heirloom<"device">[];
  readonly hosts: readonly Heirloom<"host">[];
  readonly seats: readonly Heirloom<"seat">[];
  readonly reflectors: readonly Heirloom<"reflector">[];
  readonly clients: readonly Heirloom<"client">[];
  readonly plugs: readonly Heirloom<"plug">[];
  readonly inputs: readonly Heirloom<"input">[];
  readonly disks: readonly Heirloom<"disk">[];
  readonly mappings: readonly Heirloom<"mapping">[];
  /** Not looked at: no process depends on them. */
  readonly histories: readonly InheritedRecord[];
}

/** How many descriptors a record has that is whole. */
const holds: Readonly<Record<LegacyKind, number>> = {
  device: 1,
  host: 5,
  seat: 1,
  reflector: 1,
  client: 0,
  plug: 0,
  input: 1,
  disk: 1,
  mapping: 0,
  history: 0,
};

/**
 * Throws DeviceError("invalid") where one is not what a manager of this version writes. One of which only a part was written when that manager
 * died, the text or the descriptors, tells of nothing that anybody relied on yet: it is dropped, and its process is one without a record.
 */
export function sorted({ records }: Inherited, legacy: Pick<Legacy, "drop">): Left {
  const of = <K extends LegacyKind>(kind: K): Heirloom<K>[] =>
    records
      .filter(({ name }) => isOfKind(kind, name))
      .filter((record) => isWhole(kind, record) || dropped(record, legacy))
      .map(({ name, note, held }) => ({ name, held, record: decodeRecord(kind, name, note) }));
  return {
    devices: of("device"),
    hosts: of("host"),
    seats: of("seat"),
    reflectors: of("reflector"),
    clients: of("client"),
    plugs: of("plug"),
    inputs: of("input"),
    disks: of("disk"),
    mappings: of("mapping"),
    histories: records.filter(({ name }) => isOfKind("history", name)),
  };
}

const isWhole = (kind: LegacyKind, { note, held }: InheritedRecord): boolean =>
  note !== null && held.length === holds[kind];

function dropped({ name, held }: InheritedRecord, legacy: Pick<Legacy, "drop">): false {
  for (const descriptor of held) descriptor.close();
  legacy.drop(name);
  return false;
}

export const nothingLeft: Left = {
  devices: [],
  hosts: [],
  seats: [],
  reflectors: [],
  clients: [],
  plugs: [],
  inputs: [],
  disks: [],
  mappings: [],
  histories: [],
};
