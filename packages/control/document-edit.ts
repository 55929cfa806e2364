// Runs in: CLI. Owns: nothing. Changes of a YAML text at the places where its nodes stand, so that all else stays as it is, byte for byte. Pure.
import { isDeepStrictEqual } from "node:util";
import {
  type CST,
  Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parse,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { sentence } from "./sentence.ts";
import { type Splice, TextLines } from "./text-lines.ts";

export type Path = readonly (string | number)[];
type Collection = YAMLMap | YAMLSeq;

/** A value that is written in one line, whatever is in it. */
export const inline = (value: unknown): Node => new Document().createNode(value, { flow: true });

/** The text with that value at a path, of which the last parts need not be there; `value` may have inline ones in it. Throws DeviceError. */
export function withValue(text: string, file: string, path: Path, value: unknown): string {
  const source = new Source(text, file);
  const node = new Document().createNode(value);
  const { found, rest } = source.walk(path);
  const edited = rest.length === 0 ? source.replaced(found, node) : source.added(found, rest, node);
  const wanted = unshared(source.document.toJS() ?? {}) as object;
  setIn(wanted, path, node.toJS(source.document));
  return source.proven(edited, wanted);
}

/** The text without what is at a path in an object; that is there. Throws DeviceError. */
export function withoutPair(text: string, file: string, path: Path): string {
  const source = new Source(text, file);
  const { found, rest } = source.walk(path);
  const wanted = unshared(source.document.toJS()) as object;
  deleteIn(wanted, path);
  return source.proven(rest.length === 0 ? source.removed(found) : text, wanted);
}

interface Found {
  readonly path: Path;
  readonly node: Node | null;
  /** Whose value it is; undefined: the text's itself, or an item of a list. */
  readonly pair: Pair | undefined;
  readonly parent: Found | undefined;
  /** Something above it is written between brackets. */
  readonly isWithin: boolean;
}

class Source {
  readonly document: Document.Parsed;
  readonly #lines: TextLines;
  readonly #file: string;

  constructor(text: string, file: string) {
    this.#lines = new TextLines(text);
    this.#file = file;
    this.document = parseDocument(text, { logLevel: "error", keepSourceTokens: true });
  }

  /** As far as there is something at the path. */
  walk(path: Path): { found: Found; rest: Path } {
    const { contents } = this.document;
    let found: Found = { path: [], node: contents, pair: undefined, parent: undefined, isWithin: false };
    for (const [at, key] of path.entries()) {
      const { node } = found;
      this.#refuseShared(found);
      const pair = isMap(node)
        ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
        : undefined;
      const next = pair?.value ?? (isSeq(node) ? node.items[Number(key)] : undefined);
      if (!isNode(next)) return { found, rest: path.slice(at) };
      const isWithin = found.isWithin || isFlow(node);
      found = {
        path: path.slice(0, at + 1),
        node: next,
        pair: pair as Pair | undefined,
        parent: found,
        isWithin,
      };
    }
    return { found, rest: [] };
  }

  /** Comments that stood in what was there stand above it then. */
  replaced({ node, pair, path }: Found, value: Node): string {
    this.#refuseAnchors(path, node!);
    const { text, eol } = this.#lines;
    const [colon, ...behind] = tokensBehindKey(pair!);
    const isBelow = behind.some(({ type }) => type === "newline");
    const first = behind.find(({ type }) => type !== "space")?.offset ?? startOf(node!);
    const start = isBelow ? endOf(colon!) : first;
    const end = this.#contentEnd(node);
    const key = pairStart(pair!);
    const indent = " ".repeat(this.#lines.column(key));
    const comments = commentsIn(pair!.srcToken).filter(({ offset }) => offset >= start && offset < end);
    const space = comments.length > 0 && /[^\s]$/.test(text.slice(0, key)) ? " " : "";
    const above = comments.map(({ source }) => `${source}${eol}${indent}`).join("");
    const written = `${isBelow ? " " : ""}${textOf(value)}`;
    return this.#lines.spliced([key, key, space + above], [start, end, written]);
  }

  /** Below `found`, which is there, and behind what it has already. */
  added({ node, pair, isWithin }: Found, [key, ...deeper]: Path, value: Node): string {
    const nested = deeper.reduceRight<unknown>(
      (inner, key) => (typeof key === "number" ? [inner] : { [key]: inner }),
      value,
    );
    const item = new Document().createNode(
      typeof key === "number" ? [nested] : { [key!]: nested },
    ) as Collection;
    if (!isCollection(node)) return this.#inserted(item, 0, this.#lines.text.length);
    if (node.items.length > 0 && !isFlow(node)) {
      const column = this.#lines.column(itemStart(node));
      return this.#inserted(item, column, this.#lines.behind(this.#contentEnd(node), column));
    }
    const [start, end] = node.range!;
    const isBare = node.items.length === 0 && !this.#lines.text.slice(start, end).includes("#");
    if (isWithin || pair === undefined || !isBare) return this.#insertedInline(node, item);
    const column = this.#lines.column(pairStart(pair)) + this.#lines.step;
    const before = this.#lines.text.slice(0, start).trimEnd().length; // {} and [] make room for lines
    return this.#inserted(item, column, this.#lines.next(end), [before, end, ""]);
  }

  removed({ pair, parent, path }: Found): string {
    this.#refuseAnchors(path, pair!);
    const { text } = this.#lines;
    const start = pairStart(pair!);
    const end = this.#contentEnd(pair);
    const isAlone =
      text.slice(this.#lines.start(start), start).trim() === "" &&
      /^[ \t]*,?[ \t]*(#.*)?\r?\n?$/.test(text.slice(end, this.#lines.next(end)));
    if (!isAlone) {
      const comma = /^[ \t]*,[ \t]*/.exec(text.slice(end))?.[0].length ?? 0;
      const before = comma > 0 ? start : /(,[ \t]*)?$/.exec(text.slice(0, start))!.index;
      return this.#lines.spliced([before, end + comma, ""]);
    }
    const next = this.#lines.behind(end, this.#lines.column(start));
    const lines: Splice = [this.#lines.above(start), next, ""];
    const { node, pair: above } = parent!;
    if (isFlow(node) || (node as YAMLMap).items.length > 1) return this.#lines.spliced(lines);
    const marks = ["map-value-ind", "anchor", "tag"];
    const at = endOf(tokensBehindKey(above!).findLast(({ type }) => marks.includes(type))!);
    return this.#lines.spliced([at, at, " {}"], lines);
  }

  /** That it says what it is to say, and nothing else. */
  proven(edited: string, wanted: unknown): string {
    let found: unknown;
    try {
      found = parse(edited, { logLevel: "error" });
    } catch {
      found = undefined;
    }
    if (isDeepStrictEqual(found, wanted)) return edited;
    throw this.#byHand("it is written in a way that cannot be changed without changing more");
  }

  #refuseShared({ node, path }: Found): void {
    const name = path.join(".");
    if (isAlias(node))
      throw this.#byHand(`${name} is an alias (*${node.source}), so it would change elsewhere too`);
    const anchor = isCollection(node) ? node.anchor : undefined;
    if (anchor !== undefined && this.#aliases().some(({ source }) => source === anchor))
      throw this.#byHand(`${name} stands elsewhere too (*${anchor}), so it would change there`);
  }

  /** What is taken away must not be what an alias elsewhere stands for. */
  #refuseAnchors(path: Path, gone: Node | Pair): void {
    const anchors = new Set<string>();
    const own = new Set<unknown>();
    visit(gone as Node, {
      Alias: (_, alias) => void own.add(alias),
      Value: (_, { anchor }) => void (anchor !== undefined && anchors.add(anchor)),
    });
    const left = this.#aliases().find((alias) => anchors.has(alias.source) && !own.has(alias));
    if (left !== undefined)
      throw this.#byHand(
        `an alias (*${left.source}) elsewhere stands for what is written at ${path.join(".")}`,
      );
  }

  #aliases() {
    const aliases: { readonly source: string }[] = [];
    visit(this.document, { Alias: (_, alias) => void aliases.push(alias) });
    return aliases;
  }

  #byHand = (why: string) => sentence("unsupported", `${why}: edit ${this.#file} by hand`);

  #inserted(item: Collection, column: number, at: number, ...more: readonly Splice[]): string {
    const lines = textOf(item, this.#lines.step).split("\n");
    return this.#lines.spliced([at, at, this.#lines.written(lines, column, at)], ...more);
  }

  /** Between brackets. */
  #insertedInline(collection: Collection, item: Collection): string {
    item.flow = true;
    const written = textOf(item).slice(1, -1).trim();
    if (collection.items.length > 0) {
      const at = this.#contentEnd(collection.items.at(-1));
      return this.#lines.spliced([at, at, `, ${written}`]);
    }
    const at = startOf(collection) + 1;
    const space = /[\]}]/.test(this.#lines.text[at]!) ? " " : "";
    return this.#lines.spliced([at, at, ` ${written}${space}`]);
  }

  /** Where its last word ends. */
  #contentEnd(item: unknown): number {
    if (isPair(item)) return this.#contentEnd(item.value ?? item.key);
    if (isCollection(item) && !isFlow(item) && item.items.length > 0)
      return this.#contentEnd(item.items.at(-1));
    return this.#lines.text.slice(0, (item as Node).range![1]).trimEnd().length;
  }
}

type Token = CST.SourceToken;
const isFlow = (node: unknown) => isCollection(node) && node.flow === true;
const startOf = (node: Node): number => node.range![0];
const endOf = ({ offset, source }: Token): number => offset + source.length;
const textOf = (node: Node, indent = 2): string =>
  new Document(node).toString({ lineWidth: 0, indent }).trimEnd();

/** From the colon on. */
function tokensBehindKey({ srcToken }: Pair): Token[] {
  const tokens = srcToken?.sep ?? [];
  return tokens.slice(tokens.findIndex(({ type }) => type === "map-value-ind"));
}

function pairStart({ key, srcToken }: Pair): number {
  const first = srcToken?.start.find(({ type }) => ["explicit-key-ind", "anchor", "tag"].includes(type));
  return first?.offset ?? startOf(key as Node);
}

/** Of the first in a collection that is written in lines. */
function itemStart(collection: Collection): number {
  if (isMap(collection)) return pairStart(collection.items[0] as Pair);
  const { items } = collection.srcToken as CST.BlockSequence;
  return items[0]!.start.find(({ type }) => type === "seq-item-ind")!.offset;
}

function commentsIn(token: unknown): Token[] {
  if (typeof token !== "object" || token === null) return [];
  if ((token as Token).type === "comment") return [token as Token];
  return Object.values(token).flatMap(commentsIn);
}

/** Aliases give one object more than once. */
const unshared = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(unshared);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unshared(inner)]));
};

type Holder = Record<string | number, unknown>;

function setIn(holder: object, [key, ...deeper]: Path, value: unknown): void {
  const at = holder as Holder;
  if (deeper.length > 0) at[key!] ??= typeof deeper[0] === "number" ? [] : {};
  if (deeper.length > 0) setIn(at[key!] as object, deeper, value);
  else at[key!] = value;
}

function deleteIn(holder: object, path: Path): void {
  const above = path.slice(0, -1).reduce<unknown>((at, key) => (at as Holder)[key], holder);
  delete (above as Holder)[path.at(-1)!];
}
