// Runs in: browser. Owns: the list of all devices, those that need somebody first.
import { useMemo, useState } from "preact/hooks";
import type { Known } from "./store.ts";
import type { DeviceStatus, Rates } from "./told.ts";
import { attention, bytesText, countText, durationText, meanings, percentText, urgency } from "./words.ts";

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
          <div class="scroll" role="region" aria-label="Devices" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">Device</th>
                  <th scope="col">State</th>
                  <th scope="col">Driver</th>
                  <Number title="How often a driver was started on it">Start</Number>
                  <Number title="Requests that its driver answers in a second">Requests/s</Number>
                  <Number title="Read and written in a second">Bytes/s</Number>
                  <Number title="Half of all requests take no longer">p50</Number>
                  <Number title="99 of 100 requests take no longer">p99</Number>
                  <Number title="Memory that its driver's process has for itself">Memory</Number>
                  <Number title="Of one processor">CPU</Number>
                </tr>
              </thead>
              <tbody>
                {shown.map((device) => (
                  <Row key={device.id} device={device} rates={rates.get(device.id)} />
                ))}
              </tbody>
            </table>
          </div>
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

const Number = ({ title, children }: { title: string; children: string }) => (
  <th scope="col" class="number" title={title}>
    {children}
  </th>
);

export function State({ device }: { device: DeviceStatus }) {
  const { state, sandbox } = device;
  return (
    <span class={`state ${state}`} title={meanings[state]}>
      {state}
      {sandbox === "none" && state !== "available" && state !== "unmatched" ? ", no jail" : ""}
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
