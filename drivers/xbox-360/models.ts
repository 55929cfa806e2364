// Runs in: driver host, jailed. Owns: nothing. Which controllers there are, by their ids: facts of Linux's drivers/input/joystick/xpad.c (xpad_device),
// whose names programs know them by.

export interface Model {
  readonly name: string;
  /** Triggers have no way: MAP_TRIGGERS_TO_BUTTONS. */
  readonly digitalTriggers?: boolean;
  /** A dance mat: all four directions at once, so they are buttons: MAP_DPAD_TO_BUTTONS. */
  readonly isMat?: boolean;
  /** Where the share button is, counted from the end of an input message: MAP_SHARE_BUTTON, with MAP_SHARE_OFFSET 26. */
  readonly shareFromEnd?: number;
}

const SHARE = 18;
const SHARE_SERIES = 26;

const models: ReadonlyMap<number, Model> = new Map<number, Model>([
  [0x03f0_0495, { name: "HyperX Clutch Gladiate" }],
  [0x03f0_08b6, { name: "HyperX Clutch Gladiate", shareFromEnd: SHARE }],
  [0x044f_b326, { name: "Thrustmaster Gamepad GP XID" }],
  [0x045e_028e, { name: "Microsoft X-Box 360 pad" }],
  [0x045e_028f, { name: "Microsoft X-Box 360 pad v2" }],
  [0x045e_02d1, { name: "Microsoft X-Box One pad" }],
  [0x045e_02dd, { name: "Microsoft X-Box One pad (Firmware 2015)" }],
  [0x045e_02e3, { name: "Microsoft X-Box One Elite pad" }],
  [0x045e_02ea, { name: "Microsoft X-Box One S pad" }],
  [0x045e_0b00, { name: "Microsoft X-Box One Elite 2 pad" }],
  [0x045e_0b0a, { name: "Microsoft X-Box Adaptive Controller" }],
  [0x045e_0b12, { name: "Microsoft Xbox Series S|X Controller", shareFromEnd: SHARE_SERIES }],
  [0x046d_c21d, { name: "Logitech Gamepad F310" }],
  [0x046d_c21e, { name: "Logitech Gamepad F510" }],
  [0x046d_c21f, { name: "Logitech Gamepad F710" }],
  [0x046d_c242, { name: "Logitech Chillstream Controller" }],
  [0x056e_2004, { name: "Elecom JC-U3613M" }],
  [0x06a3_f51a, { name: "Saitek P3600" }],
  [0x0738_4716, { name: "Mad Catz Wired Xbox 360 Controller" }],
  [0x0738_4726, { name: "Mad Catz Xbox 360 Controller" }],
  [0x0738_4728, { name: "Mad Catz Street Fighter IV FightPad", digitalTriggers: true }],
  [0x0738_4758, { name: "Mad Catz Arcade Game Stick", digitalTriggers: true }],
  [0x0738_4a01, { name: "Mad Catz FightStick TE 2", digitalTriggers: true }],
  [0x0738_cb02, { name: "Saitek Cyborg Rumble Pad - PC/Xbox 360" }],
  [0x0b05_1a38, { name: "ASUS ROG RAIKIRI", shareFromEnd: SHARE }],
  [0x0e6f_0105, { name: "HSM3 Xbox360 dancepad", isMat: true }],
  [0x0e6f_0113, { name: "Afterglow AX.1 Gamepad for Xbox 360" }],
  [0x0e6f_011f, { name: "Rock Candy Gamepad Wired Controller" }],
  [0x0e6f_0139, { name: "Afterglow Prismatic Wired Controller" }],
  [0x0e6f_013a, { name: "PDP Xbox One Controller" }],
  [0x0e6f_0146, { name: "Rock Candy Wired Controller for Xbox One" }],
  [0x0e6f_0161, { name: "PDP Xbox One Controller" }],
  [0x0e6f_0164, { name: "PDP Battlefield One" }],
  [0x0e6f_0165, { name: "PDP Titanfall 2" }],
  [0x0e6f_0213, { name: "Afterglow Gamepad for Xbox 360" }],
  [0x0e6f_02a4, { name: "PDP Wired Controller for Xbox One - Stealth Series" }],
  [0x0e6f_02ab, { name: "PDP Controller for Xbox One" }],
  [0x0f0d_000d, { name: "Hori Fighting Stick EX2", digitalTriggers: true }],
  [0x0f0d_0016, { name: "Hori Real Arcade Pro.EX", digitalTriggers: true }],
  [0x0f0d_0067, { name: "HORIPAD ONE" }],
  [0x0f0d_0078, { name: "Hori Real Arcade Pro V Kai Xbox One", digitalTriggers: true }],
  [0x11c9_55f0, { name: "Nacon GC-100XF" }],
  [0x12ab_0004, { name: "Honey Bee Xbox360 dancepad", isMat: true }],
  [0x1532_0037, { name: "Razer Sabertooth" }],
  [0x1532_0a00, { name: "Razer Atrox Arcade Stick", digitalTriggers: true }],
  [0x1532_0a03, { name: "Razer Wildcat" }],
  [0x1689_fd00, { name: "Razer Onza Tournament Edition" }],
  [0x1bad_f016, { name: "Mad Catz Xbox 360 Controller" }],
  [0x1bad_f900, { name: "Harmonix Xbox 360 Controller" }],
  [0x24c6_5300, { name: "PowerA MINI PROEX Controller" }],
  [0x24c6_541a, { name: "PowerA Xbox One Mini Wired Controller" }],
  [0x24c6_542a, { name: "Xbox ONE spectra" }],
  [0x24c6_543a, { name: "PowerA Xbox One wired controller" }],
  [0x24c6_5510, { name: "Hori Fighting Commander ONE (Xbox 360/PC Mode)" }],
  [0x24c6_561a, { name: "PowerA FUSION Controller" }],
  [0x2dc8_6001, { name: "8BitDo SN30 Pro" }],
  [0x2e24_0652, { name: "Hyperkin Duke X-Box One pad" }],
  [0x2e95_0504, { name: "SCUF Gaming Controller", shareFromEnd: SHARE }],
]);

export function modelOf(vendorId: number, productId: number): Model {
  return models.get(vendorId * 0x10000 + productId) ?? { name: "Generic X-Box pad" };
}
