// Runs in: keeper. Owns: nothing; one message to a Unix datagram socket that another process has bound.
import { native } from "../native.ts";

/** `address`: a path, or an abstract name behind an "@". False where nobody has taken it. */
export function sendDatagram(address: string, text: string): boolean {
  return native.sendDatagram(address, new TextEncoder().encode(text)) >= 0;
}
