// Runs in: everywhere, a driver's code included. Owns: nothing. The usages of pads, keyboards, mice and tablets: HID Usage Tables 1.5, by page, their
// page in the high 16 bits.

export const usagePages = {
  genericDesktop: 0x01,
  simulation: 0x02,
  genericDevice: 0x06,
  keyboard: 0x07,
  led: 0x08,
  button: 0x09,
  consumer: 0x0c,
  digitizer: 0x0d,
  /** USB Physical Interface Devices 1.0: force feedback. */
  physicalInput: 0x0f,
} as const;

/** Generic Desktop page. */
export const genericDesktop = {
  pointer: 0x0001_0001,
  mouse: 0x0001_0002,
  joystick: 0x0001_0004,
  gamepad: 0x0001_0005,
  keyboard: 0x0001_0006,
  keypad: 0x0001_0007,
  multiAxisController: 0x0001_0008,
  x: 0x0001_0030,
  y: 0x0001_0031,
  z: 0x0001_0032,
  rx: 0x0001_0033,
  ry: 0x0001_0034,
  rz: 0x0001_0035,
  slider: 0x0001_0036,
  dial: 0x0001_0037,
  wheel: 0x0001_0038,
  hatSwitch: 0x0001_0039,
  start: 0x0001_003d,
  select: 0x0001_003e,
  vx: 0x0001_0040,
  vy: 0x0001_0041,
  vz: 0x0001_0042,
  resolutionMultiplier: 0x0001_0048,
  systemControl: 0x0001_0080,
  systemPowerDown: 0x0001_0081,
  systemSleep: 0x0001_0082,
  systemWakeUp: 0x0001_0083,
  systemMainMenu: 0x0001_0085,
  dPadUp: 0x0001_0090,
  dPadDown: 0x0001_0091,
  dPadRight: 0x0001_0092,
  dPadLeft: 0x0001_0093,
} as const;

/** Simulation Controls page: those that Linux knows as axes (drivers/hid/hid-input.c). */
export const simulation = {
  rudder: 0x0002_00ba,
  throttle: 0x0002_00bb,
  accelerator: 0x0002_00c4,
  brake: 0x0002_00c5,
  steering: 0x0002_00c8,
} as const;

/** Generic Device Controls page. */
export const genericDevice = { batteryStrength: 0x0006_0020 } as const;

/** Keyboard/Keypad page: what is no ordinary key; `keyOfUsage` knows them all. */
export const keyboard = {
  errorRollOver: 0x0007_0001,
  postFail: 0x0007_0002,
  errorUndefined: 0x0007_0003,
  leftControl: 0x0007_00e0,
  leftShift: 0x0007_00e1,
  leftAlt: 0x0007_00e2,
  leftGui: 0x0007_00e3,
  rightControl: 0x0007_00e4,
  rightShift: 0x0007_00e5,
  rightAlt: 0x0007_00e6,
  rightGui: 0x0007_00e7,
} as const;

/** LED page. */
export const led = {
  numLock: 0x0008_0001,
  capsLock: 0x0008_0002,
  scrollLock: 0x0008_0003,
  compose: 0x0008_0004,
  kana: 0x0008_0005,
  mute: 0x0008_0009,
} as const;

/** Button page: number 1 is the primary one. */
export const button = (number: number): number => 0x0009_0000 + number;

/** Consumer page: what is no key; `keyOfUsage` knows those. */
export const consumer = {
  consumerControl: 0x000c_0001,
  programmableButtons: 0x000c_0003,
  volume: 0x000c_00e0,
  acPan: 0x000c_0238,
} as const;

/** Digitizers page. */
export const digitizer = {
  digitizer: 0x000d_0001,
  pen: 0x000d_0002,
  touchScreen: 0x000d_0004,
  touchPad: 0x000d_0005,
  deviceConfiguration: 0x000d_000e,
  stylus: 0x000d_0020,
  puck: 0x000d_0021,
  finger: 0x000d_0022,
  tipPressure: 0x000d_0030,
  barrelPressure: 0x000d_0031,
  inRange: 0x000d_0032,
  touch: 0x000d_0033,
  tabletFunctionKeys: 0x000d_0039,
  batteryStrength: 0x000d_003b,
  invert: 0x000d_003c,
  xTilt: 0x000d_003d,
  yTilt: 0x000d_003e,
  azimuth: 0x000d_003f,
  altitude: 0x000d_0040,
  twist: 0x000d_0041,
  tipSwitch: 0x000d_0042,
  secondaryTipSwitch: 0x000d_0043,
  barrelSwitch: 0x000d_0044,
  eraser: 0x000d_0045,
  tabletPick: 0x000d_0046,
  touchValid: 0x000d_0047,
  width: 0x000d_0048,
  height: 0x000d_0049,
  contactIdentifier: 0x000d_0051,
  deviceMode: 0x000d_0052,
  contactCount: 0x000d_0054,
  contactCountMaximum: 0x000d_0055,
  scanTime: 0x000d_0056,
  surfaceSwitch: 0x000d_0057,
  buttonSwitch: 0x000d_0058,
  secondaryBarrelSwitch: 0x000d_005a,
  transducerSerialNumber: 0x000d_005b,
} as const;

/** Physical Input Device page, USB Physical Interface Devices 1.0: what Xbox controllers use of it for their motors. */
export const physicalInput = {
  setEffectReport: 0x000f_0021,
  duration: 0x000f_0050,
  magnitude: 0x000f_0070,
  loopCount: 0x000f_007c,
  dcEnableActuators: 0x000f_0097,
  startDelay: 0x000f_00a7,
} as const;
