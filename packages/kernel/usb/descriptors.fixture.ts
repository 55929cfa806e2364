// Runs in: tests. Owns: nothing. Descriptors of real devices, written out byte by byte from what the devices' makers publish.

function bytes(...lines: string[]): Uint8Array {
  return Uint8Array.from(lines.join(" ").split(" "), (byte) => Number.parseInt(byte, 16));
}

/** QEMU's usb-storage at high speed: hw/usb/dev-storage.c, desc_device_high and desc_iface_high, laid out by hw/usb/desc.c. */
export const qemuUsbStorage = bytes(
  "12 01 00 02 00 00 00 40 f4 46 01 00 00 00 01 02 03 01", // device 46f4:0001
  "09 02 20 00 01 01 05 c0 00", // one configuration, one interface
  "09 04 00 00 02 08 06 50 00", // mass storage, SCSI, Bulk-Only
  "07 05 81 02 00 02 00", // bulk IN 512
  "07 05 02 02 00 02 00", // bulk OUT 512
);

/** QEMU's usb-uas at SuperSpeed: hw/usb/dev-uas.c, desc_device_super and desc_iface_super. Each endpoint has a companion and a pipe usage descriptor. */
export const qemuUas = bytes(
  "12 01 00 03 00 00 00 09 f4 46 03 00 00 00 01 02 03 01",
  "09 02 56 00 01 01 05 c0 00",
  "09 04 00 00 04 08 06 62 00",
  "07 05 01 02 00 04 00 06 30 0f 00 00 00 04 24 01 00", // command
  "07 05 82 02 00 04 00 06 30 0f 04 00 00 04 24 02 00", // status, 16 streams
  "07 05 83 02 00 04 00 06 30 0f 04 00 00 04 24 03 00", // data in
  "07 05 04 02 00 04 00 06 30 0f 04 00 00 04 24 04 00", // data out
);

/** QEMU's usb-net: hw/usb/dev-network.c, desc_device_net. Two configurations, two interfaces each, an alternate setting, class descriptors. */
export const qemuUsbNet = bytes(
  "12 01 00 02 02 00 00 40 25 05 a2 a4 00 00 01 02 0a 02",
  "09 02 43 00 02 02 09 c0 32", // RNDIS
  "09 04 00 00 01 02 02 ff 06 05 24 00 10 01 05 24 01 00 01 04 24 02 00 05 24 06 00 01",
  "07 05 81 03 10 00 20",
  "09 04 01 00 02 0a 00 00 04",
  "07 05 82 02 40 00 00 07 05 02 02 40 00 00",
  "09 02 50 00 02 01 07 c0 32", // CDC Ethernet
  "09 04 00 00 01 02 06 00 05 05 24 00 10 01 05 24 06 00 01 0d 24 0f 03 00 00 00 00 ea 05 00 00 00",
  "07 05 81 03 10 00 20",
  "09 04 01 00 00 0a 00 00 00", // off
  "09 04 01 01 02 0a 00 00 04", // on
  "07 05 82 02 40 00 00 07 05 02 02 40 00 00",
);

export const realDevices = { qemuUsbStorage, qemuUas, qemuUsbNet };
