// Runs in: the usb-drive sim. Owns: nothing; what a SCSI command intends to do, before any data moves.
import type { Source } from "../in-pipe.ts";
import type { Sense } from "./sense.ts";

export interface Plan {
  readonly direction: "none" | "in" | "out";
  readonly length: number;
  readonly source: Source;
  /** Never rejects; what went wrong is told by `finish`. Pieces come in order, of any size. */
  sink(chunks: readonly Uint8Array[], length: number): Promise<void>;
  /** After the data, if there was any. Sense data means CHECK CONDITION. */
  finish(): Sense | undefined | Promise<Sense | undefined>;
}

const nothing = new Uint8Array(0);
const noSource = () => nothing;
const noSink = () => Promise.resolve();

export function fail(sense: Sense): Plan {
  return { direction: "none", length: 0, source: noSource, sink: noSink, finish: () => sense };
}

export function act(finish: Plan["finish"]): Plan {
  return { direction: "none", length: 0, source: noSource, sink: noSink, finish };
}

/** Data that is ready, cut to the command's allocation length. */
export function reply(bytes: Uint8Array, allocationLength: number): Plan {
  return {
    direction: "in",
    length: Math.min(bytes.length, allocationLength),
    source: (offset, length) => bytes.subarray(offset, offset + length),
    sink: noSink,
    finish: () => undefined,
  };
}

export function send(length: number, source: Source, finish: Plan["finish"]): Plan {
  return { direction: "in", length, source, sink: noSink, finish };
}

export function receive(length: number, sink: Plan["sink"], finish: Plan["finish"]): Plan {
  return { direction: "out", length, source: noSource, sink, finish };
}

/** A parameter list, collected whole and then handed to `finish`. */
export function receiveList(
  length: number,
  finish: (list: Buffer) => Sense | undefined | Promise<Sense | undefined>,
): Plan {
  const collected: Uint8Array[] = [];
  return receive(
    length,
    async (chunks) => {
      collected.push(...chunks);
    },
    () => finish(Buffer.concat(collected)),
  );
}
