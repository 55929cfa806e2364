// Runs in: browser. Owns: all about one device.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Actions } from "./actions.tsx";
import { mayBeTraced } from "./choices.ts";
import { Command } from "./command.tsx";
import { Crashes } from "./crashes.tsx";
import { ask } from "./feed.ts";
import { InFlight } from "./inflight.tsx";
import { merged } from "./merged.ts";
import { Plots, type Point } from "./plots.tsx";
import { nameOf, State } from "./state.tsx";
import { LastRecovery } from "./steps.tsx";
import { type Known, useWords } from "./store.ts";
import { Term } from "./term.tsx";
import { Timeline } from "./timeline.tsx";
import type { DeviceStatus, Explanation, LogEntry, Passage, Past, Step } from "./told.ts";
import { Trace } from "./trace.tsx";
import { Unit } from "./unit.tsx";
import { attention, fieldsText, grantText, matchText, meaningOf, timeText } from "./words.ts";
import { Work } from "./work.tsx";

const POINTS_KEPT = 120;
const PASSAGES_KEPT = 200;
const STEPS_KEPT = 400;
const LOG_KEPT = 300;

const timeOf = ({ timeMs }: { timeMs: number }) => timeMs;

export function DevicePage({ id, known }: { id: string; known: Known }) {
  const [passages, setPassages] = useState<readonly Passage[]>([]);
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [points, setPoints] = useState<readonly Point[]>([]);
  const [log, setLog] = useState<readonly LogEntry[]>();
  const [trouble, setTrouble] = useState("");
  const device = known.devices.get(id);
  const there = device !== undefined;
  useEffect(() => {
    if (!there || known.connection !== "here") return;
    const path = `/api/devices/${encodeURIComponent(id)}`;
    void ask<Past>(`${path}/past`).then(
      (past) => {
        setPassages((before) => merged(past.passages, before, timeOf, PASSAGES_KEPT));
        setSteps((before) => merged(past.steps, before, timeOf, STEPS_KEPT));
        setPoints((before) => merged(past.seconds, before, timeOf, POINTS_KEPT));
      },
      () => {}, // it went meanwhile, which is told
    );
    void ask<{ entries: LogEntry[] }>(`${path}/log`).then(
      ({ entries }) => {
        setLog((before) => merged(entries, before ?? [], ({ time }) => time, LOG_KEPT));
        setTrouble("");
      },
      ({ message }: Error) => setTrouble(message),
    );
  }, [id, there, known.connection, known.begun]);
  useWords(
    (word) => {
      if (word.event === "passage" && word.passage.device === id)
        setPassages((before) => merged(before, [word.passage], timeOf, PASSAGES_KEPT));
      if (word.event === "step" && word.step.device === id)
        setSteps((before) => merged(before, [word.step], timeOf, STEPS_KEPT));
      if (word.event === "log" && word.entry.source.split("/").includes(id))
        setLog((before) => merged(before ?? [], [word.entry], ({ time }) => time, LOG_KEPT));
      if (word.event !== "second") return;
      const rates = word.second.rates.find((each) => each.id === id);
      if (rates !== undefined)
        setPoints((before) => merged(before, [{ timeMs: word.second.timeMs, rates }], timeOf, POINTS_KEPT));
    },
    [id],
  );
  if (device === undefined)
    return (
      <section class="empty">
        <h1 tabIndex={-1}>{id}</h1>
        <p>There is no such device, or not any more. When it is plugged in, it is shown here by itself.</p>
        <p>
          <a href="#/">All devices</a>, or what ring3 sees in a terminal: <code>ring3 status</code>
        </p>
      </section>
    );
  const todo = attention(device, passages.filter(({ state }) => state === "failed").map(timeOf));
  const seconds = points.map(({ rates }) => rates);
  /** It has a driver, or had one: there is something to see of it. */
  const wasDriven = device.incarnation > 0 || passages.some(({ incarnation }) => incarnation > 0);
  const works = device.state === "running" || device.state === "suspended";
  return (
    <>
      <nav>
        <a href="#/">All devices</a>
      </nav>
      <h1 tabIndex={-1}>
        {nameOf(device)} <State device={device} />
      </h1>
      <p role="status">
        {todo ?? meaningOf(device)}
        {device.reason === ""
          ? ""
          : ` ${works ? "The driver before it ended so" : "Because"}: ${device.reason}.`}
      </p>
      <Actions device={device} control={known.about.control || known.about.demo} demo={known.about.demo} />
      <LastRecovery steps={steps} />
      {known.about.control && <Trace id={id} isOffered={mayBeTraced(device)} />}
      {known.workload?.device === id && <Work workload={known.workload} />}
      <Facts device={device} />
      {wasDriven && <InFlight key={device.hostPid} id={id} isDriven={device.hostPid !== null} />}
      {device.units.map((unit) => (
        <Unit key={unit.id} unit={unit} device={device} seconds={seconds} />
      ))}
      {wasDriven && (
        <>
          <section aria-labelledby="lately">
            <h2 id="lately">The last two minutes</h2>
            <Plots points={points} />
          </section>
          <section aria-labelledby="drivers">
            <h2 id="drivers">Its drivers</h2>
            <Timeline passages={passages} steps={steps} />
          </section>
          <Crashes device={id} state={device.state} incarnation={device.incarnation} begun={known.begun} />
        </>
      )}
      <Log entries={log} trouble={trouble} />
      <Explained device={device} begun={known.begun} />
    </>
  );
}

function Facts({ device }: { device: DeviceStatus }) {
  const { id, identity, driver, class: of, placement, sandbox, hostPid, incarnation, restarts } = device;
  const facts: readonly (readonly [ComponentChildren, string])[] = [
    [<Term of="place">Place</Term>, id],
    ["What it is", identity],
    [<Term of="driver">Driver</Term>, driver === null ? "none" : `${driver}, class ${of}`],
    ...(driver === null
      ? []
      : ([
          [<Term of="jail">Runs</Term>, placementText(placement, sandbox)],
          ["Process", hostPid === null ? "none now" : String(hostPid)],
        ] as const)),
    [
      <Term of="start">Starts</Term>,
      incarnation === 0 ? "none" : `${incarnation}, of which ${restarts} after another`,
    ],
  ];
  return (
    <dl class="facts">
      {facts.map(([what, value], index) => (
        <div key={index}>
          <dt>{what}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function placementText(placement: string | null, sandbox: string | null): string {
  const where =
    placement === null || placement === "isolated"
      ? "in a process of its own"
      : placement === "inline"
        ? "inside of the process that programs talk to"
        : `in the process of the pool ${placement.replace("pooled:", "")}`;
  return sandbox === "none"
    ? `${where}, without a jail`
    : sandbox === null
      ? where
      : `${where}, jailed (${sandbox})`;
}

/** `entries`: undefined as long as nobody knows. */
function Log({ entries, trouble }: { entries: readonly LogEntry[] | undefined; trouble: string }) {
  return (
    <section aria-labelledby="log">
      <h2 id="log">Log</h2>
      {trouble !== "" && <p class="failure">It cannot be had: {trouble}.</p>}
      {entries?.length === 0 && <p>Nothing was said about it yet.</p>}
      {entries !== undefined && entries.length > 0 && (
        <section class="scroll log" aria-label="Lines of the log" tabIndex={0}>
          {entries.toReversed().map(({ time, level, message, fields }, index) => (
            <p key={entries.length - index} class={level}>
              <time>{timeText(time)}</time> {level === "info" ? "" : `${level}: `}
              {message}
              {fieldsText(fields ?? {})}
            </p>
          ))}
        </section>
      )}
    </section>
  );
}

/** Asked again when its state, or `begun`, is another. */
function Explained({ device, begun }: { device: DeviceStatus; begun: number }) {
  const { id, state } = device;
  const [explanation, explain] = useState<Explanation>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    void ask<Explanation>(`/api/devices/${encodeURIComponent(id)}/explain`).then(
      (explanation) => {
        explain(explanation);
        setTrouble("");
      },
      ({ message }: Error) => setTrouble(message),
    );
  }, [id, state, begun]);
  if (trouble !== "") return <p class="failure">Why it is so cannot be said: {trouble}.</p>;
  if (explanation === undefined) return null;
  const { ranking, kernelDriver, holders, jail, placement, processors, missing, next } = explanation;
  return (
    <section aria-labelledby="why">
      <h2 id="why">Why it is so</h2>
      {missing.length > 0 && <p>Missing: {missing.join(", ")}.</p>}
      {kernelDriver !== null && <p>The kernel's driver {kernelDriver} has it.</p>}
      {holders.map(({ node, how, where }) => (
        <p key={node + where}>
          {node} is used: {how} {where}.
        </p>
      ))}
      {placement !== null && <p>{placement}.</p>}
      {processors !== null && <p>{processors}.</p>}
      {next.length > 0 && (
        <>
          <p>What helps:</p>
          <ul>
            {next.map((step) => (
              <li key={step}>{step.startsWith("ring3 ") ? <Command text={step} /> : step}</li>
            ))}
          </ul>
        </>
      )}
      <details>
        <summary>Which drivers are for it</summary>
        <ul>
          {ranking.map((ranked) => (
            <li key={ranked.driver}>
              {ranked.driver} {ranked.version}: {matchText(ranked)}
            </li>
          ))}
        </ul>
      </details>
      {jail === null && device.hostPid !== null && (
        <p class="failure">
          Its driver runs without a jail (
          {device.placement === "inline" ? "it is placed inline" : "ring3 up --insecure-no-sandbox"}): it can
          do whatever ring3's user may.
        </p>
      )}
      {jail !== null && (
        <details>
          <summary>What its driver may do</summary>
          <p>
            It sees no file, no network and no process{" "}
            {placement?.startsWith("pooled")
              ? "but that which it shares with the other drivers of its pool"
              : "but its own"}
            . It is given {grantText(device)}, already open, and can open nothing itself; what else it asks of
            the kernel is refused, or ends it.
          </p>
          {jail.requests.length === 0 && (
            <p>
              It speaks with that through a stream: there is no request of the kernel's that it may make of
              it.
            </p>
          )}
          <details>
            <summary>The {jail.systemCalls.length} system calls that it may make</summary>
            <p>
              <Term of="systemCall">System calls</Term>: {jail.systemCalls.join(", ")}
            </p>
          </details>
          {jail.requests.length > 0 && (
            <details>
              <summary>The {jail.requests.length} requests that it may make of its device</summary>
              <p>
                <Term of="deviceRequest">Requests</Term>: {jail.requests.join(", ")}
              </p>
            </details>
          )}
        </details>
      )}
    </section>
  );
}
