// Runs in: driver host, in a driver's code. Owns: nothing. Pure: where a hat switch points (HID Usage Tables 1.5 §4.3).

const directions = [
  [0, -1],
  [1, -1],
  [1, 0],
  [1, 1],
  [0, 1],
  [-1, 1],
  [-1, 0],
  [-1, -1],
] as const;

/** `eighths` of a turn, clockwise from up; right and down are positive. Any other number, and NaN, is no direction. */
export function hatDirection(eighths: number): readonly [x: number, y: number] {
  return directions[eighths] ?? [0, 0];
}
