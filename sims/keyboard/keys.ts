// Runs in: the keyboard sim. Owns: nothing; keys and buttons by Linux's names for them, in small letters, and their HID usages.
// Source: HID Usage Tables 1.4 §10 (keyboard page), §15 (consumer page), and drivers/hid/hid-input.c for which name is which.

const inOrder = `a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7 8 9 0
enter esc backspace tab space minus equal leftbrace rightbrace backslash - semicolon apostrophe grave comma dot slash
capslock f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 sysrq scrolllock pause insert home pageup delete end pagedown
right left down up numlock kpslash kpasterisk kpminus kpplus kpenter kp1 kp2 kp3 kp4 kp5 kp6 kp7 kp8 kp9 kp0 kpdot
102nd compose power kpequal f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24`.split(/\s+/);
const FIRST = 0x04; // a

const modifiers = "leftctrl leftshift leftalt leftmeta rightctrl rightshift rightalt rightmeta".split(" ");
export const FIRST_MODIFIER = 0xe0;

/** Usages of the keyboard page. */
export const keys: ReadonlyMap<string, number> = new Map([
  ...inOrder.map((name, at) => [name, FIRST + at] as const).filter(([name]) => name !== "-"),
  ...modifiers.map((name, at) => [name, FIRST_MODIFIER + at] as const),
]);

/** Usages of the consumer page. */
export const mediaKeys: ReadonlyMap<string, number> = new Map([
  ["nextsong", 0xb5],
  ["previoussong", 0xb6],
  ["stopcd", 0xb7],
  ["playpause", 0xcd],
  ["mute", 0xe2],
  ["volumeup", 0xe9],
  ["volumedown", 0xea],
]);

/** Button 1 and those behind it. */
export const mouseButtons = ["left", "right", "middle", "side", "extra"] as const;
export type MouseButton = (typeof mouseButtons)[number];
