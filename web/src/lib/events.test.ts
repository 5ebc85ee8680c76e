import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LiveEvent } from "~/api/types";
import { LiveStream } from "./events";

type Listener = (event: MessageEvent<string>) => void;

class Source {
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  readyState = 0;
  closed = false;
  private readonly listeners = new Map<string, Listener>();
  constructor(readonly url: string) {
    sources.push(this);
  }
  addEventListener(kind: string, listener: Listener) {
    this.listeners.set(kind, listener);
  }
  close() {
    this.closed = true;
    this.readyState = 2;
  }
  open() {
    this.readyState = 1;
    this.onopen?.(new Event("open"));
  }
  send(event: LiveEvent) {
    this.listeners.get("change")?.(new MessageEvent("message", { data: JSON.stringify(event) }));
  }
}

type Channel = { onmessage: ((event: MessageEvent) => void) | null; postMessage(message: unknown): void; close(): void };
let sources: Source[] = [];
let channels: Channel[] = [];
let tabs: LiveStream[] = [];

function tab(id: string): LiveStream {
  const stream = new LiveStream({
    id,
    beat_ms: 1000,
    source: (url) => new Source(url),
    channel: () => {
      const channel: Channel = {
        onmessage: null,
        postMessage: (message) => {
          for (const other of channels) if (other !== channel) other.onmessage?.(new MessageEvent("message", { data: message }));
        },
        close: () => {
          channels = channels.filter((other) => other !== channel);
        },
      };
      channels.push(channel);
      return channel;
    },
  });
  tabs.push(stream);
  stream.start();
  return stream;
}

beforeEach(() => {
  vi.useFakeTimers();
  sources = [];
  channels = [];
  tabs = [];
});
afterEach(() => {
  for (const stream of tabs) stream.stop();
  vi.useRealTimers();
});

const open = () => sources.filter((source) => !source.closed);

test("two tabs share one connection with the topics of both", () => {
  const heard: string[] = [];
  const a = tab("a");
  a.listen(["runs"], (event) => heard.push(`a ${event.kind}`));
  vi.advanceTimersByTime(500);
  sources.at(-1)?.open();
  const b = tab("b");
  b.listen(["run:1"], (event) => heard.push(`b ${event.kind}`));
  vi.advanceTimersByTime(500);
  sources.at(-1)?.open();
  expect([a.leading, b.leading]).toEqual([true, false]);
  expect(open().map((source) => decodeURIComponent(source.url))).toEqual(["/api/events?topics=run:1,runs"]);
  open()[0]?.send({ topic: "run:1", kind: "step.changed" });
  open()[0]?.send({ topic: "runs", kind: "run.changed" });
  // A topic that begins to be listened to is read again once: what changed before was heard by nobody.
  expect(heard).toEqual(["a gap", "b gap", "b step.changed", "a run.changed"]);
});

test("when the leading tab goes, another takes over and everybody reads again", () => {
  const heard: string[] = [];
  const a = tab("a");
  vi.advanceTimersByTime(500);
  const b = tab("b");
  b.listen(["runs"], (event) => heard.push(event.kind));
  vi.advanceTimersByTime(500);
  a.stop();
  vi.advanceTimersByTime(1000);
  expect(b.leading).toBe(true);
  heard.length = 0;
  sources.at(-1)?.open();
  expect(heard).toEqual(["gap"]);
});

test("a lost connection is told, and its return is a gap", () => {
  const heard: string[] = [];
  const a = tab("a");
  a.listen(["runs"], (event) => heard.push(event.kind));
  vi.advanceTimersByTime(500);
  const source = sources.at(-1);
  source?.open();
  heard.length = 0;
  source?.onerror?.(new Event("error"));
  source?.onerror?.(new Event("error"));
  expect(a.connected).toBe(false);
  source?.open();
  expect(a.connected).toBe(true);
  expect(heard).toEqual(["gap"]);
});

test("when the network goes a new connection finds out, and when it comes back one is tried at once", () => {
  const heard: string[] = [];
  const a = tab("a");
  a.listen(["runs"], (event) => heard.push(event.kind));
  vi.advanceTimersByTime(500);
  sources.at(-1)?.open();
  heard.length = 0;
  window.dispatchEvent(new Event("offline"));
  expect(open()).toHaveLength(1);
  const probe = open()[0];
  probe?.onerror?.(new Event("error"));
  probe?.onerror?.(new Event("error"));
  expect(a.connected).toBe(false);
  window.dispatchEvent(new Event("online"));
  expect(open()).toHaveLength(1);
  expect(open()[0]).not.toBe(probe);
  open()[0]?.open();
  expect(a.connected).toBe(true);
  expect(heard).toEqual(["gap"]);
});
