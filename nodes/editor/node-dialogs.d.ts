/** Made by the build: the dialogs of all node folders, by type. */
declare module 'node-dialogs' {
  const dialogs: { readonly [type: string]: import('./define-dialog').EditorDefinition }
  export default dialogs
}
