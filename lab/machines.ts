// Runs in: lab, outside the guest. The machine configurations; each is booted once for all test files that name it.

/** What QEMU gets on top of what every guest has (boot.ts). Devices that a test plugs in are not listed: it asks for them. */
export const machines: Record<string, readonly string[]> = {
  standard: ["-machine", "q35", "-device", "qemu-xhci,id=xhci,p2=8,p3=8", "-audiodev", "none,id=silence"],
};

/** A test file names its machine in a comment of its own among its first lines: `// lab machine: NAME`. */
export function machineOf(source: string): string {
  const name = /^\/\/ lab machine: (\S+)$/m.exec(source.split("\n", 5).join("\n"))?.[1] ?? "standard";
  if (!machines[name])
    throw new Error(`no lab machine ${name}; there are ${Object.keys(machines).join(", ")}`);
  return name;
}
