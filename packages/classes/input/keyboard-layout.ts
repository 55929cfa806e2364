// Runs in: browser, in the console. Owns: where the keys of a plain keyboard of 104 lie (ANSI, as in HID Usage Tables 1.4 §10), by Linux's codes. Pure.
import * as codes from "@ring3/core/input-codes";

/** Of a key's width; the next one begins where it ends. */
export interface Key {
  readonly code: number;
  /** What is printed on it in the United States: a code says where a key lies, and not what it types. */
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A number is a gap; a name alone is its own label; the rest: name behind KEY_, label, width, height. */
type Cell = number | string | readonly [name: string, label: string, width?: number, height?: number];

const rows: readonly (readonly [y: number, ...cells: readonly Cell[]])[] = [
  // biome-ignore format: a row of keys a line
  [0, ["ESC", "Esc"], 1, "F1", "F2", "F3", "F4", 0.5, "F5", "F6", "F7", "F8", 0.5, "F9", "F10", "F11", "F12", 0.5,
    ["SYSRQ", "Prt"], ["SCROLLLOCK", "Scr"], ["PAUSE", "Pse"]],
  // biome-ignore format: a row of keys a line
  [1.5, ["GRAVE", "`"], "1", "2", "3", "4", "5", "6", "7", "8", "9", "0", ["MINUS", "-"], ["EQUAL", "="], ["BACKSPACE", "⌫", 2], 0.5,
    ["INSERT", "Ins"], ["HOME", "Hm"], ["PAGEUP", "Pg↑"], 0.5,
    ["NUMLOCK", "Num"], ["KPSLASH", "/"], ["KPASTERISK", "*"], ["KPMINUS", "-"]],
  // biome-ignore format: a row of keys a line
  [2.5, ["TAB", "Tab", 1.5], "Q", "W", "E", "R", "T", "Y", "U", "I", "O", "P", ["LEFTBRACE", "["], ["RIGHTBRACE", "]"], ["BACKSLASH", "\\", 1.5], 0.5,
    ["DELETE", "Del"], ["END", "End"], ["PAGEDOWN", "Pg↓"], 0.5,
    ["KP7", "7"], ["KP8", "8"], ["KP9", "9"], ["KPPLUS", "+", 1, 2]],
  // biome-ignore format: a row of keys a line
  [3.5, ["CAPSLOCK", "Caps", 1.75], "A", "S", "D", "F", "G", "H", "J", "K", "L", ["SEMICOLON", ";"], ["APOSTROPHE", "'"], ["ENTER", "Enter", 2.25], 4,
    ["KP4", "4"], ["KP5", "5"], ["KP6", "6"]],
  // biome-ignore format: a row of keys a line
  [4.5, ["LEFTSHIFT", "Shift", 2.25], "Z", "X", "C", "V", "B", "N", "M", ["COMMA", ","], ["DOT", "."], ["SLASH", "/"], ["RIGHTSHIFT", "Shift", 2.75], 1.5,
    ["UP", "↑"], 1.5,
    ["KP1", "1"], ["KP2", "2"], ["KP3", "3"], ["KPENTER", "⏎", 1, 2]],
  // biome-ignore format: a row of keys a line
  [5.5, ["LEFTCTRL", "Ctrl", 1.25], ["LEFTMETA", "Meta", 1.25], ["LEFTALT", "Alt", 1.25], ["SPACE", "Space", 6.25], ["RIGHTALT", "Alt", 1.25],
    ["RIGHTMETA", "Meta", 1.25], ["COMPOSE", "Menu", 1.25], ["RIGHTCTRL", "Ctrl", 1.25], 0.5,
    ["LEFT", "←"], ["DOWN", "↓"], ["RIGHT", "→"], 0.5,
    ["KP0", "0", 2], ["KPDOT", "."]],
];

export const keyboardKeys: readonly Key[] = rows.flatMap(([y, ...cells]) => {
  let x = 0;
  return cells.flatMap((cell): Key[] => {
    if (typeof cell === "number") {
      x += cell;
      return [];
    }
    const [name, label, width = 1, height = 1] = typeof cell === "string" ? [cell, cell] : cell;
    const key = { code: codeOf(name), label, x, y, width, height };
    x += width;
    return [key];
  });
});

/** Left of it is what everybody types on; right of it what small keyboards do without. */
export const MAIN_WIDTH = 15;

function codeOf(name: string): number {
  const code = (codes as Readonly<Record<string, number>>)[`KEY_${name}`];
  if (code === undefined) throw new Error(`Linux has no key ${name}`);
  return code;
}
