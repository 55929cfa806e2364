// Runs in: a reader's shell, `sh setup/node.sh docs/seals.ts`. Owns: nothing for long. Makes memory as a client makes it for a driver, and
// tries on it what a driver could try.
import { getSystemErrorName } from "node:util";
import { ClientMemory } from "@ring3/channel/client-channel";
import { native } from "@ring3/kernel/native";
import { block } from "@ring3/sdk";

const memory = new ClientMemory(block);
const bytes = new TextEncoder().encode("bytes on their way to the disk");
memory.slot(0, bytes.length).set(bytes);

function says(what: string, answer: unknown): void {
  const verdict = typeof answer === "number" && answer < 0 ? getSystemErrorName(answer) : "works";
  console.log(`${what.padEnd(22)} ${verdict}`);
}

const { fd } = memory;
const { size } = memory.layout.client;
says("map it to read", native.map(fd, size, false));
says("map it to write", native.map(fd, size, true));
says("write to it", native.write(fd, new Uint8Array(1)));
says("make it smaller", native.ftruncate(fd, 0));
says("make it larger", native.ftruncate(fd, 2 * size));
says("add a seal", native.addSeals(fd, 0x08)); // F_SEAL_WRITE, linux/fcntl.h
console.log(`seals: 0x${native.getSeals(fd).toString(16)}`);
memory.close();
