/** One event of a stream. */
export interface StreamEvent {
  readonly name: string
  readonly data: unknown
}

/** Reads server-sent events (WHATWG HTML §9.2) as far as these tests need. */
export class EventStream {
  private readonly events: StreamEvent[] = []
  private taken = 0
  private waiting: (() => void) | undefined
  private rest = ''

  private constructor(private readonly abort: AbortController) {}

  /** Resolves when the stream is open: what happens from then on is on it. */
  static async open(url: string, token: string): Promise<EventStream> {
    const abort = new AbortController()
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      signal: abort.signal,
    })
    if (!response.ok || response.body === null) throw new Error(`${url}: ${response.status}`)
    const stream = new EventStream(abort)
    const type = response.headers.get('content-type')
    if (type !== 'text/event-stream') throw new Error(`the stream is ${type}`)
    const reader = response.body.getReader()
    await reader.read()
    void stream.readFrom(reader)
    return stream
  }

  /** All events that came so far, by name. */
  get names(): string[] {
    return this.events.map(({ name }) => name)
  }

  /** The next event of a name; others before it are passed over. */
  async next(name: string, ms = 30_000): Promise<StreamEvent> {
    const deadline = Date.now() + ms
    for (;;) {
      while (this.taken < this.events.length) {
        const event = this.events[this.taken++]
        if (event?.name === name) return event
      }
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`no event ${name}, only ${this.names.join(', ')}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.waiting = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  close(): void {
    this.abort.abort()
  }

  private async readFrom(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    try {
      for (;;) {
        const { value, done } = await reader.read()
        if (done) return
        this.take(decoder.decode(value, { stream: true }))
      }
    } catch {
      // Closed by this side.
    }
  }

  private take(text: string): void {
    const blocks = (this.rest + text).split('\n\n')
    this.rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block)?.[1] ?? 'message'
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data !== undefined) this.events.push({ name, data: JSON.parse(data) as unknown })
    }
    this.waiting?.()
  }
}
