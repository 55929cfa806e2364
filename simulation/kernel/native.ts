// Runs in: the simulation. Owns: nothing. A simulated kernel behind the very interface of ring3's addon.
import type { BellHandle, Native, PollHandle, RegionHandle, UsbfsHandle } from "@ring3/kernel/native";
import { SimulatedBell } from "./bell.ts";
import { NullDevice, ProcessFile, TextFile, type Watched } from "./file.ts";
import type { Kernel } from "./kernel.ts";
import { Memory } from "./memory.ts";
import type { Process } from "./process.ts";
import { Listening, PipeEnd, SocketEnd } from "./streams.ts";
import { UsbfsFile } from "./usbfs.ts";

// asm-generic/errno-base.h, asm-generic/errno.h
const ENOENT = 2;
const ESRCH = 3;
const EIO = 5;
const EBADF = 9;
const EAGAIN = 11;
const ECONNREFUSED = 111;
/** Everybody's user. */
export const UID = 1000;

const RING = new Uint8Array(1);
const PAGE_BYTES = 4096;
/** Of any process, shared with others: what statm counts and nobody minds. */
const SHARED_PAGES = 2000;

type Region = { memory: Memory; process: Process };

/** What the simulation does not need is not there. */
export function nativeOf(kernel: Kernel): Native {
  const { file, fileOf } = { file: kernel.file.bind(kernel), fileOf: kernel.fileOf.bind(kernel) };
  const drop = kernel.drop.bind(kernel);
  const calls: Partial<Native> = {
    close: (fd) => kernel.close(fd),
    dup: (fd) => {
      const open = file(fd);
      return open === undefined ? -EBADF : kernel.install(open);
    },
    pipe(out) {
      out.set(PipeEnd.pair().map((end) => kernel.install(end)));
      return 0;
    },
    open: (path) => {
      const found = path === "/dev/null" ? new NullDevice() : procFile(kernel, path);
      return found === undefined ? -ENOENT : kernel.install(found);
    },
    read(fd, into) {
      const open = file(fd);
      if (open instanceof PipeEnd || open instanceof TextFile) return open.read(into);
      return open instanceof NullDevice ? 0 : -EBADF;
    },
    write(fd, bytes) {
      const open = file(fd);
      if (open instanceof PipeEnd) return open.write(bytes);
      if (open instanceof Memory) open.append(bytes);
      return open instanceof Memory || open instanceof NullDevice ? bytes.length : -EBADF;
    },
    pread(fd, into, offset) {
      const part = fileOf(fd, Memory)?.content.subarray(offset, offset + into.length);
      if (part === undefined) return -EBADF;
      into.set(part);
      return part.length;
    },
    fileSize: (fd) => fileOf(fd, Memory)?.size ?? -EBADF,
    ftruncate(fd, size) {
      const memory = fileOf(fd, Memory);
      if (memory === undefined) return -EBADF;
      memory.size = size;
      return 0;
    },
    memfdCreate: (name) => kernel.install(new Memory(name, kernel.stock)),
    addSeals(fd, seals) {
      const memory = fileOf(fd, Memory);
      if (memory === undefined) return -EBADF;
      memory.seals |= seals;
      return 0;
    },
    getSeals: (fd) => fileOf(fd, Memory)?.seals ?? -EBADF,
    map(fd, _length, writable) {
      const memory = fileOf(fd, Memory);
      if (memory === undefined) return -EBADF;
      if (writable) kernel.current.writes.add(memory);
      return { memory, process: kernel.current } as unknown as RegionHandle;
    },
    part: (region, offset, length) => (region as unknown as Region).memory.part(offset, length),
    socketpair(out) {
      out.set(SocketEnd.pair(drop).map((end) => kernel.install(end)));
      return 0;
    },
    listenUnix(path) {
      const listening = new Listening(drop);
      kernel.listening.set(path, listening);
      return kernel.install(listening);
    },
    connectUnix(path) {
      const listening = kernel.listening.get(path);
      if (listening === undefined || listening.references === 0) return -ECONNREFUSED;
      return kernel.install(listening.connect(kernel.current.pid));
    },
    accept(fd) {
      const end = fileOf(fd, Listening)?.accept();
      if (end === undefined) return -EAGAIN;
      const accepted = kernel.install(end);
      drop(end);
      return accepted;
    },
    peerCredentials(fd, out) {
      const socket = fileOf(fd, SocketEnd);
      if (socket === undefined) return -EBADF;
      out.set([socket.peerPid, UID, UID]);
      return 0;
    },
    sendmsg(fd, buffers, fds) {
      const socket = fileOf(fd, SocketEnd);
      const files = fds.map((each) => file(each));
      if (socket === undefined || files.includes(undefined)) return -EBADF;
      if (socket.connected && !socket.roomy && kernel.full()) return socket.refuse();
      return socket.send(buffers, files as NonNullable<(typeof files)[number]>[]);
    },
    recvmsg(fd, into, fds) {
      const socket = fileOf(fd, SocketEnd);
      if (socket === undefined) return -EBADF;
      fds[0] = 0;
      return socket.receive(into, kernel.received, (files) => {
        for (const each of files) {
          fds[++fds[0]!] = kernel.install(each);
          drop(each); // the message's own reference
        }
      });
    },
    pollStart: (fd, events, run) =>
      (kernel.watch(fd, events, (_, ready) => run(ready)) as unknown as PollHandle | undefined) ?? -EBADF,
    pollSet(handle, events) {
      kernel.rearm(handle as unknown as Watched, events);
      return 0;
    },
    pollStop(handle) {
      kernel.unwatch(handle as unknown as Watched);
      return 0;
    },
    pollRef: () => 0,
    bellStart: (fd, own, peer, at, _poll, rung) =>
      (SimulatedBell.start(kernel, fd, [own, peer], at, rung) as unknown as BellHandle | undefined) ?? -EBADF,
    bellStop(handle) {
      (handle as unknown as SimulatedBell).stop();
      return 0;
    },
    bellRing: (fd) => fileOf(fd, PipeEnd)?.write(RING) ?? -EBADF,
    pidfdOpen(pid) {
      const process = kernel.processes.get(pid);
      return process?.alive ? kernel.install(new ProcessFile(process)) : -ESRCH;
    },
    pidfdSendSignal(fd, signal) {
      const process = fileOf(fd, ProcessFile)?.process;
      if (process === undefined) return -EBADF;
      return kernel.signal(process, signal) ? 0 : -ESRCH;
    },
    ioctl: () => 0,
    usbfsOpen: (fd) => (fileOf(fd, UsbfsFile) === undefined ? -EBADF : ({ fd } as unknown as UsbfsHandle)),
    usbfsSubmit: (handle, id, _type, _endpoint, _flags, buffer) =>
      usbfs(handle)?.submit(id, buffer) ?? -EBADF,
    usbfsDiscard: (handle, id) => usbfs(handle)?.discard(id) ?? -EBADF,
    usbfsReap: (handle, out) => usbfs(handle)?.reap(out) ?? -EBADF,
    usbfsClose: (handle) => kernel.close((handle as unknown as { fd: number }).fd),
  };
  const usbfs = (handle: UsbfsHandle) => fileOf((handle as unknown as { fd: number }).fd, UsbfsFile);

  const entered = Object.entries(calls).map(([name, call]) => [
    name,
    (...args: never[]) => {
      if (kernel.enter()) return (call as (...args: never[]) => unknown)(...args);
      return name === "part" ? new ArrayBuffer(args[2]!) : -EIO; // a dead process asks: nothing comes of it
    },
  ]);
  return Object.fromEntries(entered) as unknown as Native;
}

/** What kernel/process asks of /proc, proc_pid_stat(5), proc_pid_status(5), proc_pid_statm(5). */
function procFile(kernel: Kernel, path: string): TextFile | undefined {
  const [, pid, name] = /^\/proc\/(\d+)\/(stat|status|statm)$/.exec(path) ?? [];
  const process = kernel.processes.get(Number(pid));
  if (process === undefined || !process.alive) return undefined;
  const state = process.blocked
    ? "D"
    : process.liveness === "stopped"
      ? "T"
      : process.liveness === "hung"
        ? "R"
        : "S";
  switch (name) {
    case "stat":
      return new TextFile(`${pid} (${process.name}) ${state} 1 ${"0 ".repeat(20)}`);
    case "status":
      return new TextFile(
        `Name:\t${process.name}\nTracerPid:\t${process.traced ? 1 : 0}\nVmPTE:\t       0 kB\n`,
      );
    default: {
      const pages = SHARED_PAGES + Math.ceil(process.privateBytes / PAGE_BYTES);
      return new TextFile(`${pages * 2} ${pages} ${SHARED_PAGES} 1 0 ${pages} 0\n`);
    }
  }
}
