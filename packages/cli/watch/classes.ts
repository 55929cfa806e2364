// Runs in: CLI. Owns: what the units of each class look like. A class without a picture of its own is shown by its contract.
import { gamepadPicture } from "@ring3/classes/gamepad/picture";
import { inputPicture } from "@ring3/classes/input/picture";
import type { UnitInfo } from "@ring3/client";
import type { Contract } from "@ring3/core/contract";
import type { Picture } from "@ring3/core/picture";
import { contractPicture } from "./contract-picture.ts";

const own = { gamepad: gamepadPicture, input: inputPicture } as unknown as Readonly<
  Record<string, ((properties: UnitInfo["properties"]) => Picture<Contract>) | undefined>
>;

export function pictureOf(contract: Contract, properties: UnitInfo["properties"]): Picture<Contract> {
  return own[contract.name]?.(properties) ?? contractPicture(contract, properties);
}
