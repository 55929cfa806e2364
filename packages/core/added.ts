// Runs in: everywhere. Owns: what two changes in a row are as one, for an event whose overflow is "add". Pure.
import { i32, type Struct } from "./struct.ts";

const I32_MAX = 0x7fff_ffff;

/** Nothing has moved further than its field can say. */
export function added(fields: Struct<unknown> | undefined, before: unknown, data: unknown): unknown {
  const [earlier, later] = [before, data] as Readonly<Record<string, number>>[];
  const sum: Record<string, number> = { ...later };
  for (const { name, field } of fields?.shape.members ?? [])
    if (field === i32) sum[name] = Math.max(-I32_MAX, Math.min(I32_MAX, earlier![name]! + later![name]!));
  return sum;
}
