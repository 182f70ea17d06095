import { Agent, createServer, type IncomingMessage, request } from 'coap'
import { inParallel, type Subject } from './subject'

interface Registered {
  readonly endpoint: string
  readonly version: string
  readonly lifetime: number
  readonly paths: readonly string[]
  expiry: NodeJS.Timeout
}

/** What a server has to know of its devices: by name, by location, and until when. */
class Registry {
  private readonly byEndpoint = new Map<string, Registered>()

  register(query: URLSearchParams, payload: Buffer): Registered | undefined {
    const endpoint = query.get('ep')
    const version = query.get('lwm2m')
    const lifetime = Number(query.get('lt') ?? 86_400)
    if (endpoint === null || version === null || !(lifetime > 0)) return undefined
    const paths: string[] = []
    for (const link of payload.toString().split(',')) {
      const match = /^<\/([^>]*)>(?:;.*)?$/.exec(link.trim())
      if (match === null) return undefined
      paths.push(match[1] as string)
    }
    this.remove(endpoint)
    const expiry = this.expireAfter(endpoint, lifetime)
    const registered = { endpoint, version, lifetime, paths, expiry }
    this.byEndpoint.set(endpoint, registered)
    return registered
  }

  update(endpoint: string): boolean {
    const registered = this.byEndpoint.get(endpoint)
    if (registered === undefined) return false
    registered.expiry.refresh()
    return true
  }

  private remove(endpoint: string): void {
    clearTimeout(this.byEndpoint.get(endpoint)?.expiry)
    this.byEndpoint.delete(endpoint)
  }

  private expireAfter(endpoint: string, seconds: number): NodeJS.Timeout {
    return setTimeout(() => this.byEndpoint.delete(endpoint), seconds * 1000)
  }
}

/** A number as text/plain, as all devices of the benchmark say it. */
function valueOf(response: IncomingMessage, payload: Buffer): number {
  if (response.code !== '2.05' || response.headers['Content-Format'] !== 'text/plain') {
    throw new Error(`${response.code} ${response.headers['Content-Format']}`)
  }
  const value = Number(payload.toString())
  if (Number.isNaN(value)) throw new Error('no number')
  return value
}

/**
 * The same work on the `coap` package, on the same kind of socket, as somebody would write it for this
 * case alone: a registry with expiry, values as numbers, one request at a time to a device. Without all
 * that the engine does besides: checks, models, other formats, observation by pattern, events.
 */
export async function coapPackageSubject(): Promise<Subject> {
  const registry = new Registry()
  const server = createServer({ type: 'udp6' }, (req, res) => {
    const [path = '', query = ''] = req.url.split('?')
    if (req.method !== 'POST') {
      res.code = '4.05'
    } else if (path === '/rd') {
      const registered = registry.register(new URLSearchParams(query), req.payload)
      res.code = registered === undefined ? '4.00' : '2.01'
      if (registered !== undefined) {
        subject.count++
        const location = [Buffer.from('rd'), Buffer.from(registered.endpoint)]
        res.setOption('Location-Path', location as never)
      }
    } else if (registry.update(path.slice('/rd/'.length))) {
      subject.count++
      res.code = '2.04'
    } else {
      res.code = '4.04'
    }
    res.end()
  })
  const agent = new Agent({ type: 'udp6' })
  const get = (port: number, observe: boolean): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const outgoing = request({
        host: '::ffff:127.0.0.1',
        port,
        pathname: '/3303/0/5700',
        method: 'GET',
        observe,
        agent,
      })
      outgoing.on('response', resolve)
      outgoing.on('error', reject)
      outgoing.end()
    })
  /** The end of the last request to each device: NSTART is 1 (RFC 7252 §4.7). */
  const lines = new Map<number, Promise<unknown>>()
  const read = (port: number): Promise<number> => {
    const turn = (lines.get(port) ?? Promise.resolve())
      .catch(() => {})
      .then(async () => {
        const response = await get(port, false)
        return valueOf(response, response.payload)
      })
    lines.set(port, turn)
    return turn
  }
  const subject = {
    port: 0,
    count: 0,
    async observe(endpoints: readonly string[], ports: readonly number[]): Promise<void> {
      for (const [i, port] of ports.entries()) {
        const stream = await get(port, true)
        const latest = { endpoint: endpoints[i], path: '/3303/0/5700', value: NaN }
        stream.on('data', (payload: Buffer) => {
          latest.value = valueOf(stream, payload)
          subject.count++
        })
      }
    },
    async read(
      _endpoints: readonly string[],
      ports: readonly number[],
      count: number,
      inFlight: number,
    ): Promise<void> {
      await inParallel(count, inFlight, async (index) => {
        await read(ports[index % ports.length] as number)
        subject.count++
      })
    },
  }
  await new Promise<void>((resolve) => server.listen(0, () => resolve()))
  subject.port = (
    server as unknown as { _sock: { address(): { port: number } } }
  )._sock.address().port
  return subject
}
