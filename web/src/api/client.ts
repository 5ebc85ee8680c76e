import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./generated";
import type { Problem } from "./types";

let csrfToken = "";

/** The token of the signed-in session; every request that changes something carries it. */
export function setCsrfToken(token: string): void {
  csrfToken = token;
}

const guard: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && csrfToken !== "") request.headers.set("x-csrf-token", csrfToken);
    return request;
  },
};

/** A deletion that Undo held back is sent while the page is left, and must outlive it. */
function send(request: Request): Promise<Response> {
  return fetch(request.method === "DELETE" ? new Request(request, { keepalive: true }) : request);
}

export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: send });
api.use(guard);

/** An answer that is not a success, always as problem details; `status` 0 means nothing answered. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = "ApiError";
  }

  get offline(): boolean {
    return this.problem.status === 0;
  }
}

function asProblem(body: unknown, status: number, instance: string | null): Problem {
  if (typeof body === "object" && body !== null && "title" in body && "type" in body) {
    return { ...(body as Problem), status };
  }
  return { type: "unexpected_answer", title: "", status, instance: instance ?? undefined };
}

/** Waits for a call of `api` and gives its data, or throws an `ApiError`. */
export async function ask<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let answer: { data?: T; error?: unknown; response: Response };
  try {
    answer = await call;
  } catch {
    throw new ApiError({ type: "no_connection", title: "", status: 0 });
  }
  if (!answer.response.ok) {
    throw new ApiError(asProblem(answer.error, answer.response.status, answer.response.headers.get("x-request-id")));
  }
  return answer.data as T;
}

/** Sends bytes as they are (a logo, an upload), which openapi-fetch does not model. */
export async function sendBytes<T>(method: "PUT" | "POST", path: string, body: Blob, name?: string): Promise<T> {
  const headers: Record<string, string> = { "content-type": body.type || "application/octet-stream" };
  if (csrfToken !== "") headers["x-csrf-token"] = csrfToken;
  if (name !== undefined) headers["x-file-name"] = encodeURIComponent(name);
  return ask<T>(
    fetch(path, { method, headers, body }).then(async (response) => {
      const text = await response.text();
      const parsed: unknown = text === "" ? undefined : JSON.parse(text);
      return response.ok ? { data: parsed as T, response } : { error: parsed, response };
    }),
  );
}

/** Some lists come bare, some in pages; screens read both alike. */
export function items<T>(list: T[] | { items: T[] } | undefined): T[] {
  if (list === undefined) return [];
  return Array.isArray(list) ? list : list.items;
}
