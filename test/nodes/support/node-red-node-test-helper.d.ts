/** The part of node-red-node-test-helper that the tests use; it has no types of its own. */
declare module 'node-red-node-test-helper' {
  import type { Node, NodeInitializer } from 'node-red'

  const helper: {
    settings(settings: object): object
    load(
      nodes: readonly NodeInitializer[],
      flow: readonly object[],
      credentials?: object,
    ): Promise<void>
    setFlows(
      flow: readonly object[],
      type: 'full' | 'flows' | 'nodes',
      credentials?: { [id: string]: { [name: string]: string } },
    ): Promise<void>
    unload(): Promise<void>
    getNode(id: string): Node
    request(): {
      post(path: string): { send(body: object): Promise<{ status: number; body: unknown }> }
      get(path: string): Promise<{ status: number; body: unknown }>
    }
  }
  export default helper
}
