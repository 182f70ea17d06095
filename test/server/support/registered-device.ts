import assert from 'node:assert/strict'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { Lwm2mServerOptions } from '../../../src/server/options'
import type { ServerWarning } from '../../../src/server/types'
import { Opt, type RawMessage, rawCoap, type ReadMessage, readCoap } from '../../support/raw-coap'
import { ScriptedPeer } from '../../support/scripted-device'

export interface DeviceOptions {
  readonly endpoint?: string
  readonly version?: '1.0' | '1.1' | '1.2'
  /** The object list, in link format. */
  readonly links?: string
  /** Further queries of Register. */
  readonly query?: readonly string[]
  readonly server?: Lwm2mServerOptions
}

/** What a request has beside type, Message-ID and token. */
export type Expected = Pick<RawMessage, 'code' | 'options' | 'payload'>

/** One option a segment or query. */
export function optionsOf(request: {
  path?: string
  query?: readonly string[]
  observe?: number
  format?: number
  accept?: number
}): [number, string | number][] {
  const segments = (request.path ?? '').split('/').filter((segment) => segment !== '')
  return [
    ...(request.observe === undefined
      ? []
      : [[Opt.OBSERVE, request.observe] as [number, string | number]]),
    ...segments.map((segment) => [Opt.URI_PATH, segment] as [number, string | number]),
    ...(request.format === undefined
      ? []
      : [[Opt.CONTENT_FORMAT, request.format] as [number, string | number]]),
    ...(request.query ?? []).map((query) => [Opt.URI_QUERY, query] as [number, string | number]),
    ...(request.accept === undefined
      ? []
      : [[Opt.ACCEPT, request.accept] as [number, string | number]]),
  ]
}

/** A real server, and a device on a real socket that does what the test says. */
export class RegisteredDevice {
  readonly warnings: ServerWarning[] = []
  location = ''

  private constructor(
    readonly server: Lwm2mServer,
    readonly peer: ScriptedPeer,
    readonly endpoint: string,
    private readonly options: DeviceOptions,
  ) {
    server.on('warning', (warning) => this.warnings.push(warning))
  }

  static async open(options: DeviceOptions = {}): Promise<RegisteredDevice> {
    const server = new Lwm2mServer({
      ...options.server,
      coap: { host: '127.0.0.1', port: 0 },
    })
    const { coap } = await server.start()
    if (coap === undefined) throw new Error('the server has no port')
    const peer = await ScriptedPeer.open()
    peer.connect(coap.port)
    const device = new RegisteredDevice(server, peer, options.endpoint ?? 'dev1', options)
    await device.register()
    return device
  }

  async register(changed: DeviceOptions = {}): Promise<void> {
    const {
      version = '1.1',
      links = '</1/0>,</3/0>,</3303/0>',
      query = [],
    } = {
      ...this.options,
      ...changed,
    }
    const answer = await this.peer.request({
      code: 0x02,
      options: optionsOf({
        path: 'rd',
        format: 40,
        query: [`ep=${this.endpoint}`, `lwm2m=${version}`, 'lt=300', ...query],
      }),
      payload: links,
    })
    assert.equal(answer.code, 0x41, 'Register is answered 2.01')
    this.location = answer.options
      .filter(([number]) => number === Opt.LOCATION_PATH)
      .map(([, value]) => value.toString())
      .join('/')
  }

  /** Takes the next request and checks every byte of it but Message-ID and token. */
  async expect(expected: Expected, type = 0): Promise<ReadMessage> {
    const { bytes } = await this.peer.receive()
    const message = readCoap(bytes)
    const whole = rawCoap({ type, mid: message.mid, token: message.token, ...expected })
    assert.equal(bytes.toString('hex'), whole.toString('hex'))
    return message
  }

  /** Answers a request in its ACK. */
  async answer(
    request: ReadMessage,
    code: number,
    reply: Pick<RawMessage, 'options' | 'payload'> = {},
  ): Promise<void> {
    await this.peer.send({ type: 2, code, mid: request.mid, token: request.token, ...reply })
  }

  /** Answers with 2.05 and a payload in a format. */
  content(
    request: ReadMessage,
    format: number | undefined,
    payload: string | Uint8Array,
    observe?: number,
  ): Promise<void> {
    return this.answer(request, 0x45, { options: optionsOf({ format, observe }), payload })
  }

  /** Sends a notification; a confirmable one resolves with what the server says to it. */
  async notify(
    token: string,
    observe: number | undefined,
    format: number | undefined,
    payload: string | Uint8Array,
    type = 1,
  ): Promise<ReadMessage | undefined> {
    const mid = this.peer.nextMid()
    await this.peer.send({
      type,
      code: 0x45,
      mid,
      token,
      options: optionsOf({ observe, format }),
      payload,
    })
    if (type !== 0) return undefined
    const answer = await this.peer.message()
    assert.equal(answer.mid, mid)
    return answer
  }

  async close(): Promise<void> {
    await this.server.stop()
    await this.peer.close()
  }
}

/** Hex, spaces allowed, as bytes. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
}
