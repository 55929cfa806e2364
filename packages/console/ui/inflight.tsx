// Runs in: browser. Owns: what a device's driver has in hand, as its own recorder says.
import { bytesText, durationText } from "@ring3/classes/view";
import { useEffect, useState } from "preact/hooks";
import { ask } from "./feed.ts";
import type { InFlight as Told } from "./told.ts";

/** The manager tells the console as often. */
const LOOK_MS = 1000;

/** `isDriven`: there is a process that could have some. */
export function InFlight({ id, isDriven }: { id: string; isDriven: boolean }) {
  const [requests, show] = useState<Told["requests"]>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    if (!isDriven) return;
    let timer: ReturnType<typeof setTimeout>;
    let left = false;
    const look = async () => {
      if (!document.hidden) {
        const path = `/api/devices/${encodeURIComponent(id)}/requests`;
        const told = await ask<Told>(path).catch(({ message }: Error) => message);
        if (left) return;
        setTrouble(typeof told === "string" ? told : "");
        show(typeof told === "string" ? undefined : told.requests);
      }
      if (!left) timer = setTimeout(look, LOOK_MS);
    };
    void look();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [id, isDriven]);
  return (
    <section aria-labelledby="inflight">
      <h2 id="inflight">Requests in flight</h2>
      {trouble !== "" && <p class="hint">It cannot be said: {trouble}.</p>}
      {!isDriven && <p>It has no driver now, and so none in hand.</p>}
      {requests?.length === 0 && <p>Its driver has none in hand.</p>}
      <section class="scroll" aria-labelledby="inflight" tabIndex={0} hidden={!requests?.length}>
        <table class="inflight">
          <thead>
            <tr>
              <th scope="col">Operation</th>
              <th scope="col">Asked by</th>
              <th scope="col" class="number">
                Age
              </th>
              <th scope="col" class="number">
                Bytes
              </th>
            </tr>
          </thead>
          <tbody>
            {requests?.map(({ operation, client, ageMs, bytes }, index) => (
              <tr key={index}>
                <td>{operation}</td>
                <td>{client}</td>
                <td class="number">{durationText(ageMs * 1000)}</td>
                <td class="number">{bytesText(bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
