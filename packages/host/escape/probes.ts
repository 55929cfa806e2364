// Runs in: driver host, as the hostile driver of `ring3 probe`; its names and expectations also in list.ts. Owns: the list of all groups.
import { descriptors } from "./descriptors.ts";
import { files } from "./files.ts";
import { floods } from "./floods.ts";
import { kernel } from "./kernel.ts";
import { memory, numbers } from "./memory.ts";
import { node } from "./node.ts";
import type { Group } from "./probe.ts";
import { processes } from "./processes.ts";
import { requests } from "./requests.ts";
import { rings } from "./rings.ts";
import { sockets } from "./sockets.ts";

export const groups: readonly Group[] = [
  files,
  processes,
  sockets,
  kernel,
  descriptors,
  requests,
  memory,
  numbers,
  rings,
  floods,
  node,
];
