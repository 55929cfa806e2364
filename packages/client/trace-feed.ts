// Runs in: CLI and console. Owns: one trace: the memories in which a device's driver and its clients record, looked at while they write there, and the manager's word
// on what those cannot know. It gives all of that in the order of time.

import { fstatSync } from "node:fs";
import { CLIENT_RECORD_TEXTS, clientRecordKinds, mapClientRecorder } from "@ring3/channel/client-recorder";
import { mapDeviceMemory, RECORDER_OFFSET } from "@ring3/channel/device-memory";
import { RingFollower } from "@ring3/channel/entry-ring";
import { RECORD_TEXTS, recordKinds } from "@ring3/channel/recorder";
import type { Trace, TraceNews } from "@ring3/control/trace";
import type { Clock, Timer } from "@ring3/core/clock";
import type { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { ManagerConnection } from "./manager-connection.ts";
import type { TraceItem } from "./trace-item.ts";

/** Between two looks: as many entries as a ring holds take a busy driver some of these. */
const LOOK_MS = 2;
/** Between two questions to the manager. */
const ASK_MS = 50;
/** So much later an item is given: what belongs before it has been read by then, and who has recorded it is known. */
const LAG_US = 200_000;
/** That wait to be given, while no manager answers. */
const WAITING_MAX = 200_000;

type Entry = ReturnType<RingFollower["look"]>[number];
type Timed = Extract<TraceItem, { readonly timeUs: number }>;

/** A reader is one look behind its writer. */
const LAST_LOOKS = 3;

interface Source {
  /** Whose requests it tells of; undefined: the driver's. */
  readonly client?: number;
  /** Once that has left: how often it is still to be looked at. */
  looks?: number;
  readonly follower: RingFollower;
  readonly itemOf: (entry: Entry) => Timed | undefined;
}

export class TraceFeed {
  readonly #connection: Pick<ManagerConnection, "trace">;
  readonly #device: string;
  readonly #clock: Clock;
  readonly #give: (item: TraceItem) => void;
  /** By what tells one memory from another. */
  readonly #sources = new Map<number, Source>();
  /** Clients by their numbers at the manager: by which those that are given are told apart. */
  #clients = new Map<number, number>();
  #lastClient = 0;
  #waiting: Timed[] = [];
  #lost = 0;
  #refused = 0;
  #beganUs = 0;
  /** The device's state when it began is known. */
  #knowsState = false;
  /** Two looks ago: everything until then was read. */
  #readUs = 0;
  #lookedUs = 0;
  #timer: Timer | undefined;
  #asking: Promise<void> | undefined;
  #askedUs = 0;
  readonly #whenOver = Promise.withResolvers<DeviceError>();

  constructor(
    connection: Pick<ManagerConnection, "trace">,
    device: string,
    clock: Clock,
    give: (item: TraceItem) => void,
  ) {
    this.#connection = connection;
    this.#device = device;
    this.#clock = clock;
    this.#give = give;
  }

  /** Resolves with the device's id, which is told before anything is given; rejects where it cannot be traced. */
  async start(told: (device: string) => void): Promise<string> {
    this.#beganUs = this.#readUs = this.#lookedUs = this.#nowUs();
    const { result, fds } = await this.#connection.trace(this.#device);
    told(result.device);
    this.#heard(result, fds);
    this.#tick();
    return result.device;
  }

  /** Resolves where there is nothing more to be traced: the device was unplugged, or ring3 has ended. */
  get over(): Promise<DeviceError> {
    return this.#whenOver.promise;
  }

  /** Entries that were overwritten before they were read. */
  get lost(): number {
    return [...this.#sources.values()].reduce((sum, { follower }) => sum + follower.lost, this.#lost);
  }

  /** Entries that nobody in his right mind would have written. */
  get refused(): number {
    return [...this.#sources.values()].reduce((sum, { follower }) => sum + follower.refused, this.#refused);
  }

  /** Gives what is left, and resolves with the moment of the end. */
  async stop(): Promise<number> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#asking;
    const end = this.#nowUs();
    await this.#ask();
    for (let look = 0; look < 2; look++) this.#look();
    this.#giveUntil(end);
    return end;
  }

  #nowUs(): number {
    return Math.trunc(this.#clock.now() * 1000);
  }

  #tick(): void {
    this.#look();
    if (this.#asking === undefined && this.#lookedUs - this.#askedUs >= ASK_MS * 1000) {
      this.#asking = this.#ask().finally(() => {
        this.#asking = undefined;
      });
    }
    this.#timer = this.#clock.after(LOOK_MS, () => this.#tick());
  }

  #look(): void {
    const nowUs = this.#nowUs();
    for (const { follower, itemOf } of this.#sources.values())
      for (const entry of follower.look(nowUs)) {
        const item = itemOf(entry);
        if (item === undefined) this.#refused++;
        else this.#add(item);
      }
    for (const [ino, source] of this.#sources)
      if (source.looks !== undefined && --source.looks === 0) this.#drop(ino, source);
    this.#readUs = this.#lookedUs;
    this.#lookedUs = nowUs;
  }

  #drop(ino: number, { follower }: Source): void {
    this.#lost += follower.lost;
    this.#refused += follower.refused;
    this.#sources.delete(ino);
  }

  #add(item: Timed): void {
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(item);
    else this.#lost++;
  }

  /** What the manager answers holds for all that was read before it was asked. */
  async #ask(): Promise<void> {
    this.#askedUs = this.#nowUs();
    const until = this.#readUs - LAG_US;
    try {
      const { result, fds } = await this.#connection.trace(this.#device);
      this.#heard(result, fds);
      this.#giveUntil(until);
    } catch (error) {
      this.#whenOver.resolve(error as DeviceError);
    }
  }

  #giveUntil(timeUs: number): void {
    const [now, later]: [Timed[], Timed[]] = [[], []];
    for (const item of this.#waiting) (item.timeUs <= timeUs ? now : later).push(item);
    this.#waiting = later;
    for (const item of now.sort(inOrder)) this.#give(item);
  }

  #heard({ device, begins, news, lost }: Trace, fds: readonly Descriptor[]): void {
    const memories = [...fds];
    this.#lost += lost;
    try {
      if (begins !== null) {
        const timeUs = this.#nowUs();
        for (const client of this.#clients.values()) this.#add({ type: "left", client, timeUs }); // each begins anew
        this.#clients = new Map();
        this.#give({ type: "begins", device, ...begins });
        this.#follow(memories.shift()!, (fd) => this.#driver(fd));
      }
      for (const item of news) this.#hear(item, memories);
    } finally {
      for (const memory of fds) memory.close();
    }
  }

  #hear(news: TraceNews, memories: Descriptor[]): void {
    if (news.kind === "state") {
      const { kind: _, ...state } = news;
      const timeUs = this.#knowsState ? state.timeUs : this.#beganUs; // as it was already when the manager was asked
      this.#knowsState = true;
      return this.#add({ type: "state", ...state, timeUs });
    }
    if (news.kind === "client") return this.#client(news, memories.shift());
    const client = this.#clients.get(news.client);
    if (news.kind === "channel") {
      const key = client ?? this.#newClient(news.client); // its memory is still to come
      this.#give({ type: "channel", client: key, channel: news.channel, hostChannel: news.hostChannel });
    } else if (client !== undefined) {
      this.#add({ type: "left", client, timeUs: news.timeUs });
      for (const source of this.#sources.values()) if (source.client === client) source.looks = LAST_LOOKS;
    }
  }

  #newClient(number: number): number {
    this.#clients.set(number, ++this.#lastClient);
    return this.#lastClient;
  }

  #client(news: TraceNews & { kind: "client" }, memory: Descriptor | undefined): void {
    const client = this.#clients.get(news.client) ?? this.#newClient(news.client);
    const { name, pid, reflector } = news;
    this.#give({ type: "client", client, name, pid, reflector });
    if (memory !== undefined) this.#follow(memory, (fd) => this.#requests(fd, client));
  }

  /** A memory that is known already is followed on: it has outlived the manager that had lent it. */
  #follow(memory: Descriptor, source: (fd: number) => Source): void {
    const { ino } = fstatSync(memory.fd);
    if (!this.#sources.has(ino)) this.#sources.set(ino, source(memory.fd));
  }

  #driver(fd: number): Source {
    const follower = new RingFollower(
      mapDeviceMemory(fd),
      RECORDER_OFFSET,
      RECORD_TEXTS,
      this.#beganUs,
      this.#nowUs(),
    );
    const itemOf = (entry: Entry): Timed | undefined => {
      const kind = recordKinds[entry.kind];
      return kind === undefined ? undefined : { type: "driver", ...entry, kind };
    };
    return { follower, itemOf };
  }

  #requests(fd: number, client: number): Source {
    const buffer = mapClientRecorder(fd);
    const follower = new RingFollower(buffer, 0, CLIENT_RECORD_TEXTS, this.#beganUs, this.#nowUs());
    const itemOf = (entry: Entry): Timed | undefined => {
      const kind = clientRecordKinds[entry.kind];
      return kind === undefined ? undefined : { type: "request", client, ...entry, kind };
    };
    return { client, follower, itemOf };
  }
}

/** Of two at the same microsecond, a client's is the older one: it has asked the driver. Of one writer, they stay as they were written. */
const inOrder = (a: Timed, b: Timed): number => a.timeUs - b.timeUs || rank[a.type] - rank[b.type];
const rank: Readonly<Record<Timed["type"], number>> = { state: 0, request: 1, driver: 2, left: 3 };
