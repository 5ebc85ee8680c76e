/** Hands text or bytes to the browser as a file to keep. */
export function save(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  saveFrom(url, name);
  URL.revokeObjectURL(url);
}

/** Lets the browser fetch a file to keep; without a name the server names it. */
export function saveFrom(address: string, name = ""): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
