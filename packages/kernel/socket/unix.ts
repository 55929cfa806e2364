// Runs in: every process. Owns: how Unix stream sockets come into being: by pair, by path, by accepting.
import { chmodSync, lstatSync, rmSync } from "node:fs";
import { DeviceError } from "@ring3/core/errors";
import { check, Descriptor, duplicate } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { watch } from "../poll/watch.ts";

const PATH_BYTES_MAX = 107; // sun_path of linux/un.h is 108 bytes, NUL included
const BACKLOG = 128;

// asm-generic/errno-base.h, asm-generic/errno.h
const ENFILE = 23;
const EMFILE = 24;
const ENAMETOOLONG = 36;
const EADDRINUSE = 98;
const ECONNABORTED = 103;
const ECONNREFUSED = 111;

/** Who connected, as the kernel saw it then. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Listener {
  /** Connections accepted before stay open. */
  close(): void;
}

/** Both ends non-blocking and close-on-exec. */
export function socketPair(): [Descriptor, Descriptor] {
  const ends = new Int32Array(2);
  check(native.socketpair(ends), "create a socket pair");
  return [new Descriptor(ends[0]!), new Descriptor(ends[1]!)];
}

/** DeviceError with errno ENOENT or ECONNREFUSED where nobody listens, EAGAIN where the listener's queue is full. */
export function connect(path: string): Descriptor {
  refuseLongPath(path);
  return new Descriptor(check(native.connectUnix(path), `connect to ${path}`));
}

/** Binds and accepts; removes the path when closed. */
export function listen(
  path: string,
  mode: number,
  onConnection: (connection: Descriptor, peer: PeerCredentials) => void,
): Listener {
  const listener = acceptFrom(bindPath(path, mode), onConnection);
  return {
    close() {
      rmSync(path, { force: true });
      listener.close();
    },
  };
}

/** A listening socket at `path`, with `mode`, and at no moment with more. Replaces the socket of a listener that has died; DeviceError("busy") while it lives. */
export function bindPath(path: string, mode: number): Descriptor {
  refuseLongPath(path);
  let result = native.listenUnix(path, BACKLOG, mode);
  if (result === -EADDRINUSE) {
    removeStale(path);
    result = native.listenUnix(path, BACKLOG, mode);
  }
  const socket = new Descriptor(check(result, `listen on ${path}`));
  chmodSync(path, mode); // a umask has taken from it, never given
  return socket;
}

/** Accepts on a socket that is bound already, whoever bound it. Owns it from now on. */
export function acceptFrom(
  socket: Descriptor,
  onConnection: (connection: Descriptor, peer: PeerCredentials) => void,
): Listener {
  let reserve = duplicate(socket.fd);
  const watched = watch(socket.fd, { readable: true }, () => {
    while (socket.fd >= 0) {
      const fd = native.accept(socket.fd);
      if (fd >= 0) onConnection(new Descriptor(fd), peerOf(fd));
      else if (fd === -EMFILE || fd === -ENFILE) {
        // Out of descriptors: with the one kept back the caller is hung up on. Left in the queue it would wake us for ever.
        reserve.close();
        const refused = native.accept(socket.fd);
        if (refused >= 0) native.close(refused);
        reserve = new Descriptor(Math.max(-1, native.dup(socket.fd)));
        if (refused < 0) return;
      } else if (fd !== -ECONNABORTED) return; // EAGAIN: that was all; anything else lasts and wakes us again
    }
  });
  return {
    close() {
      watched.close();
      socket.close();
      reserve.close();
    },
  };
}

/** On the side that connected: who listened, as it was when the listening began. */
export function peerOf(fd: number): PeerCredentials {
  const out = new Int32Array(3);
  check(native.peerCredentials(fd, out), "credentials of a peer");
  return { pid: out[0]!, uid: out[1]! >>> 0, gid: out[2]! >>> 0 };
}

/** Only a socket that refuses connections is taken for a dead listener's; a plain file refuses them too and is nobody's to remove. */
function removeStale(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new DeviceError("busy", `listen on ${path}, where something other than a socket lies`);
  const result = native.connectUnix(path);
  if (result >= 0) native.close(result);
  if (result !== -ECONNREFUSED)
    throw new DeviceError("busy", `listen on ${path}, where another process listens`);
  rmSync(path, { force: true });
}

function refuseLongPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > PATH_BYTES_MAX)
    throw new DeviceError(
      "invalid",
      `socket path ${path} of ${length} bytes; Linux takes at most ${PATH_BYTES_MAX}, so choose a shorter directory (--state-dir DIR)`,
      { errno: ENAMETOOLONG },
    );
}
