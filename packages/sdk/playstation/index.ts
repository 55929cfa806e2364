// Runs in: driver host, in a driver's code. Owns: what drivers of Sony's controllers have in common, as Linux's hid-playstation has it.
export { decodeCalibration } from "./calibration.ts";
export {
  decodeInput,
  type Identity,
  INPUT_BYTES,
  INPUT_ID,
  type InputLayout,
  type Power,
  propertiesOf,
} from "./input.ts";
export { type FeatureReport, Pad, type PadKind, type PadOps, whyNot } from "./pad.ts";
export { rehearsalOf } from "./rehearsal.ts";
