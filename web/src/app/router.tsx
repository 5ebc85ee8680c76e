import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { ApiError } from "~/api/client";
import { sessionQuery, setupQuery } from "~/lib/session";
import { Broken, NotFound } from "./Fallbacks";
import { Shell } from "./Shell";

export interface RouterContext {
  queryClient: QueryClient;
}

type Search = Record<string, unknown>;
const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const oneOf = <T extends string>(value: unknown, allowed: readonly T[]): T | undefined => allowed.find((one) => one === value);

const root = createRootRouteWithContext<RouterContext>()({ component: Outlet, notFoundComponent: NotFound, errorComponent: Broken });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Search): { next?: string } => ({ next: text(search.next) }),
  component: lazyRouteComponent(() => import("~/features/auth/SignInPage"), "SignInPage"),
});

const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  validateSearch: (search: Search): { token?: string; step?: "account" | "firm" | "document" } => ({
    token: text(search.token),
    step: oneOf(search.step, ["account", "firm", "document"] as const),
  }),
  component: lazyRouteComponent(() => import("~/features/setup/SetupPage"), "SetupPage"),
});

const invitationPage = lazyRouteComponent(() => import("~/features/auth/InvitationPage"), "InvitationPage");
const invitation = createRoute({ getParentRoute: () => root, path: "/invitation/$token", component: invitationPage });
const invitations = createRoute({ getParentRoute: () => root, path: "/invitations/$token", component: invitationPage });

const forgotten = createRoute({
  getParentRoute: () => root,
  path: "/password",
  component: lazyRouteComponent(() => import("~/features/auth/PasswordPages"), "ForgottenPage"),
});
const newPassword = createRoute({
  getParentRoute: () => root,
  path: "/password/$token",
  component: lazyRouteComponent(() => import("~/features/auth/PasswordPages"), "NewPasswordPage"),
});

/** Everything behind the sign-in. */
const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(sessionQuery);
    } catch (error) {
      if (!(error instanceof ApiError) || (error.problem.status !== 401 && error.problem.status !== 403)) throw error;
      const state = await context.queryClient.fetchQuery(setupQuery).catch(() => null);
      if (state?.owner_needed === true) throw redirect({ to: "/setup" });
      throw redirect({ to: "/sign-in", search: { next: location.pathname === "/" ? undefined : location.href } });
    }
  },
});

const home = createRoute({
  getParentRoute: () => app,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/workflows" });
  },
});

const workflows = createRoute({
  getParentRoute: () => app,
  path: "/workflows",
  validateSearch: (search: Search): { show?: "all" | "live" | "draft"; q?: string; new?: boolean } => ({
    show: oneOf(search.show, ["all", "live", "draft"] as const),
    q: text(search.q),
    new: search.new === true || search.new === "true" ? true : undefined,
  }),
  component: lazyRouteComponent(() => import("~/features/workflows/WorkflowsPage"), "WorkflowsPage"),
});

const workflow = createRoute({
  getParentRoute: () => app,
  path: "/workflows/$id",
  staticData: { rail: true },
  validateSearch: (search: Search): { step?: string; field?: string; surface?: string; view?: string; tab?: string; sample?: string } => ({
    step: text(search.step),
    field: text(search.field),
    surface: text(search.surface),
    view: text(search.view),
    tab: text(search.tab),
    sample: text(search.sample),
  }),
  component: lazyRouteComponent(() => import("~/features/editor/EditorPage")),
});

const batchPages = () => import("~/features/batch/BatchPages");
const batches = createRoute({
  getParentRoute: () => app,
  path: "/workflows/$id/batches",
  validateSearch: (search: Search): { new?: boolean } => ({ new: search.new === true || search.new === "true" ? true : undefined }),
  component: lazyRouteComponent(batchPages, "BatchesPage"),
});
const batch = createRoute({
  getParentRoute: () => app,
  path: "/batches/$id",
  validateSearch: (search: Search): { show?: string } => ({ show: text(search.show) }),
  component: lazyRouteComponent(batchPages, "BatchPage"),
});

const runs = createRoute({
  getParentRoute: () => app,
  path: "/runs",
  validateSearch: (search: Search): { state?: string; workflow?: string; q?: string } => ({
    state: text(search.state),
    workflow: text(search.workflow),
    q: text(search.q),
  }),
  component: lazyRouteComponent(() => import("~/features/runs/RunsPage"), "RunsPage"),
});

const waiting = createRoute({
  getParentRoute: () => app,
  path: "/runs/waiting",
  component: lazyRouteComponent(() => import("~/features/runs/WaitingPage"), "WaitingPage"),
});

const run = createRoute({
  getParentRoute: () => app,
  path: "/runs/$id",
  staticData: { rail: true },
  validateSearch: (search: Search): { step?: string } => ({ step: text(search.step) }),
  component: lazyRouteComponent(() => import("~/features/runs/RunPage"), "RunPage"),
});

const deliveriesSearch = (search: Search): { show?: "all" | "look" | "received"; endpoint?: string } => ({
  show: oneOf(search.show, ["all", "look", "received"] as const),
  endpoint: text(search.endpoint),
});
const deliveriesPage = lazyRouteComponent(() => import("~/features/deliveries/DeliveriesPage"), "DeliveriesPage");
const deliveries = createRoute({ getParentRoute: () => app, path: "/deliveries", validateSearch: deliveriesSearch, component: deliveriesPage });
const delivery = createRoute({ getParentRoute: () => app, path: "/deliveries/$id", validateSearch: deliveriesSearch, component: deliveriesPage });

const documents = createRoute({
  getParentRoute: () => app,
  path: "/documents",
  component: lazyRouteComponent(() => import("~/features/documents/DocumentsPage"), "DocumentsPage"),
});

const document = createRoute({
  getParentRoute: () => app,
  path: "/documents/$id",
  staticData: { rail: true },
  component: lazyRouteComponent(() => import("~/features/editor/template/TemplatePage")),
});

const tables = createRoute({
  getParentRoute: () => app,
  path: "/tables",
  component: lazyRouteComponent(() => import("~/features/tables/TablesPage"), "TablesPage"),
});

const table = createRoute({
  getParentRoute: () => app,
  path: "/tables/$id",
  staticData: { rail: true },
  component: lazyRouteComponent(() => import("~/features/tables/TablePage"), "TablePage"),
});

const models = createRoute({
  getParentRoute: () => app,
  path: "/models",
  component: lazyRouteComponent(() => import("~/features/models/ModelsPage"), "ModelsPage"),
});

const settingsPage = lazyRouteComponent(() => import("~/features/settings/SettingsPage"), "SettingsPage");
const settings = createRoute({ getParentRoute: () => app, path: "/settings", component: settingsPage });
const section = createRoute({ getParentRoute: () => app, path: "/settings/$section", component: settingsPage });

const helpPage = lazyRouteComponent(() => import("~/features/help/HelpPage"), "HelpPage");
const help = createRoute({ getParentRoute: () => app, path: "/help", component: helpPage });
const helpOne = createRoute({ getParentRoute: () => app, path: "/help/$page", component: helpPage });

const routeTree = root.addChildren([
  signIn,
  setup,
  invitation,
  invitations,
  forgotten,
  newPassword,
  app.addChildren([home, workflows, workflow, batches, batch, runs, waiting, run, deliveries, delivery, documents, document, tables, table, models, settings, section, help, helpOne]),
]);

export function makeRouter(queryClient: QueryClient) {
  return createRouter({ routeTree, context: { queryClient }, defaultPreload: "intent", defaultPreloadStaleTime: 0, scrollRestoration: true });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
  interface StaticDataRouteOption {
    /** An editor: the navigation folds to its icons. */
    rail?: boolean;
  }
}
