import { createServer, request, Agent, type IncomingMessage } from 'coap'
import { inParallel, type Subject } from './subject'

/** The same work, as somebody would write it on the `coap` package: no checks, one Map. */
export async function coapPackageSubject(): Promise<Subject> {
  const registrations = new Map<string, string[]>()
  const server = createServer({ type: 'udp4' }, (req, res) => {
    subject.count++
    const [path, query = ''] = req.url.split('?')
    if (path === '/rd') {
      const endpoint = new URLSearchParams(query).get('ep') ?? ''
      registrations.set(endpoint, req.payload.toString().split(','))
      res.code = '2.01'
      res.setOption('Location-Path', [Buffer.from('rd'), Buffer.from(endpoint)] as never)
    } else {
      res.code = '2.04'
    }
    res.end()
  })
  const agent = new Agent({ type: 'udp4' })
  const get = (port: number, observe: boolean): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const outgoing = request({
        host: '127.0.0.1',
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
  const subject = {
    port: 0,
    count: 0,
    async observe(_endpoints: readonly string[], ports: readonly number[]): Promise<void> {
      for (const port of ports) {
        const stream = await get(port, true)
        stream.on('data', () => subject.count++)
      }
    },
    async read(
      _endpoints: readonly string[],
      ports: readonly number[],
      count: number,
      inFlight: number,
    ): Promise<void> {
      await inParallel(count, inFlight, async (index) => {
        await get(ports[index % ports.length] as number, false)
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
