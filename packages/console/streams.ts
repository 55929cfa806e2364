// Runs in: console. Owns: the streams that a server is started with: one to us, two to the manager.
import { clientEdge } from "@ring3/control/client-edge";
import {
  callingPeer,
  type Handlers,
  type ServingPeer,
  servingPeer,
  type TellListeners,
} from "@ring3/control/peer";
import { controlSocket } from "@ring3/control/state-directory";
import { type Descriptor, duplicate } from "@ring3/kernel/fd/descriptor";
import { FrameSocket } from "@ring3/kernel/socket/frame-socket";
import { connect, socketPair } from "@ring3/kernel/socket/unix";
import { consoleEdge } from "./edge.ts";

type Edge = typeof consoleEdge;

export interface ConsoleStreams {
  readonly link: ServingPeer<Edge>;
  /** For the server, from its descriptor 3 on; released here once it has them. */
  readonly theirs: readonly number[];
  release(): void;
}

/**
 * `control`: the server may do what its user may; otherwise it can only look, whatever it asks. Rejects with DeviceError, and where the signal comes
 * before they are there.
 */
export async function consoleStreams(
  directory: string,
  control: boolean,
  handlers: Handlers<Edge, Descriptor, ServingPeer<Edge>>,
  tells: TellListeners<Edge, ServingPeer<Edge>>,
  signal: AbortSignal,
): Promise<ConsoleStreams> {
  const streams: Descriptor[] = [];
  try {
    for (const mayAct of [control, false]) {
      const stream = connect(controlSocket(directory));
      streams.push(stream);
      if (!mayAct) await renounce(stream, signal);
    }
    const [ours, theirs] = socketPair();
    streams.unshift(theirs);
    const link = servingPeer<Edge, Descriptor>(consoleEdge, new FrameSocket(ours), handlers, tells);
    return { link, theirs: streams.map(({ fd }) => fd), release };
  } catch (error) {
    release();
    throw error;
  }

  function release(): void {
    for (const stream of streams) stream.close();
  }
}

/** What is said over a copy holds for the stream. */
async function renounce(stream: Descriptor, signal: AbortSignal): Promise<void> {
  const peer = callingPeer(clientEdge, new FrameSocket(duplicate(stream.fd)), {});
  const close = () => peer.close();
  signal.addEventListener("abort", close);
  try {
    signal.throwIfAborted();
    await peer.call("renounce", {});
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", close);
    peer.close();
  }
}
