// Runs in: driver host. Owns: nothing. A transport that leaves a trace of each transfer in the in-flight recorder.
import type { Recorder } from "@ring3/channel/recorder";
import type { Outcome, UsbTransport } from "@ring3/kernel/usb/transport";
import { currentWait } from "../request-context.ts";
import { Limit } from "../wait.ts";

/** For which the running code works, as its host calls it; 0: for none. */
export function currentRequest(): number {
  const wait = currentWait();
  const id = wait instanceof Limit ? wait.requestId : undefined;
  return typeof id === "number" ? id : 0;
}

export function recordedTransport(transport: UsbTransport, recorder: Recorder): UsbTransport {
  let count = 0;
  const traced = <O extends Outcome>(endpoint: number, bytes: number, run: () => Promise<O>): Promise<O> => {
    const id = ++count;
    recorder.submit(id, endpoint, bytes, currentRequest());
    return run().then((outcome) => {
      recorder.reap(id, outcome.bytes, outcome.errno);
      return outcome;
    });
  };
  return {
    gone: transport.gone,
    control: (setup, data, signal) =>
      traced(setup.requestType & 0x80, data.length, () => transport.control(setup, data, signal)), // endpoint 0, direction as in bEndpointAddress
    transfer: (type, endpoint, data, signal) =>
      traced(endpoint, data.length, () => transport.transfer(type, endpoint, data, signal)),
    isochronous: (endpoint, data, lengths, signal) =>
      traced(endpoint, data.length, () => transport.isochronous(endpoint, data, lengths, signal)),
    memory: (length) => transport.memory(length),
    clearHalt: (endpoint) => transport.clearHalt(endpoint),
    setInterface: (number, alternate) => transport.setInterface(number, alternate),
    claim: (number) => transport.claim(number),
    release: (number) => transport.release(number),
    reset: () => transport.reset(),
    close: () => transport.close(),
  };
}
