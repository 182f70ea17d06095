import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ObjectModel } from '../../../src/lwm2m/model/definition'
import type { ModelFileError } from '../../../src/lwm2m/model/xml'
import { ModelFolder, readModelFolder, type WatchFolder } from '../../../src/lwm2m/model/xml-folder'
import { FakeClock } from '../../support/fake-clock'

function definition(id: number, version: string, name: string): string {
  return (
    `<LWM2M><Object><Name>${name}</Name><ObjectID>${id}</ObjectID>` +
    `<ObjectVersion>${version}</ObjectVersion><Resources><Item ID="0"><Name>Level</Name>` +
    '<Operations>R</Operations><Type>Float</Type></Item></Resources></Object></LWM2M>'
  )
}

describe('folder of object definitions', () => {
  let folder: string
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lwm2m-models-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is read, with malformed files reported and skipped', async () => {
    await write('b.xml', definition(40001, '1.0', 'Second'))
    await write('a.XML', definition(40000, '1.0', 'First'))
    await write('broken.xml', '<LWM2M><Object>')
    await write('notes.txt', 'not a definition')
    await mkdir(join(folder, 'folder.xml'))
    const { definitions, errors } = await readModelFolder(folder)
    assert.deepEqual(
      definitions.map(({ id, name }) => [id, name]),
      [
        [40000, 'First'],
        [40001, 'Second'],
      ],
    )
    assert.deepEqual(errors.map(({ file }) => file).sort(), [
      join(folder, 'broken.xml'),
      join(folder, 'folder.xml'),
    ])
  })

  it('is read, with malformed resources reported and omitted', async () => {
    const two = definition(40000, '1.0', 'First').replace(
      '</Resources>',
      '<Item ID="1"><Operations>R</Operations><Type>Long</Type></Item></Resources>',
    )
    await write('a.xml', two)
    const { definitions, errors } = await readModelFolder(folder)
    assert.deepEqual([...(definitions[0]?.resources.keys() ?? [])], [0])
    assert.match(errors[0]?.message ?? '', /a\.xml: object 40000, resource 1: unknown type "Long"/)
  })

  it('may define several versions; for the same version the later file wins', async () => {
    await write('1.xml', definition(40000, '1.0', 'Old'))
    await write('2.xml', definition(40000, '1.1', 'New'))
    await write('3.xml', definition(40000, '1.0', 'Old again'))
    const { definitions, errors } = await readModelFolder(folder)
    assert.deepEqual(
      definitions.map(({ version, name }) => [version, name]),
      [
        ['1.0', 'Old again'],
        ['1.1', 'New'],
      ],
    )
    assert.match(errors[0]?.message ?? '', /3\.xml: object 40000 version 1\.0 .* in 1\.xml/)
  })

  describe('when watched', () => {
    let clock: FakeClock
    let models: ObjectModel[]
    let errors: ModelFileError[]
    let changed: () => void
    let watched: number
    let arrived: () => void
    let kept: ModelFolder

    const fakeWatch: WatchFolder = (_folder, onChange) => {
      watched++
      changed = onChange
      return { close: () => watched-- }
    }

    /** The next model or error. */
    function next(): Promise<void> {
      return new Promise((resolve) => (arrived = resolve))
    }

    beforeEach(() => {
      clock = new FakeClock()
      models = []
      errors = []
      watched = 0
      arrived = () => {}
      kept = make(fakeWatch)
    })
    afterEach(() => kept.stop())

    function make(watch: WatchFolder): ModelFolder {
      return new ModelFolder(folder, {
        clock,
        watch,
        onModel: (model) => {
          models.push(model)
          arrived()
        },
        onError: (error) => {
          errors.push(error)
          arrived()
        },
      })
    }

    it('gives the built-in model, overridden by its definitions', async () => {
      await write('3.xml', definition(3, '1.0', 'My Device'))
      await kept.start()
      const [model] = models
      assert.equal(model?.object(3, '1.0')?.name, 'My Device')
      assert.equal(model?.object(3, '1.1')?.name, 'Device')
      assert.equal(model?.object(3303)?.name, 'Temperature')
      assert.deepEqual(errors, [])
    })

    it('is read again after changes have ended', async () => {
      await kept.start()
      assert.equal(models[0]?.object(40000), undefined)
      await write('a.xml', definition(40000, '1.0', 'Added'))
      const read = next()
      changed()
      clock.advance(150)
      changed()
      clock.advance(199)
      assert.equal(models.length, 1)
      clock.advance(1)
      await read
      assert.equal(models.length, 2)
      assert.equal(models[1]?.object(40000)?.name, 'Added')
    })

    it('is retried when it is missing, and reported once', async () => {
      await rm(folder, { recursive: true })
      const missing: WatchFolder = () => {
        throw new Error('ENOENT')
      }
      let watch = missing
      kept = make((...args) => watch(...args))
      await kept.start()
      assert.equal(errors.length, 1)
      assert.match(errors[0]?.message ?? '', /ENOENT/)
      await mkdir(folder)
      await write('a.xml', definition(40000, '1.0', 'Late'))
      watch = fakeWatch
      const read = next()
      clock.advance(5000)
      await read
      assert.equal(models[0]?.object(40000)?.name, 'Late')
      assert.equal(watched, 1)
      assert.equal(errors.length, 1)
    })

    it('is not read after it was stopped', async () => {
      await kept.start()
      changed()
      kept.stop()
      clock.advance(10_000)
      assert.equal(watched, 0)
      assert.equal(models.length, 1)
      assert.equal(clock.pending, 0)
    })
  })

  it('is watched by the operating system', async () => {
    let arrived: (model: ObjectModel) => void = () => {}
    const kept = new ModelFolder(folder, {
      onModel: (model) => arrived(model),
      onError: (error) => assert.fail(error),
    })
    await kept.start()
    // The watcher does not keep the process alive by itself; the suite's runner does.
    const changed = new Promise<ObjectModel>((resolve) => (arrived = resolve))
    await write('a.xml', definition(40000, '1.0', 'Seen'))
    const model = await changed
    kept.stop()
    assert.equal(model.object(40000)?.name, 'Seen')
  })
})
