import { CodedError } from '../../../src/base/coded-error'
import type { Node, NodeAPI } from '../runtime/red'
import type { ServerHost } from './server-host'

/** The config node `lwm2m-server` as flow nodes see it. */
export interface ServerNode extends Node {
  readonly host: ServerHost
  /** Flow nodes by id: Node-RED hands an error of the config node to the Catch nodes of its users. */
  readonly users: { readonly [id: string]: object }
}

/** The host of the config node with an id; undefined where there is none (deleted, disabled). */
export function findHost(RED: NodeAPI, id: string): ServerHost | undefined {
  const node = RED.nodes.getNode(id) as Partial<ServerNode> | null
  return node?.host
}

/** No server is chosen, or it is disabled. */
export function noServer(): CodedError {
  return new CodedError('no-server', 'no LwM2M server is selected in the dialog, or it is disabled')
}

/** @throws CodedError `no-server` */
export function requireHost(host: ServerHost | undefined): ServerHost {
  if (host === undefined) throw noServer()
  return host
}
