import type { Query } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useEvents } from "./events";
import { staleKeys } from "./queries";

const PAUSE_MS = 400;

/** Keeps the data on screen current: asks again when events of these topics come, at most once in a while. */
export function useLiveQueries(topics: readonly string[]): void {
  const client = useQueryClient();
  const waiting = useRef(new Map<string, readonly string[]>());
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => {
    const held = timer;
    return () => {
      if (held.current !== null) clearTimeout(held.current);
    };
  }, []);
  useEvents(topics, (event) => {
    if (event.kind === "gap" && event.topic === "*") {
      void client.invalidateQueries();
      return;
    }
    for (const key of staleKeys(event)) waiting.current.set(key.join(), key);
    if (waiting.current.size === 0 || timer.current !== null) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      // What failed is asked for again by the person, or when the connection is back: its words stay until then.
      const predicate = (query: Query) => query.state.status !== "error";
      for (const queryKey of waiting.current.values()) void client.invalidateQueries({ queryKey, predicate });
      waiting.current.clear();
    }, PAUSE_MS);
  });
}
