// Runs in: browser. Owns: the page: which of its views is shown, by what stands behind # in the address.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { DevicePage } from "./device.tsx";
import { Overview } from "./overview.tsx";
import { nameOf } from "./state.tsx";
import { begin, type Known, useKnown } from "./store.ts";
import { timeText } from "./words.ts";
import "./style.css";
import "./views.css";

/** The device that the address names; "" where it names none. */
function place(): string {
  try {
    return decodeURIComponent(location.hash.replace(/^#\/?/, ""));
  } catch {
    return ""; // no address of ours
  }
}

function Page() {
  const known = useKnown();
  const [device, go] = useState(place);
  useEffect(() => {
    const moved = () => {
      go(place());
      scrollTo(0, 0);
    };
    addEventListener("hashchange", moved);
    moved(); // it may have been another before anybody listened
    return () => removeEventListener("hashchange", moved);
  }, []);
  const shown = known.devices.get(device);
  useEffect(() => {
    document.title = `${device === "" ? "Devices" : shown === undefined ? device : `${nameOf(shown)}, ${device}`} · ring3`;
  }, [device, shown]);
  const isThere = known.status && shown !== undefined;
  const before = useRef({ device, isThere });
  useEffect(() => {
    const { current: last } = before;
    before.current = { device, isThere };
    const moved = last.device !== device; // at first the browser begins where it always does
    // Of a device that has gone, or is there again, another page is shown: what had the focus went with the last one.
    const changed = last.isThere !== undefined && last.isThere !== isThere;
    if (moved || (changed && document.activeElement === document.body)) document.querySelector("h1")?.focus();
  }, [device, isThere]);
  return (
    <>
      <header>
        <a class="name" href="#/">
          ring3
        </a>
        <Connection known={known} />
      </header>
      <main>
        {known.status === undefined ? (
          <p role="status">{known.connection === "closed" ? "" : "Asking ring3 what there is …"}</p>
        ) : device === "" ? (
          <Overview known={known} />
        ) : (
          <DevicePage key={device} id={device} known={known} />
        )}
      </main>
    </>
  );
}

function Connection({ known: { connection, sinceMs, why, about } }: { known: Known }) {
  const words = {
    first: "connecting",
    here: about.control ? "live, with control" : "live, read-only",
    away:
      why !== ""
        ? `The console tells this page nothing: ${why}. It is asked again every few seconds.`
        : `The console does not answer since ${timeText(sinceMs)}. It, or ring3's manager, is being started again, which takes a moment; this page goes on by itself, and shows how it was. If it stays so: does ring3 console still run?`,
    closed: "This browser is not let in any more. Open the address that ring3 console prints.",
  }[connection];
  return (
    <p class={`connection ${connection}`} role="status">
      {words}
    </p>
  );
}

begin();
render(<Page />, document.getElementById("page")!);
