/* Reads a JSON object that is still being written: which fields are there and which of them are finished. */

import type { Json } from "~/lib/document/types";

export interface PartialField {
  name: string;
  value: Json;
  done: boolean;
}

class Ends extends Error {}

class Reader {
  private at = 0;
  constructor(private readonly text: string) {}

  fields(): PartialField[] {
    const found: PartialField[] = [];
    try {
      this.expect("{");
      while (this.peek() !== "}") {
        const name = this.string();
        if (!name.done) break;
        this.expect(":");
        this.peek();
        const { value, done } = this.value();
        found.push({ name: name.value, value, done });
        if (!done) break;
        if (this.peek() === ",") this.at += 1;
      }
    } catch (error) {
      if (!(error instanceof Ends)) throw error;
    }
    return found;
  }

  private peek(): string {
    while (/\s/.test(this.text[this.at] ?? "")) this.at += 1;
    const letter = this.text[this.at];
    if (letter === undefined) throw new Ends();
    return letter;
  }

  private expect(letter: string): void {
    if (this.peek() !== letter) throw new Ends();
    this.at += 1;
  }

  private value(): { value: Json; done: boolean } {
    const letter = this.text[this.at] ?? "";
    if (letter === '"') return this.string();
    if (letter === "[") return this.list();
    if (letter === "{") return this.record();
    const plain = /^[^,\]}\s]*/.exec(this.text.slice(this.at))?.[0] ?? "";
    this.at += plain.length;
    const done = this.at < this.text.length;
    try {
      return { value: JSON.parse(plain) as Json, done };
    } catch {
      return { value: plain, done };
    }
  }

  private string(): { value: string; done: boolean } {
    if (this.peek() !== '"') throw new Ends();
    const start = this.at;
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === "\\" ? 2 : 1;
    const done = end < this.text.length;
    let raw = this.text.slice(start + 1, Math.min(end, this.text.length));
    // A cut escape at the end has no meaning yet.
    if (!done) raw = raw.replace(/\\(u[0-9a-fA-F]{0,3})?$/, "");
    this.at = done ? end + 1 : this.text.length;
    try {
      return { value: JSON.parse(`"${raw}"`) as string, done };
    } catch {
      return { value: raw, done };
    }
  }

  private list(): { value: Json[]; done: boolean } {
    const value: Json[] = [];
    this.at += 1;
    try {
      while (this.peek() !== "]") {
        const entry = this.value();
        value.push(entry.value);
        if (!entry.done) return { value, done: false };
        if (this.peek() === ",") this.at += 1;
      }
    } catch (error) {
      if (error instanceof Ends) return { value, done: false };
      throw error;
    }
    this.at += 1;
    return { value, done: true };
  }

  private record(): { value: Record<string, Json>; done: boolean } {
    const value: Record<string, Json> = {};
    this.at += 1;
    try {
      while (this.peek() !== "}") {
        const name = this.string();
        if (!name.done) return { value, done: false };
        this.expect(":");
        this.peek();
        const entry = this.value();
        value[name.value] = entry.value;
        if (!entry.done) return { value, done: false };
        if (this.peek() === ",") this.at += 1;
      }
    } catch (error) {
      if (error instanceof Ends) return { value, done: false };
      throw error;
    }
    this.at += 1;
    return { value, done: true };
  }
}

/** What was written so far: prose, or the fields as values. */
export function partialValue(text: string): Json {
  const fields = partialFields(text);
  return fields === null ? text : Object.fromEntries(fields.map((field) => [field.name, field.value]));
}

/** The fields written so far, or `null` when the text is no object but prose. */
export function partialFields(text: string): PartialField[] | null {
  return text.trimStart().startsWith("{") ? new Reader(text).fields() : null;
}
