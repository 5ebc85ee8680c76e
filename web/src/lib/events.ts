/*
 * The server's event stream, one connection for all tabs of a browser: browsers allow six connections to a
 * host, so the tabs elect one that listens and passes on what it hears. Deliberately knows no screen.
 */
import { useEffect, useRef, useSyncExternalStore } from "react";
import type { LiveEvent } from "~/api/types";

type Handler = (event: LiveEvent) => void;

/** Sent to every handler when events may have been missed: whoever shows server data asks again. */
export const GAP: LiveEvent = { topic: "*", kind: "gap" };

/** The same for one topic. */
const gapOf = (topic: string): LiveEvent => ({ topic, kind: "gap" });

type Message =
  | { type: "lead"; from: string }
  | { type: "bye"; from: string }
  | { type: "want"; from: string; topics: string[] }
  | { type: "ask"; from: string }
  | { type: "event"; event: LiveEvent }
  | { type: "state"; connected: boolean };

interface Channel {
  postMessage(message: Message): void;
  close(): void;
  onmessage: ((event: MessageEvent<Message>) => void) | null;
}

interface Source {
  close(): void;
  addEventListener(kind: string, listener: (event: MessageEvent<string>) => void): void;
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
  readonly readyState: number;
}

export interface LiveOptions {
  channel: () => Channel;
  source: (url: string) => Source;
  id: string;
  beat_ms: number;
}

const SILENT_BEATS = 3;
const CLOSED = 2;

/** One tab's part of the shared stream. */
export class LiveStream {
  private channel: Channel | null = null;
  private source: Source | null = null;
  private sourceTopics = "";
  private leader = false;
  private heardLeader = 0;
  private beats: ReturnType<typeof setInterval> | null = null;
  private reopen: ReturnType<typeof setTimeout> | null = null;
  private failures = 0;
  private missed = false;
  private hadLeader = false;
  private readonly handlers = new Map<Handler, readonly string[]>();
  private readonly others = new Map<string, string[]>();
  private readonly watchers = new Set<() => void>();
  connected = true;

  constructor(private readonly options: LiveOptions) {}

  start(): void {
    if (this.channel !== null) return;
    this.channel = this.options.channel();
    this.channel.onmessage = ({ data }) => this.hear(data);
    this.say({ type: "ask", from: this.options.id });
    this.beats = setInterval(() => this.beat(), this.options.beat_ms);
    // A tab that leads answers at once; where none does, this one need not wait for three silent beats.
    this.heardLeader = SILENT_BEATS;
    this.standUp(this.options.beat_ms / 8);
    window.addEventListener("pagehide", this.leave);
    window.addEventListener("online", this.retryNow);
    window.addEventListener("offline", this.retryNow);
  }

  stop(): void {
    this.leave();
    if (this.beats !== null) clearInterval(this.beats);
    this.beats = null;
    this.channel?.close();
    this.channel = null;
    window.removeEventListener("pagehide", this.leave);
    window.removeEventListener("online", this.retryNow);
    window.removeEventListener("offline", this.retryNow);
  }

  listen(topics: readonly string[], handler: Handler): () => void {
    this.handlers.set(handler, topics);
    this.wantChanged();
    return () => {
      this.handlers.delete(handler);
      this.wantChanged();
    };
  }

  watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** An open stream does not notice for minutes that the network is gone, and a broken one waits before it tries again; a new one tells at once. */
  retryNow = (): void => {
    if (!this.leader) {
      this.beat();
      return;
    }
    this.missed = true;
    this.source?.close();
    this.source = null;
    this.open();
  };

  get leading(): boolean {
    return this.leader;
  }

  private leave = (): void => {
    if (this.leader) this.say({ type: "bye", from: this.options.id });
    this.resign();
  };

  private resign(): void {
    this.leader = false;
    this.source?.close();
    this.source = null;
    this.sourceTopics = "";
  }

  private own(): string[] {
    return [...new Set([...this.handlers.values()].flat())].sort();
  }

  private wantChanged(): void {
    this.say({ type: "want", from: this.options.id, topics: this.own() });
    if (this.leader) this.openSoon();
  }

  private beat(): void {
    if (this.leader) {
      this.say({ type: "lead", from: this.options.id });
      return;
    }
    this.heardLeader += 1;
    if (this.heardLeader >= SILENT_BEATS) this.takeOver();
  }

  private standUp(least_ms: number): void {
    // A different wait in each tab, so that they do not all stand up at once.
    const wait_ms = least_ms + Math.random() * (this.options.beat_ms / 8);
    setTimeout(() => {
      if (!this.leader && this.heardLeader >= SILENT_BEATS && this.channel !== null) this.takeOver();
    }, wait_ms);
  }

  private takeOver(): void {
    this.leader = true;
    this.say({ type: "lead", from: this.options.id });
    this.say({ type: "ask", from: this.options.id });
    // Whatever happened while nobody listened is unknown.
    this.missed = this.hadLeader;
    this.openSoon();
  }

  private hear(message: Message): void {
    switch (message.type) {
      case "lead":
        this.heardLeader = 0;
        this.hadLeader = true;
        if (this.leader && message.from < this.options.id) this.resign();
        this.say({ type: "want", from: this.options.id, topics: this.own() });
        break;
      case "bye":
        this.others.delete(message.from);
        this.heardLeader = SILENT_BEATS;
        this.standUp(0);
        break;
      case "want": {
        const before = this.others.get(message.from)?.join() ?? "";
        this.others.set(message.from, message.topics);
        if (this.leader && before !== message.topics.join()) this.openSoon();
        break;
      }
      case "ask":
        if (this.leader) this.say({ type: "lead", from: this.options.id });
        this.say({ type: "want", from: this.options.id, topics: this.own() });
        break;
      case "event":
        this.hand(message.event);
        break;
      case "state":
        this.setConnected(message.connected);
        break;
    }
  }

  private openSoon(): void {
    if (this.reopen !== null) clearTimeout(this.reopen);
    this.reopen = setTimeout(() => this.open(), 60);
  }

  private open(): void {
    if (!this.leader) return;
    const topics = [...new Set([...this.own(), ...[...this.others.values()].flat()])].sort().join();
    if (topics === "") {
      this.source?.close();
      this.source = null;
      this.sourceTopics = "";
      return;
    }
    if (topics === this.sourceTopics && this.source !== null && this.source.readyState !== CLOSED) return;
    const old = this.source;
    const heard = new Set(this.sourceTopics.split(","));
    const source = this.options.source(`/api/events?topics=${encodeURIComponent(topics)}`);
    this.source = source;
    this.sourceTopics = topics;
    source.onopen = () => {
      // The old one listens until the new one does; events are idempotent, so hearing one twice is harmless.
      old?.close();
      this.failures = 0;
      this.tellState(true);
      // What changed between a screen's first reading and now was heard by nobody.
      if (this.missed) this.pass(GAP);
      else for (const topic of topics.split(",")) if (!heard.has(topic)) this.pass(gapOf(topic));
      this.missed = false;
    };
    source.onerror = () => {
      this.missed = true;
      if (this.source !== source) return;
      this.failures += 1;
      if (this.failures > 1 || source.readyState === CLOSED) this.tellState(false);
      if (source.readyState !== CLOSED) return;
      this.reopen = setTimeout(() => this.open(), Math.min(30_000, 1000 * 2 ** Math.min(this.failures, 5)));
    };
    source.addEventListener("change", ({ data }) => this.pass(JSON.parse(data) as LiveEvent));
    source.addEventListener("gap", () => this.pass(GAP));
  }

  private pass(event: LiveEvent): void {
    this.say({ type: "event", event });
    this.hand(event);
  }

  private hand(event: LiveEvent): void {
    for (const [handler, topics] of this.handlers) {
      if (event.topic === "*" || topics.includes(event.topic)) handler(event);
    }
  }

  private tellState(connected: boolean): void {
    this.say({ type: "state", connected });
    this.setConnected(connected);
  }

  private setConnected(connected: boolean): void {
    if (this.connected === connected) return;
    this.connected = connected;
    for (const watcher of this.watchers) watcher();
  }

  private say(message: Message): void {
    this.channel?.postMessage(message);
  }
}

export const live = new LiveStream({
  channel: () => new BroadcastChannel("formwork-events"),
  source: (url) => new EventSource(url),
  id: `${performance.timeOrigin.toFixed(0).padStart(16, "0")}-${Math.random().toString(36).slice(2)}`,
  beat_ms: 1500,
});

/** Calls `handler` for each event of these topics, and with `GAP` when some may have been missed. */
export function useEvents(topics: readonly string[], handler: Handler): void {
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  const key = topics.join();
  useEffect(() => {
    if (key === "") return;
    return live.listen(key.split(","), (event) => latest.current(event));
  }, [key]);
}

/** False while the event stream is broken: what is on the screen may be old. */
export function useConnected(): boolean {
  return useSyncExternalStore(live.watch, () => live.connected);
}
