import { codeText, Opt, optionNumber, optionTexts, type ReadMessage } from '../../support/raw-coap'
import { ScriptedPeer } from '../../support/scripted-device'
import { Lwm2mClient } from '../../../src/client/lwm2m-client'
import type { Lwm2mClientEvents, Lwm2mClientOptions } from '../../../src/client/types'

/** A small description, so that expectations can be byte-exact. */
export const SMALL = {
  3: { 0: { 0: 'ACME', 1: 'Model 1', 9: 100, 11: [0], 13: 0, 14: '+00:00', 16: 'U' } },
  3303: { 0: { 5700: 21.5, 5701: 'Cel' } },
} as const

/** A scripted LwM2M server, and the device connected to it. */
export class Scene {
  readonly client: Lwm2mClient

  private constructor(
    readonly server: ScriptedPeer,
    options: Partial<Lwm2mClientOptions>,
  ) {
    this.client = new Lwm2mClient({
      endpoint: 'dev1',
      server: `coap://127.0.0.1:${server.port}`,
      lifetime: 60,
      objects: SMALL,
      local: { host: '127.0.0.1' },
      ...options,
    })
  }

  static async open(options: Partial<Lwm2mClientOptions> = {}): Promise<Scene> {
    return new Scene(await ScriptedPeer.open(), options)
  }

  /** With a device that registered at `/rd/abc`. */
  static async registered(options: Partial<Lwm2mClientOptions> = {}): Promise<Scene> {
    const scene = await Scene.open(options)
    await scene.client.start()
    await scene.acceptRegistration()
    return scene
  }

  /** Answers the next Register with 2.01; resolves when the device has received it. */
  async acceptRegistration(location = ['rd', 'abc']): Promise<ReadMessage> {
    const request = await this.server.message()
    if (request.code !== 2 || optionTexts(request, Opt.URI_PATH).join('/') !== 'rd') {
      throw new Error(`no Register: ${JSON.stringify(request)}`)
    }
    const registered = next(this.client, 'registered')
    await this.reply(request, 0x41, {
      options: location.map((segment) => [Opt.LOCATION_PATH, segment] as const),
    })
    await registered
    return request
  }

  /** Piggybacked response. */
  async reply(
    request: ReadMessage,
    code: number,
    rest: {
      options?: readonly (readonly [number, string | number | Uint8Array])[]
      payload?: string | Uint8Array
    } = {},
  ): Promise<void> {
    await this.server.send({ type: 2, code, mid: request.mid, token: request.token, ...rest })
  }

  /** Stops without a De-register, so that no test has to answer one. */
  async close(): Promise<void> {
    await this.client.stop({ deregister: false })
    await this.server.close()
  }
}

/** The next event of a kind; fails if it does not occur. */
export function next<K extends keyof Lwm2mClientEvents>(
  client: Lwm2mClient,
  event: K,
  timeout = 15_000,
): Promise<Lwm2mClientEvents[K]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event} within ${timeout} ms`)), timeout)
    client.once(event, (...args) => {
      clearTimeout(timer)
      resolve(args)
    })
  })
}

/** Uri-Path segments of a path like `/3/0/9`, as options. */
export function uriPath(path: string): (readonly [number, string])[] {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => [Opt.URI_PATH, segment] as const)
}

/** A request to the device at a path; the answer as `code`, format and payload. */
export async function ask(
  scene: Scene,
  code: number,
  path: string,
  rest: {
    observe?: number
    accept?: number
    block1?: number
    format?: number
    query?: readonly string[]
    payload?: string | Uint8Array
    token?: string
  } = {},
): Promise<Answer> {
  const options: (readonly [number, string | number | Uint8Array])[] = []
  if (rest.observe !== undefined) options.push([Opt.OBSERVE, rest.observe])
  options.push(...uriPath(path))
  if (rest.format !== undefined) options.push([Opt.CONTENT_FORMAT, rest.format])
  for (const query of rest.query ?? []) options.push([Opt.URI_QUERY, query])
  if (rest.accept !== undefined) options.push([Opt.ACCEPT, rest.accept])
  if (rest.block1 !== undefined) options.push([Opt.BLOCK1, rest.block1])
  const message = await scene.server.request({
    code,
    options,
    payload: rest.payload,
    token: rest.token,
  })
  return answerOf(message)
}

export interface Answer {
  /** `'2.05'` */
  readonly code: string
  readonly format: number | undefined
  readonly hex: string
  readonly text: string
  readonly message: ReadMessage
}

export function answerOf(message: ReadMessage): Answer {
  return {
    code: codeText(message.code),
    // A Content-Format of 0 has no bytes, which is not the same as no option.
    format: message.options.some(([number]) => number === Opt.CONTENT_FORMAT)
      ? optionNumber(message, Opt.CONTENT_FORMAT)
      : undefined,
    hex: message.payload.toString('hex'),
    text: message.payload.toString('utf8'),
    message,
  }
}

export const GET = 1
export const POST = 2
export const PUT = 3
export const DELETE = 4
export const FETCH = 5
export const IPATCH = 7
