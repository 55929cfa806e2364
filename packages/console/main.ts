// Runs in: console, started by `ring3 console` and `ring3 demo`. Owns: this process: `console STATE_DIR PORT [control] [json] [demo]`. It starts the
// server that browsers talk to, which has nothing but what it is given here, and another whenever that ends. With `demo` it
// speaks with that too (demo.ts).
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { withoutKindText } from "@ring3/control/wire";
import { DeviceError } from "@ring3/core/errors";
import { systemClock } from "@ring3/kernel/clock/clock";
import { keepInherited } from "@ring3/kernel/fd/descriptor";
import { architectureOf } from "@ring3/kernel/jail/seccomp";
import { confineSupervisors } from "@ring3/kernel/jail/supervisor";
import { DemoLink } from "./demo.ts";
import { ServerKeeper } from "./keeper.ts";
import { startServer } from "./server-process.ts";

const [directory, port, ...words] = process.argv.slice(2) as [string, string, ...string[]];
const json = words.includes("json");
const say = (line: string) => process.stdout.write(`${line}\n`);

keepInherited(); // a descriptor that a shell left open would end up in the server
confineSupervisors(architectureOf(process.arch), process.getuid!() === 0); // for the server: its event loop can make no ring of io_uring
const demo = words.includes("demo") ? new DemoLink(say) : undefined;
const control = words.includes("control");
const program = {
  program: join(dirname(process.argv[1]!), "console-server.cjs"),
  directory,
  control,
  said: (line: string) => void process.stderr.write(`${line}\n`),
  clock: systemClock,
};
const keeper = new ServerKeeper({
  start: (start) => startServer(program, start),
  port: Number(port),
  control,
  ...(demo === undefined ? {} : { fault: demo.break }),
  address: show,
  clock: systemClock,
});

function show(url: string): void {
  say(json ? JSON.stringify({ url }) : url);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => keeper.close());
if (demo !== undefined) demo.onWorkload = (workload) => keeper.workload(workload);
if (demo !== undefined || process.stdin.isTTY) {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (demo === undefined) show(keeper.url);
    else demo.heard(line);
  });
  if (demo !== undefined) lines.on("close", () => keeper.close()); // the demo is gone, however it ended
}

keeper.run().then(
  () => process.exit(0),
  (error: Error) => {
    const message = error instanceof DeviceError ? withoutKindText(error) : error.message;
    const kind = error instanceof DeviceError ? error.kind : "internal";
    process.stderr.write(
      `${json ? JSON.stringify({ error: { kind, message } }) : `ring3 console: ${message}`}\n`,
    );
    process.exit(1);
  },
);
