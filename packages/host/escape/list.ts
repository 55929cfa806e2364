// Runs in: a process of its own, started by the command line. Owns: its standard output: what probes there are, as JSON.
import { groups } from "./probes.ts";

const listed = groups.flatMap((group) =>
  group.probes.map(({ run: _, ...probe }) => ({ group: group.name, ...probe })),
);
process.stdout.write(JSON.stringify(listed));
