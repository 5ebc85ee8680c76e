/* Who is signed in. The session's token goes to the client as soon as it is known. */
import { queryOptions, useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { api, ask, setCsrfToken } from "~/api/client";
import type { Session } from "~/api/types";
import { keys } from "./queries";

export function acceptSession(session: Session): Session {
  setCsrfToken(session.csrf_token);
  return session;
}

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: async () => acceptSession(await ask(api.GET("/api/session"))),
  staleTime: 60_000,
});

export const setupQuery = queryOptions({
  queryKey: keys.setup,
  queryFn: () => ask(api.GET("/api/setup")),
  staleTime: 10_000,
});

/** The session of a screen behind the sign-in; its route has made sure of it. */
export function useSession(): Session {
  return useSuspenseQuery(sessionQuery).data;
}

/** Ends the session and forgets everything that was read in it. */
export function useSignOut(): () => void {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { mutate } = useMutation({
    mutationFn: () => ask(api.DELETE("/api/session")),
    onSuccess: async () => {
      client.clear();
      await navigate({ to: "/sign-in" });
    },
  });
  return useCallback(() => mutate(), [mutate]);
}
