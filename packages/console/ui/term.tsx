// Runs in: browser. Owns: what the console's words mean, one click behind each.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

const terms = {
  driver:
    "The program that knows how to talk to a device of this kind. ring3 runs it as an ordinary process, locked in.",
  start:
    "How often a driver was started on this device since it was plugged in. A crash costs a start, not the device.",
  requests: "What programs ask of the device, such as reading a block. Counted when the driver answers.",
  p50: "Half of all requests take no longer than this, from their arrival at the driver to its answer.",
  p99: "99 of 100 requests take no longer than this.",
  memory: "What the driver's process has for itself and shares with nobody.",
  cpu: "How much of one processor the driver's process takes.",
  jail: "The driver's process sees no files, no network and no other process, and the kernel refuses it whatever its work does not need.",
  unit: "One thing that a driver makes of a device: a disk, a controller. Programs use units.",
  fenced:
    "The old driver's process is proven to be dead: it can touch the device no more. Only then another is started.",
  gap: "For so long nobody answered. What programs asked in that time was kept, and answered afterwards.",
} as const;
export type TermName = keyof typeof terms;

export function Term({ of, children }: { of: TermName; children: ComponentChildren }) {
  const id = useId();
  return (
    <>
      <button type="button" class="term" popovertarget={id}>
        {children}
      </button>
      <span id={id} popover="auto" class="meaning">
        {terms[of]}
      </span>
    </>
  );
}
