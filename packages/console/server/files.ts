// Runs in: console, before it confines itself. Owns: the page's files, in memory: a confined process opens none.
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative } from "node:path";

export interface StaticFile {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its name has a hash of what is in it. */
  readonly forever: boolean;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** By their paths, such as "/index.html". Throws where there are none, or one of a kind that nobody knows. */
export function readFiles(folder: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const type = types[extname(path)];
    if (type === undefined) throw new Error(`${path}: there is no type for such a file`);
    const name = `/${relative(folder, path)}`;
    files.set(name, {
      type,
      bytes: new Uint8Array(readFileSync(path)),
      forever: name.startsWith("/assets/"),
    });
  }
  return files;
}
