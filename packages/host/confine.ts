// Runs in: driver host. Owns: what this process gives up, in two steps, before the driver's code is in it. There is no way back.

import { check } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";

// asm-generic/resource.h
const RLIMIT_DATA = 2;
const RLIMIT_CORE = 4;
const RLIMIT_NPROC = 6;
const RLIMIT_NOFILE = 7;
const RLIMIT_MEMLOCK = 8;
const RLIMIT_MSGQUEUE = 12;

/** Five for each client that has opened a unit, and the runtime's own. */
const DESCRIPTORS_MAX = 1024;

/** Stage 1. A core would hold the clients' data; processes and threads there are no more to come. */
export function confineSpare(filter: Uint8Array): void {
  const most = [
    [RLIMIT_CORE, 0],
    [RLIMIT_NPROC, 0],
    [RLIMIT_NOFILE, DESCRIPTORS_MAX],
    [RLIMIT_MEMLOCK, 0],
    [RLIMIT_MSGQUEUE, 0],
  ] as const;
  for (const [resource, limit] of most) check(native.limit(resource, limit), `limit resource ${resource}`);
  check(native.seccomp(filter, false), "put on the filter of a spare host");
}

/** What the manager's looks at the memory leave open: it cannot be outrun between two of them. */
export function limitData(bytes: number): void {
  check(native.limit(RLIMIT_DATA, bytes), "limit the memory");
}

/** Stage 2. The privilege to have one at all is given up since bubblewrap. */
export function confineDriver(filter: Uint8Array): void {
  check(native.seccomp(filter, false), "put on the driver's filter");
}
