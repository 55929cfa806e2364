// Runs in: CLI. Owns: which classes can be watched, and what their units look like. A class without a picture of its own is shown by its contract.
import { gamepadPicture } from "@ring3/classes/gamepad/picture";
import { inputPicture } from "@ring3/classes/input/picture";
import { blockClass, type ClientClass, gamepadClass, inputClass, type UnitInfo } from "@ring3/client";
import type { Contract, Properties } from "@ring3/core/contract";
import type { Picture } from "@ring3/core/picture";
import { contractPicture } from "./contract-picture.ts";

export interface WatchedClass {
  readonly client: ClientClass<Contract>;
  picture(properties: UnitInfo["properties"]): Picture<Contract>;
}

function watchedClass<C extends Contract>(
  client: ClientClass<C>,
  picture: (properties: Properties<C>) => Picture<C> = (properties) =>
    contractPicture(client.contract, properties),
): WatchedClass {
  return { client, picture } as unknown as WatchedClass;
}

export const watchedClasses: Readonly<Record<string, WatchedClass | undefined>> = {
  block: watchedClass(blockClass),
  gamepad: watchedClass(gamepadClass, gamepadPicture),
  input: watchedClass(inputClass, inputPicture),
};
