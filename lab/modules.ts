// Runs in: lab, outside the guest. Pure. Reads depmod's modules.dep.

/** Files of the modules named and of all they depend on, each after what it needs. Names as modprobe takes them. */
export function inLoadOrder(modulesDep: string, names: readonly string[]): string[] {
  const needs = new Map<string, string[]>();
  const fileOf = new Map<string, string>();
  for (const line of modulesDep.split("\n").filter(Boolean)) {
    const [file, rest] = line.split(":") as [string, string];
    needs.set(file, rest.split(" ").filter(Boolean));
    fileOf.set(file.replace(/^.*\/|\.ko.*$/g, "").replaceAll("-", "_"), file);
  }
  const ordered = new Set<string>();
  const visit = (file: string): void => {
    for (const needed of needs.get(file) ?? []) visit(needed);
    ordered.add(file);
  };
  for (const name of names) {
    const file = fileOf.get(name);
    if (!file) throw new Error(`the lab's kernel has no module ${name}`);
    visit(file);
  }
  return [...ordered];
}
