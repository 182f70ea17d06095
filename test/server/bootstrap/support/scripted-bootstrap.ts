import assert from 'node:assert/strict'
import { CoapEndpoint } from '../../../../src/coap/endpoint'
import { builtinModel } from '../../../../src/lwm2m/model/object-model'
import {
  type BootstrapConfiguration,
  BootstrapConfigurations,
  BootstrapServer,
  type BootstrapServerOptions,
} from '../../../../src/server/bootstrap'
import type {
  BootstrapProgress,
  BootstrapRefusal,
  BootstrapRequest,
  BootstrapResult,
} from '../../../../src/server/bootstrap'
import { UdpTransport } from '../../../../src/transport/udp'
import { FakeClock } from '../../../support/fake-clock'
import { ACK, CON, Opt, type RawMessage, rawCoap, readCoap } from '../../../support/raw-coap'
import { ScriptedPeer } from '../../../support/scripted-device'

/** What a device is sent or sends, but for type, Message-ID and token. */
export type Content = Pick<RawMessage, 'code' | 'options' | 'payload'>

const model = builtinModel()

/** A bootstrap server on an ephemeral port, what it announced, and devices that follow a script. */
export class Bench {
  readonly clock = new FakeClock()
  readonly configurations = new BootstrapConfigurations(() => model)
  readonly requests: BootstrapRequest[] = []
  readonly refused: BootstrapRefusal[] = []
  readonly progress: BootstrapProgress[] = []
  readonly results: BootstrapResult[] = []
  readonly warnings: { code: string; message: string; endpoint?: string }[] = []
  /** Leaves the server without anybody who listens for requests. */
  ignoreRequests: () => void = () => undefined
  private readonly devices: ScriptedPeer[] = []
  private waiting: (() => void)[] = []

  private constructor(
    readonly server: BootstrapServer,
    readonly coap: CoapEndpoint,
    readonly port: number,
  ) {}

  static async start(
    options: Partial<BootstrapServerOptions> = {},
    ...configurations: BootstrapConfiguration[]
  ): Promise<Bench> {
    const clock = new FakeClock()
    const store = new BootstrapConfigurations(() => model)
    assert.deepEqual(store.setList(configurations), [])
    const server = new BootstrapServer({
      configurations: store,
      model: () => model,
      clock,
      ...options,
    })
    const coap = new CoapEndpoint(new UdpTransport({ host: '127.0.0.1', port: 0 }), { clock })
    server.attach(coap)
    const { port } = await coap.start()
    const bench = Object.assign(new Bench(server, coap, port), { clock, configurations: store })
    bench.ignoreRequests = server.on('request', (request) => bench.requests.push(request))
    server.on('refused', (refusal) => bench.refused.push(refusal))
    server.on('progress', (progress) => bench.progress.push(progress))
    server.on('warning', (warning) => bench.warnings.push(warning))
    server.on('result', (result) => {
      bench.results.push(result)
      for (const resolve of bench.waiting.splice(0)) resolve()
    })
    return bench
  }

  async device(): Promise<ScriptedBootstrapDevice> {
    const peer = (await ScriptedPeer.open()).connect(this.port)
    this.devices.push(peer)
    return new ScriptedBootstrapDevice(peer)
  }

  /** The nth result, from 0. */
  async result(n = 0): Promise<BootstrapResult> {
    while (this.results[n] === undefined) {
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
    return this.results[n]
  }

  /** Operation, path and answer of each step of a result. */
  static steps(result: BootstrapResult): string[] {
    return result.steps.map(({ operation, path, code, error }) =>
      [operation, path, code ?? 'none', ...(error ? [error] : [])].join(' '),
    )
  }

  async stop(): Promise<void> {
    await this.server.stop()
    await this.coap.stop()
    await Promise.all(this.devices.map((device) => device.close()))
  }
}

/** A device whose every datagram is written in the test, and that checks every byte it gets. */
export class ScriptedBootstrapDevice {
  constructor(readonly peer: ScriptedPeer) {}

  /** Sends a request; its whole answer must be as given. */
  async request(request: Content, answer: Content): Promise<void> {
    const mid = this.peer.nextMid()
    const token = 'b5'
    await this.peer.send({ type: CON, mid, token, ...request })
    const { bytes } = await this.peer.receive()
    const expected = rawCoap({ type: ACK, mid, token, ...answer })
    assert.equal(bytes.toString('hex'), expected.toString('hex'))
  }

  /** `POST /bs?…`, answered 2.04. */
  async bootstrap(...query: string[]): Promise<void> {
    await this.request(bootstrapRequest(...query), { code: 0x44 })
  }

  /** The next request must be as given; it is answered. */
  async expect(request: Content, answer: Content): Promise<void> {
    const { mid, token } = await this.next(request)
    await this.peer.send({ type: ACK, mid, token, ...answer })
  }

  /** The next request must be as given; it is not answered. */
  async next(request: Content): Promise<{ mid: number; token: string }> {
    const { bytes } = await this.peer.receive()
    const { mid, token } = readCoap(bytes)
    const expected = rawCoap({ type: CON, mid, token, ...request })
    assert.equal(bytes.toString('hex'), expected.toString('hex'))
    return { mid, token }
  }
}

export const bootstrapRequest = (...query: string[]): Content => ({
  code: 0x02,
  options: [[Opt.URI_PATH, 'bs'], ...query.map((one) => [Opt.URI_QUERY, one] as const)],
})

const uriPath = (path: string): [number, string][] =>
  path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => [Opt.URI_PATH, segment])

/** What the server sends. */
export const Ask = {
  discover: { code: 0x01, options: [[Opt.ACCEPT, 40]] } as Content,
  read: (path: string, accept: number): Content => ({
    code: 0x01,
    options: [...uriPath(path), [Opt.ACCEPT, accept]],
  }),
  delete: (path: string): Content => ({ code: 0x04, options: uriPath(path) }),
  /** @param payload hex, spaces allowed */
  write: (path: string, format: number, payload: string): Content => ({
    code: 0x03,
    options: [...uriPath(path), [Opt.CONTENT_FORMAT, format]],
    payload: Buffer.from(payload.replaceAll(/\s/g, ''), 'hex'),
  }),
  finish: { code: 0x02, options: [[Opt.URI_PATH, 'bs']] } as Content,
}

/** What the device answers. */
export const Answer = {
  changed: { code: 0x44 } as Content,
  deleted: { code: 0x42 } as Content,
  links: (text: string): Content => ({
    code: 0x45,
    options: [[Opt.CONTENT_FORMAT, 40]],
    payload: text,
  }),
  error: (code: number, diagnostic = ''): Content => ({ code, payload: diagnostic }),
}
