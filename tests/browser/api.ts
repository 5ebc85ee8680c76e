// The same JSON API that the web uses, for what a test prepares and looks up.
import { owner, type Server } from "./server.ts";

export class Api {
  private constructor(
    private readonly server: Server,
    private readonly cookie: string,
    private readonly csrf: string,
  ) {}

  static async signIn(server: Server): Promise<Api> {
    const answer = await fetch(`${server.url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: server.url },
      body: JSON.stringify(owner),
    });
    if (!answer.ok) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
    const cookie = answer.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
    const session = (await (await fetch(`${server.url}/api/session`, { headers: { cookie } })).json()) as { csrf_token: string };
    return new Api(server, cookie, session.csrf_token);
  }

  /** The cookie as a browser context takes it. */
  cookies(): { name: string; value: string; url: string }[] {
    return this.cookie.split("; ").map((pair) => {
      const at = pair.indexOf("=");
      return { name: pair.slice(0, at), value: pair.slice(at + 1), url: this.server.url };
    });
  }

  async call<T>(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<T> {
    const answer = await fetch(`${this.server.url}/api${path}`, {
      method,
      headers: {
        cookie: this.cookie,
        origin: this.server.url,
        "x-csrf-token": this.csrf,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...more,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async bytes(path: string): Promise<Buffer> {
    const answer = await fetch(`${this.server.url}/api${path}`, { headers: { cookie: this.cookie } });
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  }
}
