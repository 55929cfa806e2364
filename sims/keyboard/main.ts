// Runs in: a process of its own, the keyboard sim. Owns: nothing; names the models.
import { runInputSim } from "../input/program.ts";
import { hidppMouse } from "./models/hidpp.ts";
import { keyboard } from "./models/keyboard.ts";
import { mouse } from "./models/mouse.ts";
import { nkro } from "./models/nkro.ts";
import { words } from "./vocabulary.ts";

await runInputSim("keyboard", { keyboard, nkro, mouse, hidpp: hidppMouse }, words);
