// Runs in: processes with a client end. Owns: nothing; what is replayed to a game controller: nothing, its state is told anew.
import { nothingToReplay } from "@ring3/core/recovery";
import type { Gamepad } from "./contract.ts";

export const recovery = nothingToReplay<Gamepad>(({ vendor, product }) => [vendor, product]);
