// Runs in: browser. Owns: one unit of a device: where programs meet it, and what it does now, as its class draws it.
import type { ViewParts } from "@ring3/classes/view";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { listenUnit } from "./feed.ts";
import type { DeviceStatus } from "./told.ts";

/** A class has one in its folder, or is shown as any. */
const views = import.meta.glob<{ default: ComponentType<ViewParts> }>("../../classes/*/view.tsx", {
  eager: true,
});
const viewOf = (className: string) => views[`../../classes/${className}/view.tsx`]?.default ?? Plain;

interface Live {
  readonly class: string;
  readonly name: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

export function Unit({ unit, device }: { unit: DeviceStatus["units"][number]; device: DeviceStatus }) {
  const [live, setLive] = useState<Live>();
  const [events, setEvents] = useState<ViewParts["events"]>({});
  const [trouble, setTrouble] = useState("");
  useEffect(
    () =>
      listenUnit(unit.id, (event, data) => {
        if (event === "unit") {
          setTrouble("");
          return setLive(data as Live);
        }
        if (event === "end") return setEvents({});
        if (event === "trouble") return setTrouble(String(data));
        if (event === "driver" && !(data as { there: boolean }).there)
          return setEvents({ driver: data as Record<string, unknown> }); // nobody could say that anything is still so
        setEvents((before) => ({ ...before, [event]: data as Record<string, unknown> }));
      }),
    [unit.id, device.units.length],
  );
  const View = live === undefined ? undefined : viewOf(live.class);
  return (
    <section aria-label={`Unit ${unit.id}`}>
      <h2>
        {live?.name ?? "Unit"} <small>{unit.id}</small>
      </h2>
      {unit.endpoints.map(({ kind, address }) => (
        <p key={kind + address} class="endpoint">
          {kind}: <code>{commandFor(kind, address)}</code> <Copy text={commandFor(kind, address)} />
        </p>
      ))}
      {trouble !== "" && <p class="failure">{trouble}</p>}
      {View !== undefined && <View properties={live!.properties} events={events} />}
    </section>
  );
}

const commandFor = (kind: string, address: string) =>
  kind === "nbd" ? `nbdinfo '${address}'` : kind === "uinput" ? `evtest ${address.split(" ")[0]}` : address;

function Copy({ text }: { text: string }) {
  const [copied, become] = useState(false);
  return (
    <button type="button" onClick={() => void navigator.clipboard.writeText(text).then(() => become(true))}>
      {copied ? "Copied" : "Copy"}
    </button>
  );
}

const valueText = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(valueText).join(" ")
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

/** Of a class without a view of its own: what its contract says there is. */
function Plain({ properties, events }: ViewParts) {
  const told = Object.entries(events).filter(([name]) => name !== "driver");
  return (
    <>
      <dl class="facts">
        {Object.entries(properties).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{valueText(value)}</dd>
          </div>
        ))}
      </dl>
      {told.map(([event, data]) => (
        <p key={event}>
          {event}:{" "}
          {Object.entries(data ?? {})
            .map(([name, value]) => `${name} ${valueText(value)}`)
            .join(", ")}
        </p>
      ))}
    </>
  );
}
