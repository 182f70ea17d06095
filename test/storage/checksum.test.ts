import assert from 'node:assert/strict'
import { crc32c } from '../../src/storage/crc32c'
import { compareKeys } from '../../src/storage/key-order'
import { sealValue, unsealValue } from '../../src/storage/sealed-value'

describe('crc32c', () => {
  it('gives the values of RFC 3720 B.4', () => {
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
    assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  })

  it('continues a previous checksum', () => {
    assert.equal(crc32c(Buffer.from('456789'), crc32c(Buffer.from('123'))), 0xe3069283)
  })
})

describe('sealed values', () => {
  it('consist of the CRC-32C of key and value and the value', () => {
    assert.equal(sealValue('1234', Buffer.from('56789')).toString('hex'), 'e30692833536373839')
  })

  it('are rejected under another key or if changed', () => {
    const sealed = sealValue('key', Buffer.from('value'))
    assert.equal(Buffer.from(unsealValue('key', sealed) ?? '').toString(), 'value')
    assert.equal(unsealValue('Key', sealed), undefined)
    sealed[6] = (sealed[6] ?? 0) ^ 1
    assert.equal(unsealValue('key', sealed), undefined)
    assert.equal(unsealValue('key', Buffer.alloc(3)), undefined)
  })
})

describe('order of keys', () => {
  it('is the order of their UTF-8 bytes', () => {
    const keys = [
      '',
      'a',
      'a\u0000',
      'aa',
      'b',
      'é',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '\u{10000}',
      '\u{10ffff}',
    ]
    const byBytes = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    assert.deepEqual([...keys].reverse().sort(compareKeys), byBytes)
  })
})
