import type { FlowNode } from '../../support/node-red'

/** A config node as the editor saves it. */
export function serverNode(port: number, properties: object = {}): FlowNode {
  return {
    id: 'server',
    type: 'lwm2m-server',
    name: '',
    host: '127.0.0.1',
    coap: true,
    port: String(port),
    coaps: false,
    coapsPort: '5684',
    bootstrapPort: '5783',
    bootstrapCoapsPort: '5784',
    storage: 'memory',
    ...properties,
  }
}

/** A virtual device: a room with two temperatures, a lamp and an actuator that is written only. */
export function roomNode(port: number, endpoint = 'room-1'): FlowNode {
  return {
    id: endpoint,
    z: 'tab',
    type: 'lwm2m-device',
    name: '',
    endpoint,
    endpointType: 'str',
    uri: `coap://127.0.0.1:${port}`,
    lwm2m: '1.1',
    lifetime: '300',
    autoStart: true,
    objects: JSON.stringify({
      3: { 0: { 0: 'LwM2M Flows', 4: null, 9: 87, 11: [0], 16: 'U' } },
      2048: { 0: { 0: 'policy', 2: { 0: '3:0', 4: '3303:1' } } },
      3303: { 0: { 5700: 21.5, 5701: 'Cel' }, 1: { 5700: 19.25, 5701: 'Cel', 5605: null } },
      3311: { 0: { 5850: true, 5851: 50 } },
    }),
    x: 140,
    y: 60,
    wires: [[]],
  }
}

/** One server, two rooms, and what the tests of the dialogs open. */
export function demoFlow(port: number): FlowNode[] {
  const target = { z: 'tab', server: 'server', endpoint: 'room-1', endpointType: 'str' }
  const waiting = { timeout: '', asleep: 'wait', ttl: '' }
  return [
    { id: 'tab', type: 'tab', label: 'Rooms' },
    serverNode(port),
    roomNode(port),
    { ...roomNode(port, 'room-2'), y: 120 },
    {
      ...target,
      ...waiting,
      id: 'read',
      type: 'lwm2m-read',
      path: '',
      pathType: 'str',
      format: '',
      keys: 'id',
      x: 420,
      y: 60,
      wires: [['debug']],
    },
    {
      ...target,
      ...waiting,
      id: 'write',
      type: 'lwm2m-write',
      what: 'values',
      path: '/3311/0/5851',
      pathType: 'str',
      value: '40',
      valueType: 'num',
      mode: '',
      format: '',
      replaceQueued: false,
      x: 420,
      y: 120,
      wires: [['debug']],
    },
    {
      id: 'debug',
      z: 'tab',
      type: 'debug',
      name: 'values',
      active: true,
      tosidebar: true,
      complete: 'payload',
      x: 640,
      y: 90,
      wires: [],
    },
  ]
}
