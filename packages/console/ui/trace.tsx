// Runs in: browser. Owns: a trace of one device that the console makes, and its file.
import { bytesText } from "@ring3/classes/view";
import { useEffect, useRef, useState } from "preact/hooks";
import { Choice } from "./actions.tsx";
import type { Action } from "./choices.ts";
import { Refusal } from "./feed.ts";

interface Made {
  readonly name: string;
  readonly url: string;
  readonly bytes: number;
}

const action: Action = {
  verb: "trace",
  label: "Trace 10 seconds",
  meaning: "Records each request's way from program to device; none of their bytes.",
};

async function make(device: string, signal: AbortSignal): Promise<Made> {
  const response = await fetch(`/api/devices/${encodeURIComponent(device)}/trace`, {
    method: "POST",
    signal,
  }).catch(() => {
    throw new Refusal("the console does not answer; is it still running?");
  });
  if (!response.ok) {
    const { error } = (await response.json()) as { error: { message: string } };
    throw new Refusal(error.message);
  }
  const file = await response.blob();
  const name = /filename="([^"]*)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  return { name: name ?? "trace.json", url: URL.createObjectURL(file), bytes: file.size };
}

/** `isOffered`: one may be begun; one that is under way goes on. */
export function Trace({ id, isOffered }: { id: string; isOffered: boolean }) {
  const [tracing, become] = useState(false);
  const [made, show] = useState<Made>();
  const [trouble, say] = useState("");
  const leaving = useRef(new AbortController());
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => () => leaving.current.abort(), []);
  useEffect(() => {
    link.current?.click();
    return () => {
      if (made !== undefined) URL.revokeObjectURL(made.url);
    };
  }, [made]);
  const trace = async () => {
    if (tracing) return;
    become(true);
    say("");
    show(undefined);
    try {
      show(await make(id, leaving.current.signal));
    } catch (error) {
      say((error as Error).message);
    } finally {
      become(false);
    }
  };
  if (!isOffered && !tracing && made === undefined) return null;
  return (
    <div class="actions trace">
      <ul>
        <Choice action={action} isDoing={tracing} waits={tracing} run={() => void trace()} />
      </ul>
      <p role="status" class={trouble === "" ? "" : "failure"}>
        {trouble}
        {made !== undefined && (
          <>
            <a ref={link} href={made.url} download={made.name}>
              {made.name}
            </a>{" "}
            ({bytesText(made.bytes)}): open it at https://ui.perfetto.dev or chrome://tracing.
          </>
        )}
      </p>
    </div>
  );
}
