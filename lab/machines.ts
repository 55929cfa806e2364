// Runs in: lab, outside the guest. The machine configurations; each is booted once for all test files that name it.

const usb = ["-machine", "q35", "-device", "qemu-xhci,id=xhci,p2=8,p3=8"];

/**
 * What QEMU gets on top of what every guest has (boot.ts). Devices that a test plugs in are not listed: it asks for them.
 * /dev/kvm may open and hang: never used.
 */
const standard = [
  ...["-accel", "tcg,thread=multi", "-smp", "2"],
  ...usb,
  ...["-audiodev", "none,id=silence"],
];
export const machines: Record<string, readonly string[]> = {
  standard,
  /** For the tests of input devices: beside the others, which take as long. */
  input: standard,
  // Its time passes by its instructions, a nanosecond each: timers take no larger part in what is counted where the emulation is slow.
  counting: [...["-accel", "tcg,thread=single", "-smp", "1", "-icount", "shift=0"], ...usb],
};

/** A test file names its machine in a comment of its own among its first lines: `// lab machine: NAME`. */
export function machineOf(source: string): string {
  const name = /^\/\/ lab machine: (\S+)$/m.exec(source.split("\n", 5).join("\n"))?.[1] ?? "standard";
  if (!machines[name])
    throw new Error(`no lab machine ${name}; there are ${Object.keys(machines).join(", ")}`);
  return name;
}
