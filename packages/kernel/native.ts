// Runs in: every ring3 process. Owns: the loaded addon; the one door to native code.
import { constants } from "node:os"; // in a jail it can only be loaded before the filters: without uname(2) it would abort
import { join } from "node:path";

declare const pollHandle: unique symbol;
declare const bellHandle: unique symbol;
declare const regionHandle: unique symbol;
declare const usbfsHandle: unique symbol;
declare const ringHandle: unique symbol;
/** A watched descriptor of this thread's event loop. */
export type PollHandle = { readonly [pollHandle]: true };
/** A doorbell of this thread's event loop. */
export type BellHandle = { readonly [bellHandle]: true };
/** One mapping of shared memory. */
export type RegionHandle = { readonly [regionHandle]: true };
/** One usbfs descriptor and the URBs submitted on it. */
export type UsbfsHandle = { readonly [usbfsHandle]: true };
/** One ring of io_uring. */
export type RingHandle = { readonly [ringHandle]: true };

/**
 * One function a system call. Answers are numbers >= 0 or a negative errno; a wrong argument is a TypeError.
 * Descriptors are created close-on-exec, sockets and pipes non-blocking.
 */
export interface Native {
  close(fd: number): number;
  dup(fd: number): number;
  /** Every descriptor from `first` on, whoever opened it, ends with the next exec (close_range(2)). */
  closeOnExec(first: number): number;
  /** `out` becomes [read end, write end]. */
  pipe(out: Int32Array): number;
  /** Used by kernel/open, by lockFile for its lock, by kernel/process for what /proc says, and for /dev/null. */
  open(path: string, flags: number, mode: number): number;
  read(fd: number, into: Uint8Array): number;
  write(fd: number, from: Uint8Array): number;
  pread(fd: number, into: Uint8Array, offset: number): number;
  pwrite(fd: number, from: Uint8Array, offset: number): number;
  fileSize(fd: number): number;
  ftruncate(fd: number, size: number): number;
  /** LOCK_EX | LOCK_NB: -EAGAIN while another open file holds it. */
  flock(fd: number): number;
  /** `arg` is memory or an int; memory shorter than the size in the request's number is a TypeError. */
  ioctl(fd: number, request: number, arg: Uint8Array | number): number;

  memfdCreate(name: string, sealable: boolean): number;
  addSeals(fd: number, seals: number): number;
  getSeals(fd: number): number;
  /** MAP_SHARED, from `offset` (0). The mapping outlives the descriptor and goes when the handle and all its parts are collected. */
  map(fd: number, length: number, writable: boolean, offset?: number): RegionHandle | number;
  /**
   * A part of a mapping. Writing to one that is not writable, or touching it beyond the end of the file, kills the process with a signal. Ask
   * once for each part: V8 wants one ArrayBuffer an address.
   */
  part(region: RegionHandle, offset: number, length: number): ArrayBuffer;
  /** Lets go of the file; from now on the parts read as zeros, and writing to one kills the process. */
  unmap(region: RegionHandle): number;
  /** Shared futex. Blocks the thread, at most 60 s: for workers, tests and polling clients, never on a main loop. */
  futexWait(words: Int32Array, index: number, expected: number, timeoutMs: number): number;
  /** The number of waiters woken. */
  futexWake(words: Int32Array, index: number, count: number): number;
  /**
   * Takes the pages of program and libraries out of this process: those that it still needs come back from the page cache one by one, and
   * those of its start are not there to be taken away at its end. Bytes of address space.
   */
  unmapCode(): number;

  /** AF_UNIX, SOCK_STREAM. */
  socketpair(out: Int32Array): number;
  /** The path has `mode` (less the umask) from its first moment. */
  listenUnix(path: string, backlog: number, mode: number): number;
  connectUnix(path: string): number;
  /** One message to who has bound the path, or the abstract name behind an "@" (sd_notify(3)). */
  sendDatagram(path: string, message: Uint8Array): number;
  accept(fd: number): number;
  /** At most 64 buffers and 253 descriptors; without any it is writev(2). Descriptors go with the first byte: after a short write send the rest without them. */
  sendmsg(fd: number, buffers: readonly Uint8Array[], fds: readonly number[]): number;
  /**
   * `fds[0]` becomes the number of descriptors that arrived, which follow it. If more were sent than there is room for, those that came are
   * closed and the answer is -EMSGSIZE; the bytes are lost, so the connection is of no more use.
   */
  recvmsg(fd: number, into: Uint8Array, fds: Int32Array): number;
  /** 0 no more reading, 1 no more writing, 2 both. */
  shutdown(fd: number, how: number): number;
  /** `out` becomes [pid, uid, gid] of who connected or listened (SO_PEERCRED). */
  peerCredentials(fd: number, out: Int32Array): number;

  /**
   * Events: 1 readable, 2 writable, 4 peer has disconnected; level-triggered. -EEXIST if this loop watches `fd` already. An error condition is
   * told as all three. What the callback throws becomes an uncaughtException.
   */
  pollStart(fd: number, events: number, callback: (ready: number) => void): PollHandle | number;
  pollSet(handle: PollHandle, events: number): number;
  /** May be called twice, and inside the callback. The descriptor may be closed right after; where it was closed before, -EBADF or -ENOENT. */
  pollStop(handle: PollHandle): number;
  pollRef(handle: PollHandle, keepsLoopAlive: boolean): number;

  /**
   * Waits for a peer with whom memory is shared, in libuv's place. `at`: words; of our memory `parked`, and how much was asked (-1: who
   * only answers), which is answered by as much in the first ring; then one or two rings' head in the peer's memory and tail in ours. Calls `rung` with 0 while a head is not its tail, once with 1 when nobody can write into the pipe `fd` any more, and
   * with 2 where it rings on and on without news. `poll`: sleeps only after a second without news. Keeps the loop alive; what `rung` throws becomes an uncaughtException.
   */
  bellStart(
    fd: number,
    own: Uint32Array,
    peer: Uint32Array,
    at: Int32Array,
    poll: boolean,
    rung: (what: 0 | 1 | 2) => void,
  ): BellHandle | number;
  /** As pollStop. */
  bellStop(handle: BellHandle): number;
  /** Of a thread (a process's main one has its number; 0: this one): how many processors it may use; their numbers into `into`. */
  affinity(thread: number, into: Int32Array): number;
  /** sched_setaffinity(2). */
  setAffinity(thread: number, processors: Int32Array): number;
  /** A byte into the pipe of a peer's bell: -EAGAIN where it is full, -EPIPE where there is no peer. */
  bellRing(fd: number): number;

  pidfdOpen(pid: number, flags: number): number;
  pidfdSendSignal(fd: number, signal: number): number;
  /**
   * `program`: struct sock_filter one after another. On every thread of this process, or with an error on none. `noNewPrivileges`: no program
   * that it executes gives it more than it has (PR_SET_NO_NEW_PRIVS); without that only CAP_SYS_ADMIN may, and others get -EACCES.
   */
  seccomp(program: Uint8Array, noNewPrivileges: boolean): number;
  /**
   * Gives up all capabilities but those in the two masks (0 to 31, 32 to 63; linux/capability.h), for this thread and all processes that it
   * starts, out of the bounding set too. -EPERM without CAP_SETPCAP.
   */
  keepCapabilities(low: number, high: number): number;
  /** On: what this thread is permitted is in effect, and ambient for whom it starts then. Off: neither, and permitted still. */
  lendCapabilities(on: boolean): number;
  /** setrlimit(2), soft and hard: `resource` is a RLIMIT_* of asm-generic/resource.h. */
  limit(resource: number, most: number): number;

  /**
   * From now on that signal has the process write where its JavaScript stands, as an Error's stack, to standard error between
   * "<ring3 stack>" and "</ring3 stack>". -ENOSYS where this runtime cannot. Once a process, from its main thread.
   */
  stackOnSignal(signal: number): number;

  /** AF_NETLINK, NETLINK_GENERIC: one write a request, and its answers can be read when that returns. */
  genericNetlink(): number;
  /** The kernel's own group of NETLINK_KOBJECT_UEVENT. */
  ueventSocket(): number;
  /** 0 for a message that did not come from the kernel; -ENOBUFS when messages were lost. */
  recvUevent(fd: number, into: Uint8Array): number;

  /** Takes the descriptor over: only usbfsClose may close it from now on. */
  usbfsOpen(fd: number): UsbfsHandle | number;
  /**
   * `type`: 0 isochronous, 1 interrupt, 2 control (8 setup bytes first, data behind them), 3 bulk. `packetLengths` for isochronous only; their
   * sum must fit the buffer. -EEXIST while `id` is in flight. The buffer is kept alive until its URB is reaped or the handle closed, and must
   * be neither detached nor resized before.
   */
  usbfsSubmit(
    handle: UsbfsHandle,
    id: number,
    type: number,
    endpoint: number,
    flags: number,
    buffer: Uint8Array,
    packetLengths: Uint32Array | null,
  ): number;
  /** -EINVAL when the URB is unknown or completed already. */
  usbfsDiscard(handle: UsbfsHandle, id: number): number;
  /**
   * 1 reaped, 0 none ready. `out` becomes [id, status, actual length, error count]; `packets`, if given, [actual length, status] of each
   * isochronous packet, as many as fit.
   */
  usbfsReap(handle: UsbfsHandle, out: Int32Array, packets: Int32Array | null): number;
  /**
   * Zeroed memory of the kernel's that the device reaches itself: a transfer in it is not copied. Counts as usbfs memory, of which the machine
   * has 16 MiB. It stays, and so does the file, until it is
   * unmapped, also where the handle is closed before.
   */
  usbfsMap(handle: UsbfsHandle, length: number): ArrayBuffer | number;
  /** The buffer is empty afterwards. -EBUSY while an URB in it is in flight, -EINVAL for what is no buffer of usbfsMap any more. */
  usbfsUnmap(handle: UsbfsHandle, buffer: ArrayBuffer): number;
  /** Discards and reaps what is in flight, closes the descriptor. May be called twice. Stop watching the descriptor first. */
  usbfsClose(handle: UsbfsHandle): number;

  /**
   * A ring that takes IORING_OP_URING_CMD and nothing else, ever. `entries`: of the submission queue; `wide`: SQEs of 128 bytes, not 64.
   * -ENOSYS and -EPERM where this process may have none.
   */
  uringOpen(entries: number, completions: number, wide: boolean): RingHandle | number;
  /** Readable while there is a completion. */
  uringFd(ring: RingHandle): number;
  /**
   * One struct io_uring_sqe after another, at most as many as the queue has room for; how many the kernel has taken. The address of `memory`
   * becomes bytes 8 to 15 of the first one's `cmd`: the caller keeps it until that is completed.
   */
  uringSubmit(ring: RingHandle, commands: Uint8Array, memory: Uint8Array | null): number;
  /** How many completions: `out` becomes [user_data, the lower half; result] of each. */
  uringReap(ring: RingHandle, out: Int32Array): number;
  /** May be called twice. Stop watching its descriptor first. */
  uringClose(ring: RingHandle): number;
}

// Beside the bundle, in build/ and in the jail alike; unbundled, in build/.
const path =
  process.env.RING3_ADDON ??
  (import.meta.dirname === undefined
    ? join(__dirname, "kernel.node")
    : join(import.meta.dirname, "../../build/kernel.node"));

function load(): Native {
  const module = { exports: {} as Native };
  process.dlopen(module, path, constants.dlopen.RTLD_NOW); // now: no symbol is left to look up inside the jail
  return module.exports;
}

export let native: Native = load();

/** All that is done from here on is done by another kernel: a simulated one. */
export function useKernel(other: Native): void {
  native = other;
}
