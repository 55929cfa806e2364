// Runs in: browser. Owns: the page: which of its views is shown, by what stands behind # in the address.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { DevicePage } from "./device.tsx";
import { Overview } from "./overview.tsx";
import { begin, type Known, useKnown } from "./store.ts";
import "./style.css";

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
  useEffect(() => {
    document.title = device === "" ? "ring3" : `${device} · ring3`;
  }, [device]);
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

function Connection({ known: { connection, about } }: { known: Known }) {
  const words = {
    first: "connecting",
    here: about.control ? "live, with control" : "live, read-only",
    away: "The console does not answer. What is shown is how it was; it goes on by itself once it is back.",
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
