// The same document as a picture: steps from top to bottom, ways as wires. A second view, never a second truth; everything here
// can be done in the list.

import "@xyflow/react/dist/base.css";

import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { Background, BackgroundVariant, BaseEdge, EdgeLabelRenderer, getBezierPath, Handle, Position as Side, ReactFlow, ReactFlowProvider, useReactFlow, useStore as useFlow } from "@xyflow/react";
import type { Edge as FlowEdge, EdgeProps, Node as FlowNode, NodeProps } from "@xyflow/react";
import { AlignVerticalSpaceAround, Expand, Minus, Plus, RotateCw } from "lucide-react";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import { connect, disconnect, inside, roots, setPositions } from "~/lib/document/edits";
import type { Gap } from "~/lib/document/edits";
import { inOrder } from "~/lib/document/lanes";
import { CARD_HEIGHT, CARD_WIDTH, FRAME_ROOM, tidy, unplaced } from "~/lib/document/layout";
import type { Position, WorkflowNode } from "~/lib/document/types";
import { singleKeysOn } from "~/lib/keyboard";
import { useSvgUrl } from "~/ui/origins/Sheet";
import { useAddress } from "../address";
import { useCommands } from "../commands";
import { StepIcon } from "../icons";
import { useCardText } from "../list/cardText";
import { StateMark } from "../list/StateMark";
import { ViewSwitch } from "../list/StepList";
import { useActions } from "../state/actions";
import { useDocument, useEditor, usePorts, useStore } from "../state/store";
import { useStale } from "../state/useStale";
import { useSurfaces } from "../surfaces/Middle";
import { usePagePreview } from "../surfaces/usePagePreview";
import classes from "./canvas.module.css";

type StepNode = FlowNode<{ node: WorkflowNode; number: number }, "step">;
type FrameNode = FlowNode<{ step: string }, "frame">;
type AnyNode = StepNode | FrameNode;
type WayEdge = FlowEdge<{ label: string; on: boolean; gap: Gap; selected: boolean }, "way">;

function StepBox({ data }: NodeProps<StepNode>) {
  const { t } = useTranslation("editor");
  const { node } = data;
  const card = useCardText(node);
  const ports = usePorts()(node.id);
  const actions = useActions();
  const stale = useStale().get(node.id);
  const fired = useEditor((state) => state.results[node.id]?.step.ports);
  const off = useEditor((state) => state.results[node.id]?.step.state === "skipped");
  const names = useDocument().nodes;
  const framed = names.some((other) => other.parent === node.id);
  return (
    <>
      {!card.known?.trigger && <Handle type="target" position={Side.Top} role="img" aria-label={t("canvas.in")} />}
      <div className={[classes["node"], off ? classes["off"] : "", stale && !off ? classes["stale"] : ""].join(" ")}>
        <div className={classes["top"]}>
          <StepIcon family={card.known?.family ?? null} icon={card.icon} />
          <div className={classes["names"]}>
            <div className={classes["name"]}>{node.name}</div>
            <div className={classes["fact"]}>{card.fact ? `${card.title} · ${card.fact}` : card.title}</div>
          </div>
          <StateMark step={node.id} />
        </div>
        {card.well.length > 0 && (
          <div className={[classes["well"], card.well.length === 1 ? classes["one"] : ""].join(" ")}>
            {card.well.map((line, index) => (
              <div className={classes["line"]} key={index}>
                <span className={classes["text"]}>{line.text || (ports.length > 1 ? t("list.otherwise") : "")}</span>
                {line.trailing && <span className={[classes["trailing"], fired?.includes(ports[index]?.name ?? "") && ports.length > 1 ? classes["taken"] : ""].join(" ")}>{line.trailing}</span>}
              </div>
            ))}
          </div>
        )}
      </div>
      {stale && !off && (
        <button type="button" className={[classes["tag"], "nodrag"].join(" ")} onClick={() => actions.run({ kind: "to", step: node.id })}>
          <RotateCw size={12} aria-hidden />{t("stale.tag", { step: names.find((item) => item.id === stale)?.name ?? stale })}
        </button>
      )}
      {framed && <Handle id={INSIDE} type="source" position={Side.Bottom} role="img" aria-label={t("list.inside")} />}
      {!framed && ports.map((port, index) => (
        <Handle key={port.name} id={port.name} type="source" position={Side.Bottom} role="img" aria-label={port.title || t("canvas.out")} style={{ insetInlineStart: `${((index + 1) / (ports.length + 1)) * 100}%` }} />
      ))}
    </>
  );
}

/** What lies in a step, with the step: the ways out of the step leave at its lower edge. */
function Frame({ data }: NodeProps<FrameNode>) {
  const { t } = useTranslation("editor");
  const ports = usePorts()(data.step);
  return (
    <>
      <div className={classes["frame"]} />
      {ports.map((port, index) => (
        <Handle key={port.name} id={port.name} type="source" position={Side.Bottom} role="img" aria-label={port.title || t("canvas.out")} style={{ insetInlineStart: `${((index + 1) / (ports.length + 1)) * 100}%` }} />
      ))}
    </>
  );
}

function Way({ id, sourceX, sourceY, targetX, targetY, data, selected }: EdgeProps<WayEdge>) {
  const { t } = useTranslation("editor");
  const actions = useActions();
  const [path, labelX, labelY] = getBezierPath({ sourceX, sourceY, targetX, targetY, sourcePosition: Side.Bottom, targetPosition: Side.Top });
  const on = data?.on ?? false;
  return (
    <>
      <BaseEdge
        id={id} path={path} interactionWidth={22}
        style={{ stroke: on ? "var(--accent)" : "var(--control)", strokeWidth: on || selected ? 2 : 1.5, ...(on ? {} : { strokeDasharray: "5 4" }) }}
      />
      <EdgeLabelRenderer>
        {data?.label && <div className={[classes["label"], on ? classes["labelOn"] : ""].join(" ")} style={{ transform: `translate(-50%, -50%) translate(${labelX}px, ${labelY}px)` }}>{data.label}</div>}
        <button
          type="button" className={[classes["plus"], "nodrag nopan", selected ? classes["plusOn"] : ""].join(" ")} aria-label={t("list.addHere")}
          style={{ transform: `translate(-50%, -50%) translate(${labelX}px, ${labelY + (data?.label ? 22 : 0)}px)` }}
          onClick={() => data && actions.openPalette(data.gap)}
        >
          <Plus size={12} aria-hidden />
        </button>
      </EdgeLabelRenderer>
    </>
  );
}

const NODE_TYPES = { step: StepBox, frame: Frame };
const EDGE_TYPES = { way: Way };

/** The handle at which what lies in a step begins. */
const INSIDE = "/inside";
const FRAME = "/frame";
const stepOf = (id: string) => (id.endsWith(FRAME) ? id.slice(0, -FRAME.length) : id);

function Flow() {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const ports = usePorts();
  const results = useEditor((state) => state.results);
  const [address, go] = useAddress();
  const commands = useCommands();
  const actions = useActions();
  const flow = useReactFlow<AnyNode, WayEdge>();
  const zoom = useFlow((state) => state.transform[2]);
  const [dragging, setDragging] = useState<Map<string, Position>>(new Map());
  const [measured, setMeasured] = useState<Map<string, { width: number; height: number }>>(new Map());
  const order = useMemo(() => inOrder(document), [document]);
  // Before anything is chosen the settings are those of the first step.
  const chosen = address.step ?? order[0];
  const shown = useMemo(() => (unplaced(document) ? tidy(document, ports, new Map([...measured].map(([id, size]) => [id, size.height]))) : null), [document, ports, measured]);

  const steps: StepNode[] = useMemo(
    () =>
      order.flatMap((id, index) => {
        const node = document.nodes.find((item) => item.id === id);
        if (!node) return [];
        return [{
          id, type: "step" as const, data: { node, number: index + 1 }, selected: chosen === id,
          position: dragging.get(id) ?? shown?.get(id) ?? node.position ?? { x: 0, y: 0 },
          ...(measured.get(id) ? { measured: measured.get(id) } : {}), ariaLabel: t("list.step", { number: index + 1, name: node.name }), focusable: true,
        }];
      }),
    [order, document, dragging, shown, measured, chosen, t],
  );
  const framed = useMemo(() => order.filter((id) => document.nodes.some((node) => node.parent === id)), [order, document]);
  const frames: FrameNode[] = useMemo(() => {
    const boxes = new Map(steps.map((node) => [node.id, { ...node.position, width: node.measured?.width ?? CARD_WIDTH, height: node.measured?.height ?? CARD_HEIGHT }]));
    return framed.map((id) => {
      // Frames in a frame take room of their own.
      const held = [id, ...inside(document, id)].flatMap((step) => {
        const box = boxes.get(step);
        const deeper = step !== id && framed.includes(step) ? FRAME_ROOM : 0;
        return box ? [{ left: box.x - deeper, top: box.y - deeper, right: box.x + box.width + deeper, bottom: box.y + box.height + deeper }] : [];
      });
      const left = Math.min(...held.map((box) => box.left)) - FRAME_ROOM;
      const top = Math.min(...held.map((box) => box.top)) - FRAME_ROOM;
      const size = { width: Math.max(...held.map((box) => box.right)) + FRAME_ROOM - left, height: Math.max(...held.map((box) => box.bottom)) + FRAME_ROOM - top };
      return {
        id: `${id}${FRAME}`, type: "frame" as const, data: { step: id }, position: { x: left, y: top }, ...size, measured: size,
        draggable: false, selectable: false, focusable: false, zIndex: -1,
      };
    });
  }, [steps, framed, document]);
  const nodes: AnyNode[] = useMemo(() => [...frames, ...steps], [frames, steps]);
  const starts: WayEdge[] = useMemo(
    () =>
      framed.flatMap((id) => roots(document, id).map((to) => ({
        id: `${id}/${INSIDE}/${to}`, type: "way" as const, source: id, sourceHandle: INSIDE, target: to,
        data: { label: t("list.inside"), on: results[to]?.step.state === "succeeded", gap: { after: null, port: "out", inside: id }, selected: false },
      }))),
    [framed, document, results, t],
  );
  const ways: WayEdge[] = useMemo(
    () =>
      document.edges.map((edge) => {
        const known = ports(edge.from);
        const port = known.find((item) => item.name === edge.port);
        const result = results[edge.from]?.step;
        const after = results[edge.to]?.step.state;
        const on = result?.state === "succeeded" && (result.ports?.includes(edge.port) ?? false) && after !== "skipped";
        return {
          id: `${edge.from}/${edge.port}/${edge.to}`, type: "way" as const, source: framed.includes(edge.from) ? `${edge.from}${FRAME}` : edge.from, sourceHandle: edge.port, target: edge.to,
          data: { label: known.length > 1 ? (port?.title || edge.port) : "", on, gap: { after: edge.from, port: edge.port }, selected: false },
        };
      }),
    [document.edges, framed, ports, results],
  );
  const edges = useMemo(() => [...ways, ...starts], [ways, starts]);

  const tidyUp = useCallback(() => {
    const heights = new Map(flow.getNodes().map((node) => [node.id, node.measured?.height ?? 96]));
    store.edit(t("label.tidy"), (current) => setPositions(current, tidy(current, ports, heights)));
    setTimeout(() => void flow.fitView({ padding: 0.16, maxZoom: 1, duration: 180 }), 30);
  }, [flow, store, ports, t]);

  // A step chosen elsewhere must be in sight here.
  useEffect(() => {
    const node = address.step ? flow.getNode(address.step) : undefined;
    if (node?.measured?.width) void flow.fitView({ nodes: steps.filter((item) => item.id === address.step), duration: 180, maxZoom: flow.getZoom(), minZoom: flow.getZoom(), padding: 0.4 });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only a new selection moves the view, not a new position
  }, [address.step]);

  const onKey = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    const id = target.closest<HTMLElement>(".react-flow__node")?.dataset["id"];
    if (!id || event.ctrlKey || event.metaKey || target.closest("input, textarea, [contenteditable=true]")) return;
    const at = order.indexOf(id);
    const focus = (next: string | undefined) => {
      if (!next) return;
      go({ step: next, field: undefined });
      globalThis.document.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(next)}"]`)?.focus();
    };
    if (/^[adAD]$/.test(event.key) && !singleKeysOn()) return;
    if (event.key === "a" || event.key === "A") actions.openPalette({ after: id, port: ports(id)[0]?.name ?? "out" });
    else if (event.key === "d" || event.key === "D") commands.duplicate(id);
    else if (event.key === "Delete" || event.key === "Backspace") commands.remove(id);
    else if (event.altKey && event.key === "ArrowUp") commands.shift(id, -1);
    else if (event.altKey && event.key === "ArrowDown") commands.shift(id, 1);
    else if (event.key === "ArrowDown") focus(order[at + 1]);
    else if (event.key === "ArrowUp") focus(order[at - 1]);
    else if (event.key === "Enter" || event.key === " ") go({ step: id, field: undefined });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className={classes["canvas"]} onKeyDownCapture={onKey}>
      <ReactFlow<AnyNode, WayEdge>
        aria-label={t("canvas.label")} role="application"
        nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES}
        fitView fitViewOptions={{ padding: 0.16, maxZoom: 1 }} minZoom={0.2} maxZoom={1.6} deleteKeyCode={null} selectionKeyCode={null} nodesFocusable edgesFocusable
        disableKeyboardA11y attributionPosition="bottom-center" zoomOnDoubleClick={false} nodeDragThreshold={4}
        onNodeClick={(_, node) => go({ step: stepOf(node.id), field: undefined })}
        onNodesChange={(changes) => {
          // The drawing library shows a step only once its size is handed back to it.
          const sizes = changes.flatMap((change) => (change.type === "dimensions" && change.dimensions ? [[change.id, change.dimensions] as const] : []));
          if (sizes.length) setMeasured((before) => new Map([...before, ...sizes]));
          const moved = changes.flatMap((change) => (change.type === "position" && change.position ? [[change.id, change.position] as const] : []));
          if (moved.length) setDragging((before) => new Map([...before, ...moved]));
        }}
        onNodeDragStop={(_, _node, dragged) => {
          const places = new Map([...(shown ?? []), ...dragged.map((node) => [node.id, { x: Math.round(node.position.x), y: Math.round(node.position.y) }] as const)]);
          setDragging(new Map());
          store.edit(t("label.place"), (current) => setPositions(current, places), "positions");
        }}
        onConnect={({ source, sourceHandle, target }) => {
          // What lies in a step begins by itself when nothing leads to it.
          if (sourceHandle !== INSIDE) store.edit(t("label.connect"), (current) => connect(current, { from: stepOf(source), port: sourceHandle ?? "out", to: target }));
        }}
        onConnectEnd={(_, state) => {
          if (state.toNode || !state.fromNode || state.fromHandle?.type !== "source") return;
          const from = stepOf(state.fromNode.id);
          actions.openPalette(state.fromHandle.id === INSIDE ? { after: null, port: "out", inside: from } : { after: from, port: state.fromHandle.id ?? "out" });
        }}
        onEdgesChange={() => undefined}
        onEdgeDoubleClick={(_, edge) => store.edit(t("label.disconnect"), (current) => disconnect(current, { from: stepOf(edge.source), port: edge.sourceHandle ?? "out", to: edge.target }))}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1.4} />
      </ReactFlow>
      <div className={[classes["float"], classes["switch"]].join(" ")}>
        <ViewSwitch />
      </div>
      <div className={[classes["float"], classes["tools"]].join(" ")} role="toolbar" aria-label={t("canvas.tools")}>
        <ActionIcon aria-label={t("page.smaller")} onClick={() => void flow.zoomOut({ duration: 120 })}><Minus size={14} /></ActionIcon>
        <span>{Math.round(zoom * 100)} %</span>
        <ActionIcon aria-label={t("page.larger")} onClick={() => void flow.zoomIn({ duration: 120 })}><Plus size={14} /></ActionIcon>
        <i aria-hidden />
        <Tooltip label={t("canvas.fit")}><ActionIcon aria-label={t("canvas.fit")} onClick={() => void flow.fitView({ padding: 0.16, duration: 180 })}><Expand size={14} /></ActionIcon></Tooltip>
        <Button size="xs" variant="subtle" leftSection={<AlignVerticalSpaceAround size={14} />} onClick={tidyUp}>{t("canvas.tidy")}</Button>
        <i aria-hidden />
        <ActionIcon aria-label={t("list.add")} onClick={() => actions.openPalette()}><Plus size={15} /></ActionIcon>
      </div>
      {Object.keys(results).length > 0 && (
        <div className={[classes["float"], classes["legend"]].join(" ")}>
          <span><b />{t("canvas.path")}</span><span><b className={classes["dashed"]} />{t("canvas.notTaken")}</span>
        </div>
      )}
      <Corner />
    </div>
  );
}

/** The page stays in sight; a click swaps canvas and page. */
function Corner() {
  const { page } = useSurfaces();
  return page ? <CornerPage step={page} /> : null;
}

function CornerPage({ step }: { step: string }) {
  const { t } = useTranslation("editor");
  const [, go] = useAddress();
  const { preview } = usePagePreview(step);
  const name = useDocument().nodes.find((node) => node.id === step)?.name;
  const url = useSvgUrl(preview?.pages[0]?.svg ?? "");
  if (!preview?.pages[0]) return null;
  return (
    <button type="button" className={[classes["float"], classes["corner"]].join(" ")} onClick={() => go({ view: "list", surface: "page" })}>
      <span className={classes["cornerHead"]}>{name}<Expand size={13} aria-label={t("canvas.openPage")} /></span>
      <span className={classes["cornerPage"]}>{url && <img src={url} alt="" />}</span>
    </button>
  );
}

export default function Canvas() {
  return (
    <ReactFlowProvider>
      <Flow />
    </ReactFlowProvider>
  );
}
