// Runs in: CLI. Owns: nothing.
import { durationForm, parseDuration } from "@ring3/control/duration";
import { deviceStates } from "@ring3/control/status";
import { type Command, UsageError } from "../command.ts";

export default {
  summary: "waits until a device is in a state; exit code 1 when it is not in time",
  usage: "DEVICE [--state STATE] [--timeout DURATION]",
  options: {
    state: {
      type: "string",
      default: "running",
      value: "STATE",
      help: `one of ${deviceStates.join(", ")}; running unless said`,
    },
    timeout: { type: "string", default: "30s", value: "DURATION", help: "30s unless said" },
  },
  words: [1, 1],
  details: "DEVICE is an id, an alias or a unique prefix; it need not be there yet.",
  async run(ring3, { values, words }) {
    const state = deviceStates.find((known) => known === values.state);
    if (state === undefined)
      throw new UsageError(`--state: expected one of ${deviceStates.join(", ")}, found "${values.state}"`);
    const timeoutMs = parseDuration(values.timeout as string);
    if (timeoutMs === undefined)
      throw new UsageError(`--timeout: expected ${durationForm}, found "${values.timeout}"`);
    const manager = ring3.connect();
    try {
      const found = await manager.ask("wait", { device: words[0]!, state, timeoutMs });
      if (ring3.json || found.reached) ring3.show(found, `${found.device} is ${found.state}`);
      else ring3.err.write(`ring3 wait: ${waitFailure(words[0]!, state, values.timeout as string, found)}\n`);
      return found.reached ? 0 : 1;
    } finally {
      manager.disconnect();
    }
  },
} satisfies Command;

function waitFailure(
  wanted: string,
  state: string,
  timeout: string,
  found: { device: string | null; state: string | null; reason: string },
): string {
  const next = `"ring3 explain ${found.device ?? wanted}" says more`;
  if (found.device === null)
    return `no device "${wanted}" appeared within ${timeout}: "ring3 status" lists those there are`;
  return `${found.device} was not ${state} within ${timeout}; it is ${found.state}${found.reason === "" ? "" : `: ${found.reason}`}; ${next}`;
}
