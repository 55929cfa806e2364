// Runs in: manager. Owns: how a driver's reflector is started that has the driver in it: a driver host without a jail to the manager, a reflector to all
// else.

import { recordName } from "@ring3/control/legacy";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import type { Host } from "./host.ts";
import type { HostKind } from "./host-process.ts";
import { type Jail, openProcess } from "./jail.ts";
import type { Heirloom, Legacy } from "./legacy.ts";
import { type ServeReflector, Standby } from "./reflectors.ts";

export interface InlineParts {
  readonly legacy: Legacy;
  readonly node: string;
  /** reflector.cjs */
  readonly program: string;
  /** What a class's reflector has to have from its start to make its endpoints. */
  readonly needs: (className: string) => readonly string[];
  /** Nothing of what it had opened will be asked for again. */
  readonly died: (which: Inline) => void;
  readonly connected: ServeReflector;
}

/** Which reflector it is, and whose. */
export interface Inline {
  readonly className: string;
  readonly driver: string;
}

const STDERR = 2;

/** One reflector. Its connection is served once its host runs. */
export class InlineReflector {
  readonly #parts: InlineParts;
  readonly #which: Inline;
  readonly #connection: Descriptor;
  readonly #next: Descriptor;
  readonly #theirs: readonly [Descriptor, Descriptor];

  constructor(parts: InlineParts, which: Inline) {
    this.#parts = parts;
    this.#which = which;
    const [connection, theirs] = socketPair();
    const [next, nextTheirs] = socketPair();
    this.#connection = connection;
    this.#next = next;
    this.#theirs = [theirs, nextTheirs];
  }

  /** In place of one: its filter is a reflector's, and lets the driver's ioctl requests through. */
  jail({ driver: { requests } }: HostKind): Jail {
    const { node, program, needs } = this.#parts;
    const { className } = this.#which;
    const script = [program, className, ...needs(className), "inline", ...requests.map(String)];
    return openProcess(({ input, errors, control }, { memoryMb }) => ({
      file: node,
      args: ["--enable-source-maps", `--max-old-space-size=${memoryMb}`, ...script],
      stdio: [input, STDERR, errors, ...this.#theirs, control],
    }));
  }

  serve(host: Host): void {
    serve(this.#parts, this.#which, host, this.#connection, (record) => {
      this.#parts.legacy.note("reflector", record, {
        class: this.#which.className,
        pid: host.pid,
        host: host.name,
      });
      return new Standby(this.#parts.legacy, record, this.#next);
    });
  }

  /** It could not be started. */
  drop(): void {
    for (const descriptor of [this.#connection, this.#next, ...this.#theirs]) descriptor.close();
  }
}

/** One that an earlier manager has started; `left`: its record. */
export function serveInherited(
  parts: InlineParts,
  which: Inline,
  host: Host,
  { held: [connection] }: Heirloom<"reflector">,
): void {
  const [next, theirs] = socketPair();
  serve(parts, which, host, connection!, (record) => new Standby(parts.legacy, record, next, theirs));
}

function serve(
  { connected, died }: InlineParts,
  which: Inline,
  host: Host,
  connection: Descriptor,
  stand: (record: string) => Standby,
): void {
  const standby = stand(recordName("reflector", host.name));
  void host.fenced.then(() => {
    standby.drop();
    died(which);
  });
  connected(which, new FrameSocket(connection), () => standby.take());
}
