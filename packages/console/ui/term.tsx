// Runs in: browser. Owns: what the console's words mean, one click behind each.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { meanings } from "./words.ts";

const terms = {
  driver:
    "The program that knows how to talk to a device of this kind. ring3 runs it as an ordinary process, locked in.",
  start:
    "How often a driver was started on this device since it was plugged in. A crash costs a start, not the device.",
  requests: "What programs ask of the device, such as reading a block. Counted when the driver answers.",
  events:
    "What the device tells by itself, such as where a stick stands. Counted when the driver tells it, however many programs hear of it.",
  p50: "Half of all requests take no longer than this, from their arrival at the driver to its answer.",
  p99: "99 of 100 requests take no longer than this.",
  memory: "What the driver's process has for itself and shares with nobody.",
  cpu: "How much of one processor the driver's process takes.",
  jail: "The driver's process sees no files, no network and no other process, and the kernel refuses it whatever its work does not need.",
  place:
    "The bus, the port it is plugged into, and which of its functions. Another port makes another place.",
  usb: "What is plugged into this machine's USB ports, or simulated as if it were: by ports, with hubs and what hangs from them.",
  hid: "Keyboards, mice and controllers that are not on USB, but on Bluetooth, inside a notebook, or made by a program. HID is how such devices say what they have.",
  unit: "One thing that a driver makes of a device: a disk, a controller. Programs use units.",
  keeper: "The process that is everyone's parent: it starts the manager, and another one when that dies.",
  manager:
    "The process that finds devices, chooses drivers and has them started. It never touches what programs and devices say.",
  reflector:
    "The process that programs meet in a driver's place: it has the disks, sockets and input devices of one class, and keeps what was asked while a driver is replaced. When it dies, another is started; who used a socket of it connects again.",
  nbd: "A disk at a socket: programs that speak NBD, the protocol for disks over a network, use it there.",
  "nbd-device": "A disk of the kernel's, served by ring3: any program can use it and it can be mounted.",
  ublk: "A disk of the kernel's, served by ring3: any program can use it and it can be mounted.",
  uinput: "An input device of the kernel's, made by ring3: games and desktops find it as any other.",
  fenced:
    "The old driver's process is proven to be dead: it can touch the device no more. Only then another is started.",
  gap: "For so long it had no driver. What programs asked of a disk in that time was kept, and answered afterwards; of a controller all was released. A driver that hung had been silent before that: for how long, stands with the reason of its end.",
  systemCall:
    "A way to ask the kernel for something, such as memory or to wait. The kernel has more than 300; what is not among these it refuses the driver, or ends it for.",
  deviceRequest:
    "What the driver asks of the kernel's node of its device (ioctl), such as to send or to take back a transfer.",
  stop: "For so long it was stopped, on request. What programs asked in that time was refused.",
  recorder:
    "The driver's host writes down each step as it goes, in memory that outlives it: a request that came (request), a transfer that was given to the kernel (submit) or came back (reap), an answer (complete), a line of the log. A channel is one program's connection, a slot one request on it.",
  crash:
    "Written whenever a driver fails: why, where in its program it stood, what it had in hand, and what it did last.",
  state: Object.entries(meanings).map(([state, meaning]) => (
    <span key={state} class="line">
      <strong>{state}</strong> {meaning}
    </span>
  )),
};
export type TermName = keyof typeof terms;
export const isTerm = (name: string): name is TermName => Object.hasOwn(terms, name);

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
