/* A template's tree of blocks as a flat list to show. Knows only that blocks have a type and may hold blocks. */

export interface Block {
  key: string;
  id: string;
  type: string;
  label: string | null;
  depth: number;
  settings: Record<string, unknown>;
}

type Record_ = Record<string, unknown>;

function isBlock(value: unknown): value is Record_ {
  return typeof value === "object" && value !== null && typeof (value as Record_).type === "string";
}

function holdsBlocks(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((entry) => isBlock(entry) || holdsBlocks(entry) || columnOf(entry) !== null);
}

/** A column of columns: a thing without a type that holds blocks. */
function columnOf(value: unknown): unknown[] | null {
  if (typeof value !== "object" || value === null || Array.isArray(value) || isBlock(value)) return null;
  const inside = (value as Record_).blocks;
  return Array.isArray(inside) ? inside : null;
}

function walk(value: unknown, depth: number, path: string, into: Block[]): void {
  if (Array.isArray(value)) {
    value.forEach((entry, at) => walk(entry, depth, `${path}/${at}`, into));
    return;
  }
  const column = columnOf(value);
  if (column !== null) {
    walk(column, depth, `${path}/blocks`, into);
    return;
  }
  if (!isBlock(value)) return;
  // The paragraphs and lists of a text are no blocks.
  const inside = Object.entries(value).filter(([name, entry]) => name !== "content" && holdsBlocks(entry));
  const settings = Object.fromEntries(
    Object.entries(value).filter(([name]) => !["type", "id", "name"].includes(name) && !inside.some(([held]) => held === name)),
  );
  into.push({
    key: path,
    id: typeof value.id === "string" ? value.id : path,
    type: String(value.type),
    label: typeof value.name === "string" && value.name !== "" ? value.name : null,
    depth,
    settings,
  });
  for (const [name, entry] of inside) walk(entry, depth + 1, `${path}/${name}`, into);
}

export function blocksOf(template: Record_): Block[] {
  const found: Block[] = [];
  for (const region of ["header", "blocks", "body", "footer"]) {
    const value = template[region];
    if (value === undefined || value === null) continue;
    if (region === "header" || region === "footer") {
      const held: Block[] = [];
      walk(columnOf(value) ?? value, 1, `/${region}`, held);
      if (held.length === 0) continue;
      found.push({ key: `/${region}`, id: region, type: region, label: null, depth: 0, settings: {} }, ...held);
    } else {
      walk(value, 0, `/${region}`, found);
    }
  }
  return found;
}

/** What belongs to the whole page: size, margins, fonts, colours. */
export function settingsOf(template: Record_): Record_ {
  return Object.fromEntries(
    Object.entries(template).filter(([name]) => !["format", "header", "blocks", "body", "footer", "fields", "samples", "images", "assets"].includes(name)),
  );
}
