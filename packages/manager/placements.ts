// Runs in: manager. Owns: which process each driver gets: a host of its own, or a seat in its pool's or in its own reflector.

import type { Host } from "./host.ts";
import type { HostKind, HostListeners, HostOrigin, HostProcess } from "./host-process.ts";
import { type InlineParts, InlineReflector, serveInherited } from "./inline-reflector.ts";
import type { Jail } from "./jail.ts";
import type { Heirloom, Left } from "./legacy.ts";
import type { Seat, SeatParts } from "./seat.ts";
import { SharedHost } from "./shared-host.ts";
import type { Spares } from "./spares.ts";

export interface PlacementsParts extends SeatParts {
  readonly spares: Spares;
  readonly inline: InlineParts;
  readonly jail: () => Promise<Jail>;
  readonly start: (jail: Jail, kind: HostKind, key: string) => Promise<Host>;
}

/** Drivers that find each other in one process; all that cannot be changed once that runs is in it. */
const keyOf = ({ placement, class: className, memoryMb, cpuPercent, tier, driver }: HostKind) =>
  [
    ...(placement === "inline" ? [placement, className, driver.name] : [placement]),
    tier,
    memoryMb,
    cpuPercent,
    ...driver.requests,
  ].join("/");

interface Running {
  readonly key: string;
  readonly shared: SharedHost;
  readonly host: Host;
  readonly inline: { readonly className: string; readonly driver: string } | undefined;
}

export class Placements {
  readonly #parts: PlacementsParts;
  readonly #starting = new Map<string, Promise<SharedHost>>();
  readonly #running = new Set<Running>();

  constructor(parts: PlacementsParts) {
    this.#parts = parts;
  }

  /** Reflectors with a driver in them. */
  get reflectors(): { class: string; pid: number; driver: string }[] {
    return [...this.#running].flatMap(({ host, inline }) =>
      inline === undefined ? [] : [{ class: inline.className, pid: host.pid, driver: inline.driver }],
    );
  }

  async take(
    kind: HostKind,
    listeners: HostListeners,
    got: (how: HostOrigin) => void = () => {},
  ): Promise<HostProcess> {
    if (kind.placement === "isolated") return this.#parts.spares.take(kind, listeners, got);
    got("seat");
    for (;;) {
      const shared = await this.#sharedFor(kind);
      if (!shared.over) return shared.take(kind, listeners);
    }
  }

  /** Only a driver that has a process of its own can have that started while the last one ends. */
  expect(kind: HostKind): boolean {
    return kind.placement === "isolated" && this.#parts.spares.expect(kind);
  }

  #sharedFor(kind: HostKind): SharedHost | Promise<SharedHost> {
    const wanted = keyOf(kind);
    for (const { key, shared } of this.#running) if (key === wanted && !shared.over) return shared;
    const starting =
      this.#starting.get(wanted) ?? this.#start(kind, wanted).finally(() => this.#starting.delete(wanted));
    this.#starting.set(wanted, starting);
    return starting;
  }

  async #start(kind: HostKind, key: string): Promise<SharedHost> {
    const { start, inline: parts, jail } = this.#parts;
    if (kind.placement !== "inline") return this.#runs(await start(await jail(), kind, key), key, undefined);
    const which = { className: kind.class, driver: kind.driver.name };
    const reflector = new InlineReflector(parts, which);
    try {
      const host = await start(reflector.jail(kind), kind, key);
      const shared = this.#runs(host, key, which);
      reflector.serve(host);
      return shared;
    } catch (error) {
      reflector.drop();
      throw error;
    }
  }

  #runs(host: Host, key: string, inline: Running["inline"]): SharedHost {
    const { clock, timeScale, legacy } = this.#parts;
    const shared: SharedHost = new SharedHost(host, {
      clock,
      timeScale,
      legacy,
      // A reflector stays, as that of a class does: its endpoints may be waiting for a device to come back.
      emptied: () => void (inline === undefined && shared.close()),
    });
    const running = { key, shared, host, inline };
    this.#running.add(running);
    void host.fenced.then(() => this.#running.delete(running));
    return shared;
  }

  /** Processes that an earlier manager has started, as far as they have a place here, and the seats in them by the names of their records. */
  inherit({ hosts, seats }: Left, inheritHost: (host: Heirloom<"host">) => Host): Map<string, Seat> {
    const inherited = new Map<string, Seat>();
    for (const left of hosts) {
      const { driver, shared: whose } = left.record;
      if (whose === null) continue;
      const host = inheritHost(left);
      const inline = whose.inline === null ? undefined : { className: whose.inline, driver };
      const shared = this.#runs(host, whose.key, inline);
      host.introduce().catch(() => host.kill());
      for (const { name, record, held } of seats.filter(({ record }) => record.host === left.name))
        inherited.set(name, shared.inherit(record.seat, held[0]!));
    }
    for (const { name, held } of seats.filter(({ name }) => !inherited.has(name))) {
      for (const descriptor of held) descriptor.close(); // its process was never recorded, and is ended
      this.#parts.legacy.drop(name);
    }
    return inherited;
  }

  /** The devices have theirs: a process in which nobody is left is ended, and the others' endpoints are served. */
  goOn({ reflectors }: Left): void {
    const { inline: parts, legacy } = this.#parts;
    for (const { shared, host, inline } of this.#running) {
      if (shared.empty) void shared.close();
      const left = reflectors.find(({ record }) => record.host === host.name);
      if (inline !== undefined && left !== undefined) serveInherited(parts, inline, host, left);
    }
    const names = new Set([...this.#running].map(({ host }) => host.name));
    for (const { name, record, held } of reflectors) {
      if (record.host === null || names.has(record.host)) continue;
      for (const descriptor of held) descriptor.close();
      legacy.drop(name);
    }
  }

  /** Once no device has a driver any more. Resolves when no process is left. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map(({ shared }) => shared.close()));
  }
}
