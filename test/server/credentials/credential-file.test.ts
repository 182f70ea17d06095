import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CredentialStore } from '../../../src/server/credentials'
import { FakeClock } from '../../support/fake-clock'

describe('the credentials file', () => {
  let folder: string
  let store: CredentialStore
  let clock: FakeClock
  let warnings: string[]
  let stamp = 1_700_000_000

  /** Each version has its own time stamp, however fast the test. */
  function write(name: string, text: string): string {
    const path = join(folder, name)
    writeFileSync(`${path}.new`, text)
    stamp += 10
    utimesSync(`${path}.new`, stamp, stamp)
    renameSync(`${path}.new`, path)
    return path
  }

  /** Lets the watch look once and waits for what it makes of it. */
  async function nextLook(event: 'changed' | 'warning'): Promise<void> {
    const happened = new Promise<void>((resolve) => store.once(event, () => resolve()))
    // The next look is armed once the last one is over.
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(2000)
    await happened
  }

  const names = () => store.list().map((one) => one.endpoint)

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-credentials-'))
    clock = new FakeClock()
    store = new CredentialStore({ clock })
    warnings = []
    store.on('warning', ({ message }) => warnings.push(message))
  })
  afterEach(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })

  it('may be CSV', async () => {
    const path = write(
      'devices.csv',
      '\ufeffEndpoint,USE,identity,key,keyFormat,mode\r\n' +
        'dev1,,id1,00ff,,\r\n' +
        '"dev,2",bootstrap,,AP8=,base64,psk\r\n' +
        'dev3,,,,,x509\r\n',
    )
    assert.deepEqual(await store.useFile(path), [])
    assert.deepEqual(
      store
        .list()
        .map(({ endpoint, use, mode, identity, source }) => [
          endpoint,
          use,
          mode,
          identity,
          source,
        ]),
      [
        ['dev,2', 'bootstrap', 'psk', 'dev,2', 'file'],
        ['dev1', 'server', 'psk', 'id1', 'file'],
        ['dev3', 'server', 'x509', undefined, 'file'],
      ],
    )
    const bytes = Buffer.from([0, 255])
    assert.deepEqual(store.lookups(['server']).psk(Buffer.from('id1')), bytes)
    assert.deepEqual(store.lookups(['bootstrap']).psk(Buffer.from('dev,2')), bytes)
  })

  it('may be JSON', async () => {
    const path = write('devices.json', '[{"endpoint":"dev1","key":"00ff","identity":null}]')
    assert.deepEqual(await store.useFile(path), [])
    assert.deepEqual(names(), ['dev1'])
  })

  it('is taken at first but for its wrong entries, which are named by line', async () => {
    const path = write(
      'devices.csv',
      'endpoint,key\ngood,00ff\nbad,"0\n0x"\n,01\nextra,01,02\ngood,0102\nlast,03\n',
    )
    const problems = await store.useFile(path)
    assert.deepEqual(
      problems.map((one) => one.message),
      [
        'line 3 of devices.csv (endpoint "bad"): key is not valid: it has characters that are not hex digits',
        'line 5 of devices.csv: endpoint is missing',
        'line 6 of devices.csv: it has more fields than the header',
        'line 7 of devices.csv (endpoint "good"): its identity is already that of line 2 of devices.csv (endpoint "good")',
      ],
    )
    assert.deepEqual(names(), ['good', 'last'])
    assert.equal(warnings.length, 4)
  })

  it('is refused as a whole with a wrong header, as no JSON, or when it is not there', async () => {
    for (const [name, text, message] of [
      [
        'a.csv',
        'endpoint,keys\na,01\n',
        'a.csv: its column "keys" must be one of endpoint, use, mode,',
      ],
      ['b.csv', 'key\n01\n', 'b.csv: its first line has no column "endpoint"'],
      ['c.json', '[{"endpoint":"a","key":"s3cret}]', 'c.json: it is not valid JSON'],
      ['d.json', '{"endpoint":"a","key":"01"}', 'd.json: it is not a JSON array of credentials'],
      ['e.csv', 'endpoint,key\n"a,s3cret', 'e.csv: line 2: a quoted field does not end'],
    ] as const) {
      const [problem] = await store.useFile(write(name, text))
      assert.equal(problem?.code, 'credential-file')
      assert.ok(problem.message.startsWith(message), problem.message)
      assert.doesNotMatch(problem.message + String(problem.stack), /s3cret/)
    }
    const [problem] = await store.useFile(join(folder, 'none.csv'))
    assert.equal(problem?.message, 'none.csv: it cannot be read: ENOENT')
    assert.equal(store.size, 0)
  })

  it('is read again when it changes: only what differs changes', async () => {
    const path = write('devices.csv', 'endpoint,key\na,01\nb,02\nc,03\n')
    await store.useFile(path)
    const changes: string[] = []
    store.on('changed', (added, removed) => {
      changes.push(
        `+${added.map((one) => one.endpoint).join()} -${removed.map((one) => one.endpoint).join()}`,
      )
    })
    write('devices.csv', 'endpoint,key\na,01\nb,ff\nd,04\n')
    await nextLook('changed')
    assert.deepEqual(changes, ['+b,d -b,c'])
    assert.deepEqual(names(), ['a', 'b', 'd'])
    write('devices.csv', 'endpoint,key\na,01\n')
    await nextLook('changed')
    assert.deepEqual(names(), ['a'])
  })

  it('is not taken when the changed one is wrong anywhere, half written or gone', async () => {
    const path = write('devices.csv', 'endpoint,key\na,01\nb,02\n')
    await store.useFile(path)
    write('devices.csv', 'endpoint,key\na,01\nb,0')
    await nextLook('warning')
    assert.match(warnings[0] ?? '', /the changed file was rejected: line 3 of devices\.csv/)
    rmSync(path)
    await nextLook('warning')
    assert.match(warnings[1] ?? '', /cannot be read: ENOENT/)
    assert.deepEqual(names(), ['a', 'b'])
    write('devices.csv', 'endpoint,key\nc,01\n')
    await nextLook('changed')
    assert.deepEqual(names(), ['c'])
  })

  it('is picked up when it appears only later', async () => {
    await store.useFile(join(folder, 'later.json'))
    write('later.json', '[{"endpoint":"a","key":"01"}]')
    await nextLook('changed')
    assert.deepEqual(names(), ['a'])
  })

  it('is not looked at any more after close', async () => {
    await store.useFile(write('devices.csv', 'endpoint,key\na,01\n'))
    await store.close()
    assert.equal(clock.pending, 0)
  })

  it('of 20,000 devices loads without holding the event loop for long', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `dev${i},${'ab'.repeat(16)}`)
    const path = write('fleet.csv', ['endpoint,key', ...lines].join('\n'))
    let turns = 0
    let counting = true
    const count = (): void => {
      turns++
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    assert.deepEqual(await store.useFile(path), [])
    counting = false
    assert.equal(store.size, 20_000)
    assert.ok(turns > 50, `${turns} turns`)
  })
})
