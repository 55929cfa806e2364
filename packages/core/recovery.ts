// Runs in: every process with a client end. Owns: nothing; the types of a class's recovery rule, and the rule of classes that replay nothing.
import type { Contract, EventName, Input, OperationName, Properties } from "./contract.ts";
import type { DeviceErrorKind } from "./errors.ts";

/** A request as the journal sees it. */
export interface Pending<C extends Contract, K extends OperationName<C> = OperationName<C>> {
  readonly operation: K;
  readonly input: Input<C, K>;
}

/** What the manager knows of a device's identity, with what its driver said at probe. */
export interface Identity<C extends Contract> {
  readonly serial?: string;
  readonly vendor?: string;
  readonly product?: string;
  readonly properties: Properties<C>;
}

/** What a tracker knew when a request was sent; the client end keeps it with the request and does not look inside. */
export interface Ticket {
  readonly operation: string;
}

/** What one device may have forgotten. One tracker lives as long as its client end, across incarnations. */
export interface Tracker<C extends Contract> {
  /** Asked before a request is sent, a replayed one too: the error to fail it with instead. Reports a loss once. */
  refuse(operation: OperationName<C>): DeviceErrorKind | undefined;
  /** A request is on its way, or once more on its way: the newest ticket of a request is the one that counts. */
  sent<K extends OperationName<C>>(operation: K, input: Input<C, K>): Ticket;
  /** The driver completed it. A success may have come too late: then the error to report instead. */
  completed(ticket: Ticket, ok: boolean): DeviceErrorKind | undefined;
  /** The device lost its power or its cache. */
  powerLost(): void;
  /** The device says that it has lost what it had acknowledged. */
  writesLost(): void;
  /** The device was unplugged and plugged in again: so its power was lost, and its properties are these now. */
  replugged(properties: Properties<C>): void;
}

/** A class's answers to the client end; `classes/<class>/recovery.ts` exports one. */
export interface Recovery<C extends Contract> {
  /** Must these two never be in flight together? Symmetric. */
  conflicts(a: Pending<C>, b: Pending<C>): boolean;
  /** Within one enumeration: is it still the same medium? What else a driver says of it may be found out or not from start to start. */
  sameMedium(before: Properties<C>, after: Properties<C>): boolean;
  /** Across enumerations. undefined: proven to be the same device and medium. Otherwise why that is not proven, for people to read. */
  sameIdentity(before: Identity<C>, after: Identity<C>): string | undefined;
  /** The input of a request to the device as it was, in the terms of the same device plugged in again. */
  translate(request: Pending<C>, before: Properties<C>, after: Properties<C>): Input<C, OperationName<C>>;
  /** What one of its events says of the journal: the tracker is to hear of it, or the identity to be proven again. */
  meaning(event: EventName<C>): "power-lost" | "writes-lost" | "medium-changed" | undefined;
  createTracker(properties: Properties<C>): Tracker<C>;
}

/** Of a class whose devices are known by numbers of theirs, and whose requests are never sent again: who sent one knows what to tell the next driver. */
export function nothingToReplay<C extends Contract>(
  known: (properties: Properties<C>) => readonly number[],
): Recovery<C> {
  const same = (before: Properties<C>, after: Properties<C>) => `${known(before)}` === `${known(after)}`;
  return {
    conflicts: () => false,
    sameMedium: same,
    sameIdentity: (before, after) =>
      same(before.properties, after.properties) && before.serial === after.serial
        ? undefined
        : "another device is plugged in there now",
    translate: ({ input }) => input,
    meaning: () => undefined,
    createTracker: () => ({
      refuse: () => undefined,
      sent: (operation) => ({ operation }),
      completed: () => undefined,
      powerLost() {},
      writesLost() {},
      replugged() {},
    }),
  };
}
