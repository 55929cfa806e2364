// Runs in: browser. Owns: what can be done to a device, and what came of it.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { act } from "./feed.ts";
import { sinceText } from "./recoveries.ts";
import type { DeviceStatus, Followed } from "./told.ts";

export interface Action {
  readonly verb: string;
  readonly label: string;
  readonly meaning: string;
}

const running: readonly Action[] = [
  {
    verb: "restart",
    label: "Restart",
    meaning: "Another driver takes its place; what is asked meanwhile waits.",
  },
  { verb: "suspend", label: "Suspend", meaning: "The driver rests; what is asked meanwhile waits." },
  {
    verb: "stop",
    label: "Stop",
    meaning: "The driver ends, what is asked fails, and the kernel gets the device back.",
  },
];

function actionsFor({ state }: DeviceStatus): readonly Action[] {
  switch (state) {
    case "running":
    case "starting":
      return running;
    case "suspended":
      return [{ verb: "resume", label: "Resume", meaning: "The driver goes on." }, running[2]!];
    case "failed":
    case "quarantined":
      return [{ verb: "restart", label: "Restart", meaning: "Starts its driver at once." }, running[2]!];
    case "stopped":
      return [{ verb: "start", label: "Start", meaning: "Starts its driver." }];
    case "available":
      return [
        {
          verb: "take",
          label: "Take from the kernel",
          meaning: "The kernel's driver lets go of it, unless it is in use, and ring3's has it.",
        },
      ];
    case "unmatched":
    case "stuck":
    case "gone":
      return [];
  }
}

const faults: readonly Action[] = [
  { verb: "crash", label: "Crash its driver", meaning: "Kills the driver's process (SIGKILL)." },
  {
    verb: "hang",
    label: "Hang its driver",
    meaning: "Stops the driver's process (SIGSTOP): it answers nothing any more.",
  },
  {
    verb: "garbage",
    label: "Feed it garbage",
    meaning: "The simulated device answers nonsense for a moment.",
  },
  {
    verb: "unplug",
    label: "Unplug it",
    meaning: "Pulls the simulated device out, and plugs it in again two seconds later.",
  },
];

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
  const [said, say] = useState<{ text: string; failed: boolean; followed?: Followed }>();
  const answer = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    // The button that was pressed is for another state than this one.
    if (said !== undefined && document.activeElement === document.body) answer.current?.focus();
  }, [said, device.state]);
  const run = async ({ verb, label }: Action) => {
    if (doing !== undefined) return;
    becomeDoing(verb);
    say(undefined);
    try {
      const { state, reason = "", followed = [] } = await act(device.id, verb);
      say({
        text:
          state === undefined ? `${label}: done.` : `It is ${state}${reason === "" ? "" : `: ${reason}`}.`,
        failed: false,
        followed,
      });
    } catch (error) {
      say({ text: (error as Error).message, failed: true });
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
  return (
    <section class="actions" aria-label="What can be done">
      <ul>{buttons(actionsFor(device))}</ul>
      {demo && device.state !== "gone" && <ul class="faults">{buttons(faults)}</ul>}
      <p ref={answer} tabIndex={-1} role="status" class={said?.failed ? "failure" : ""}>
        {said?.text}
      </p>
      {said?.followed?.length ? (
        <ol class="recovery" aria-label="What followed">
          {said.followed.map(({ sinceMs, text }) => (
            <li key={`${sinceMs} ${text}`}>
              <span class="number">+{sinceText(sinceMs)}</span> {text}
            </li>
          ))}
        </ol>
      ) : null}
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
