import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FlowNode } from '../../support/node-red'
import { freeUdpPort } from '../../support/ports'

const folder = join(__dirname, '..', '..', '..', 'examples')

/** The names of all example flows, without `.json`. */
export function exampleNames(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort()
}

/** An example exactly as a user imports it. */
export function readExample(name: string): FlowNode[] {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as FlowNode[]
}

/** An example moved to ports that are free, so that many tests can run side by side. */
export interface MovedExample {
  readonly flow: FlowNode[]
  /** The free port that stands for one of the file. */
  port(original: number | string): number
}

/** The properties of `lwm2m-server` that are ports. */
const PORTS = ['port', 'coapsPort', 'bootstrapPort', 'bootstrapCoapsPort'] as const

/**
 * Gives the servers of an example free ports, and its devices the addresses with these ports.
 * @param changes properties by node type, merged into each node of that type
 */
export async function moveExample(
  name: string,
  changes: { readonly [type: string]: object } = {},
): Promise<MovedExample> {
  const flow = readExample(name)
  const wanted = new Set<string>()
  for (const node of flow) {
    if (node.type !== 'lwm2m-server') continue
    for (const property of PORTS) {
      const value = node[property]
      if (value !== undefined && value !== '' && Number(value) > 0) wanted.add(String(value))
    }
  }
  const ports = new Map<string, number>()
  for (const port of wanted) ports.set(port, await freeUdpPort())
  const moved = flow.map((node): FlowNode => {
    const copy: { [property: string]: unknown } = { ...node }
    if (node.type === 'lwm2m-server') {
      for (const property of PORTS) {
        const port = ports.get(String(copy[property]))
        if (port !== undefined) copy[property] = String(port)
      }
    }
    const text = JSON.stringify(copy).replaceAll(
      /(coaps?:\/\/[\w.-]+:)(\d+)/g,
      (whole, before: string, port: string) => {
        const free = ports.get(port)
        return free === undefined ? whole : `${before}${free}`
      },
    )
    return { ...(JSON.parse(text) as FlowNode), ...changes[node.type] }
  })
  return {
    flow: moved,
    port(original) {
      const port = ports.get(String(original))
      if (port === undefined) throw new Error(`${name} has no server on port ${original}`)
      return port
    },
  }
}

/** The node of a flow by its type and, where there are several, its name. */
export function nodeOf(flow: readonly FlowNode[], type: string, name?: string): FlowNode {
  const found = flow.filter(
    (node) => node.type === type && (name === undefined || node['name'] === name),
  )
  const [only] = found
  if (only === undefined || found.length > 1) {
    throw new Error(`${found.length} nodes ${type} ${name ?? ''}`)
  }
  return only
}
