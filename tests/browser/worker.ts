// The model worker's process under a running program: found through /proc, held, killed, looked at.
import { readdirSync, readFileSync } from "node:fs";
import type { Server } from "./server.ts";

/** Process ids of the program's model worker; empty while it is down. */
export function workers(server: Server): number[] {
  const parents = new Map<number, { parent: number; name: string; dead: boolean }>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const [before, after] = [stat.slice(0, stat.lastIndexOf(")")), stat.slice(stat.lastIndexOf(")") + 2)];
      const [state, parent] = after.split(" ");
      parents.set(Number(entry), { parent: Number(parent), name: before.slice(before.indexOf("(") + 1), dead: state === "Z" });
    } catch {
      // It ended while we looked.
    }
  }
  const descends = (pid: number): boolean => {
    const parent = parents.get(pid)?.parent;
    return parent !== undefined && (parent === server.process.pid || descends(parent));
  };
  return [...parents].filter(([pid, about]) => about.name === "formwork-model" && !about.dead && descends(pid)).map(([pid]) => pid);
}

/** Threads that the worker computes with. */
export function threads(pid: number): number {
  const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  return Number(environment.find((line) => line.startsWith("CANDLE_NUM_THREADS="))?.split("=")[1]);
}

/** While it is held it answers nothing, as if the machine were busy with something else. */
export async function held<T>(server: Server, act: () => Promise<T>): Promise<T> {
  const pids = workers(server);
  pids.forEach((pid) => process.kill(pid, "SIGSTOP"));
  try {
    return await act();
  } finally {
    pids.forEach((pid) => process.kill(pid, "SIGCONT"));
  }
}

export function kill(server: Server): void {
  workers(server).forEach((pid) => process.kill(pid, "SIGKILL"));
}
