// Runs in: browser. Owns: what can be done to a device, and what came of it.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { type Action, actionsFor, faultsFor } from "./choices.ts";
import { act } from "./feed.ts";
import { isHeard, outcomeText } from "./outcome.ts";
import { sinceText } from "./recoveries.ts";
import type { DeviceState, DeviceStatus, Followed } from "./told.ts";

/** For where the page was not told of a state: it is told less while it reads slowly. */
const HEARD_MS = 10_000;

interface Said {
  readonly text: string;
  readonly failed: boolean;
  readonly followed: Followed;
  /** It holds as long as the device is so; undefined: until the next. */
  readonly state: DeviceState | undefined;
}

export function Actions({
  device,
  control,
  demo,
}: {
  device: DeviceStatus;
  control: boolean;
  demo: boolean;
}) {
  const [doing, becomeDoing] = useState<string>();
  const [said, say] = useState<Said>();
  /** As it was when a button was pressed: its buttons stay until the page has heard of what came of it. */
  const [pressed, press] = useState<DeviceStatus>();
  const answer = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (said === undefined) return;
    if (said.state === undefined) return press(undefined);
    if (pressed === undefined) {
      if (said.state !== device.state) say(undefined); // it has become another since
      return;
    }
    if (isHeard(pressed, said.state, device)) return press(undefined);
    const late = setTimeout(() => press(undefined), HEARD_MS);
    return () => clearTimeout(late);
  }, [said, pressed, device]);
  useEffect(() => {
    // The button that was pressed is for another state than this one.
    if (said !== undefined && document.activeElement === document.body) answer.current?.focus();
  }, [said, pressed]);
  const run = async ({ verb, label }: Action) => {
    if (doing !== undefined) return;
    becomeDoing(verb);
    press(device);
    say(undefined);
    try {
      const { state, reason = "", followed = [] } = await act(device.id, verb);
      say({ text: outcomeText(verb, label, state, reason), failed: false, followed, state });
    } catch (error) {
      say({ text: (error as Error).message, failed: true, followed: [], state: undefined });
    } finally {
      becomeDoing(undefined);
    }
  };
  if (!control)
    return (
      <p class="hint">
        This console only looks. To act: <code>ring3 console --control</code>
      </p>
    );
  const buttons = (actions: readonly Action[]) =>
    actions.map((action) => (
      <Choice
        key={action.verb}
        action={action}
        isDoing={doing === action.verb}
        waits={doing !== undefined}
        run={() => void run(action)}
      />
    ));
  const shown = pressed ?? device;
  return (
    <section class="actions" aria-label="What can be done">
      <ul>{buttons(actionsFor(shown))}</ul>
      {demo && faultsFor(shown).length > 0 && <ul class="faults">{buttons(faultsFor(shown))}</ul>}
      <p ref={answer} tabIndex={-1} role="status" class={said?.failed ? "failure" : ""}>
        {said?.text}
      </p>
      {said !== undefined && said.followed.length > 0 && (
        <ol class="recovery" aria-label="What followed">
          {said.followed.map(({ sinceMs, text }) => (
            <li key={`${sinceMs} ${text}`}>
              <span class="number">+{sinceText(sinceMs)}</span> {text}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

interface ChoiceParts {
  readonly action: Action;
  readonly isDoing: boolean;
  /** Something is under way: it can be read, and not pressed. */
  readonly waits: boolean;
  readonly run: () => void;
}

/** `aria-disabled`: a disabled button would lose the focus. */
export function Choice({ action: { label, meaning }, isDoing, waits, run }: ChoiceParts) {
  const id = useId();
  return (
    <li>
      <button type="button" aria-describedby={id} aria-disabled={waits} onClick={run}>
        {label}
        {isDoing ? " …" : ""}
      </button>
      <span id={id}>{meaning}</span>
    </li>
  );
}
