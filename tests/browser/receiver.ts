// The agent's own server: a real HTTP receiver that checks signatures with other people's code and fetches the document.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

export interface Received {
  id: string;
  attempt: number;
  verified: boolean;
  /** The same message passed with a changed body or another secret: then the check above says nothing. */
  forged: boolean;
  body: Message;
}

export interface Message {
  type: string;
  timestamp: string;
  data: {
    run_id: string;
    workflow: { id: string; name: string; version: number | null };
    values: Record<string, unknown>;
    artifacts: { id: string; name: string; content_type: string; size_bytes: number; sha256: string; url?: string; content?: string }[];
  };
}

export interface Receiver {
  url: string;
  received: Received[];
  /** Set once the endpoint's secret is known. */
  secret: string;
  /** Answers this many requests with 503 first. */
  failFirst: number;
  waitFor: (count: number, limitMs?: number) => Promise<Received[]>;
  stop: () => Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const waiting: (() => void)[] = [];
  const attempts = new Map<string, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const raw = Buffer.concat(chunks).toString("utf8");
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const id = headers["webhook-id"] ?? "";
      const attempt = (attempts.get(id) ?? 0) + 1;
      attempts.set(id, attempt);
      const passes = (secret: string, body: string) => {
        try {
          new Webhook(secret).verify(body, headers);
          return true;
        } catch {
          return false;
        }
      };
      const verified = passes(receiver.secret, raw);
      const forged = passes(receiver.secret, `${raw} `) || passes(`whsec_${Buffer.alloc(32, 7).toString("base64")}`, raw);
      if (receiver.failFirst > 0) {
        receiver.failFirst -= 1;
        response.writeHead(503).end("later");
        return;
      }
      received.push({ id, attempt, verified, forged, body: JSON.parse(raw) as Message });
      response.writeHead(200, { "content-type": "text/plain" }).end("received");
      waiting.forEach((wake) => wake());
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", () => done()));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    secret: "",
    failFirst: 0,
    waitFor: async (count, limitMs = 60_000) => {
      const until = Date.now() + limitMs;
      while (received.length < count) {
        const left = until - Date.now();
        if (left <= 0) throw new Error(`${received.length} of ${count} deliveries arrived in time`);
        await new Promise<void>((done) => {
          const timer = setTimeout(done, left);
          waiting.push(() => {
            clearTimeout(timer);
            done();
          });
        });
      }
      return received;
    },
    stop: () => new Promise((done) => server.close(() => done())),
  };
  return receiver;
}
