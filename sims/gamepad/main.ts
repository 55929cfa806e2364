// Runs in: a process of its own, the gamepad sim. Owns: nothing; names the models.
import { runInputSim } from "../input/program.ts";
import { dualsense } from "./models/dualsense.ts";
import { dualshock4 } from "./models/dualshock4.ts";
import { generic } from "./models/generic.ts";
import { switchPro } from "./models/switch-pro.ts";
import { xbox360 } from "./models/xbox-360.ts";
import { xboxOne } from "./models/xbox-one.ts";
import { words } from "./vocabulary.ts";

await runInputSim(
  "gamepad",
  { "xbox-360": xbox360, "xbox-one": xboxOne, dualshock4, dualsense, "switch-pro": switchPro, generic },
  words,
);
