// Runs in: driver host, in a spare before it is confined. Owns: a device, a manager and a client of its own making, all in this
// process: what a driver's start and its first requests run has run once when a real device is in need of it.

import { ClientChannel, ClientMemory } from "@ring3/channel/client-channel";
import { DeviceMemory } from "@ring3/channel/device-memory";
import { createDriverMemory } from "@ring3/channel/driver-memory";
import type { Params } from "@ring3/control/edge";
import type { hostEdge } from "@ring3/control/host-edge";
import type { FrameTransport } from "@ring3/control/peer";
import type { Clock } from "@ring3/core/clock";
import { type Descriptor, duplicate, pipe } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { watch } from "@ring3/kernel/poll/watch";
import { sealedFile } from "@ring3/kernel/shm/memory";
import { socketPair } from "@ring3/kernel/socket/unix";
import { decodeCommand, encodeReply, HEADER_BYTES } from "@ring3/kernel/usbip/codec";
import { block } from "@ring3/sdk";
import { Host } from "./host.ts";

/** After so many rounds V8 has gathered what it wants to know of the code. */
const ROUNDS = 20;
const READ_BYTES = 4096;

/** Does what drivers of disks do, on a device that agrees to everything. */
const driver = `
const { block, defineDriver } = require("@ring3/sdk");
const properties = { ...block.properties.create(), sectorBytes: 512, maxTransferSectors: 2048, sectors: 8192, flags: 16 };
module.exports.default = defineDriver(block, {
  async probe({ usb }, ctx) {
    const wait = { deadlineMs: ctx.now() + 5000 };
    for (let round = 0; round < ${ROUNDS}; round++) {
      await usb.raw.controlIn({ requestType: 0xa1, request: 0xfe, value: 0, index: 0 }, new Uint8Array(1), wait);
      await usb.raw.clearHalt("in", 1, wait);
    }
    ctx.state.set({ rehearsed: ctx.state.get() ?? null });
    ctx.log.debug("rehearsed");
    const transfer = async (data) => {
      await usb.raw.bulkOut(2, new Uint8Array(31));
      await usb.raw.bulkIn(1, data);
      await usb.raw.bulkIn(1, new Uint8Array(13));
    };
    return { properties, concurrency: 1, read: (_, call) => transfer(call.data), write: () => transfer(new Uint8Array(8)), flush() {} };
  },
});`;

/** One interface with two bulk endpoints, USB 2.0 §9.6. */
const descriptors = Uint8Array.of(
  ...[18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x09, 0x12, 0x01, 0x00, 0x00, 0x01, 0, 0, 0, 1],
  ...[9, 2, 32, 0, 1, 1, 0, 0x80, 50],
  ...[9, 4, 0, 0, 2, 8, 6, 0x50, 0],
  ...[7, 5, 0x81, 2, 0x00, 0x02, 0],
  ...[7, 5, 0x02, 2, 0x00, 0x02, 0],
);

type HostEdge = typeof hostEdge;

export async function rehearse(clock: Clock): Promise<void> {
  const manager = new PlayedManager();
  new Host(
    manager.transport,
    () => manager.transport,
    clock,
    () => {},
  );
  const [grant, wire] = socketPair();
  const device = serve(wire);
  const memory = new DeviceMemory();
  const source = new TextEncoder().encode(driver);
  const load: Params<HostEdge, "load"> = {
    driver: "rehearsal",
    codeBytes: source.length,
    filter: null,
    dataBytes: null,
  };
  await manager.ask("load", load, [sealedFile("rehearsal", source)]);
  await manager.ask("assign", assign, [duplicate(memory.fd)]);
  await manager.ask("probe", probe, [grant]);
  await useUnit(manager);
  await manager.ask("remove", { requests: "fail" }, []);
  device.close();
  memory.close();
}

const assign: Params<HostEdge, "assign"> = {
  device: {
    id: "rehearsal",
    identity: { vendor: "1209", product: "0001", serial: null },
    name: "",
    ordinal: 1,
  },
  driver: { version: "0", class: "block", stateVersion: 0 },
  incarnation: 2,
  beatMs: 500,
  reason: { kind: "signal", text: "" },
};

const probe: Params<HostEdge, "probe"> = {
  contract: { name: block.name, version: block.version, hash: block.hash },
  grants: [
    {
      surface: "usb",
      transport: "usbip",
      interface: 0,
      descriptors: Buffer.from(descriptors).toString("base64"),
      strings: { manufacturer: null, product: null, serial: null },
      speed: "high",
      configuration: 1,
      devid: 1,
    },
  ],
};

async function useUnit(manager: PlayedManager): Promise<void> {
  const memory = new ClientMemory(block);
  const driverMemory = createDriverMemory(block);
  const [toDriver, toClient] = [pipe(), pipe()];
  const { name, version, hash } = block;
  const open = {
    channel: 1,
    unit: 0,
    mode: "write" as const,
    contract: { name, version, hash },
    poll: false,
  };
  await manager.ask("open", open, [
    duplicate(memory.fd),
    toDriver.read,
    toClient.write,
    duplicate(driverMemory.fd.fd),
  ]);
  driverMemory.seal();
  let answered = () => {};
  const client = new ClientChannel(
    memory,
    {
      memory: driverMemory.fd,
      bellIn: toClient.read,
      bellOut: toDriver.write,
      generation: assign.incarnation,
      poll: false,
    },
    { completed: () => answered(), event() {}, malformed() {} },
  );
  client.start();
  const { read, write } = block.operations;
  for (let round = 0; round < ROUNDS; round++) {
    await new Promise<void>((resolve) => {
      answered = resolve;
      const [spec, input] =
        round % 2 === 0
          ? [read, { lba: 0, count: 8, medium: 0 }]
          : [write, { lba: 0, count: 8, fua: 0, medium: 0 }];
      client.submit(0, spec.nr, READ_BYTES, READ_BYTES, 5000, (view, offset) =>
        spec.in!.encode(input as never, view, offset),
      );
    });
  }
  await manager.ask("close", { channel: 1 }, []);
  client.close();
  memory.close();
}

/** The other side of the host's control connection. */
class PlayedManager {
  #deliver: (payload: Uint8Array, fds: Descriptor[]) => void = () => {};
  #answered: (answer: { error?: { message: string } }) => void = () => {};
  #id = 0;
  readonly transport: FrameTransport<Descriptor>;

  constructor() {
    const manager = this;
    this.transport = {
      set onFrame(deliver: (payload: Uint8Array, fds: Descriptor[]) => void) {
        manager.#deliver = deliver;
      },
      set onClose(_: (error?: Error) => void) {},
      send: (payload) => {
        const frame = JSON.parse(new TextDecoder().decode(payload));
        if ("id" in frame) this.#answered(frame);
      },
      close() {},
    };
  }

  /** Rejects where the host refuses: then this is no rehearsal of what a manager does. */
  ask<M extends keyof HostEdge["methods"] & string>(
    method: M,
    params: Params<HostEdge, M>,
    fds: Descriptor[],
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answered = ({ error }) =>
        error === undefined ? resolve() : reject(new Error(`${method}: ${error.message}`));
      this.#deliver(Buffer.from(JSON.stringify({ id: ++this.#id, method, params })), fds);
    });
  }
}

/** A USB/IP device that does whatever it is told and has zeroes to send. */
function serve(wire: Descriptor): { close(): void } {
  const header = new Uint8Array(HEADER_BYTES);
  const scratch = new Uint8Array(READ_BYTES);
  let filled = 0;
  let payload = 0;
  const turn = (): number => {
    if (payload > 0) {
      const count = native.read(wire.fd, scratch.subarray(0, payload));
      payload -= Math.max(0, count);
      return count;
    }
    const count = native.read(wire.fd, header.subarray(filled));
    filled += Math.max(0, count);
    if (filled === HEADER_BYTES) {
      filled = 0;
      const command = decodeCommand(header);
      if (command.command === "submit") {
        const { seqnum, direction, length } = command;
        if (direction === "out") payload = length;
        const reply = {
          reply: "submit",
          seqnum,
          status: 0,
          length,
          startFrame: 0,
          packetCount: 0,
          errorCount: 0,
        } as const;
        native.write(wire.fd, encodeReply(reply));
        if (direction === "in" && length > 0) native.write(wire.fd, scratch.subarray(0, length));
      }
    }
    return count;
  };
  const watched = watch(wire.fd, { readable: true }, () => {
    while (turn() > 0) {}
  });
  return {
    close() {
      watched.close();
      wire.close();
    },
  };
}
