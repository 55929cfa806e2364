// Runs in: the console's server. Owns: this process: descriptor 3 is who has started it (../main.ts), 4 and 5 are connections to the manager, one to
// observe and one to open units. Ends with the manager: another is started.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { ManagerConnection, type ManagerNotices } from "@ring3/client/manager-connection";
import { Units } from "@ring3/client/units";
import { callingPeer } from "@ring3/control/peer";
import { DeviceError } from "@ring3/core/errors";
import { systemClock } from "@ring3/kernel/clock/clock";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { architectureOf } from "@ring3/kernel/jail/seccomp";
import { confineConsole } from "@ring3/kernel/jail/stage-console";
import { FrameSocket } from "@ring3/kernel/socket/frame-socket";
import { consoleEdge, type Fault } from "../edge.ts";
import { createApp } from "./app.ts";
import { Connections } from "./connections.ts";
import { Feed } from "./feed.ts";
import { readFiles } from "./files.ts";
import { Guard } from "./guard.ts";
import { InFlightKeeper } from "./in-flight.ts";
import { liveUnits } from "./live.ts";
import { Picture } from "./picture.ts";
import { createTracer } from "./tracer.ts";

const [LINK_FD, OBSERVE_FD, UNITS_FD] = [3, 4, 5];
/** All, those of who was let in included. */
const CONNECTIONS_MAX = 1024;
/** A browser says at once what it wants. */
const REQUEST_MS = 5000;
const CHECK_MS = 1000;

/** 0: any that is free. `epoch`: as no other console process has it. */
const [wantedPort, epoch] = process.argv.slice(2) as [string, string];

/** There is no second one: a confined process connects to nobody. */
function once(fd: number): (notices: ManagerNotices) => ManagerConnection {
  let stream: Descriptor | undefined = new Descriptor(fd);
  const connect = () => {
    const given = stream;
    stream = undefined;
    if (given === undefined) throw new DeviceError("disconnected", "the manager has ended");
    return given;
  };
  return (notices) => new ManagerConnection(connect, notices, systemClock);
}

async function main(): Promise<void> {
  const files = readFiles(join(dirname(process.argv[1]!), "console-ui"));
  let picture: Picture | undefined;
  let guard: Guard | undefined;
  const link = callingPeer(consoleEdge, new FrameSocket(new Descriptor(LINK_FD)), {
    token: ({ token }) => guard?.renew(token),
    workload: (workload) => picture?.workload(workload),
  });
  const { result: begun } = await link.call("begin", {});
  const early: (() => void)[] = [];
  /** Notices may come before the answer that they belong behind. */
  const told = (run: (picture: Picture) => void) => {
    if (picture === undefined) early.push(() => run(picture!));
    else run(picture);
  };
  const manager = once(OBSERVE_FD)({
    device: (device) => told((picture) => picture.device(device)),
    deviceGone: (gone) => {
      inFlight.gone(gone.id);
      told((picture) => picture.gone(gone));
    },
    passage: (passage) => told((picture) => picture.passage(passage)),
    step: (step) => told((picture) => picture.step(step)),
    inFlight: (requests) => inFlight.heard(requests),
    metrics: (metrics) => told((picture) => picture.metrics(metrics)),
    log: (entry) => told((picture) => picture.logged(entry)),
  });
  const inFlight = new InFlightKeeper(manager.ask, systemClock);
  const units = new Units(once(UNITS_FD), systemClock);
  const end = () => process.exit(0);
  for (const { signal } of [manager, units.connection, link]) signal.addEventListener("abort", end);

  await units.subscribe(null);
  const observed = await manager.ask("observe", {});
  await manager.ask("logs", { device: null, follow: true });
  const feed = new Feed(epoch, () => picture!.whole());
  picture = new Picture(
    observed,
    (event, value) => feed.add(event, value),
    () => systemClock.wallTime(),
  );
  for (const run of early) run();

  const parts = {
    feed,
    picture,
    files,
    ask: manager.ask,
    live: liveUnits(units, systemClock),
    inFlight,
    trace: createTracer(manager, systemClock),
    control: begun.control,
    fault: begun.demo
      ? async (device: string, fault: Fault) => (await link.call("fault", { device, fault })).result.followed
      : undefined,
  };
  const server = createServer({
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: CHECK_MS,
  });
  server.maxConnections = CONNECTIONS_MAX;
  const connections = new Connections();
  server.on("connection", (socket) => connections.opened(socket));
  server.once("error", ({ message }) => {
    link.tell("refused", { text: message });
    process.exit(1);
  });
  // Last: who connects before there is anybody to answer would wait for ever.
  server.listen(Number(wantedPort), "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    const its = new Guard({ port, ...begun, used: () => link.tell("used", {}) });
    const answer = getRequestListener(createApp({ guard: its, ...parts }).fetch);
    server.on("request", (request, response) => {
      if (its.isAdmitted(request.headers)) connections.answers(response);
      void answer(request, response);
    });
    guard = its;
    confineConsole(architectureOf(process.arch));
    link.tell("listening", { port });
  });
}

// Node's own handler would raise the signal anew, which the filter does not let it do.
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));
main().catch((error: Error) => {
  process.stderr.write(`ring3 console: ${error.message}\n`); // a manager that died meanwhile, most likely: another server is started
  process.exit(1);
});
