import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One POST that came. */
export interface Delivery {
  readonly path: string
  readonly body: { readonly [name: string]: unknown }
  /** The bytes of the body, as text. */
  readonly text: string
  readonly headers: IncomingHttpHeaders
}

/** The program at the other end of a webhook. */
export class Receiver {
  readonly deliveries: Delivery[] = []
  /** What the next deliveries to a path are answered, instead of 200. */
  readonly refusals = new Map<string, number[]>()
  private readonly taken = new Map<string, number>()
  private readonly waiting = new Set<() => void>()

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer()
    const receiver = new Receiver(server)
    server.on('request', (request, response) => {
      let text = ''
      request.setEncoding('utf8')
      request.on('data', (chunk: string) => (text += chunk))
      request.on('end', () => {
        const path = request.url ?? ''
        response.writeHead(receiver.refusals.get(path)?.shift() ?? 200).end()
        const body = JSON.parse(text) as Delivery['body']
        receiver.deliveries.push({ path, body, text, headers: request.headers })
        for (const look of receiver.waiting) look()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`
  }

  /** The next delivery to a path that no `next` gave yet. */
  async next(path: string): Promise<Delivery['body']> {
    const index = this.taken.get(path) ?? 0
    this.taken.set(path, index + 1)
    return this.until(path, (bodies) => bodies[index])
  }

  /** Resolves when a value came to a path, at any time. */
  async value(path: string, value: unknown): Promise<void> {
    await this.until(path, (bodies) => bodies.find((body) => body['value'] === value))
  }

  /** How many came to a path. */
  count(path: string): number {
    return this.deliveries.filter((delivery) => delivery.path === path).length
  }

  private until(
    path: string,
    pick: (bodies: readonly Delivery['body'][]) => Delivery['body'] | undefined,
    ms = 30_000,
  ): Promise<Delivery['body']> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const to = this.deliveries.filter((delivery) => delivery.path === path)
        const found = pick(to.map(({ body }) => body))
        if (found === undefined) return
        clearTimeout(timer)
        this.waiting.delete(look)
        resolve(found)
      }
      const timer = setTimeout(() => {
        this.waiting.delete(look)
        reject(new Error(`no such delivery to ${path} within ${ms} ms`))
      }, ms)
      this.waiting.add(look)
      look()
    })
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }
}
