// Undo and redo over whole immutable documents. Consecutive edits of the same place within a short pause are one entry, and the
// stack survives a reload as plain JSON of bounded size.

export interface Entry<T> {
  value: T;
  /** What the person did, for the undo button's title. */
  label: string;
}

export interface History<T> {
  past: ReadonlyArray<Entry<T>>;
  present: T;
  future: ReadonlyArray<Entry<T>>;
  /** The place last edited and when; edits of one place within the pause join. */
  joinKey: string | null;
  joinAt: number;
}

const DEEPEST = 200;
const PAUSE_MS = 1200;

export function startHistory<T>(present: T): History<T> {
  return { past: [], present, future: [], joinKey: null, joinAt: 0 };
}

export function record<T>(history: History<T>, value: T, label: string, key: string | null, now: number): History<T> {
  if (Object.is(value, history.present)) return history;
  const joins = key !== null && key === history.joinKey && now - history.joinAt < PAUSE_MS && history.future.length === 0;
  const past = joins ? history.past : [...history.past, { value: history.present, label }].slice(-DEEPEST);
  return { past, present: value, future: [], joinKey: key, joinAt: now };
}

export function undo<T>(history: History<T>): History<T> {
  const last = history.past.at(-1);
  if (!last) return history;
  return {
    past: history.past.slice(0, -1),
    present: last.value,
    future: [{ value: history.present, label: last.label }, ...history.future],
    joinKey: null,
    joinAt: 0,
  };
}

export function redo<T>(history: History<T>): History<T> {
  const next = history.future[0];
  if (!next) return history;
  return {
    past: [...history.past, { value: history.present, label: next.label }],
    present: next.value,
    future: history.future.slice(1),
    joinKey: null,
    joinAt: 0,
  };
}

/** Drops the oldest entries until the text fits; the present always stays. */
export function freeze<T>(history: History<T>, longest: number): string {
  let { past } = history;
  let future = history.future.slice(0, 20);
  for (;;) {
    const text = JSON.stringify({ past, present: history.present, future });
    if (text.length <= longest || (past.length === 0 && future.length === 0)) return text;
    if (past.length > 0) past = past.slice(Math.ceil(past.length / 2));
    else future = [];
  }
}

export function thaw<T>(text: string | null, isDocument: (value: unknown) => value is T): History<T> | null {
  if (!text) return null;
  try {
    const stored = JSON.parse(text) as { past?: Entry<T>[]; present?: unknown; future?: Entry<T>[] };
    if (!isDocument(stored.present)) return null;
    const keep = (entries: Entry<T>[] | undefined) => (entries ?? []).filter((entry) => isDocument(entry.value));
    return { past: keep(stored.past), present: stored.present, future: keep(stored.future), joinKey: null, joinAt: 0 };
  } catch {
    return null;
  }
}
