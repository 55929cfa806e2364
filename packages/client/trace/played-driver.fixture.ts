// Runs in: tests. Owns: the memory of a device whose driver is nothing but what it records there.
import { DeviceMemory, HostDeviceMemory } from "@ring3/channel/device-memory";
import type { Clock } from "@ring3/core/clock";
import { duplicate } from "@ring3/kernel/fd/descriptor";

export function playedDriver(clock: Clock) {
  const memory = new DeviceMemory();
  const { recorder } = new HostDeviceMemory(duplicate(memory.fd), 0, clock);
  let slot = 0;
  /** One request, answered at once. */
  const works = () => {
    slot = (slot + 1) % 64;
    recorder.request(1, slot, 1, 512);
    recorder.answer(1, slot, 0);
  };
  return { lend: () => memory.lend(), works };
}
