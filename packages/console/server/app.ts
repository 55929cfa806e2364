// Runs in: console. Owns: what may be asked of it over HTTP, and the answers.
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";
import { type Fault, type Followed, faults } from "../edge.ts";
import type { Feed } from "./feed.ts";
import type { StaticFile } from "./files.ts";
import type { Guard } from "./guard.ts";
import type { InFlightKeeper } from "./in-flight.ts";
import type { Picture } from "./picture.ts";
import type { Tracer } from "./tracer.ts";

export interface UnitWord {
  readonly event: string;
  readonly data: unknown;
}
/**
 * What a unit tells, from now on until the signal: "unit" with what it is, then its events and "driver"; "end" once it has gone, "trouble" where it
 * cannot be looked at; and again "unit" when it can.
 */
export type LiveUnit = (unit: string, signal: AbortSignal) => AsyncIterable<UnitWord>;

export interface AppParts {
  readonly guard: Guard;
  readonly feed: Feed;
  readonly picture: Picture;
  readonly files: ReadonlyMap<string, StaticFile>;
  readonly ask: ManagerConnection["ask"];
  readonly live: LiveUnit;
  readonly inFlight: Pick<InFlightKeeper, "of">;
  readonly trace: Tracer;
  /** What is there for people to do. */
  readonly control: boolean;
  /** undefined: not in a demo. */
  readonly fault: ((device: string, fault: Fault) => Promise<Followed>) | undefined;
}

/** A browser opens a few; what is more is a mistake or worse. */
const STREAMS_MAX = 64;
/** Before a page asks again. */
const RETRY_MS = 500;

/** What the door is drawn with. */
const DOOR = ["/icon.svg", "/door.css"];

const verbs = ["start", "take", "stop", "restart", "suspend", "resume"] as const;
type Verb = (typeof verbs)[number];

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const statusOf: Partial<Record<DeviceErrorKind, 400 | 403 | 404 | 409 | 503>> = {
  invalid: 400,
  denied: 403,
  busy: 409,
  disconnected: 503,
};

export function createApp(parts: AppParts): Hono {
  const { guard, feed, picture, files, ask, live, inFlight, trace, control, fault } = parts;
  const app = new Hono();
  let streams = 0;

  app.use(async (c, next) => {
    const refusal = guard.refusal(asker(c));
    if (c.req.path === "/" && guard.isLink(asker(c))) c.res = door(c);
    else if (refusal !== undefined) c.res = c.json(problem("denied", refusal), 403);
    else if (!["GET", "POST"].includes(c.req.method))
      c.res = c.json(problem("invalid", `${c.req.method} is not for this server`), 405);
    else await next();
    secure(c);
  });
  app.onError((error, c) => {
    const answer = errorAnswer(c, error);
    secure(c);
    return answer;
  });
  app.notFound((c) => c.json(problem("invalid", `there is no ${c.req.path}`), 404));

  app.get("/", (c) => {
    const token = c.req.query("token");
    const cookie = token === undefined ? undefined : guard.admit(token);
    if (cookie !== undefined) {
      c.header("Set-Cookie", cookie);
      return c.redirect("/", 303); // the token is in no history
    }
    if (!guard.isAdmitted(asker(c))) return door(c);
    if (token !== undefined) return c.redirect("/", 303);
    return serve(c, "/index.html");
  });
  for (const path of DOOR) app.get(path, (c) => serve(c, path));
  app.use(async (c, next) => {
    if (!guard.isAdmitted(asker(c))) {
      const message = "this page is not let in: open the address that `ring3 console` has printed";
      return c.json(problem("denied", message), 401);
    }
    await next();
  });

  app.get("/api/about", (c) => c.json({ control, demo: fault !== undefined }));
  app.get("/api/events", (c) =>
    stream(c, async (send, signal) => {
      let last = c.req.header("Last-Event-ID") ?? c.req.query("after");
      for (;;) {
        for (const told of await feed.after(last, signal)) {
          last = told.id;
          await send(told);
        }
      }
    }),
  );
  app.get("/api/live", (c) =>
    stream(c, async (send, signal) => {
      const show = async (unit: string) => {
        for await (const { event, data } of live(unit, signal))
          await send({ event: "unit", data: JSON.stringify({ unit, event, data }) });
      };
      await Promise.all([...new Set(c.req.queries("unit"))].map(show));
      await ended(signal); // a stream that is closed is asked for anew
    }),
  );
  app.get("/api/devices/:device/past", async (c) => {
    const device = known(c.req.param("device"));
    return c.json({ ...(await ask("history", { device })), seconds: picture.seconds(device) });
  });
  app.get("/api/devices/:device/requests", async (c) =>
    c.json(await inFlight.of(known(c.req.param("device")))),
  );
  app.get("/api/devices/:device/explain", async (c) =>
    c.json(await ask("explain", { device: known(c.req.param("device")) })),
  );
  app.get("/api/devices/:device/log", async (c) =>
    c.json(await ask("logs", { device: known(c.req.param("device")), follow: false })),
  );
  app.get("/api/devices/:device/crashes", async (c) =>
    c.json(await ask("crashes", { device: known(c.req.param("device")) })),
  );
  app.get("/api/crashes/:id", async (c) => c.json(await ask("crash", { id: c.req.param("id") })));
  app.post("/api/devices/:device/trace", async (c) => {
    requirePage(c);
    requireControl();
    const { name, json } = await trace(present(c.req.param("device")), c.req.raw.signal);
    c.header("Content-Disposition", `attachment; filename="${name}"`);
    c.header("Content-Type", "application/json");
    return c.body(json);
  });
  app.post("/api/devices/:device/:verb", async (c) => {
    requirePage(c);
    const { device, verb } = c.req.param();
    if (fault !== undefined && isOneOf(faults, verb)) {
      return c.json({ followed: await fault(present(device), verb) });
    }
    if (!isOneOf(verbs, verb)) throw new HTTPException(404, { message: `there is no "${verb}"` });
    requireControl();
    return c.json(await act(present(device), verb));
  });
  app.get("/*", (c) => serve(c, c.req.path));

  const act = (device: string, verb: Verb) =>
    verb === "start" || verb === "take"
      ? ask("start", { device, take: verb === "take" })
      : ask(verb, { device });

  function requireControl(): void {
    if (!control) throw new DeviceError("denied", "this console only looks; to act: ring3 console --control");
  }

  function known(device: string): string {
    if (picture.stateOf(device) !== undefined) return device;
    throw new HTTPException(404, { message: `there is no device ${device} any more` });
  }

  /** Where something can be done to it. */
  function present(device: string): string {
    if (picture.stateOf(known(device)) !== "gone") return device;
    throw new HTTPException(409, { message: `${device} was unplugged; plug it in again` });
  }

  function file(path: string): StaticFile {
    const found = files.get(path);
    if (found === undefined) throw new HTTPException(404, { message: `there is no ${path}` });
    return found;
  }

  function door(c: Context): Response {
    const { type, bytes } = file("/door.html");
    return c.body(bytes, 403, { "Content-Type": type });
  }

  function serve(c: Context, path: string) {
    const { type, bytes, forever } = file(path);
    c.header("Content-Type", type);
    if (forever) c.header("Cache-Control", "public, max-age=31536000, immutable");
    return c.body(bytes);
  }

  type Send = (told: { id?: string; event: string; data: string }) => Promise<void>;
  function stream(c: Context, run: (send: Send, signal: AbortSignal) => Promise<void>): Response {
    if (streams >= STREAMS_MAX) {
      c.header("Retry-After", "5");
      return c.json(problem("busy", `${STREAMS_MAX} pages listen already; close some`), 503);
    }
    streams++;
    return streamSSE(c, async (sse) => {
      const left = new AbortController();
      const end = () => left.abort();
      sse.onAbort(end);
      c.req.raw.signal.addEventListener("abort", end);
      try {
        await sse.writeSSE({ event: "hello", data: "{}", retry: RETRY_MS });
        await run((told) => sse.writeSSE(told), left.signal);
      } catch (error) {
        if (!left.signal.aborted)
          await sse.writeSSE({ event: "trouble", data: JSON.stringify(messageOf(error)) });
      } finally {
        streams--;
      }
    });
  }
  return app;
}

function requirePage(c: Context): void {
  if (c.req.header("origin") === undefined)
    throw new DeviceError("denied", "only a page of this console may");
}

const asker = (c: Context) => ({
  host: c.req.header("host"),
  origin: c.req.header("origin"),
  site: c.req.header("sec-fetch-site"),
  destination: c.req.header("sec-fetch-dest"),
  cookie: c.req.header("cookie"),
});

/** No page but its own may use what it answers, and no text in it can become a script. */
function secure(c: Context): void {
  c.header("Content-Security-Policy", policy);
  c.header("X-Content-Type-Options", "nosniff");
  c.header("Referrer-Policy", "no-referrer");
  c.header("Cross-Origin-Opener-Policy", "same-origin");
  c.header("Cross-Origin-Resource-Policy", "same-origin");
  if (c.res.headers.get("Cache-Control") === null) c.header("Cache-Control", "no-store");
}

const ended = async (signal: AbortSignal) => {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
};
const problem = (kind: string, message: string) => ({ error: { kind, message } });
const messageOf = (error: unknown) => (error as Error).message;

function errorAnswer(c: Context, error: Error): Response {
  if (error instanceof HTTPException) return c.json(problem("invalid", error.message), error.status);
  if (error instanceof DeviceError)
    return c.json(problem(error.kind, error.message), statusOf[error.kind] ?? 502);
  return c.json(problem("internal", error.message), 500);
}

const isOneOf = <T extends string>(known: readonly T[], word: string): word is T =>
  (known as readonly string[]).includes(word);
