// Runs in: lab, outside the guest. A Unix socket that QEMU connects to, spoken in lines of JSON.
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

export interface Lines {
  send(message: unknown): void;
  close(): void;
}

/** Resolves once the socket listens: QEMU is the side that connects, so that its start is the connection. */
export async function serveLines<M>(
  path: string,
  receive: (message: M, reply: (message: unknown) => void) => void,
): Promise<Lines> {
  let socket: Socket | undefined;
  const server: Server = createServer((connection) => {
    socket = connection;
    const send = (message: unknown) => connection.write(`${JSON.stringify(message)}\n`);
    connection.on("error", () => connection.destroy()); // QEMU's end is seen as its exit
    createInterface({ input: connection }).on("line", (line) => receive(JSON.parse(line) as M, send));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  return {
    send: (message) => void socket!.write(`${JSON.stringify(message)}\n`),
    close: () => {
      socket?.destroy();
      server.close();
    },
  };
}
