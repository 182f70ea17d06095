import assert from 'node:assert/strict'
import { Lwm2mClient } from '../../../src/client/lwm2m-client'
import { formatName } from '../../../src/lwm2m/formats'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { Lwm2mVersion, ObserveRequest, OperationResult } from '../../../src/server/types'

const VERSIONS: readonly Lwm2mVersion[] = ['1.0', '1.1', '1.2']

const [TEXT, LINK, OPAQUE, CBOR] = [0, 40, 42, 60]
const [JSON_, SCBOR, EJSON, ECBOR] = [110, 112, 320, 322]
const [TLV, OLD_JSON, LCBOR] = [11542, 11543, 11544]

/** Formats that say any number of values, by version (Core §7.4). */
const TREES: { [version: string]: readonly number[] } = {
  '1.0': [TLV, OLD_JSON],
  '1.1': [TLV, OLD_JSON, JSON_, SCBOR],
  '1.2': [TLV, OLD_JSON, JSON_, SCBOR, LCBOR],
}
const SINGLES: { [version: string]: readonly number[] } = {
  '1.0': [TEXT],
  '1.1': [TEXT, CBOR],
  '1.2': [TEXT, CBOR],
}
const COMPOSITES: { [version: string]: readonly number[] } = {
  '1.0': [],
  '1.1': [JSON_, SCBOR],
  '1.2': [JSON_, SCBOR, EJSON, ECBOR, LCBOR],
}
/** For operations that have nothing to say in a format. */
const NONE = -1

type Cell = `${string} ${Lwm2mVersion} ${number}`
const exercised = new Set<Cell>()

/** One device and one server for each version. */
class Lab {
  readonly server = new Lwm2mServer({ coap: { host: '127.0.0.1', port: 0 } })
  client!: Lwm2mClient

  constructor(readonly version: Lwm2mVersion) {}

  async start(formats?: readonly number[]): Promise<void> {
    const { coap } = await this.server.start()
    this.client = new Lwm2mClient({
      endpoint: 'dev',
      server: `coap://127.0.0.1:${coap?.port ?? 0}`,
      version: this.version,
      ...(formats === undefined ? {} : { formats }),
      objects: {
        1: { 0: { 0: 1, 1: 300, 6: true, 7: 'U' } },
        3: { 0: { 0: 'OMA', 4: null, 9: 95, 14: '+01:00', 6: { 0: 1, 1: 5 }, 11: [0], 16: 'U' } },
        5: { 0: { 0: null, 3: 0, 5: 0 } },
        3303: { 0: { 5700: 21.5, 5701: 'Cel' } },
        // Binary App Data Container: opaque, readable, multiple instances.
        19: { 0: { 0: { 0: Buffer.from('abcd', 'hex') } } },
      },
    })
    const registered = new Promise((resolve) => this.client.once('registered', resolve))
    await this.client.start()
    await registered
  }

  async stop(): Promise<void> {
    await this.client.stop()
    await this.server.stop()
  }

  /** The first value of an observation, and the next. */
  async observe(request: Omit<ObserveRequest, 'target'>, change: () => void) {
    const results: OperationResult[] = []
    let next: () => void = () => {}
    const subscription = this.server.observe(
      { target: 'dev', ...request },
      {
        onValue: (result) => {
          results.push(result)
          next()
        },
        onError: (_endpoint, error) => {
          throw error
        },
      },
    )
    const arrives = (count: number) =>
      new Promise<void>((resolve) => {
        next = () => results.length >= count && resolve()
        next()
      })
    await arrives(1)
    change()
    await arrives(2)
    const ended = new Promise<void>((resolve) => {
      this.client.once('observationEnded', () => resolve())
    })
    subscription.close()
    await ended
    return results
  }
}

function did(operation: string, version: Lwm2mVersion, format: number): void {
  exercised.add(`${operation} ${version} ${format}`)
}

const valuesOf = ({ records }: OperationResult) =>
  Object.fromEntries(records.map(({ path, value }) => [String(path), value]))

describe('Operations with the virtual device', () => {
  for (const version of VERSIONS) {
    describe(`of LwM2M ${version}`, () => {
      const lab = new Lab(version)
      const { server } = lab
      const trees = TREES[version] ?? []
      const singles = SINGLES[version] ?? []
      const composites = COMPOSITES[version] ?? []
      const answers = (format: number) =>
        format === EJSON ? JSON_ : format === ECBOR ? SCBOR : format
      before(() => lab.start())
      after(() => lab.stop())

      it('Read', async () => {
        for (const format of [...trees, ...singles]) {
          const one = await server.read('dev', '/3303/0/5701', { format })
          assert.equal(one.format, format)
          assert.deepEqual(valuesOf(one), { '/3303/0/5701': 'Cel' })
          did('Read resource', version, format)
        }
        const bytes = await server.read('dev', '/19/0/0', { format: TLV })
        assert.deepEqual(valuesOf(bytes), { '/19/0/0/0': Buffer.from('abcd', 'hex') })
        for (const format of trees) {
          const multiple = await server.read('dev', '/3/0/6', { format })
          assert.deepEqual(valuesOf(multiple), { '/3/0/6/0': 1, '/3/0/6/1': 5 })
          const instance = await server.read('dev', '/3303/0', { format })
          assert.equal(instance.format, format)
          assert.equal(valuesOf(instance)['/3303/0/5700'], 21.5)
          did('Read instance', version, format)
          const object = await server.read('dev', '/3303', { format })
          assert.deepEqual(valuesOf(object), valuesOf(instance))
          did('Read object', version, format)
        }
        if (version === '1.0') return
        for (const format of [...trees, ...singles]) {
          const single = await server.read('dev', '/3/0/6/1', { format })
          assert.deepEqual(valuesOf(single), { '/3/0/6/1': 5 }, formatName(format))
          did('Read resource instance', version, format)
        }
        const single = await server.read('dev', '/19/0/0/0', { format: OPAQUE })
        assert.deepEqual(valuesOf(single), { '/19/0/0/0': Buffer.from('abcd', 'hex') })
        did('Read resource instance', version, OPAQUE)
      })

      it('Write', async () => {
        let n = 0
        for (const format of [...trees, ...singles]) {
          const zone = `+0${++n % 10}:00`
          await server.write('dev', '/3/0/14', zone, { format })
          assert.equal(lab.client.get('/3/0/14'), zone)
          did('Write resource', version, format)
        }
        await server.write('dev', '/5/0/0', Buffer.from([0]), { format: OPAQUE })
        did('Write resource', version, OPAQUE)
        for (const format of trees) {
          const zone = `+1${++n % 10}:00`
          await server.write('dev', '/3/0', { 14: zone }, { format, mode: 'update' })
          assert.equal(lab.client.get('/3/0/14'), zone)
          did('Write instance (update)', version, format)
          const data = { 0: { 0: Buffer.from([n]) }, 1: n }
          await server.write('dev', '/19/0', data, { format, mode: 'replace' })
          assert.equal(lab.client.get('/19/0/1'), n)
          assert.deepEqual(lab.client.get('/19/0/0/0'), Buffer.from([n]))
          did('Write instance (replace)', version, format)
        }
        if (version === '1.0') return
        for (const format of [...trees, ...singles]) {
          const bytes = Buffer.from([n++])
          await server.write('dev', '/19/0/0/0', bytes, { format })
          assert.deepEqual(lab.client.get('/19/0/0/0'), bytes)
          did('Write resource instance', version, format)
        }
        await server.write('dev', '/19/0/0/0', Buffer.from([9]), { format: OPAQUE })
        did('Write resource instance', version, OPAQUE)
        if (version === '1.1') return
        for (const format of trees) {
          const bytes = Buffer.from([n++])
          await server.write('dev', '/19/0/0', { 3: bytes }, { format, mode: 'update' })
          assert.deepEqual(lab.client.get('/19/0/0/3'), bytes)
          did('Write resource (update)', version, format)
        }
      })

      it('Create and Delete', async () => {
        let id = 10
        for (const format of trees) {
          const given = await server.create('dev', `/3303/${++id}`, { 5701: 'K' }, { format })
          assert.equal(String(given.location), `/3303/${id}`)
          assert.equal(lab.client.get(`/3303/${id}/5701`), 'K')
          did('Create', version, format)
          const left = await server.create('dev', '/3303', { 5701: 'F' }, { format })
          assert.equal(lab.client.get(`${String(left.location)}/5701`), 'F')
          did('Create (id left out)', version, format)
          await server.delete('dev', String(left.location))
          assert.equal(lab.client.get(`${String(left.location)}/5701`), undefined)
        }
        did('Delete', version, NONE)
        if (version !== '1.2') return
        await server.delete('dev', '/3/0/6/1').catch((error: unknown) => {
          // Power sources cannot be written: the operation arrived all the same.
          assert.equal((error as { code: string }).code, '4.05')
        })
        await server.write('dev', '/19/0/0', { 7: Buffer.from([7]) }, { mode: 'update' })
        await server.delete('dev', '/19/0/0/7')
        assert.equal(lab.client.get('/19/0/0/7'), undefined)
        did('Delete resource instance', version, NONE)
      })

      it('Execute', async () => {
        const executed: unknown[] = []
        const remove = lab.client.on('executed', ({ path, args }) =>
          executed.push([String(path), ...args]),
        )
        await server.execute('dev', '/1/0/8')
        did('Execute', version, NONE)
        await server.execute('dev', '/3/0/12', "0='a',1").catch((error: unknown) => {
          assert.equal((error as { code: string }).code, '4.04')
        })
        did('Execute', version, TEXT)
        assert.deepEqual(executed[0], ['/1/0/8'])
        remove()
      })

      it('Discover', async () => {
        const { links } = await server.discover('dev', '/3/0')
        assert.ok(links?.some(({ path }) => String(path) === '/3/0/9'))
        did('Discover', version, LINK)
        if (version !== '1.2') return
        const shallow = await server.discover('dev', '/3/0', { depth: 0 })
        assert.deepEqual(
          shallow.links?.map(({ path }) => String(path)),
          ['/3/0'],
        )
        did('Discover with depth', version, LINK)
      })

      it('Write-Attributes', async () => {
        await server.writeAttributes('dev', '/3303/0/5700', { pmin: 1, gt: 50 })
        const { links } = await server.discover('dev', '/3303/0/5700')
        assert.deepEqual(links?.[0]?.attributes, { pmin: 1, gt: 50 })
        await server.writeAttributes('dev', '/3303/0/5700', { pmin: null, gt: null })
        const after = await server.discover('dev', '/3303/0/5700')
        assert.deepEqual(after.links?.[0]?.attributes, {})
        did('Write-Attributes', version, NONE)
      })

      it('Observe and Cancel', async () => {
        let battery = 50
        for (const format of [...trees, ...singles]) {
          const results = await lab.observe({ paths: ['/3/0/9'], format }, () =>
            lab.client.set('/3/0/9', ++battery),
          )
          assert.deepEqual(valuesOf(results[1] as OperationResult), { '/3/0/9': battery })
          assert.equal(results[1]?.format, format)
          did('Observe resource', version, format)
        }
        for (const format of trees) {
          const results = await lab.observe({ paths: ['/3/0'], format }, () =>
            lab.client.set('/3/0/9', ++battery),
          )
          assert.equal(valuesOf(results[1] as OperationResult)['/3/0/9'], battery)
          did('Observe instance', version, format)
          const whole = await lab.observe({ paths: ['/3'], format }, () =>
            lab.client.set('/3/0/9', ++battery),
          )
          assert.equal(valuesOf(whole[1] as OperationResult)['/3/0/9'], battery)
          did('Observe object', version, format)
        }
        if (version === '1.0') return
        for (const format of [...trees, ...singles]) {
          const results = await lab.observe({ paths: ['/3/0/6/1'], format }, () =>
            lab.client.set('/3/0/6', [1, ++battery]),
          )
          const [value] = Object.values(valuesOf(results[1] as OperationResult))
          assert.equal(value, battery)
          did('Observe resource instance', version, format)
        }
        if (version !== '1.2') return
        await lab.observe({ paths: ['/3/0/9'], attributes: { con: 1 } }, () =>
          lab.client.set('/3/0/9', ++battery),
        )
        did('Observe with attributes', version, NONE)
      })

      it('composite operations', async () => {
        let battery = 10
        for (const format of composites) {
          const read = await server.readComposite('dev', ['/3/0/0', '/1/0/0', '/4'], { format })
          assert.deepEqual(valuesOf(read), { '/3/0/0': 'OMA', '/1/0/0': 1 })
          assert.equal(read.format, answers(format))
          assert.deepEqual(read.missing?.map(String), ['/4'])
          did('Read-Composite', version, format)
          const zone = `-0${battery % 10}:00`
          await server.writeComposite('dev', { '/3/0/14': zone, '/1/0/1': 400 }, { format })
          assert.equal(lab.client.get('/3/0/14'), zone)
          did('Write-Composite', version, format)
          const results = await lab.observe({ paths: ['/3/0/9', '/1/0/0'], format }, () =>
            lab.client.set('/3/0/9', ++battery),
          )
          assert.equal(valuesOf(results[1] as OperationResult)['/3/0/9'], battery)
          did('Observe-Composite', version, format)
        }
        if (version !== '1.2') return
        for (const format of [EJSON, ECBOR]) {
          await server.write('dev', '/19/0/0', { 8: Buffer.from([8]) }, { mode: 'update' })
          await server.writeComposite('dev', { '/19/0/0/8': null }, { format })
          assert.equal(lab.client.get('/19/0/0/8'), undefined)
          did('Write-Composite (delete)', version, format)
        }
      })

      if (version === '1.0') return
      let sender: Lab | undefined
      afterEach(async () => {
        await sender?.stop()
        sender = undefined
      })
      for (const format of version === '1.1' ? [JSON_, SCBOR] : [JSON_, SCBOR, LCBOR]) {
        it(`Send in ${formatName(format)}`, async () => {
          sender = new Lab(version)
          await sender.start([format, TLV])
          const { server: receiver } = sender
          const sent = new Promise<OperationResult>((resolve) => receiver.once('send', resolve))
          await sender.client.send(['/3303/0/5700'])
          const result = await sent
          assert.equal(result.format, format)
          assert.deepEqual(valuesOf(result), { '/3303/0/5700': 21.5 })
          did('Send', version, format)
        })
      }
    })
  }

  after(function () {
    const { text, empty } = table()
    console.log(text)
    // Only a whole run can say what is missing.
    const whole = this.test?.parent?.suites.every((suite) =>
      suite.tests.every((test) => test.isPassed()),
    )
    if (whole === true) assert.deepEqual(empty, [], 'cells that the specification fills')
  })
})

/** What the specifications say there is: operation to formats by version. */
function expected(): Map<string, (version: Lwm2mVersion) => readonly number[]> {
  const trees = (version: string) => TREES[version] ?? []
  const values = (version: string) => [...trees(version), ...(SINGLES[version] ?? [])]
  const composites = (version: string) => COMPOSITES[version] ?? []
  const since = (least: Lwm2mVersion, formats: (version: string) => readonly number[]) => {
    return (version: Lwm2mVersion) => (version >= least ? formats(version) : [])
  }
  return new Map<string, (version: Lwm2mVersion) => readonly number[]>([
    ['Read object', trees],
    ['Read instance', trees],
    ['Read resource', values],
    ['Read resource instance', since('1.1', (version) => [...values(version), OPAQUE])],
    ['Discover', () => [LINK]],
    ['Discover with depth', since('1.2', () => [LINK])],
    ['Write instance (replace)', trees],
    ['Write instance (update)', trees],
    ['Write resource', (version) => [...values(version), OPAQUE]],
    ['Write resource (update)', since('1.2', trees)],
    ['Write resource instance', since('1.1', (version) => [...values(version), OPAQUE])],
    ['Write-Attributes', () => [NONE]],
    ['Execute', () => [NONE, TEXT]],
    ['Create', trees],
    ['Create (id left out)', trees],
    ['Delete', () => [NONE]],
    ['Delete resource instance', since('1.2', () => [NONE])],
    ['Observe object', trees],
    ['Observe instance', trees],
    ['Observe resource', values],
    ['Observe resource instance', since('1.1', values)],
    ['Observe with attributes', since('1.2', () => [NONE])],
    ['Read-Composite', composites],
    ['Write-Composite', composites],
    ['Write-Composite (delete)', since('1.2', () => [EJSON, ECBOR])],
    ['Observe-Composite', composites],
    ['Send', since('1.1', (version) => [JSON_, SCBOR, ...(version === '1.2' ? [LCBOR] : [])])],
  ])
}

/** The table operation × format × version of what was exercised, and what is missing in it. */
function table(): { text: string; empty: string[] } {
  const columns = [NONE, TEXT, LINK, OPAQUE, CBOR, JSON_, SCBOR, EJSON, ECBOR, TLV, OLD_JSON, LCBOR]
  const empty: string[] = []
  const head = ['', ...columns.map((format) => (format === NONE ? '–' : String(format)))]
  const rows = [...expected()].map(([operation, formatsOf]) => [
    operation,
    ...columns.map((format) => {
      const done = VERSIONS.filter((version) => {
        const has = exercised.has(`${operation} ${version} ${format}`)
        if (!has && formatsOf(version).includes(format)) {
          empty.push(`${operation}, ${format}, ${version}`)
        }
        return has
      })
      return done.map((version) => version.slice(2)).join(' ')
    }),
  ])
  const width = (column: number) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length))
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(width(column)))
      .join('  ')
      .trimEnd(),
  )
  const title = '\n  LwM2M 1.x (0, 1, 2) by operation and Content-Format, as exercised\n'
  return { text: `${title}  ${lines.join('\n  ')}\n`, empty }
}
