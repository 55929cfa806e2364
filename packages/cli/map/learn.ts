// Runs in: CLI. Owns: a device's units while somebody is to press something there. What is mapped does not matter: it is the device itself that tells.
import { connect, gamepadClass, inputClass } from "@ring3/client";
import type { MappingState } from "@ring3/control/client-edge";
import { sentence } from "@ring3/control/sentence";
import { askedToEnd } from "../lines.ts";
import type { Ring3 } from "../ring3.ts";
import { Presses, pressedKeys, pressedOnPad } from "./presses.ts";

/** The name of the first control that is pressed on one of the units. Rejects where none is in time, or where somebody ends it. */
export async function learn(
  ring3: Ring3,
  units: MappingState["units"],
  timeoutMs: number,
  timeoutText: string,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (text: string) => reject(sentence("cancelled", text));
  const stop = askedToEnd().then(() => fail("nothing was learned: it was ended before anything was pressed"));
  const application = await connect({ stateDir: ring3.directory });
  const timer = setTimeout(() => fail(`nothing was pressed within ${timeoutText}`), timeoutMs);
  try {
    const listening: ((presses: Presses) => void)[] = [];
    const see = (found: string | undefined) => {
      if (found !== undefined) resolve(found);
    };
    for (const { unit, class: className } of units)
      if (className === "gamepad") {
        const pad = await application.open(unit, gamepadClass, "read");
        listening.push((presses) =>
          pad.on("state", (state) =>
            see(presses.see(pressedOnPad(state, pad.properties), state.timestampUs)),
          ),
        );
      } else {
        const keys = await application.open(unit, inputClass, "read");
        listening.push((presses) =>
          keys.on("keys", ({ pressed, timestampUs }) => see(presses.see(pressedKeys(pressed), timestampUs))),
        );
      }
    const sinceUs = Number(process.hrtime.bigint() / 1000n);
    for (const listen of listening) listen(new Presses(sinceUs));
    ring3.err.write(`press a button or key of ${units[0]!.device} (${timeoutText}; Ctrl-C ends it)\n`);
    return await Promise.race([promise, stop.then(() => promise)]);
  } finally {
    clearTimeout(timer);
    application.close();
  }
}
