// Runs in: lab guest, in tests. Plugs a simulated device into this kernel: does the USB/IP handshake with its server, then hands the
// stream to vhci_hcd, which speaks the rest itself.
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "@ring3/kernel/socket/unix";
import { usbSpeedCodes } from "@ring3/kernel/usb/device-info";
import { exchange } from "@ring3/kernel/usbip/handshake";
import { decodeImportReply, encodeRequest } from "@ring3/kernel/usbip/operations";
import { scaled } from "../timing.ts";
import { run } from "./program.ts";

const SYSFS = "/sys/devices/platform/vhci_hcd.0";
const HANDSHAKE_MS = 1000;
/** drivers/usb/usbip/vhci_sysfs.c, status_show_vhci: hub (hs, ss), port, state, …; VDEV_ST_NULL is 4. */
const FREE_PORT = { hs: /^hs +(\d+) 004/m, ss: /^ss +(\d+) 004/m };

/** Plugs in what the server at `socket` exports as `busid`. Announced by the kernel like any device. */
export async function attach(socket: string, busid: string): Promise<void> {
  await run("modprobe", "vhci_hcd");
  using stream = connect(socket); // the kernel keeps its own reference
  const request = encodeRequest({ request: "import", busid });
  const decode = (bytes: Uint8Array) => decodeImportReply(bytes, busid);
  const signal = AbortSignal.timeout(scaled(HANDSHAKE_MS));
  const { busNumber, deviceNumber, speed } = await exchange(
    stream,
    request,
    decode,
    `import ${busid}`,
    signal,
  );
  const hub = speed.startsWith("super") ? "ss" : "hs"; // slower devices sit behind the same hub as high-speed ones
  const [, port] = FREE_PORT[hub].exec(readFileSync(`${SYSFS}/status`, "latin1"))!;
  const devid = busNumber * 0x10000 + deviceNumber;
  writeFileSync(`${SYSFS}/attach`, `${Number(port)} ${stream.fd} ${devid} ${usbSpeedCodes[speed]}`);
}
