// Runs in: a developer's shell, `node packages/control/generate-schema.ts`. Owns: driver.schema.json.
import { writeFileSync } from "node:fs";
import { toJsonSchema } from "@valibot/to-json-schema";
import { manifestSchema } from "./manifest.ts";

export const schemaPath = new URL("./driver.schema.json", import.meta.url);

/** What editors offer and check in a driver.json. Rules between fields (`v.check`) have no form there and stay ours. */
export function driverSchemaText(): string {
  const schema = toJsonSchema(manifestSchema, { typeMode: "input", errorMode: "ignore" });
  return `${JSON.stringify({ ...schema, title: "A ring3 driver's manifest" }, null, 2)}\n`;
}

if (import.meta.main) writeFileSync(schemaPath, driverSchemaText());
