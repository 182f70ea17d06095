import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoapEndpoint, Code, type CoapRequest, type ObservationHandle } from '../../src/coap'
import { UdpTransport } from '../../src/transport/udp'
import { requireTool } from '../support/tools'

/** libcoap's client, an independent peer. */
describe('CoAP with libcoap', function () {
  let tool = ''
  let endpoint: CoapEndpoint
  let base = ''
  let directory = ''
  const children = new Set<ChildProcess>()

  before(function () {
    tool = requireTool(this, 'coap-client-notls')
  })

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'libcoap-'))
    endpoint = new CoapEndpoint(new UdpTransport({ host: '127.0.0.1', port: 0 }))
    const { port } = await endpoint.start()
    base = `coap://127.0.0.1:${port}`
  })

  afterEach(async () => {
    for (const child of children) child.kill()
    await endpoint.stop()
    rmSync(directory, { recursive: true })
  })

  /** Runs the client to its end and returns what it printed. */
  const run = (...args: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      children.add(child)
      const chunks: Buffer[] = []
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
      child.on('error', reject)
      child.on('close', () => {
        children.delete(child)
        resolve(Buffer.concat(chunks).toString('latin1'))
      })
    })

  const file = (name: string): string => join(directory, name)
  const large = Buffer.from(Array.from({ length: 5000 }, (_, i) => 97 + ((i * 7 + (i >> 6)) % 26)))

  it('answers its methods', async () => {
    const seen: [number, string, string][] = []
    endpoint.onRequest = ({ code, path, query, payload }) => {
      seen.push([code, [...path, ...query].join(' '), payload.toString()])
      return { code: Code.CONTENT, contentFormat: 0, payload: Buffer.from('hello') }
    }
    assert.match(await run('-m', 'get', '-B', '5', `${base}/3/0?a=1&b`), /hello/)
    assert.match(await run('-m', 'fetch', '-B', '5', '-t', '0', '-e', 'list', base), /hello/)
    assert.match(await run('-m', 'ipatch', '-B', '5', '-e', 'x', `${base}/3`), /hello/)
    assert.deepEqual(seen, [
      [Code.GET, '3 0 a=1 b', ''],
      [Code.FETCH, '', 'list'],
      [Code.IPATCH, '3', 'x'],
    ])
  })

  it('prints an error code', async () => {
    assert.match(await run('-m', 'get', '-B', '5', `${base}/none`), /4\.04/)
  })

  it('sends a body in blocks, of its size and of ours', async () => {
    const seen: CoapRequest[] = []
    endpoint.onRequest = (request) => {
      seen.push(request)
      return { code: Code.CHANGED }
    }
    writeFileSync(file('body'), large)
    for (const size of ['64', '1024']) {
      await run(
        '-m',
        'put',
        '-B',
        '10',
        '-b',
        size,
        '-t',
        '42',
        '-f',
        file('body'),
        `${base}/5/0/0`,
      )
    }
    assert.deepEqual(
      seen.map(({ payload, contentFormat }) => [payload.equals(large), contentFormat]),
      [
        [true, 42],
        [true, 42],
      ],
    )
  })

  it('fetches a body in blocks, of its size and of ours', async () => {
    let count = 0
    endpoint.onRequest = () => {
      count++
      return { code: Code.CONTENT, contentFormat: 42, payload: large }
    }
    for (const args of [[], ['-b', '128']]) {
      await run('-m', 'get', '-B', '10', ...args, '-o', file('got'), `${base}/x`)
      assert.ok(readFileSync(file('got')).equals(large), args.join(' '))
    }
    assert.equal(count, 2)
  })

  it('waits for a separate response', async () => {
    endpoint.onRequest = () =>
      new Promise((resolve) =>
        setTimeout(() => resolve({ code: Code.CONTENT, payload: Buffer.from('late') }), 700),
      )
    assert.match(await run('-m', 'get', '-B', '5', `${base}/slow`), /late/)
  })

  it('observes small and large values, and cancels', async () => {
    let handle: ObservationHandle | undefined
    let accepted = (): void => {}
    const registered = new Promise<void>((resolve) => (accepted = resolve))
    let cancelled: (how: string) => void = () => {}
    const ended = new Promise<string>((resolve) => (cancelled = resolve))
    endpoint.onRequest = (request) => {
      if (request.observe === 0) {
        handle = request.acceptObservation()
        handle.onEnd = cancelled
        accepted()
      } else if (request.observe === 1) {
        request.cancelObservation()
      }
      return { code: Code.CONTENT, contentFormat: 0, payload: Buffer.from('<first>') }
    }
    const output = run('-m', 'get', '-s', '1', '-B', '5', `${base}/3`)
    await registered
    await handle?.notify(
      { code: Code.CONTENT, contentFormat: 0, payload: Buffer.from('<second>') },
      { confirmable: true },
    )
    await handle?.notify(
      { code: Code.CONTENT, contentFormat: 0, payload: large },
      { confirmable: true },
    )
    assert.equal(await ended, 'cancelled')
    const text = await output
    assert.match(text, /<first>[^]*<second>/)
    assert.ok(text.includes(large.toString('latin1')), text)
  })
})
