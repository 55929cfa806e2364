// Runs in: every process. Owns: the calls in flight on one control connection, and the descriptors of frames nobody took.
import { DeviceError } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";
import * as v from "valibot";
import { countFits, countText, type Edge } from "./edge.ts";
import { firstIssue } from "./issues.ts";
import { decodeMessage, encodeMessage, type Message } from "./wire.ts";

/** A descriptor as `kernel/fd/descriptor` has it; closing twice does nothing. */
export interface Handed {
  readonly fd: number;
  close(): void;
}

/** The part of `kernel/socket/frame-socket` that a peer uses. `send` takes no ownership of the descriptors. */
export interface FrameTransport<D extends Handed> {
  // Written as a method because it is only ever set: a socket that delivers more than a Handed will do.
  onFrame(payload: Uint8Array, fds: D[]): void;
  onClose: (error?: DeviceError) => void;
  send(payload: Uint8Array, fds?: number[]): void;
  close(): void;
}

/**
 * What goes along with a message. A number is lent: the sender keeps it and may close it as soon as `call`, `tell` or
 * the handler's answer has gone. An object is given away: the peer closes it once it was sent, or could not be.
 */
export type Sendable = number | Handed;

/** A handler's answer that carries descriptors. */
export class Answer<R> {
  readonly result: R;
  readonly fds: readonly Sendable[];
  constructor(result: R, fds: readonly Sendable[]) {
    this.result = result;
    this.fds = fds;
  }
}

export interface Connection {
  /** Aborts when the connection is closed, by whichever side; its reason is why. */
  readonly signal: AbortSignal;
  close(reason?: DeviceError): void;
}

/** Requests of one connection that may be unanswered at a time: a caller that asks for more is told "busy". */
export const maxServed = 256;

export type AnyHandlers<D extends Handed> = Readonly<
  Record<string, (params: unknown, fds: D[], peer: Peer<D>) => unknown>
>;
type Pending<D> = {
  method: string;
  resolve(answer: { result: unknown; fds: D[] }): void;
  reject(error: DeviceError): void;
};

/** Both sides of an edge, without the edge's types: `peer.ts` has those. */
export class Peer<D extends Handed> implements Connection {
  readonly #edge: Edge;
  readonly #transport: FrameTransport<D>;
  readonly #handlers: AnyHandlers<D>;
  readonly #heard: Edge["notices"];
  readonly #hear: (name: string, params: unknown) => void;
  readonly #pending = new Map<number, Pending<D>>();
  readonly #ended = new AbortController();
  #lastId = 0;
  #served = 0;

  constructor(
    edge: Edge,
    transport: FrameTransport<D>,
    handlers: AnyHandlers<D>,
    heard: Edge["notices"],
    hear: (name: string, params: unknown) => void,
  ) {
    this.#edge = edge;
    this.#transport = transport;
    this.#handlers = handlers;
    this.#heard = heard;
    this.#hear = hear;
    transport.onFrame = (payload, fds) => this.#receive(payload, fds);
    transport.onClose = (error) => this.#end(error);
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  call(
    method: string,
    params: unknown,
    fds: readonly Sendable[] = [],
  ): Promise<{ result: unknown; fds: D[] }> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#pending.set(id, { method, resolve, reject });
      try {
        if (this.signal.aborted) throw this.#disconnected(method);
        this.#send({ type: "request", id, method, params }, fds);
      } catch (error) {
        this.#pending.delete(id);
        reject(error as DeviceError);
      } finally {
        closeGiven(fds);
      }
    });
  }

  tell(name: string, params: unknown): void {
    this.notify(name, params);
  }

  /** Never throws: who tells many must not fail for one. What cannot be said ends this connection, but not at once. */
  notify(notice: string, params: unknown): void {
    if (this.signal.aborted) return;
    try {
      this.#send({ type: "notice", notice, params }, []);
    } catch (cause) {
      queueMicrotask(() => this.close(new DeviceError("invalid", `tell "${notice}"`, { cause })));
    }
  }

  close(reason?: DeviceError): void {
    this.#end(reason);
    this.#transport.close();
  }

  #send(message: Message, fds: readonly Sendable[]): void {
    this.#transport.send(
      encodeMessage(message),
      fds.map((sendable) => (typeof sendable === "number" ? sendable : sendable.fd)),
    );
  }

  #end(reason = new DeviceError("disconnected", `${this.#edge.name} connection`)): void {
    if (this.signal.aborted) return;
    this.#ended.abort(reason);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { method, reject } of pending) reject(this.#disconnected(method));
  }

  #disconnected(method: string): DeviceError {
    return new DeviceError("disconnected", `${method} on the ${this.#edge.name} connection`, {
      cause: this.signal.reason,
    });
  }

  /** Runs for every frame, whoever sent it; what is wrong with it ends the connection and closes its descriptors. */
  #receive(payload: Uint8Array, fds: D[]): void {
    try {
      if (this.signal.aborted) throw this.#disconnected("frame");
      const message = decodeMessage(payload);
      if (message.type === "request") {
        // Who only asks is asked nothing: an answer would tell a hostile peer that it may go on.
        if (Object.keys(this.#handlers).length === 0) throw this.#violation("no questions", "one");
        void this.#serve(message, fds);
      } else if (message.type === "notice") this.#notice(message, fds);
      else this.#settle(message, fds);
    } catch (error) {
      closeAll(fds);
      this.close(
        error instanceof DeviceError
          ? error
          : new DeviceError("internal", `${this.#edge.name} listener`, { cause: error }),
      );
    }
  }

  #notice(message: Message & { type: "notice" }, fds: D[]): void {
    const name = printable(message.notice, 60);
    const schema = own(this.#heard, message.notice);
    if (schema === undefined) throw this.#violation("a known notice", `"${name}"`);
    const params = this.#valid(schema, message.params, name);
    if (fds.length > 0) throw this.#violation(`no descriptors with "${name}"`, String(fds.length));
    this.#hear(message.notice, params);
  }

  #settle(message: Message & { type: "answer" | "refusal" }, fds: D[]): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) throw this.#violation("an answer to a request in flight", `id ${message.id}`);
    const method = this.#edge.methods[pending.method]!;
    const refused = message.type === "refusal";
    const result = refused ? undefined : this.#valid(method.result, message.result, pending.method);
    const count = refused ? 0 : method.answerFds;
    if (!countFits(count, fds.length)) {
      throw this.#violation(
        `${countText(count)} descriptors in the answer to ${pending.method}`,
        String(fds.length),
      );
    }
    this.#pending.delete(message.id);
    if (refused) pending.reject(message.error);
    else pending.resolve({ result, fds });
  }

  async #serve(message: Message & { type: "request" }, fds: D[]): Promise<void> {
    this.#served++;
    try {
      this.#answer(message.id, await this.#run(message, fds));
    } catch (error) {
      closeAll(fds);
      this.#refuse(message.id, error);
    } finally {
      this.#served--;
    }
  }

  #answer(id: number, answer: unknown): void {
    const { result, fds } = answer instanceof Answer ? answer : new Answer(answer, []);
    try {
      if (!this.signal.aborted) this.#send({ type: "answer", id, result }, fds);
    } catch (error) {
      this.#refuse(id, error); // too large, say; what the handler was given stays the handler's
    } finally {
      closeGiven(fds);
    }
  }

  async #run(message: Message & { type: "request" }, fds: D[]): Promise<unknown> {
    const name = printable(message.method, 60);
    const method = own(this.#edge.methods, message.method);
    const handler = own(this.#handlers, message.method);
    if (method === undefined || handler === undefined)
      throw new DeviceError("unsupported", `"${name}" on the ${this.#edge.name} connection`);
    if (this.#served > maxServed)
      throw new DeviceError("busy", `${name}: ${maxServed} requests are unanswered`);
    if (!countFits(method.fds, fds.length))
      throw new DeviceError(
        "invalid",
        `${name}: expected ${countText(method.fds)} descriptors, found ${fds.length}`,
      );
    const params = v.safeParse(method.params, message.params, { abortEarly: true });
    if (!params.success) throw new DeviceError("invalid", `${name}: ${firstIssue("params", params.issues)}`);
    return handler(params.output, fds, this);
  }

  #refuse(id: number, cause: unknown): void {
    if (this.signal.aborted) return;
    const error =
      cause instanceof DeviceError
        ? cause
        : new DeviceError("internal", cause instanceof Error ? cause.message : String(cause));
    try {
      this.#send({ type: "refusal", id, error }, []);
    } catch (failure) {
      this.close(
        failure instanceof DeviceError ? failure : new DeviceError("internal", "answer", { cause: failure }),
      );
    }
  }

  #valid(schema: v.GenericSchema, value: unknown, name: string): unknown {
    const parsed = v.safeParse(schema, value, { abortEarly: true });
    if (!parsed.success)
      throw new DeviceError("protocol", `${this.#edge.name} connection: ${firstIssue(name, parsed.issues)}`);
    return parsed.output;
  }

  #violation(expected: string, found: string): DeviceError {
    return new DeviceError("protocol", `${this.#edge.name} connection: expected ${expected}, found ${found}`);
  }
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function closeAll(fds: readonly Handed[]): void {
  for (const handed of fds) handed.close();
}

function closeGiven(fds: readonly Sendable[]): void {
  for (const sendable of fds) if (typeof sendable === "object") sendable.close();
}
