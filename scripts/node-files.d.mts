export const nodesFolder: string
export const nodeTypes: readonly string[]
export const editorPlugin: { readonly name: string; readonly folder: string }
export function assembleDialog(type: string, withRows: (html: string) => string): string
export function assembleHelp(type: string, language: string): string
export function writeNodeFiles(target: string, withRows: (html: string) => string): void
export function dialogsModule(): string
export function withNodeTypes(manifest: string): string
