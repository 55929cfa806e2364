// Runs in: make setup, Node. Owns: how the console's page becomes build/console-ui: a few files, named by what is in them.
import { resolve } from "node:path";
import { defineConfig } from "vite";

const here = import.meta.dirname;

export default defineConfig({
  root: here,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: resolve(here, "../../../build/console-ui"),
    emptyOutDir: true,
    assetsInlineLimit: 0, // the policy lets no data: address in
    modulePreload: { polyfill: false },
    rollupOptions: { input: [resolve(here, "index.html"), resolve(here, "door.html")] },
  },
  worker: { format: "es" },
});
