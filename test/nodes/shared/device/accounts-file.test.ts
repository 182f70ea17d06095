import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AccountsFile } from '../../../../nodes/shared/device/accounts-file'

describe('the accounts file of a virtual device', () => {
  const ACCOUNTS = Buffer.from('00ff80', 'hex')
  let folder: string
  let path: string
  let file: AccountsFile

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-accounts-'))
    path = join(folder, 'lwm2m', 'node.accounts')
    file = new AccountsFile(path)
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('keeps bytes, for its owner only', async () => {
    assert.equal(await file.load('dev1'), undefined)
    await file.save('dev1', Buffer.from('old'))
    await file.save('dev1', ACCOUNTS)
    assert.deepEqual(await new AccountsFile(path).load('dev1'), ACCOUNTS)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(join(folder, 'lwm2m')), ['node.accounts'])
  })

  it('has nothing for a device of another name', async () => {
    await file.save('dev1', ACCOUNTS)
    assert.equal(await file.load('dev2'), undefined)
  })

  it('goes with its device, whether or not it was there', async () => {
    await file.remove()
    await file.save('dev1', ACCOUNTS)
    await file.remove()
    assert.deepEqual(readdirSync(join(folder, 'lwm2m')), [])
  })

  it('hands on what it cannot read, which is then called damaged', async () => {
    await file.save('dev1', ACCOUNTS)
    for (const damaged of ['{', 'null', '{"endpoint":5}', '']) {
      writeFileSync(path, damaged)
      assert.deepEqual(await file.load('dev1'), Buffer.from(damaged))
    }
  })

  it('fails where it cannot be read for another reason', async () => {
    await assert.rejects(new AccountsFile(folder).load('dev1'), { code: 'EISDIR' })
  })
})
