// Runs in: a developer's shell, `node packages/control/generate-schema.ts`. Owns: driver.schema.json and mapping.schema.json.
import { writeFileSync } from "node:fs";
import { outputNames, triggerNames } from "@ring3/core/controls";
import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import { manifestSchema } from "./manifest.ts";
import { mappingSchema } from "./mapping.ts";
import { actionNames } from "./mapping-actions.ts";

const DRAFT = "http://json-schema.org/draft-07/schema#";
const lists = { output: outputNames, action: actionNames, trigger: triggerNames };

/** What editors offer and check. Rules between fields (`v.check`) have no form there and stay ours. */
export const schemas: readonly { readonly path: URL; readonly text: () => string }[] = [
  {
    path: new URL("./driver.schema.json", import.meta.url),
    text: () => schemaText(manifestSchema, "A ring3 driver's manifest"),
  },
  {
    path: new URL("./mapping.schema.json", import.meta.url),
    text: () => schemaText(mappingSchema, "What buttons, sticks and keys do in ring3", lists),
  },
];

/** `lists` are what picklists choose from that stand in it more than once. */
function schemaText(
  schema: GenericSchema,
  title: string,
  lists: Readonly<Record<string, readonly string[]>> = {},
): string {
  const config: ConversionConfig = {
    typeMode: "input",
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema }) => {
      if (!("options" in valibotSchema)) return undefined;
      const { type, options } = valibotSchema;
      if (type === "lazy") return { anyOf: (options as GenericSchema[]).map(alone) };
      const list = Object.entries(lists).find(([, names]) => names === options);
      return list === undefined ? undefined : { $ref: `#/$defs/${list[0]}` };
    },
  };
  const alone = (option: GenericSchema) => {
    const { $schema, $defs, ...rest } = toJsonSchema(option, config);
    return rest;
  };
  const named = Object.entries(lists).map(([name, names]) => [name, { type: "string", enum: names }]);
  const shared = named.length === 0 ? {} : { $defs: Object.fromEntries(named) };
  return `${JSON.stringify({ ...alone(schema), $schema: DRAFT, title, ...shared }, null, 2)}\n`;
}

if (import.meta.main) for (const { path, text } of schemas) writeFileSync(path, text());
