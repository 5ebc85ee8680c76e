import { useParams } from "@tanstack/react-router";

export default function EditorPage() {
  const { id } = useParams({ strict: false });
  return <main data-workflow={id} />;
}
