// Runs in: everywhere. Owns: nothing. Which key of Linux a usage is: facts of drivers/hid/hid-input.c, with the numbers of linux/input-event-codes.h.
import { consumerKeys, systemKeys } from "./consumer-keys.ts";
import { usagePages } from "./usages.ts";

/** hid_keyboard, by usage of the Keyboard/Keypad page, sixteen a line. 0: Linux has none, or KEY_UNKNOWN. */
const keyboard = [
  "0 0 0 0 30 48 46 32 18 33 34 35 23 36 37 38", // 0x00: letters from 0x04 on
  "50 49 24 25 16 19 31 20 22 47 17 45 21 44 2 3", // 0x10: digits from 0x1e on
  "4 5 6 7 8 9 10 11 28 1 14 15 57 12 13 26", // 0x20: Enter 0x28, Escape, Backspace, Tab, Space
  "27 43 43 39 40 41 51 52 53 58 59 60 61 62 63 64", // 0x30: Caps Lock 0x39, F1 0x3a
  "65 66 67 68 87 88 99 70 119 110 102 104 111 107 109 106", // 0x40: Print Screen 0x46, Insert 0x49, Right 0x4f
  "105 108 103 69 98 55 74 78 96 79 80 81 75 76 77 71", // 0x50: Left, Down, Up, Num Lock, keypad
  "72 73 82 83 86 127 116 117 183 184 185 186 187 188 189 190", // 0x60: F13 0x68
  "191 192 193 194 134 138 130 132 128 129 131 137 133 135 136 113", // 0x70: Execute 0x74, Mute 0x7f
  "115 114 0 0 0 121 0 89 93 124 92 94 95 0 0 0", // 0x80: Volume Up, Volume Down, International1 0x87
  "122 123 90 91 85 0 0 0 0 0 0 0 111 0 0 0", // 0x90: LANG1
  "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", // 0xa0
  "0 0 0 0 0 0 179 180 0 0 0 0 0 0 0 0", // 0xb0: keypad ( and )
  "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", // 0xc0
  "0 0 0 0 0 0 0 0 111 0 0 0 0 0 0 0", // 0xd0: keypad Clear
  "29 42 56 125 97 54 100 126 164 166 165 163 161 115 114 113", // 0xe0: modifiers; from 0xe8 on not in the usage tables
  "150 158 159 128 136 177 178 176 142 152 173 140 0 0 0 0", // 0xf0
].flatMap((line) => line.split(" ").map(Number));

/** The KEY_* or BTN_* code of a usage (its page in the high 16 bits); undefined: Linux knows none, or the page is one of no keys. */
export function keyOfUsage(usage: number): number | undefined {
  const id = usage & 0xffff;
  switch (usage >>> 16) {
    case usagePages.keyboard:
      return keyboard[id] || undefined;
    case usagePages.consumer:
      return consumerKeys.get(id);
    case usagePages.genericDesktop:
      return systemKeys.get(id);
  }
  return undefined;
}
