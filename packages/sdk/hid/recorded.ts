// Runs in: driver host. Owns: nothing. A hidraw transport that leaves a trace of what its device is asked in the in-flight recorder.
import type { Recorder } from "@ring3/channel/recorder";
import type { HidrawTransport } from "@ring3/kernel/hidraw/transport";
import type { Outcome } from "@ring3/kernel/usb/transport";
import { currentRequest } from "../usb/recorded.ts";

// Which endpoint of the device it goes by, only the kernel knows: the direction alone is told, as in bEndpointAddress.
const OUT = 0x00;
const IN = 0x80;

export function recordedHidraw(transport: HidrawTransport, recorder: Recorder): HidrawTransport {
  let count = 0;
  const traced = (direction: number, bytes: number, run: () => Outcome): Outcome => {
    const id = ++count;
    recorder.submit(id, direction, bytes, currentRequest());
    const outcome = run();
    recorder.reap(id, outcome.bytes, outcome.errno);
    return outcome;
  };
  return {
    gone: transport.gone,
    listen: (listener) => transport.listen(listener),
    drain: () => transport.drain(),
    sendOutput: (report) => traced(OUT, report.length, () => transport.sendOutput(report)),
    sendFeature: (report) => traced(OUT, report.length, () => transport.sendFeature(report)),
    receive: (kind, into) => traced(IN, into.length, () => transport.receive(kind, into)),
    close: () => transport.close(),
  };
}
