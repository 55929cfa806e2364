// Runs in: manager. Owns: the memory in which a driver answers one client, until both have it.

import type { Contract } from "@ring3/core/contract";
import { createMemory, type Memory } from "@ring3/kernel/shm/memory";
import { layoutOf } from "./layout.ts";

/**
 * Made for the driver, whose jail lets it neither make memory nor send descriptors. Order: the driver maps `fd`, `seal`
 * leaves that mapping the only one that can write, and then the client is given `fd`.
 */
export function createDriverMemory(contract: Contract): Memory {
  const memory = createMemory("ring3-driver", layoutOf(contract).driver.size);
  memory.sealSize();
  return memory;
}
