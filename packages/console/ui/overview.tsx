// Runs in: browser. Owns: the list of all devices, those that need somebody first.
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Known } from "./store.ts";
import { Term } from "./term.tsx";
import type { DeviceStatus, Rates, Workload } from "./told.ts";
import { attention, bytesText, countText, durationText, percentText, urgency } from "./words.ts";

export function Overview({ known: { status, devices, rates, workload } }: { known: Known }) {
  const [wanted, want] = useState("");
  const all = useMemo(() => sorted([...devices.values()]), [devices]);
  const driven = all.filter(({ state }) => state !== "unmatched");
  const shown = driven.filter((device) => fits(device, wanted.trim().toLowerCase()));
  const troubled = driven.filter((device) => attention(device) !== undefined);
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
                {device.reason}. {attention(device)}
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
              <tbody>
                {shown.map((device) => (
                  <Row key={device.id} device={device} rates={rates.get(device.id)} />
                ))}
              </tbody>
            </table>
          </section>
          {shown.length === 0 && <p>No device fits “{wanted}”.</p>}
        </>
      )}
      <Unmatched devices={all.filter(({ state }) => state === "unmatched")} />
      <p class="processes">
        <Term of="keeper">Keeper</Term>: process {status!.keeperPid}. <Term of="manager">Manager</Term>:
        process {status!.manager.pid}.
      </p>
    </>
  );
}

function Row({ device, rates }: { device: DeviceStatus; rates: Rates | undefined }) {
  const works = device.state === "running" && rates !== undefined;
  const figure = (text: string) => <td class="number">{works ? text : "–"}</td>;
  return (
    <tr>
      <th scope="row">
        <a href={`#/${encodeURIComponent(device.id)}`}>{nameOf(device)}</a>
        <small>{device.id}</small>
      </th>
      <td>
        <State device={device} />
      </td>
      <td>
        {device.driver ?? "none"}
        <small>{device.class ?? ""}</small>
      </td>
      <td class="number">{device.incarnation === 0 ? "–" : `#${device.incarnation}`}</td>
      {figure(countText(rates?.requests ?? 0))}
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

export function State({ device }: { device: DeviceStatus }) {
  const { state, sandbox } = device;
  const unjailed = sandbox === "none" && state !== "available" && state !== "unmatched";
  return (
    <span class={`state ${state}`}>
      {state}
      {unjailed ? ", no jail" : ""}
    </span>
  );
}

/** Of a device with several interfaces most are nobody's. */
function Unmatched({ devices }: { devices: readonly DeviceStatus[] }) {
  if (devices.length === 0) return null;
  return (
    <details>
      <summary>
        {devices.length} more that no driver of ring3's is for
        {devices.length === 1 ? "" : ", each left alone"}
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

/** The number that the demo is about. */
function Work({ workload: { device, blocks, lost, longestMs } }: { workload: Workload }) {
  return (
    <section class="work" aria-label="A program at work">
      <p>
        A program writes to <a href={`#/${encodeURIComponent(device)}`}>{device}</a> all the while, and reads
        everything again: <strong>{blocks.toLocaleString()} blocks checked</strong>,{" "}
        <strong class={lost === 0 ? "none" : "failure"}>{lost} lost</strong>. Its longest wait for one was{" "}
        <strong>{Math.round(longestMs)} ms</strong>. Break that device, and see which of the numbers change.
      </p>
    </section>
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

const sorted = (devices: DeviceStatus[]) =>
  devices.toSorted((a, b) => urgency[a.state] - urgency[b.state] || (a.id < b.id ? -1 : 1));
const fits = (device: DeviceStatus, wanted: string) =>
  [device.id, device.alias, device.name, device.driver, device.class, device.state].some((text) =>
    text?.toLowerCase().includes(wanted),
  );
export const nameOf = ({ alias, name, id }: DeviceStatus) => alias ?? (name === "" ? id : name);
