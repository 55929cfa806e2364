// Runs in: lab guest, from its start to its end. Owns: one of the kernel's NBD devices, which nobody uses.
import { connectNbd } from "@ring3/kernel/nbd/device";
import { socketPair } from "@ring3/kernel/socket/unix";
import { run } from "./program.ts";

/** The last of nbd's own sixteen: tests take the first that is free. */
const INDEX = 15;

/**
 * The first NBD connection of a kernel makes it change code that every network packet runs through (net/core/sock.c, sk_set_memalloc: a static key), and
 * the last one's end changes it back. QEMU 7.2 may miss such a change on a processor that translates that code just then, and its guest panics: "int3".
 * (Since 8.1 pages are locked before they are translated.) So one connection is there before anything else runs, and stays.
 */
export async function keepKernelSteady(): Promise<void> {
  await run("modprobe", "nbd");
  const [kernel, nobody] = socketPair();
  connectNbd({
    index: INDEX,
    temporary: false,
    socket: kernel.fd,
    bytes: 4096,
    blockBytes: 4096,
    flags: 1,
    deadSeconds: 1,
    backend: "steady",
  });
  kernel.close();
  nobody.take(); // open as long as this process
}
