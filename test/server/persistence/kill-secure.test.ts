import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lwm2mClient } from '../../../src/client/lwm2m-client'
import type { SecureReport } from './support/secure-process'

const KEY = '000102030405060708090a0b0c0d0e0f'
const SCRIPT = join(__dirname, 'support/secure-process.ts')

describe('a CoAPS device after kill -9 of its server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lwm2m-kill-'))
  let child: ChildProcess | undefined
  let device: Lwm2mClient | undefined

  after(async () => {
    await device?.stop({ timeout: 100 })
    child?.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })

  /** The next report of this name. */
  function reported<N extends SecureReport['name']>(
    name: N,
  ): Promise<Extract<SecureReport, { name: N }>> {
    return new Promise((resolve, reject) => {
      child?.once('exit', () => reject(new Error('the process ended')))
      child?.on('message', (report: SecureReport) => {
        if (report.name === name) resolve(report as Extract<SecureReport, { name: N }>)
      })
    })
  }

  async function start(port = 0): Promise<{ port: number; state: string | undefined }> {
    child = fork(SCRIPT, [folder, String(port), KEY], { execArgv: ['--import', 'tsx'] })
    return reported('started')
  }

  async function kill(): Promise<void> {
    if (child === undefined) return
    child.removeAllListeners('exit')
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  function switchOn(port: number): void {
    device = new Lwm2mClient({
      endpoint: 'dev',
      server: `coaps://127.0.0.1:${port}`,
      security: { psk: { identity: 'dev', key: Buffer.from(KEY, 'hex') } },
      objects: { 3: { 0: { 9: 95 } } },
    })
    device.start()
  }

  it('waits for its handshake; requests wait for it over one more kill, and are then answered', async function () {
    this.timeout(60_000)
    const { port } = await start()
    const registered = reported('registered')
    switchOn(port)
    await registered
    await kill()
    await device?.stop({ timeout: 100, deregister: false })

    assert.equal((await start(port)).state, 'awaiting-handshake')
    const queued = reported('queued')
    child?.send({ order: 7 })
    await queued
    await kill()

    assert.equal((await start(port)).state, 'awaiting-handshake')
    const completed = reported('completed')
    // It comes with a new handshake.
    switchOn(port)
    const { data, value } = await completed
    assert.deepEqual(data, { order: 7 })
    assert.equal(value, 95)
  })
})
