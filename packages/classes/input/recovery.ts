// Runs in: processes with a client end. Owns: nothing; what is replayed to a keyboard or mouse: nothing, its state is told anew.
import { nothingToReplay } from "@ring3/core/recovery";
import type { InputClass } from "./contract.ts";

export const recovery = nothingToReplay<InputClass>(({ vendor, product }) => [vendor, product]);
