// Runs in: CLI and applications. Owns: nothing; the way to the ring3 that runs in a state directory.
import { sentence } from "@ring3/control/sentence";
import { controlSocket } from "@ring3/control/state-directory";
import type { DeviceError } from "@ring3/core/errors";
import { systemClock } from "@ring3/kernel/clock/clock";
import { connect } from "@ring3/kernel/socket/unix";
import { ManagerConnection, type ManagerNotices } from "./manager-connection.ts";
import { TraceFeed } from "./trace-feed.ts";
import type { TraceItem } from "./trace-item.ts";

// asm-generic/errno-base.h, asm-generic/errno.h
const ENOENT = 2;
const EACCES = 13;
const ECONNREFUSED = 111;

/** Throws "disconnected" where no ring3 runs and "denied" where its socket is not this user's; both say what to do. */
export function connectToManager(directory: string, notices: ManagerNotices = {}): ManagerConnection {
  try {
    return new ManagerConnection(() => connect(controlSocket(directory)), notices, systemClock);
  } catch (cause) {
    throw connectFailure(directory, cause as DeviceError);
  }
}

/** What a device's driver and its clients do from now on; `give` is called with it until the feed is stopped. */
export function traceDevice(
  connection: ManagerConnection,
  device: string,
  give: (item: TraceItem) => void,
): TraceFeed {
  return new TraceFeed(connection, device, systemClock, give);
}

function connectFailure(directory: string, cause: DeviceError): DeviceError {
  const { errno } = cause;
  if (errno === ENOENT || errno === ECONNREFUSED) {
    return sentence(
      "disconnected",
      `ring3 is not running in ${directory}: start it with "ring3 up", or name another directory with --state-dir`,
      { errno, cause },
    );
  }
  if (errno === EACCES) {
    return sentence(
      "denied",
      `ring3 in ${directory} belongs to another user: run this as that user or as root`,
      { errno, cause },
    );
  }
  return cause;
}
