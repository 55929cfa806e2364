// Runs in: browser. Owns: what can be done to a device, and what came of it.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { act } from "./feed.ts";
import { sinceText } from "./recoveries.ts";
import type { DeviceState, DeviceStatus, Followed } from "./told.ts";

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
    meaning:
      "The driver ends, and what is asked fails. If the device was taken from the kernel's driver, that gets it back.",
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

/** What each comes to where nothing is in the way; a reason that is told then is an earlier one's. */
const aims: Readonly<Record<string, DeviceState>> = {
  start: "running",
  take: "running",
  restart: "running",
  resume: "running",
  suspend: "suspended",
  stop: "stopped",
};

/** The answer, and the word of the new state, come by two connections. */
const HEARD_MS = 1000;

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
  /** As it was when a button was pressed: its buttons stay until the page hears of the state that the answer has. */
  const [pressed, press] = useState<DeviceStatus>();
  const isReached = useRef(false);
  const answer = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (said === undefined) return;
    if (said.state === undefined) return press(undefined);
    if (said.state === device.state) {
      isReached.current = true;
      return press(undefined);
    }
    if (isReached.current) return say(undefined); // it has become another since
    const late = setTimeout(() => press(undefined), HEARD_MS);
    return () => clearTimeout(late);
  }, [said, device.state]);
  useEffect(() => {
    // The button that was pressed is for another state than this one.
    if (said !== undefined && document.activeElement === document.body) answer.current?.focus();
  }, [said, device.state, pressed]);
  const run = async ({ verb, label }: Action) => {
    if (doing !== undefined) return;
    becomeDoing(verb);
    press(device);
    isReached.current = false;
    say(undefined);
    try {
      const { state, reason = "", followed = [] } = await act(device.id, verb);
      const why = reason === "" || state === aims[verb] ? "" : `: ${reason}`;
      const text = state === undefined ? `${label}: done.` : `It is ${state}${why}.`;
      say({ text, failed: false, followed, state });
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
      {demo && shown.hostPid !== null && <ul class="faults">{buttons(faults)}</ul>}
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
