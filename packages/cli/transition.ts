// Runs in: CLI. Owns: nothing. The verbs that take one device from one state to another.
import type { DeviceStatus } from "@ring3/control/status";
import { printable } from "@ring3/core/log";
import type { Ring3 } from "./ring3.ts";

type Verb = "start" | "stop" | "restart" | "suspend" | "resume";

const wanted: Readonly<Record<Verb, DeviceStatus["state"]>> = {
  start: "running",
  stop: "stopped",
  restart: "running",
  suspend: "suspended",
  resume: "running",
};

/** Exit code 1 where the device ended up elsewhere. */
export async function transition(ring3: Ring3, verb: Verb, device: string, take = false): Promise<number> {
  const manager = ring3.connect();
  try {
    const found =
      verb === "start" ? await manager.ask("start", { device, take }) : await manager.ask(verb, { device });
    const done = found.state === wanted[verb];
    const text = `${found.device} is ${found.state}${found.reason === "" || done ? "" : `: ${printable(found.reason)}`}`;
    if (done || ring3.json) ring3.show(found, text);
    else ring3.err.write(`ring3 ${verb}: ${text}; "ring3 explain ${found.device}" says more\n`);
    return done ? 0 : 1;
  } finally {
    manager.disconnect();
  }
}
