// Runs in: lab guest, in tests, a process of its own with a usbfs grant as descriptor 3. Puts a driver's filter on itself, then
// tries what is beyond the grant, and prints each answer as [name, answer].
import { writeSync } from "node:fs";
import { driverFilter } from "@ring3/kernel/jail/stage-driver";
import { native } from "@ring3/kernel/native";
import { hostRequests } from "@ring3/kernel/usbfs/constants";

const GRANT_FD = 3;
/** The interface that the grant has, and one that it has not. */
const [OURS, FOREIGN] = [0, 1];

const word = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const room = (bytes: number) => new Uint8Array(bytes);

// linux/usbdevice_fs.h; those that hostRequests has not are refused by number.
const attempts: readonly (readonly [name: string, request: number, argument: Uint8Array | number])[] = [
  ["claim the foreign interface", hostRequests.USBDEVFS_CLAIMINTERFACE, word(FOREIGN)],
  ["release the foreign interface", hostRequests.USBDEVFS_RELEASEINTERFACE, word(FOREIGN)],
  ["reset the device", hostRequests.USBDEVFS_RESET, 0],
  ["release ours", hostRequests.USBDEVFS_RELEASEINTERFACE, word(OURS)],
  ["claim ours again", hostRequests.USBDEVFS_CLAIMINTERFACE, word(OURS)],
  ["SETCONFIGURATION", 0x80045505, word(1)],
  ["CONTROL", 0xc0185500, room(24)],
  ["BULK", 0xc0185502, room(24)],
  ["SUBMITURB32", 0x802a550a, room(42)],
  ["REAPURB, which blocks", 0x4008550c, room(8)],
  ["IOCTL", 0xc0105512, room(16)],
  ["DISCONNECT", 0x5516, 0],
  ["CONNECT", 0x5517, 0],
  ["CLAIM_PORT", 0x80045518, word(1)],
  ["DISCONNECT_CLAIM", 0x8108551b, room(264)],
  ["ALLOC_STREAMS", 0x8008551c, room(8)],
  ["DROP_PRIVILEGES", 0x4004551e, word(0xffffffff)],
  ["FORBID_SUSPEND", 0x5521, 0],
];

const refused = native.seccomp(driverFilter("x64", "standard", Object.values(hostRequests)), true);
if (refused < 0) throw new Error(`no filter: ${refused}`);
const answers = attempts.map(([name, request, argument]) => [
  name,
  native.ioctl(GRANT_FD, request, argument),
]);
writeSync(1, JSON.stringify(answers));
process.exit(0); // at once: the event loop has a ring of io_uring that it may not use any more
