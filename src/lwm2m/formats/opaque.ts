/** application/octet-stream (Core §7.4.2): the bytes of one Opaque value. */
import { Level } from '../path'
import { type Codec, ContentFormat, DecodeError, EncodeError } from './codec'
import { baseType, onlyValue } from './single'
import { readTlvValue } from './tlv-value'

export const opaque: Codec = {
  format: ContentFormat.OCTET_STREAM,
  legacy: [ContentFormat.LEGACY_OPAQUE],
  name: 'application/octet-stream',
  names: ['opaque'],
  since: '1.0',
  shape: 'value',
  notation: 'binary',
  bytesOnly: true,
  decode(bytes, context) {
    // The bytes are not copied: their size (a firmware image) is limited by the transport.
    const { base: path, warn } = context
    if (path.level < Level.RESOURCE) {
      throw new DecodeError(ContentFormat.OCTET_STREAM, `bytes cannot answer for ${path}`, bytes)
    }
    const type = baseType(context)
    if (type !== undefined && type !== 'Opaque') {
      // Only text can be recognized from bytes; anything else would be a guess.
      const said = type === 'String' ? readTlvValue(bytes, type) : undefined
      warn?.(`bytes where ${type} was expected`, path)
      return [{ path, value: said ?? Buffer.from(bytes) }]
    }
    return [{ path, value: Buffer.from(bytes) }]
  },
  encode(records, context) {
    const { value } = onlyValue(records, context, 'application/octet-stream')
    if (!(value instanceof Uint8Array)) {
      throw new EncodeError('application/octet-stream holds bytes (an Opaque resource) only')
    }
    return Buffer.from(value)
  },
}
