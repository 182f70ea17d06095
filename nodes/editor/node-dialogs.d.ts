/** Made by the build: what each node folder's editor part exports, by type (`EditorDefinition`). */
declare module 'node-dialogs' {
  const dialogs: { readonly [type: string]: object }
  export default dialogs
}
