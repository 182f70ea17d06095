import assert from 'node:assert/strict'
import { CoapEndpoint, Code, type CoapRequest } from '../../src/coap'
import { DtlsTransport } from '../../src/transport/dtls'
import type { Peer } from '../../src/transport/transport'
import { CommandClient, PSK, pskCredentials } from '../dtls/support/harness'
import { PatientClient } from '../dtls/support/patient-client'
import {
  ACK,
  CON,
  Opt,
  optionNumber,
  rawCoap,
  type RawMessage,
  readCoap,
  type ReadMessage,
} from '../support/raw-coap'
import { requireTool } from '../support/tools'

/** A device that takes records of 512 bytes, as far as a test needs it: one message at a time. */
interface SmallDevice {
  send(message: RawMessage): void
  message(): Promise<ReadMessage>
  close(): void
}

const body = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i + (i >> 8)) & 255))

/** OpenSSL ends the connection with record_overflow when it receives more than negotiated. */
function opensslDevice(openssl: string, port: number): SmallDevice {
  const client = new CommandClient(openssl, [
    ...['s_client', '-quiet', '-dtls1_2', '-connect', `127.0.0.1:${port}`, '-maxfraglen', '512'],
    ...['-psk', PSK.toString('hex'), '-psk_identity', 'dev1'],
    ...['-cipher', 'PSK-AES128-CCM8:@SECLEVEL=0'],
  ])
  return {
    send: (message) => client.write(rawCoap(message)),
    message: async () => readCoap(await client.next()),
    close: () => client.kill(),
  }
}

/** Our own client, which requests it by one extension or the other. */
async function ownDevice(port: number, extension: readonly [number, Buffer]): Promise<SmallDevice> {
  const patient = await PatientClient.open(port, { extensions: [extension] }, 1000)
  await patient.handshake()
  const { client } = patient
  let seen = 0
  return {
    send: (message) => client.send(client.protect(23, rawCoap(message))),
    message: async () => {
      while (client.data.length === seen) await new Promise((resolve) => setImmediate(resolve))
      const bytes = Buffer.from(client.data[seen++] ?? '', 'latin1')
      assert.ok(bytes.length <= 512)
      return readCoap(bytes)
    },
    close: () => patient.close(),
  }
}

describe('CoAP over DTLS to a device with records of 512 bytes', () => {
  const large = body(1500)
  let endpoint: CoapEndpoint
  let device: SmallDevice | undefined
  let port = 0
  let arrived: Promise<Peer>

  beforeEach(async () => {
    endpoint = new CoapEndpoint(
      new DtlsTransport({ host: '127.0.0.1', port: 0, credentials: pskCredentials }),
    )
    arrived = new Promise((resolve) => {
      endpoint.onRequest = (request: CoapRequest) => {
        resolve(request.peer)
        return { code: Code.CONTENT, payload: large }
      }
    })
    port = (await endpoint.start()).port
  })
  afterEach(async () => {
    device?.close()
    device = undefined
    await endpoint.stop()
  })

  /** Responses to the device come in blocks that it accepts. */
  async function fetchFrom(by: SmallDevice): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let num = 0; ; num++) {
      const blocks = num === 0 ? [] : [[Opt.BLOCK2, num * 16 + 4] as const]
      const options = [[Opt.URI_PATH, 'bspack'] as const, ...blocks]
      by.send({ type: CON, code: Code.GET, mid: 0x100 + num, token: 'c0a5', options })
      const answer = await by.message()
      const block = optionNumber(answer, Opt.BLOCK2) ?? assert.fail('not in blocks')
      assert.deepEqual([answer.code, block >> 4, block & 7], [Code.CONTENT, num, 4])
      parts.push(answer.payload)
      if ((block & 8) === 0) return Buffer.concat(parts)
    }
  }

  /** So do requests to it. */
  async function takeAt(by: SmallDevice): Promise<Buffer> {
    const parts: Buffer[] = []
    for (;;) {
      const { mid, token, payload, options } = await by.message()
      const block = options.find(([number]) => number === Opt.BLOCK1)?.[1]
      const value = block?.reduce((sum, byte) => sum * 256 + byte, 0) ?? assert.fail('no blocks')
      assert.equal(value & 7, 4)
      parts.push(payload)
      const more = (value & 8) !== 0
      const code = more ? Code.CONTINUE : Code.CHANGED
      by.send({ type: ACK, code, mid, token, options: [[Opt.BLOCK1, value]] })
      if (!more) return Buffer.concat(parts)
    }
  }

  async function bothWays(by: SmallDevice): Promise<void> {
    assert.deepEqual(await fetchFrom(by), large)
    const peer = await arrived
    const put = endpoint.request(peer, { code: Code.PUT, path: ['5', '0', '0'], payload: large })
    assert.deepEqual(await takeAt(by), large)
    assert.equal((await put).code, Code.CHANGED)
    const get = endpoint.request(peer, { code: Code.GET, path: ['3'] })
    const { mid, token, options } = await by.message()
    assert.deepEqual(options.at(-1), [Opt.BLOCK2, Buffer.from([4])])
    by.send({ type: ACK, code: Code.CONTENT, mid, token, payload: 'x' })
    assert.equal((await get).payload.toString(), 'x')
  }

  it('works with OpenSSL, by max_fragment_length', async function () {
    device = opensslDevice(requireTool(this, 'openssl'), port)
    await bothWays(device)
  })

  it('works with the own client, by max_fragment_length or record_size_limit', async () => {
    device = await ownDevice(port, [1, Buffer.from([1])])
    await bothWays(device)
    device.close()
    device = await ownDevice(port, [28, Buffer.from([2, 0])])
    assert.deepEqual(await fetchFrom(device), large)
  })
})
