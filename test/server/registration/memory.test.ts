import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Code } from '../../../src/coap/codes'
import { CoapEndpoint } from '../../../src/coap/endpoint'
import { UdpTransport } from '../../../src/transport/udp'
import { registerLongLists } from './support/long-lists'
import type { MemoryReport } from './support/memory-process'

const SCRIPT = join(__dirname, 'support/memory-process.ts')
/** MiB of the heap. */
const HEAP = 96
const DEVICES = 340

describe('memory of registrations', () => {
  let folder: string
  let child: ChildProcess | undefined
  const client = new CoapEndpoint(new UdpTransport({ host: '127.0.0.1', port: 0 }))

  before(() => client.start())
  after(() => client.stop())
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-memory-'))
  })
  afterEach(() => {
    child?.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })

  async function start(heap: number): Promise<MemoryReport> {
    child = fork(SCRIPT, [folder], {
      execArgv: ['--import', 'tsx', '--expose-gc', `--max-old-space-size=${heap}`],
    })
    return nextReport()
  }

  async function nextReport(): Promise<MemoryReport> {
    if (child === undefined) throw new Error('no process')
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the process ended: ${String(code ?? signal)}`)
    })
    const [report] = (await Promise.race([once(child, 'message'), ended])) as [MemoryReport]
    return report
  }

  async function kill(): Promise<void> {
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    child = undefined
  }

  it('long object lists of devices without security end no process, nor its next start', async () => {
    const { port } = await start(HEAP)
    const codes = await registerLongLists(client, port, DEVICES)
    child?.send('report')
    const running = await nextReport()
    assert.deepEqual(
      [...codes.keys()].sort((a, b) => a - b),
      [Code.CREATED, Code.SERVICE_UNAVAILABLE],
    )
    assert.equal(running.registrations, codes.get(Code.CREATED))
    assert.equal(running.warnings.length, 1, running.warnings.join('\n'))
    assert.match(running.warnings[0] ?? '', /^budget-exceeded: .* bytes of object lists is reached/)
    assert.ok(running.lists > 10e6, `${running.lists} bytes of lists`)

    await kill()
    const restarted = await start(HEAP)
    assert.equal(restarted.registrations, running.registrations)
    assert.deepEqual(restarted.warnings, [])
    // Less than twice the bytes on the wire, the server itself included.
    assert.ok(
      restarted.heap < 40 + (running.lists / 2 ** 20) * 1.3,
      `${restarted.heap} MiB for ${running.lists} bytes of lists`,
    )

    await kill()
    const smaller = await start(HEAP - 32)
    assert.ok(smaller.registrations > 0 && smaller.registrations < running.registrations)
    assert.equal(smaller.warnings.length, 1, smaller.warnings.join('\n'))
    assert.match(
      smaller.warnings[0] ?? '',
      /^not-restored: \d+ registrations were not restored and stay in the store: the limit of \d+ bytes of object lists/,
    )
  }).timeout(180_000)
})
