// Runs in: browser. Owns: one unit of a device: where programs meet it, and what it does now, as its class draws it.
import type { Told, ViewParts } from "@ring3/classes/view";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Command } from "./command.tsx";
import { commandFor, hintsFor } from "./commands.ts";
import { listenUnit } from "./feed.ts";
import { holding } from "./holding.ts";
import { useStill } from "./still.ts";
import { isTerm, Term } from "./term.tsx";
import type { DeviceStatus } from "./told.ts";

/** A class has one in its folder, or is shown as any. */
const views = import.meta.glob<{ default: ComponentType<ViewParts> }>("../../classes/*/view.tsx", {
  eager: true,
});
const viewOf = (className: string) => views[`../../classes/${className}/view.tsx`]?.default;

interface Live {
  readonly class: string;
  readonly name: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly operations: readonly string[];
  readonly events: readonly string[];
}

/** Of each event. */
const PAST_KEPT = 64;

interface UnitParts {
  readonly unit: DeviceStatus["units"][number];
  readonly device: DeviceStatus;
  readonly seconds: ViewParts["seconds"];
}

export function Unit({ unit, device, seconds }: UnitParts) {
  const [live, setLive] = useState<Live>();
  const [events, setEvents] = useState<ViewParts["events"]>({});
  const [past, setPast] = useState<ViewParts["past"]>({});
  const [held, hold] = useState(false);
  const [trouble, setTrouble] = useState("");
  useEffect(
    () =>
      listenUnit(unit.id, (event, data) => {
        setPast((before) => remembered(before, event, { timeMs: Date.now(), data: data as Told["data"] }));
        if (event === "unit") {
          setTrouble("");
          return setLive(data as Live);
        }
        if (event === "trouble") return setTrouble(String(data));
        setEvents((before) => holding(before, event, data as Told["data"]));
      }),
    [unit.id, device.units.length],
  );
  const shown = useStill({ events, past, seconds }, held);
  const View = live && viewOf(live.class);
  return (
    <section aria-label={`Unit ${unit.id}`}>
      <h2>
        {live?.name ?? "Unit"}{" "}
        <small>
          <Term of="unit">unit</Term> {unit.id}
        </small>
      </h2>
      {unit.endpoints.map((endpoint) => (
        <p key={endpoint.kind + endpoint.address} class="endpoint">
          {isTerm(endpoint.kind) ? <Term of={endpoint.kind}>{endpoint.kind}</Term> : endpoint.kind}:{" "}
          <Command text={commandFor(endpoint)} />
        </p>
      ))}
      {hintsFor(unit, device.id).map(({ text, command }) => (
        <p key={command} class="endpoint">
          {text} <Command text={command} />
        </p>
      ))}
      {trouble !== "" && <p class="failure">{trouble}</p>}
      {live !== undefined && (
        <>
          <button type="button" aria-pressed={held} onClick={() => hold(!held)}>
            Hold this picture
          </button>
          {device.units.length > 1 && (
            <p class="hint">What is asked is counted for the device, all its units together.</p>
          )}
          {View === undefined ? (
            <Contract unit={live} events={shown.events} />
          ) : (
            <View properties={live.properties} {...shown} />
          )}
        </>
      )}
    </section>
  );
}

function remembered(past: ViewParts["past"], event: string, told: Told): ViewParts["past"] {
  const before = past[event] ?? [];
  const { timestampUs } = told.data;
  if (timestampUs !== undefined && timestampUs === before.at(-1)?.data.timestampUs) return past; // told again, as to who comes later
  return { ...past, [event]: [...before.slice(1 - PAST_KEPT), told] };
}

const valueText = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(valueText).join(" ")
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

/** Of a class without a view of its own: what its contract says there is, and what was told of it last. */
function Contract({ unit, events }: { unit: Live; events: ViewParts["events"] }) {
  const told = (event: string) =>
    Object.entries(events[event] ?? {})
      .map(([name, value]) => `${name} ${valueText(value)}`)
      .join(", ");
  const facts = [
    ...Object.entries(unit.properties).map(([name, value]) => [name, valueText(value)]),
    ["can be asked to", unit.operations.join(", ") || "nothing"],
    ...unit.events.map((event) => [`tells of ${event}`, told(event) || "nothing yet"]),
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
