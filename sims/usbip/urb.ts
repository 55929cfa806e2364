// Runs in: a sim. Owns: one transfer that the host asked for, until it is answered.

export interface UrbStream {
  /** Answers the host; ignored for a URB that was unlinked or whose stream is closed. `sent` runs once `data` may be reused. */
  answer(urb: Urb, errno: number, actual: number, data: readonly Uint8Array[], sent?: () => void): void;
}

export class Urb {
  readonly stream: UrbStream;
  readonly seqnum: number;
  readonly endpoint: number;
  readonly in: boolean;
  readonly flags: number;
  readonly length: number;
  readonly setup: Uint8Array;
  /** OUT: the bytes, as the chunks they arrived in. */
  readonly data: readonly Uint8Array[];

  constructor(
    stream: UrbStream,
    command: {
      seqnum: number;
      endpoint: number;
      in: boolean;
      flags: number;
      length: number;
      setup: Uint8Array;
    },
    data: readonly Uint8Array[],
  ) {
    this.stream = stream;
    this.seqnum = command.seqnum;
    this.endpoint = command.endpoint;
    this.in = command.in;
    this.flags = command.flags;
    this.length = command.length;
    this.setup = command.setup;
    this.data = data;
  }

  /** `errno` positive, 0 for success. Bytes count with every errno. */
  complete(errno: number, actual: number, data: readonly Uint8Array[] = [], sent?: () => void): void {
    this.stream.answer(this, errno, actual, data, sent);
  }
}
