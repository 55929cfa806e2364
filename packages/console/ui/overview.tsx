// Runs in: browser. Owns: the list of all devices, those that need somebody first.
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Known } from "./store.ts";
import { Term } from "./term.tsx";
import type { DeviceStatus, Rates } from "./told.ts";
import { attention, bytesText, countText, durationText, percentText, urgency } from "./words.ts";

export function Overview({ known: { status, devices, rates } }: { known: Known }) {
  const [wanted, want] = useState("");
  const all = useMemo(() => sorted([...devices.values()]), [devices]);
  const shown = all.filter((device) => fits(device, wanted.trim().toLowerCase()));
  const troubled = all.filter((device) => device.state !== "unmatched" && attention(device) !== undefined);
  return (
    <>
      <h1>Devices</h1>
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
      {all.length === 0 ? (
        <Empty />
      ) : (
        <>
          {all.length > 8 && (
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
                  <th scope="col">State</th>
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
      <p class="processes">
        Keeper {status!.keeperPid}, manager {status!.manager.pid}
        {status!.reflectors.map(({ class: of, pid }) => `, ${of} reflector ${pid}`).join("")}.
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

function Empty() {
  return (
    <section class="empty">
      <p>ring3 sees no device that any of its drivers is for.</p>
      <p>
        Plug one in, or try a simulated one: <code>ring3 sim gamepad --model dualsense</code>
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
