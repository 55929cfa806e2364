// Runs in: tests. Owns: nothing. Report descriptors of real devices, byte by byte, from what makers, the HID specification and kernels publish.

export function bytes(...lines: string[]): Uint8Array {
  return Uint8Array.from(lines.join(" ").split(" "), (byte) => Number.parseInt(byte, 16));
}

/** Device Class Definition for HID 1.11, appendix E.10. */
export const mouse = bytes(
  "05 01 09 02 a1 01 09 01 a1 00",
  "05 09 19 01 29 03 15 00 25 01 95 03 75 01 81 02 95 01 75 05 81 01", // three buttons
  "05 01 09 30 09 31 15 81 25 7f 75 08 95 02 81 06", // X and Y, relative
  "c0 c0",
);

/** Device Class Definition for HID 1.11, appendix E.6. */
export const bootKeyboard = bytes(
  "05 01 09 06 a1 01",
  "05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02 95 01 75 08 81 01", // modifiers, a byte that is reserved
  "95 05 75 01 05 08 19 01 29 05 91 02 95 01 75 03 91 01", // five LEDs
  "95 06 75 08 15 00 25 65 05 07 19 00 29 65 81 00", // six keys
  "c0",
);

/** QMK, tmk_core/protocol/usb_descriptor.c, SharedReport: system control, consumer control and a keyboard with a bit for each key. */
export const nkroKeyboard = bytes(
  "05 01 09 80 a1 01 85 03 19 01 2a b7 00 15 01 26 b7 00 95 01 75 10 81 00 c0",
  "05 0c 09 01 a1 01 85 04 19 01 2a a0 02 15 01 26 a0 02 95 01 75 10 81 00 c0",
  "05 01 09 06 a1 01 85 06",
  "05 07 19 e0 29 e7 15 00 25 01 95 08 75 01 81 02",
  "05 07 19 00 29 ef 15 00 25 01 95 f0 75 01 81 02",
  "05 08 19 01 29 05 95 05 75 01 91 02 95 01 75 03 91 01",
  "c0",
);

/** Sony DualShock 4, 054c:09cc over USB: dumped by many, for instance in Linux 4.9's drivers/hid/hid-sony.c (dualshock4_usb_rdesc, there with changes). The reports 0x80 and up, all alike, are left out but two. */
export const dualShock4 = bytes(
  "05 01 09 05 a1 01 85 01",
  "09 30 09 31 09 32 09 35 15 00 26 ff 00 75 08 95 04 81 02", // sticks
  "09 39 15 00 25 07 35 00 46 3b 01 65 14 75 04 95 01 81 42 65 00", // hat
  "05 09 19 01 29 0e 15 00 25 01 75 01 95 0e 81 02", // buttons
  "06 00 ff 09 20 75 06 95 01 15 00 25 7f 81 02", // counter
  "05 01 09 33 09 34 15 00 26 ff 00 75 08 95 02 81 02", // triggers
  "06 00 ff 09 21 95 36 81 02",
  "85 05 09 22 95 1f 91 02", // rumble and light
  "85 04 09 23 95 24 b1 02 85 02 09 24 95 24 b1 02 85 08 09 25 95 03 b1 02",
  "06 80 ff 85 80 09 20 95 06 b1 02 85 a3 09 43 95 30 b1 02",
  "c0",
);

/** Sony DualSense, 054c:0ce6 over USB: hid-tools, hidtools/device/sony_gamepad.py, PS5ControllerUSB, the first of its feature reports. */
export const dualSense = bytes(
  "05 01 09 05 a1 01 85 01",
  "09 30 09 31 09 32 09 35 09 33 09 34 15 00 26 ff 00 75 08 95 06 81 02",
  "06 00 ff 09 20 95 01 81 02",
  "05 01 09 39 15 00 25 07 35 00 46 3b 01 65 14 75 04 95 01 81 42 65 00",
  "05 09 19 01 29 0f 15 00 25 01 75 01 95 0f 81 02",
  "06 00 ff 09 21 95 0d 81 02",
  "06 00 ff 09 22 15 00 26 ff 00 75 08 95 34 81 02",
  "85 02 09 23 95 2f 91 02",
  "85 05 09 23 95 28 b1 02 85 08 09 24 95 2f b1 02 85 09 09 24 95 13 b1 02 85 20 09 26 95 3f b1 02",
  "c0",
);

/** Microsoft Xbox Wireless Controller over Bluetooth: Chromium, services/device/public/cpp/test/test_report_descriptors.cc. The byte behind its end is there. */
export const xboxController = bytes(
  "05 01 09 05 a1 01 85 01",
  "09 01 a1 00 09 30 09 31 15 00 27 ff ff 00 00 95 02 75 10 81 02 c0",
  "09 01 a1 00 09 33 09 34 15 00 27 ff ff 00 00 95 02 75 10 81 02 c0",
  "05 01 09 32 15 00 26 ff 03 95 01 75 0a 81 02 15 00 25 00 75 06 95 01 81 03", // triggers of ten bits
  "05 01 09 35 15 00 26 ff 03 95 01 75 0a 81 02 15 00 25 00 75 06 95 01 81 03",
  "05 01 09 39 15 01 25 08 35 00 46 3b 01 66 14 00 75 04 95 01 81 42", // a hat from 1 to 8
  "75 04 95 01 15 00 25 00 35 00 45 00 65 00 81 03",
  "05 09 19 01 29 0a 15 00 25 01 75 01 95 0a 81 02 15 00 25 00 75 06 95 01 81 03",
  "05 01 09 80 85 02 a1 00 09 85 15 00 25 01 95 01 75 01 81 02 15 00 25 00 75 07 95 01 81 03 c0",
  "05 0f 09 21 85 03 a1 02 09 97 15 00 25 01 75 04 95 01 91 02 15 00 25 00 75 04 95 01 91 03", // rumble
  "09 70 15 00 25 64 75 08 95 04 91 02",
  "09 50 66 01 10 55 0e 15 00 26 ff 00 75 08 95 01 91 02",
  "09 a7 15 00 26 ff 00 75 08 95 01 91 02 65 00 55 00 09 7c 15 00 26 ff 00 75 08 95 01 91 02 c0",
  "85 04 05 06 09 20 15 00 26 ff 00 75 08 95 01 81 02", // battery
  "c0 00",
);

/** Wacom Intuos Pro M, PTH-660: Linux, tools/testing/selftests/hid/tests/descriptors_wacom.py, wacom_pth660_v145: mouse and pen, the reports behind them left out. */
export const wacomTablet = bytes(
  "05 01 09 02 a1 01 85 01 09 01 a1 00 05 09 19 01 29 03 15 00 25 01 75 01 95 03 81 02 75 01 95 05 81 03",
  "05 01 09 30 09 31 15 81 25 7f 75 08 95 02 81 06 c0 c0",
  "06 0d ff 09 01 a1 01 85 10 09 20 a1 00",
  "09 42 09 44 09 5a 09 45 09 3c 09 32 09 36 15 00 25 01 75 01 95 07 81 02 95 01 81 03",
  "0a 30 01 65 11 55 0d 35 00 47 80 57 00 00 15 00 27 00 af 00 00 75 18 95 01 81 02", // X, 24 bits, 1/1000 cm
  "0a 31 01 47 d0 39 00 00 27 a0 73 00 00 81 02",
  "09 30 55 00 65 00 15 00 26 ff 1f 75 10 81 02", // pressure
  "09 3d 09 3e 65 14 55 00 35 c0 45 3f 15 c0 25 3f 75 08 95 02 81 02", // tilt, signed
  "09 41 65 14 55 00 36 4c ff 46 b3 00 16 7c fc 26 83 03 75 10 95 01 81 0a", // twist, which wraps
  "0a 03 0d 65 00 55 00 15 00 26 ff 07 75 10 95 01 81 02",
  "0a 32 01 15 00 25 3f 75 08 95 01 81 02",
  "09 5b 09 5c 17 00 00 00 80 27 ff ff ff 7f 75 20 95 02 81 02", // serial numbers
  "09 77 15 00 26 ff 0f 75 10 95 01 81 02",
  "c0 c0",
);

/** eGalax touchscreen, 0eef:7224: Linux, tools/testing/selftests/hid/tests/test_tablet.py. With Push and Pop. */
export const touchscreen = bytes(
  "05 0d 09 04 a1 01 85 04 09 22 a1 00 09 42 15 00 25 01 75 01 95 01 81 02 09 32 15 00 25 01 81 02",
  "09 51 75 05 95 01 16 00 00 26 10 00 81 02 09 47 75 01 95 01 15 00 25 01 81 02",
  "05 01 09 30 75 10 95 01 55 0d 65 33 35 00 46 34 49 26 ff 7f 81 02",
  "09 31 75 10 95 01 55 0d 65 33 35 00 46 37 29 26 ff 7f 81 02",
  "05 0d 09 55 25 08 75 08 95 01 b1 02 c0 c0",
  "05 01 09 01 a1 01 85 01 09 01 a1 00 05 09 19 01 29 02 15 00 25 01 95 02 75 01 81 02 95 01 75 06 81 01",
  "05 01 09 30 09 31 16 00 00 26 ff 0f 36 00 00 46 ff 0f 66 00 00 75 10 95 02 81 02 c0 c0",
  "06 00 ff 09 01 a1 01 09 01 15 00 26 ff 00 85 03 75 08 95 3f 81 02",
  "06 00 ff 09 01 15 00 26 ff 00 75 08 95 3f 91 02 c0",
  "05 0d 09 04 a1 01 85 02 09 20 a1 00 09 42 09 32 15 00 25 01 95 02 75 01 81 02 95 06 75 01 81 03",
  "05 01 09 30 75 10 95 01 a4 55 0d 65 33 36 00 00 46 34 49 16 00 00 26 ff 0f 81 02",
  "09 31 16 00 00 26 ff 0f 36 00 00 46 37 29 81 02 b4 c0 c0",
  "05 0d 09 0e a1 01 85 05 09 22 a1 00 09 52 09 53 15 00 25 0a 75 08 95 02 b1 02 c0 c0",
);

export const realDescriptors = {
  mouse,
  bootKeyboard,
  nkroKeyboard,
  dualShock4,
  dualSense,
  xboxController,
  wacomTablet,
  touchscreen,
};
