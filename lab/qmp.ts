// Runs in: lab, outside the guest. QEMU's machine protocol (docs/interop/qmp-spec): one command at a time, answers in order.
import { type Lines, serveLines } from "./lines.ts";

type Greeting = { QMP: unknown };
type Event = { event: string };
type Answer = { return: unknown } | { error: { class: string; desc: string } };

export interface Monitor {
  execute(command: string, args: Record<string, unknown>): Promise<Answer>;
  close(): void;
}

export async function serveMonitor(path: string): Promise<Monitor> {
  const waiting: ((answer: Answer) => void)[] = [];
  const lines: Lines = await serveLines<Greeting | Event | Answer>(path, (message, reply) => {
    if ("QMP" in message) {
      waiting.push(() => {});
      reply({ execute: "qmp_capabilities" });
    } else if (!("event" in message)) waiting.shift()!(message);
  });
  return {
    execute: (command, args) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        lines.send({ execute: command, arguments: args });
      }),
    close: () => lines.close(),
  };
}
