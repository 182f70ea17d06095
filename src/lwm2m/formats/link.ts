/** application/link-format as a content format: the text of one Corelnk value. */
import { type Codec, ContentFormat } from './codec'
import { text } from './text'

export const link: Codec = {
  format: ContentFormat.LINK,
  name: 'application/link-format',
  names: ['link'],
  since: '1.0',
  shape: 'links',
  notation: 'text',
  decode: (bytes, context) => text.decode(bytes, context),
  encode: (records, context) => text.encode(records, context),
}
