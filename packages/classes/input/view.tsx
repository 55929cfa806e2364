// Runs in: browser, in the console. Owns: what is pressed and moved on a keyboard, a mouse or a tablet.
import * as codes from "@ring3/core/input-codes";
import type { ViewParts } from "../view.ts";

const names = new Map(
  Object.entries(codes).flatMap(([name, code]) => (/^(KEY|BTN)_/.test(name) ? [[code, name]] : [])),
);

export default function InputView({ events }: ViewParts) {
  const pressed = ((events.keys?.pressed ?? []) as readonly number[]).filter((code) => code !== 0);
  const { motion, pointer } = events as Record<string, Record<string, number> | undefined>;
  return (
    <>
      <p class="keys" aria-live="off">
        {events.driver?.there === false
          ? "No driver: every key is up."
          : pressed.length === 0
            ? "No key is down."
            : pressed.map((code) => <kbd key={code}>{names.get(code) ?? code}</kbd>)}
      </p>
      {motion !== undefined && (
        <p>
          Last movement: {motion.x}, {motion.y}; wheel {motion.wheel}.
        </p>
      )}
      {pointer !== undefined && (
        <p>
          Points at {pointer.x}, {pointer.y}
          {pointer.pressure! > 0 ? `, pressed ${pointer.pressure}` : ""}.
        </p>
      )}
    </>
  );
}
