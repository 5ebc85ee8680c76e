// Starts the real program on a free port with a data folder of its own, and stops it again.
import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const owner = { email: "marta@example.com", password: "a long enough secret" };

const target = process.env["CARGO_TARGET_DIR"] ?? resolve(import.meta.dirname, "../../target");

export interface Server {
  url: string;
  /** Everything it has printed. */
  output: () => string;
  process: ChildProcess;
  stop: () => Promise<void>;
}

export interface ServerOptions {
  /** Name of the program in the target folder. */
  program?: string;
  environment?: Record<string, string>;
  /** Kept folder, for a restart on the same data. */
  dataDir?: string;
}

export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "formwork-browser-")));
  // The database runs as a user of its own when the tests run as root.
  await chmod(dataDir, 0o711);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let output = "";
  const child = spawn(join(target, process.env["FORMWORK_PROFILE"] ?? "debug", options.program ?? "formwork"), ["run"], {
    cwd: resolve(import.meta.dirname, "../.."),
    env: {
      ...process.env,
      FORMWORK_DATA_DIR: join(dataDir, "data"),
      FORMWORK_LISTEN: `127.0.0.1:${port}`,
      FORMWORK_MODEL: "fake",
      FORMWORK_OUTBOUND_ALLOW: "127.0.0.1",
      FORMWORK_OWNER_EMAIL: owner.email,
      FORMWORK_OWNER_PASSWORD: owner.password,
      FORMWORK_TEST: "1",
      ...options.environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout?.on("data", (text: Buffer) => (output += text.toString()));
  child.stderr?.on("data", (text: Buffer) => (output += text.toString()));
  const ended = new Promise<void>((done) => child.once("exit", () => done()));

  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    if (!options.dataDir) await rm(dataDir, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the server ended at once:\n${output}`);
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    if (answer?.ok) break;
    if (tries > 600) {
      child.kill("SIGKILL");
      throw new Error(`the server does not answer:\n${output}`);
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  return { url, output: () => output, process: child, stop };
}

async function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => done(port));
    });
  });
}
