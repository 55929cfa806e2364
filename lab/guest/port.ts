// Runs in: lab guest. Opens a virtio-serial port by the name that QEMU gave it; without udev there are no links to them.
import { readdirSync, readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

const PORTS = "/sys/class/virtio-ports";

export function openPort(name: string): Promise<FileHandle> {
  const port = readdirSync(PORTS).find(
    (entry) => readFileSync(`${PORTS}/${entry}/name`, "utf8").trim() === name,
  );
  if (!port) throw new Error(`this guest has no virtio-serial port ${name}`);
  return open(`/dev/${port}`, "r+");
}

/** The kernel takes at most 32 KiB at a time (drivers/char/virtio_console.c, port_fops_write): appendFile goes on until all is written. */
export function writeLine(port: FileHandle, message: unknown): Promise<void> {
  return port.appendFile(`${JSON.stringify(message)}\n`);
}

/** One line; the other side sends no more than one until it is answered. */
export async function readLine(port: FileHandle): Promise<string> {
  const decoder = new TextDecoder();
  const chunk = Buffer.alloc(65_536);
  let line = "";
  while (!line.endsWith("\n")) {
    const { bytesRead } = await port.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) throw new Error("the lab outside the guest has closed the port");
    line += decoder.decode(chunk.subarray(0, bytesRead), { stream: true });
  }
  return line;
}
