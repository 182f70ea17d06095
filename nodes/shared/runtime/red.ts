/** Node-RED's types under the names used here. */
import type { Node, NodeAPI, NodeDef, NodeMessage, NodeMessageInFlow, NodeStatus } from 'node-red'

export type { Node, NodeAPI, NodeDef, NodeMessage, NodeMessageInFlow, NodeStatus }

/** One message, or one for each output. */
export type Send = (message: NodeMessage | (NodeMessage | null)[]) => void

/** The namespace of the texts that all nodes share (`locales/<lang>/lwm2m-server.json`). */
const SHARED_TEXTS = '@lwm2m-flows/node-red-lwm2m/lwm2m-server'

/** A shared run-time text in Node-RED's language. `__name__` in it stands for a parameter. */
export function sharedText(
  RED: NodeAPI,
  key: string,
  parameters?: { readonly [name: string]: string | number },
): string {
  return RED._(`${SHARED_TEXTS}:${key}`, parameters)
}
