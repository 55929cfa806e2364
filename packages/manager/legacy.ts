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
  readonly reflectors: readonly Heirloom<"reflector">[];
  readonly clients: readonly Heirloom<"client">[];
  readonly plugs: readonly Heirloom<"plug">[];
}

/** Throws DeviceError("invalid") where one is not what a manager of this version writes. */
export function sorted({ records }: Inherited): Left {
  const of = <K extends LegacyKind>(kind: K): Heirloom<K>[] =>
    records
      .filter(({ name }) => isOfKind(kind, name))
      .map(({ name, note, held }) => ({ name, held, record: decodeRecord(kind, name, note) }));
  return {
    devices: of("device"),
    hosts: of("host"),
    reflectors: of("reflector"),
    clients: of("client"),
    plugs: of("plug"),
  };
}

export const nothingLeft: Left = { devices: [], hosts: [], reflectors: [], clients: [], plugs: [] };
