import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet } from "@tanstack/react-router";

export interface RouterContext {
  queryClient: QueryClient;
}

const root = createRootRouteWithContext<RouterContext>()({ component: Outlet });

const workflow = createRoute({
  getParentRoute: () => root,
  path: "/workflows/$id",
  component: lazyRouteComponent(() => import("~/features/editor/EditorPage")),
});

export function makeRouter(queryClient: QueryClient) {
  return createRouter({ routeTree: root.addChildren([workflow]), context: { queryClient } });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
