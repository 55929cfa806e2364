// Runs in: manager. Owns: how a driver host is started: in a jail of its own, as a user of its own, or, where that was asked for, in none.

import { join } from "node:path";
import type { Sendable } from "@ring3/control/peer";
import { withoutKindText } from "@ring3/control/wire";
import { DeviceError } from "@ring3/core/errors";
import { check, type Descriptor, pipe, unbroken } from "@ring3/kernel/fd/descriptor";
import { bwrapArguments, type JailFile, parseJailStatus } from "@ring3/kernel/jail/bwrap";
import {
  findBwrap,
  inside,
  type RuntimePaths,
  runtimeFiles,
  stageRuntime,
  unreadable,
} from "@ring3/kernel/jail/files";
import type { Architecture } from "@ring3/kernel/jail/seccomp";
import { driverFilter, spareFilter, type Tier } from "@ring3/kernel/jail/stage-driver";
import { stageZeroFilter } from "@ring3/kernel/jail/stage-zero";
import { native } from "@ring3/kernel/native";
import { watch } from "@ring3/kernel/poll/watch";
import { everyRequest } from "./granted-requests.ts";
import type { HostShape } from "./host-process.ts";
import type { ProcessOrder } from "./processes.ts";
import type { Users } from "./users.ts";

/** What a driver host gets beside its standard descriptors. */
export interface HostDescriptors {
  readonly input: Sendable;
  readonly errors: Sendable;
  readonly control: Sendable;
  /** Owned by the order. */
  readonly status: Descriptor;
}

/** What is told of one jail while it stands. */
export interface JailReport {
  /** The process whose end is the end of all inside. */
  readonly initPid: Promise<number>;
  /** Resolves when the host's process has ended, sooner than its parent's end is told; never, where nobody tells. */
  readonly exitCode: Promise<number>;
}

export interface Jail {
  readonly sandboxed: boolean;
  order(descriptors: HostDescriptors, shape: HostShape): ProcessOrder;
  /** What a host without a driver puts on itself; undefined: nothing. */
  spareFilter(tier: Tier): Uint8Array | undefined;
  /** And what it puts on before it loads a driver that is granted these ioctl requests. */
  driverFilter(tier: Tier, requests: readonly number[]): Uint8Array | undefined;
  /** `outerPid`: what the order started. */
  report(outerPid: number, status: Descriptor, ended: Promise<void>): JailReport;
}

/** A small nursery: garbage churns in little memory. The runtime gives up by itself before the manager sees it hold too much. */
const nodeOptions = ({ memoryMb, tier }: HostShape) => [
  "--max-semi-space-size=1",
  "--disable-sigusr1", // it would start the inspector's thread
  `--max-old-space-size=${memoryMb}`,
  ...(tier === "strict" ? ["--jitless"] : []),
];
/** In the order of the descriptors: 0 input, 1 and 2 errors, 3 control, then bubblewrap's own. */
const STATUS_FD = 4;
const SECCOMP_FD = 5;

/** `users`: undefined where this process may not change its user; the jail's user is then its own. */
export async function createJail(
  paths: RuntimePaths,
  stagingDirectory: string,
  users: Users | undefined,
): Promise<Jail> {
  const bwrap = findBwrap();
  const files = await readableBy(users, await runtimeFiles(paths), stagingDirectory);
  const architecture = process.arch as Architecture;
  const filter = stageZeroFilter(architecture);
  const args = (shape: HostShape) =>
    bwrapArguments({
      files,
      command: [inside.node, ...nodeOptions(shape), inside.host],
      environment: { UV_THREADPOOL_SIZE: "1" }, // a driver has no use for it, and each thread costs memory
      seccompFd: SECCOMP_FD,
      statusFd: STATUS_FD,
    });
  const assembled = new Map<string, Uint8Array>(); // it takes as long as a device takes to be opened
  const once = (key: string, assemble: () => Uint8Array): Uint8Array => {
    const known = assembled.get(key) ?? assemble();
    assembled.set(key, known);
    return known;
  };
  return {
    sandboxed: true,
    spareFilter: (tier) => once(tier, () => spareFilter(architecture, tier, everyRequest)),
    driverFilter: (tier, requests) =>
      once(`${[tier, ...requests].join("/")}/`, () => driverFilter(architecture, tier, requests)),
    order({ input, errors, control, status }, shape) {
      // Bubblewrap tells its status while its child waits for its word: were nobody there to read, as the manager has died meanwhile, it would end
      // by SIGPIPE, and the child sleep for ever in its copy of all mounts.
      const own = [unbroken(status.fd)];
      try {
        own.push(readable(filter));
        const user = users?.take();
        status.close();
        return {
          file: bwrap,
          args: args(shape),
          stdio: [input, errors, errors, control, ...own],
          ...(user === undefined ? {} : { user: { uid: user, gid: user } }),
        };
      } catch (error) {
        for (const descriptor of own) descriptor.close();
        throw error;
      }
    },
    report: (_outerPid, status, ended) => readReport(status, ended),
  };
}

/** Makes it when it is first asked for, and once; where it cannot be made, the next asking tries again: what it lacks may be there then. */
export function whenNeeded(make: () => Promise<Jail>): () => Promise<Jail> {
  let made: Promise<Jail> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** What this machine lacks to make jails. */
export function lacksForJails(): string[] {
  try {
    findBwrap();
    return [];
  } catch (error) {
    return [withoutKindText(error as DeviceError)];
  }
}

/** `--insecure-no-sandbox`: a process of its own, and nothing more. */
export function noJail(paths: RuntimePaths): Jail {
  return openProcess(({ input, errors, control }, shape) => ({
    file: paths.node,
    args: [...nodeOptions(shape), paths.host],
    stdio: [input, errors, errors, control],
  }));
}

/** No jail: nobody stands between the keeper and the host, and tells of it. */
export function openProcess(
  orderOf: (descriptors: Omit<HostDescriptors, "status">, shape: HostShape) => ProcessOrder,
): Jail {
  return {
    sandboxed: false,
    spareFilter: () => undefined,
    driverFilter: () => undefined,
    order({ status, ...descriptors }, shape) {
      status.close(); // nobody writes there
      return orderOf(descriptors, shape);
    },
    report: (outerPid) => ({ initPid: Promise.resolve(outerPid), exitCode: new Promise(() => {}) }),
  };
}

/** A checkout in a private folder is out of reach for the jail's users: then copies are made once, where all may read. */
async function readableBy(
  users: Users | undefined,
  files: JailFile[],
  stagingDirectory: string,
): Promise<JailFile[]> {
  if (users === undefined) return files;
  const anyone = { uid: users.first, gid: users.first };
  const hidden = unreadable(files, anyone);
  if (hidden.length === 0) return files;
  const staged = new Map(stageRuntime(hidden, stagingDirectory).map((file) => [file.target, file]));
  const still = unreadable([...staged.values()], anyone);
  if (still.length > 0)
    throw new DeviceError(
      "denied",
      `${still[0]!.source}: the jail's users cannot read it; choose a --state-dir below folders that all may enter`,
    );
  return files.map((file) => staged.get(file.target) ?? file);
}

/** A pipe that holds the bytes and then ends. A filter is far smaller than a pipe's 64 KiB. */
function readable(bytes: Uint8Array): Descriptor {
  const { read, write } = pipe();
  check(native.write(write.fd, bytes), "write a filter into a pipe");
  write.close();
  return read;
}

/** What is read there may have been read before, by a manager that died: then it is not told again. Bubblewrap says which is its init once the namespaces stand, and how the command has ended. */
export function readReport(status: Descriptor, ended: Promise<void>): JailReport {
  const init = Promise.withResolvers<number>();
  const exit = Promise.withResolvers<number>();
  init.promise.catch(() => {}); // whoever waits for it may have given up before
  const chunk = new Uint8Array(4096);
  let text = "";
  const watched = watch(status.fd, { readable: true }, () => {
    const length = native.read(status.fd, chunk);
    if (length > 0) text += new TextDecoder().decode(chunk.subarray(0, length));
    const said = parseJailStatus(text);
    if (said.init !== undefined) init.resolve(said.init);
    if (said.exitCode !== undefined) exit.resolve(said.exitCode);
    if (said.exitCode !== undefined || length === 0) watched.close();
  });
  void ended.then(() => {
    watched.close();
    init.reject(new DeviceError("io", "start a jail: bubblewrap ended before it stood"));
  });
  return { initPid: init.promise, exitCode: exit.promise };
}

export function runtimePaths(directory: string): RuntimePaths {
  const at = (name: string) => join(directory, name);
  const code = ["host-code.cjs", "host-code.cache", "host-code-strict.cache"].map(at);
  return { node: process.execPath, host: at("host.cjs"), code, addon: at("kernel.node") };
}
