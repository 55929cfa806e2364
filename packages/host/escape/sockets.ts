// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. New sockets of every family, and other uses of those it has.
import { type Argument, type Group, harmless, refused } from "./probe.ts";

const CONTROL = 3; // host/main.ts
const SOCK_STREAM = 1; // linux/net.h
const SOCK_RAW = 3;
const SOL_SOCKET = 1; // asm-generic/socket.h
const SO_RCVBUF = 8;
const SO_PASSCRED = 16;
const SO_PEERPIDFD = 77;
const SO_ATTACH_FILTER = 26;
const room = new Uint8Array(256);

// linux/socket.h, AF_*: the names of the numbers from 0 to 45, and one that does not exist yet.
const families =
  `UNSPEC UNIX INET AX25 IPX APPLETALK NETROM BRIDGE ATMPVC X25 INET6 ROSE DECnet NETBEUI SECURITY KEY NETLINK PACKET ASH ECONET
ATMSVC RDS SNA IRDA PPPOX WANPIPE LLC IB MPLS CAN TIPC BLUETOOTH IUCV RXRPC ISDN PHONET IEEE802154 CAIF ALG NFC VSOCK KCM QIPCRTR
SMC XDP MCTP`.split(/\s+/);

/** Of the others, the kernel may load a module. */
const LOADED = ["UNIX", "INET", "INET6", "NETLINK"];

/** struct sockaddr_un, by path or by an abstract name. */
function unixAddress(path: string): Uint8Array {
  const address = new Uint8Array(110);
  new DataView(address.buffer).setUint16(0, 1, true);
  new TextEncoder().encodeInto(path, address.subarray(2));
  return address;
}

const calls: Readonly<Record<string, readonly Argument[]>> = {
  "socket raw": [2, SOCK_RAW, 1],
  "socketpair unix": [1, SOCK_STREAM, 0, room],
  "bind an abstract name": [CONTROL, unixAddress("\0ring3"), 110],
  "connect to the control socket": [CONTROL, unixAddress("/run/ring3/control.sock"), 110],
  "listen on its control socket": [CONTROL, 1],
  "accept on its control socket": [CONTROL, 0, 0],
  "accept4 on its control socket": [CONTROL, 0, 0, 0],
  "sendto its control socket": [CONTROL, room, 1, 0x40, 0, 0],
  "sendmsg descriptors to be parked on its control socket": [CONTROL, room, 0x40],
  "sendmmsg descriptors to be parked on its control socket": [CONTROL, room, 1, 0x40],
  "recvfrom its control socket": [CONTROL, room, 1, 0x42, 0, 0],
  "recvmmsg its control socket": [CONTROL, room, 1, 0x40, 0],
  "shutdown its control socket": [CONTROL, 2],
  "getsockname its control socket": [CONTROL, room, room],
  "getpeername its control socket": [CONTROL, room, room],
  "getsockopt a pidfd of its peer": [CONTROL, SOL_SOCKET, SO_PEERPIDFD, room, room],
  "setsockopt credentials": [CONTROL, SOL_SOCKET, SO_PASSCRED, room, 4],
  "setsockopt a packet filter": [CONTROL, SOL_SOCKET, SO_ATTACH_FILTER, room, 16],
  "setsockopt a huge buffer": [CONTROL, SOL_SOCKET, SO_RCVBUF, room, 4],
};

export const sockets: Group = {
  name: "sockets",
  probes: [
    ...families.flatMap((family, number) => {
      const probes = refused(`socket ${family}`, number, SOCK_STREAM, 0);
      return LOADED.includes(family) ? harmless(probes) : probes;
    }),
    ...Object.entries(calls).flatMap(([name, words]) => refused(name, ...words)),
  ],
};
