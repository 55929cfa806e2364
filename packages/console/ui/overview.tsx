// Runs in: browser. Owns: the tree of all devices, and before it what needs somebody.
import { bytesText, countText, durationText } from "@ring3/classes/view";
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { reflectorText } from "./reflectors.ts";
import { nameOf, State } from "./state.tsx";
import type { Known } from "./store.ts";
import { Term, type TermName } from "./term.tsx";
import type { DeviceStatus, Rates } from "./told.ts";
import { type Branch, byUrgency, type Line, treeOf } from "./tree.ts";
import { attention, percentText, secondText, timeText } from "./words.ts";
import { Work } from "./work.tsx";

/** Of the tree's table. */
const COLUMNS = 11;

export function Overview({ known }: { known: Known }) {
  const { status, devices, rates, failures, endedReflectors, workload } = known;
  const [wanted, want] = useState("");
  const all = useMemo(() => [...devices.values()].toSorted(byUrgency), [devices]);
  const driven = all.filter(({ state }) => state !== "unmatched");
  const branches = useMemo(() => treeOf(all, driven.filter(fits(wanted))), [all, wanted]);
  const todo = (device: DeviceStatus) => attention(device, failures.get(device.id));
  const troubled = driven.filter((device) => todo(device) !== undefined);
  return (
    <>
      <h1 tabIndex={-1}>Devices</h1>
      {workload !== null && <Work workload={workload} />}
      {troubled.length > 0 && (
        <section class="attention" aria-labelledby="attention">
          <h2 id="attention">Needs attention</h2>
          <ul>
            {troubled.map((device) => (
              <li key={device.id}>
                <a href={`#/${encodeURIComponent(device.id)}`}>{nameOf(device)}</a> <State device={device} />:{" "}
                {device.reason === "" ? "" : `${device.reason}. `}
                {todo(device)}
              </li>
            ))}
          </ul>
        </section>
      )}
      {driven.length === 0 ? (
        <Empty />
      ) : (
        <>
          {driven.length > 8 && (
            <label class="search">
              Find{" "}
              <input
                type="search"
                value={wanted}
                onInput={({ currentTarget }) => want(currentTarget.value)}
              />
            </label>
          )}
          <section class="scroll" aria-label="All devices" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">Device</th>
                  <th scope="col">
                    <Term of="state">State</Term>
                  </th>
                  <th scope="col">
                    <Term of="driver">Driver</Term>
                  </th>
                  <Figure>
                    <Term of="start">Start</Term>
                  </Figure>
                  <Figure>
                    <Term of="requests">Requests/s</Term>
                  </Figure>
                  <Figure>
                    <Term of="events">Events/s</Term>
                  </Figure>
                  <Figure>Bytes/s</Figure>
                  <Figure>
                    <Term of="p50">p50</Term>
                  </Figure>
                  <Figure>
                    <Term of="p99">p99</Term>
                  </Figure>
                  <Figure>
                    <Term of="memory">Memory</Term>
                  </Figure>
                  <Figure>
                    <Term of="cpu">CPU</Term>
                  </Figure>
                </tr>
              </thead>
              {branches.map(({ bus, lines }) => (
                <tbody key={bus}>
                  <BusRow bus={bus} />
                  {lines.map((line) => (
                    <Row
                      key={`${line.kind} ${line.key}`}
                      line={line}
                      rates={rates.get(line.key)}
                      failedMs={failures.get(line.key)?.at(-1)}
                    />
                  ))}
                </tbody>
              ))}
            </table>
          </section>
          {branches.length === 0 && <p>No device fits “{wanted}”.</p>}
        </>
      )}
      <Unmatched devices={all.filter(({ state }) => state === "unmatched")} />
      <p class="processes">
        <Term of="keeper">Keeper</Term>: process {status!.keeperPid}. <Term of="manager">Manager</Term>:
        process {status!.manager.pid}.{" "}
        {status!.reflectors.length > 0 && (
          <>
            <Term of="reflector">Reflectors</Term>:{" "}
            {status!.reflectors.map((each) => reflectorText(each, endedReflectors, timeText)).join("; ")}.
          </>
        )}
      </p>
    </>
  );
}

const buses: Readonly<Record<Branch["bus"], { readonly name: string; readonly term: TermName }>> = {
  usb: { name: "USB", term: "usb" },
  hid: { name: "HID", term: "hid" },
};

function BusRow({ bus }: Pick<Branch, "bus">) {
  return (
    <tr class="bus">
      <th scope="rowgroup" colspan={COLUMNS}>
        <Term of={buses[bus].term}>{buses[bus].name}</Term>
      </th>
    </tr>
  );
}

interface RowParts {
  readonly line: Line;
  readonly rates: Rates | undefined;
  readonly failedMs: number | undefined;
}

function Row({ line, rates, failedMs }: RowParts) {
  switch (line.kind) {
    case "place":
      return (
        <PartRow level={line.level} name={line.name}>
          {line.key}
        </PartRow>
      );
    case "device":
      return <DeviceRow {...line} rates={rates} failedMs={failedMs} />;
    case "unit":
      return (
        <PartRow level={line.level} name={line.unit.id.replace(/^.*(?=#)/, "")}>
          {line.unit.endpoints.map(({ address }) => address).join(" ")}
        </PartRow>
      );
  }
}

interface PartParts {
  readonly level: number;
  readonly name: string;
  readonly children: ComponentChildren;
}

/** What has no driver's figures of its own: a hub, a device of several interfaces, a unit. */
function PartRow({ level, name, children }: PartParts) {
  return (
    <tr>
      <th scope="row" colspan={COLUMNS} style={{ "--level": level }}>
        {name}
        <small>{children}</small>
      </th>
    </tr>
  );
}

interface DeviceParts extends Omit<RowParts, "line"> {
  readonly level: number;
  readonly device: DeviceStatus;
}

function DeviceRow({ level, device, rates, failedMs }: DeviceParts) {
  const works = device.state === "running" && rates !== undefined;
  const figure = (text: string) => <td class="number">{works ? text : "–"}</td>;
  return (
    <tr>
      <th scope="row" style={{ "--level": level }}>
        <a href={`#/${encodeURIComponent(device.id)}`}>{nameOf(device)}</a>
        <small>{device.id}</small>
      </th>
      <td>
        <State device={device} />
        {failedMs !== undefined && <small>failed at {secondText(failedMs)}</small>}
      </td>
      <td>
        {device.driver ?? "none"}
        <small>{device.class ?? ""}</small>
      </td>
      <td class="number">{device.incarnation === 0 ? "–" : `#${device.incarnation}`}</td>
      {figure(countText(rates?.requests ?? 0))}
      {figure(countText(rates?.events ?? 0))}
      {figure(bytesText((rates?.bytesRead ?? 0) + (rates?.bytesWritten ?? 0)))}
      {figure(durationText(rates?.p50Us ?? null))}
      {figure(durationText(rates?.p99Us ?? null))}
      {figure(bytesText(rates?.privateBytes ?? 0))}
      {figure(percentText(rates?.cpu ?? null))}
    </tr>
  );
}

const Figure = ({ children }: { children: ComponentChildren }) => (
  <th scope="col" class="number">
    {children}
  </th>
);

/** Of a device with several interfaces most are nobody's. */
function Unmatched({ devices }: { devices: readonly DeviceStatus[] }) {
  if (devices.length === 0) return null;
  return (
    <details>
      <summary>
        {devices.length} more that no driver of ring3's is for, or that those have declined: left alone
      </summary>
      <ul>
        {devices.map((device) => (
          <li key={device.id}>
            <a href={`#/${encodeURIComponent(device.id)}`}>{device.id}</a> {device.name}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Empty() {
  return (
    <section class="empty">
      <p>ring3 sees no device that any of its drivers is for. Plug one in, and it is shown here by itself.</p>
      <p>
        Nothing at hand? A simulated one: <code>ring3 sim gamepad --model dualsense --move</code>
      </p>
      <p>
        It is plugged in and not here? Whether this machine lets ring3 have it: <code>ring3 udev</code>. Why a
        device has no driver: <code>ring3 explain DEVICE</code>
      </p>
    </section>
  );
}

const fits = (wanted: string) => {
  const text = wanted.trim().toLowerCase();
  return ({ id, alias, name, driver, class: className, state }: DeviceStatus) =>
    [id, alias, name, driver, className, state].some((own) => own?.toLowerCase().includes(text));
};
