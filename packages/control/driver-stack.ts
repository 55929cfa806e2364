// Runs in: driver host, manager. Owns: nothing. How the stack of a driver tells whose it is. Pure.

/** What a driver's code is called in stacks; where several drivers share a process, each has a seat there. */
export function driverFile(name: string, seat?: number): string {
  return `driver:${name}${seat === undefined ? "" : `#${seat}`}`;
}

const SEATED = /\b(driver:[a-z0-9-]+)#(\d{1,9}):/;

/** Whose code the innermost frame that is any driver's comes from; undefined: that of none that has a seat. */
export function seatIn(stack: string): number | undefined {
  const seat = SEATED.exec(stack)?.[2];
  return seat === undefined ? undefined : Number(seat);
}

/** As if each driver were alone. */
export function withoutSeats(stack: string): string {
  return stack.replaceAll(new RegExp(SEATED, "g"), "$1:");
}
