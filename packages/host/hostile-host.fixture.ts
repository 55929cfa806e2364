// Runs in: driver host, jailed, in tests: instead of host.cjs. Owns: a host that speaks the control protocol well enough to be
// given a device, and then breaks the rules in the way that the device's serial number names. "NAME.3" is hostile up to
// incarnation 3 and the ordinary host from then on; "NAME" always.

import { HostDeviceMemory } from "@ring3/channel/device-memory";
import type { Params } from "@ring3/control/edge";
import { hostEdge } from "@ring3/control/host-edge";
import { type FrameTransport, type ServingPeer, servingPeer } from "@ring3/control/peer";
import { systemClock } from "@ring3/kernel/clock/clock";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket } from "@ring3/kernel/socket/frame-socket";
import { Host } from "./host.ts";
import { Channel } from "./hostile-channel.fixture.ts";
import { answered, CONTROL_FD, type Hand, type Way, ways } from "./hostile-ways.fixture.ts";

const never = () => new Promise<never>(() => {});

function hostile(way: Way, transport: FrameTransport<Descriptor>): void {
  let assigned: { state: Descriptor; memory: HostDeviceMemory } | undefined;
  let hand: Hand | undefined;
  let incarnation = 0;
  const peer: ServingPeer<typeof hostEdge> = servingPeer<typeof hostEdge, Descriptor>(
    hostEdge,
    transport,
    {
      rehearse: () => ({}),
      confine: () => ({}), // of a hostile host the manager can expect nothing
      restrict: () => ({}),
      seat: never,
      seats: never,
      load: () => ({}),
      ping: () => ({}),
      assign(params, fds) {
        const state = new Descriptor(fds[0]!.take());
        assigned = { state, memory: new HostDeviceMemory(state, 0, { now: () => 0 }) };
        incarnation = params.incarnation;
        setInterval(() => assigned!.memory.beat(), 200);
        return {};
      },
      probe(_, fds) {
        const { state, memory } = assigned!;
        hand = { peer, memory, stateFd: state.fd, grant: new Descriptor(fds[0]!.take()) };
        return (way.probe?.(hand) ?? answered) as typeof answered;
      },
      open(_, fds) {
        if (way.open !== undefined) return way.open(hand!) as Promise<never>;
        const channel = new Channel(incarnation, fds);
        channel.requested = () => way.requested?.(channel, hand!);
        setTimeout(() => way.opened?.(channel, hand!), 20);
        return {};
      },
      close: () => (way.close?.() ?? {}) as Record<string, never>,
      suspend: never,
      resume: never,
      remove: never,
      adopt: never,
    },
    {},
  );
}

const kept: [Uint8Array, Descriptor[]][] = [];
const transport = new FrameSocket(new Descriptor(CONTROL_FD));
/** Says that it is confined, whoever it will be; then reads for which device, decides, and hands that and the one before on. */
transport.onFrame = (payload: Uint8Array, fds: Descriptor[]) => {
  const { id, method, params } = JSON.parse(Buffer.from(payload).toString()) as {
    id: number;
    method: string;
    params: Params<typeof hostEdge, "assign">;
  };
  if (method === "load") return void kept.push([payload, fds]);
  if (method !== "assign") return transport.send(Buffer.from(JSON.stringify({ id, result: {} })));
  const [name = "", last = "Infinity"] = params.device.identity.serial!.split(".");
  let deliver: (payload: Uint8Array, fds: Descriptor[]) => void = () => {};
  const handed: FrameTransport<Descriptor> = {
    set onFrame(listener: typeof deliver) {
      deliver = listener;
      transport.onFrame = listener;
    },
    set onClose(listener: FrameTransport<Descriptor>["onClose"]) {
      transport.onClose = listener;
    },
    send: (bytes, descriptors) => transport.send(bytes, descriptors),
    close: () => transport.close(),
  };
  if (params.incarnation <= Number(last)) hostile(ways[name]!, handed);
  else
    new Host(
      handed,
      (stream) => new FrameSocket(stream),
      systemClock,
      (code) => process.exit(code),
    );
  for (const frame of [...kept, [payload, fds] as const]) deliver(...frame);
};
