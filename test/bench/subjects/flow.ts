import helper from 'node-red-node-test-helper'
import { engineOf } from '../../nodes/support/devices'
import { Flows, serverNode } from '../../nodes/support/harness'
import { freeUdpPort } from '../../support/ports'
import type { Subject } from './subject'

/** Node-RED's runtime with a flow: `lwm2m-observe` wired to a node that counts. */
export async function flowSubject(): Promise<Subject> {
  const port = await freeUdpPort()
  const flows = new Flows()
  const observe = { id: 'observe', type: 'lwm2m-observe', z: 'tab', server: 'server' }
  await flows.load([
    serverNode(port),
    { ...observe, endpoint: '*', path: '/3303/0/5700', wires: [['count']] },
    { id: 'count', type: 'helper', z: 'tab' },
    { id: 'events', type: 'lwm2m-events', z: 'tab', server: 'server', wires: [['seen']] },
    { id: 'seen', type: 'helper', z: 'tab' },
  ])
  // The load does not repeat itself: it begins when somebody listens.
  await engineOf(flows)
  // The helper spies on every call of every node and keeps it for ever; Node-RED does not.
  const { _sandbox: spies } = helper as unknown as { _sandbox: { restore(): void } }
  spies.restore()
  // The nodes that are there hold on to the spied `send`.
  for (const id of ['observe', 'events']) {
    const node = flows.node(id) as unknown as { wires: unknown; updateWires(wires: unknown): void }
    node.updateWires(node.wires)
  }
  const first = new Set<string>()
  const subject = {
    port,
    count: 0,
    /** The node observes by itself; this waits for the first value of each device. */
    async observe(endpoints: readonly string[]): Promise<void> {
      while (first.size < endpoints.length) {
        await new Promise((resolve) => flows.node('count').once('input', resolve))
      }
    },
  }
  flows.node('count').on('input', (message) => {
    subject.count++
    first.add(String((message as { endpoint?: string }).endpoint))
  })
  return subject
}
