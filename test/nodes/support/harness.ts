/** Runs our nodes from source inside Node-RED's runtime, with the English texts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Node, NodeAPI, NodeInitializer, NodeMessage } from 'node-red'
import helper from 'node-red-node-test-helper'
import lwm2mBootstrap from '../../../nodes/lwm2m-bootstrap/runtime'
import lwm2mCreate from '../../../nodes/lwm2m-create/runtime'
import lwm2mCredentials from '../../../nodes/lwm2m-credentials/runtime'
import lwm2mDelete from '../../../nodes/lwm2m-delete/runtime'
import lwm2mDevice from '../../../nodes/lwm2m-device/runtime'
import lwm2mDiscover from '../../../nodes/lwm2m-discover/runtime'
import lwm2mEvents from '../../../nodes/lwm2m-events/runtime'
import lwm2mExecute from '../../../nodes/lwm2m-execute/runtime'
import lwm2mObserve from '../../../nodes/lwm2m-observe/runtime'
import lwm2mRead from '../../../nodes/lwm2m-read/runtime'
import lwm2mRequest from '../../../nodes/lwm2m-request/runtime'
import lwm2mServer from '../../../nodes/lwm2m-server/runtime'
import lwm2mWrite from '../../../nodes/lwm2m-write/runtime'
import { type PackageRuntime, runtimeOf } from '../../../nodes/shared/package-runtime'
import { type Texts, textsOf } from '../../support/node-files'

/** A node of a flow file. */
export interface FlowNode {
  readonly id: string
  readonly type: string
  readonly [property: string]: unknown
}

const shared = textsOf('en-US', 'lwm2m-server')

/** Node-RED's `_` for the texts of `lwm2m-server.json`, which the test helper does not load. */
export function translate(key: string, parameters: { [name: string]: unknown } = {}): string {
  const [, path = ''] = key.split(/:(.*)/)
  let text: string | Texts | undefined = shared
  for (const part of path.split('.')) text = typeof text === 'object' ? text[part] : undefined
  if (typeof text !== 'string') return key
  return text.replace(/__(\w+)__/g, (_all, name: string) => String(parameters[name]))
}

/** What the nodes share, once they are loaded. */
let runtime: PackageRuntime | undefined

function translated(init: NodeInitializer): NodeInitializer {
  return (RED: NodeAPI) => {
    runtime = runtimeOf(RED)
    const api = Object.create(RED) as NodeAPI
    Object.defineProperty(api, '_', { value: translate })
    return init(api)
  }
}

const nodes = [
  lwm2mServer,
  lwm2mEvents,
  lwm2mRead,
  lwm2mWrite,
  lwm2mExecute,
  lwm2mDiscover,
  lwm2mObserve,
  lwm2mCreate,
  lwm2mDelete,
  lwm2mRequest,
  lwm2mDevice,
  lwm2mCredentials,
  lwm2mBootstrap,
].map(translated)

/** Takes what reaches the `collector` nodes of the flow that runs, also while a deploy makes them anew. */
let collect: (message: NodeMessage) => void = () => {}

const collector: NodeInitializer = (RED: NodeAPI) => {
  RED.nodes.registerType('collector', function (this: Node, definition) {
    RED.nodes.createNode(this, definition)
    this.on('input', (message, _send, done) => {
      collect(message)
      done()
    })
  })
}

const TAB = { id: 'tab', type: 'tab', label: 'test' }

/** Nodes that stand nowhere are config nodes to Node-RED. */
function onCanvas(flow: readonly FlowNode[]): object[] {
  const placed = flow.map((node) => (node.type === 'lwm2m-server' ? node : { x: 0, y: 0, ...node }))
  return [TAB, ...placed]
}

/** One runtime with a user directory of its own; call {@link Flows.close} after each test. */
export class Flows {
  readonly userDir = mkdtempSync(join(tmpdir(), 'lwm2m-nodes-'))
  /** What reached nodes of the type `collector`. */
  readonly collected: NodeMessage[] = []
  private readonly lookers = new Set<(message: NodeMessage) => void>()

  async load(
    flow: readonly FlowNode[],
    credentials: { [id: string]: { [name: string]: string } } = {},
  ): Promise<void> {
    helper.settings({ userDir: this.userDir, logging: { console: { level: 'off' } } })
    collect = (message) => {
      this.collected.push(message)
      for (const look of [...this.lookers]) look(message)
    }
    await helper.load([...nodes, collector], onCanvas(flow), credentials)
  }

  /** Deploys another flow. */
  async deploy(
    flow: readonly FlowNode[],
    type: 'full' | 'flows' | 'nodes',
    credentials?: { [id: string]: { [name: string]: string } },
  ): Promise<void> {
    await helper.setFlows(onCanvas(flow), type, credentials)
  }

  /** The next message that reaches a `collector` and fits. */
  collect(fits: (message: NodeMessage) => boolean): Promise<NodeMessage> {
    return new Promise((resolve) => {
      const look = (message: NodeMessage): void => {
        if (!fits(message)) return
        this.lookers.delete(look)
        resolve(message)
      }
      this.lookers.add(look)
    })
  }

  node(id: string): Node {
    return helper.getNode(id)
  }

  /** Sends a message into a node and waits for what it sends, or for its error. */
  ask(id: string, message: NodeMessage, listenAt: string): Promise<NodeMessage> {
    const next = this.next(listenAt)
    this.node(id).receive(message)
    return next
  }

  /** The next message that reaches a node. */
  next(id: string, matches: (message: NodeMessage) => boolean = () => true): Promise<NodeMessage> {
    const node = this.node(id)
    return new Promise((resolve) => {
      const listen = (message: NodeMessage): void => {
        if (!matches(message)) return
        node.off('input', listen)
        resolve(message)
      }
      node.on('input', listen)
    })
  }

  /** The next status of a node with this text. */
  status(id: string, matches: (text: string) => boolean): Promise<string> {
    const node = this.node(id)
    return new Promise((resolve) => {
      const listen = (call: { args: [{ text?: string }] }): void => {
        const text = call.args[0].text ?? ''
        if (!matches(text)) return
        node.off('call:status', listen)
        resolve(text)
      }
      node.on('call:status' as 'input', listen as never)
    })
  }

  /** The text of the status that a node shows now; the test helper spies on `status`. */
  lastStatus(id: string): string {
    const node = this.node(id)
    const spy = node.status as unknown as {
      getCalls(): { thisValue: unknown; args: [{ text?: string }] }[]
    }
    const own = spy.getCalls().filter(({ thisValue }) => thisValue === node)
    return own.at(-1)?.args[0].text ?? ''
  }

  /** Stops the runtime; it may load a flow again. */
  async unload(): Promise<void> {
    await helper.unload()
  }

  async close(): Promise<void> {
    await helper.unload()
    runtime?.servers.forget('server')
    rmSync(this.userDir, { recursive: true, force: true })
  }
}

/** A server node on a port. */
export function serverNode(port: number, more: { [property: string]: unknown } = {}): FlowNode {
  return { id: 'server', type: 'lwm2m-server', port: String(port), storage: 'memory', ...more }
}

/** A virtual device at a port. */
export function deviceNode(
  endpoint: string,
  port: number,
  more: { [property: string]: unknown } = {},
): FlowNode {
  return {
    id: `device-${endpoint}`,
    type: 'lwm2m-device',
    z: 'tab',
    endpoint,
    uri: `coap://127.0.0.1:${port}`,
    ...more,
  }
}

/** A node that takes messages, to listen at. */
export function helperNode(id: string): FlowNode {
  return { id, type: 'helper', z: 'tab' }
}
