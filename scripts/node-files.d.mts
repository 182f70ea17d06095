export const nodesFolder: string
export const nodeTypes: readonly string[]
export const editorPlugin: { readonly name: string; readonly folder: string }
export function copyNodeFiles(target: string): void
