import { ByteReader } from '../../base/byte-reader'
import { DecodeError } from '../errors'
import { readOptional, readTagged, Tag } from './der'
import {
  type Attribute,
  type DistinguishedName,
  type GeneralName,
  NameForm,
  nameText,
  readDistinguishedName,
  readGeneralName,
} from './names'

/** Restricts the names for which a CA may issue certificates (RFC 5280 §4.2.1.10). */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** The names of a certificate to which constraints apply. */
export interface ConstrainedNames {
  readonly subject: DistinguishedName
  readonly commonName: string | undefined
  readonly alternativeNames: readonly GeneralName[]
}

const EMAIL_ADDRESS = '1.2.840.113549.1.9.1'

/** @param value the content of the extension @throws DecodeError, OutOfBounds */
export function readNameConstraints(value: ByteReader): NameConstraints {
  const sequence = readTagged(value, Tag.sequence)
  const subtrees = (tag: number): GeneralName[] => {
    const list = readOptional(sequence, tag)
    const names: GeneralName[] = []
    while (list !== undefined && list.remaining > 0) {
      const subtree = readTagged(list, Tag.sequence)
      names.push(readGeneralName(subtree))
      // RFC 5280: minimum is 0, which DER omits, and there is no maximum.
      if (subtree.remaining > 0)
        throw new DecodeError('a name constraint with a minimum or maximum')
    }
    return names
  }
  const constraints = { permitted: subtrees(0xa0), excluded: subtrees(0xa1) }
  if (sequence.remaining > 0) throw new DecodeError('malformed name constraints')
  return constraints
}

/**
 * Whether the constraints allow the names of a certificate. A form that cannot be compared here is
 * not allowed.
 */
export function allowsNames(constraints: NameConstraints, names: ConstrainedNames): boolean {
  const { permitted, excluded } = constraints
  return namesOf(names).every((name) => {
    const same = ({ form }: GeneralName): boolean => form === name.form
    const allowed = permitted.filter(same)
    const denied = excluded.filter(same)
    if (allowed.length === 0 && denied.length === 0) return true
    if (!isComparable(name)) return false
    return (
      !denied.some((base) => isWithin(name, base)) &&
      (allowed.length === 0 || allowed.some((base) => isWithin(name, base)))
    )
  })
}

interface Name extends GeneralName {
  readonly directory?: DistinguishedName
}

/**
 * All names to which constraints apply. This includes the Common Name, which is used as endpoint
 * name here, as a URI (`urn:…`) or as a host name.
 */
function namesOf({ subject, commonName, alternativeNames }: ConstrainedNames): Name[] {
  const names: Name[] = [...alternativeNames]
  if (subject.length > 0) {
    names.push({ form: NameForm.directory, bytes: new Uint8Array(0), directory: subject })
  }
  for (const { oid, value } of subject.flat()) {
    if (oid === EMAIL_ADDRESS) names.push(textName(NameForm.email, value ?? ''))
  }
  if (commonName !== undefined) {
    names.push(textName(commonName.includes(':') ? NameForm.uri : NameForm.dns, commonName))
  }
  return names
}

function textName(form: number, value: string): Name {
  return { form, bytes: Buffer.from(value, 'latin1') }
}

/** RFC 5280 §4.2.1.10: a URI without a host is rejected if there are constraints on URIs. */
function isComparable(name: Name): boolean {
  const { form } = name
  if (form === NameForm.uri) return hostOf(nameText(name)) !== undefined
  return form === NameForm.dns || form === NameForm.email || isBinaryForm(form)
}

function isBinaryForm(form: number): boolean {
  return form === NameForm.directory || form === NameForm.ip
}

function isWithin(name: Name, base: GeneralName): boolean {
  switch (name.form) {
    case NameForm.dns:
      return isDnsWithin(nameText(name), nameText(base))
    case NameForm.uri:
      return isHostWithin(hostOf(nameText(name)) ?? '', nameText(base))
    case NameForm.email:
      return isEmailWithin(nameText(name), nameText(base))
    case NameForm.ip:
      return isIpWithin(name.bytes, base.bytes)
    default:
      return isDirectoryWithin(directoryOf(name), directoryOf(base))
  }
}

/** With any number of labels prepended; an empty base matches every name. */
function isDnsWithin(name: string, base: string): boolean {
  const [host, suffix] = [name.toLowerCase(), base.toLowerCase().replace(/^\./, '')]
  return suffix === '' || host === suffix || host.endsWith(`.${suffix}`)
}

/** A host, or with a leading dot every host below it. */
function isHostWithin(name: string, base: string): boolean {
  const [host, suffix] = [name.toLowerCase(), base.toLowerCase()]
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix
}

/** A mailbox, a host, or with a leading dot every host below it. */
function isEmailWithin(name: string, base: string): boolean {
  const at = name.lastIndexOf('@')
  if (!base.includes('@')) return isHostWithin(name.slice(at + 1), base)
  const baseAt = base.lastIndexOf('@')
  return (
    name.slice(0, at) === base.slice(0, baseAt) &&
    name.slice(at).toLowerCase() === base.slice(baseAt).toLowerCase()
  )
}

/** The base is an address and its mask. */
function isIpWithin(address: Uint8Array, base: Uint8Array): boolean {
  if (base.length !== 2 * address.length) return false
  return address.every((byte, i) => {
    const mask = base[address.length + i] ?? 0
    return (byte & mask) === ((base[i] ?? 0) & mask)
  })
}

function isDirectoryWithin(name: DistinguishedName, base: DistinguishedName): boolean {
  return base.every((relative, i) => {
    const own = name[i]
    return (
      own?.length === relative.length &&
      relative.every((attribute) => own.some((other) => sameAttribute(other, attribute)))
    )
  })
}

function sameAttribute(a: Attribute, b: Attribute): boolean {
  if (a.oid !== b.oid) return false
  if (a.value === undefined || b.value === undefined) return Buffer.from(a.bytes).equals(b.bytes)
  return normalized(a.value) === normalized(b.value)
}

/** RFC 5280 §7.1, as far as it affects equality: case and white space. */
function normalized(value: string): string {
  return value.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase()
}

function directoryOf({ directory, bytes }: Name): DistinguishedName {
  if (directory !== undefined) return directory
  return readDistinguishedName(readTagged(new ByteReader(bytes), Tag.sequence))
}

/** The host of a URI, if it is a name (RFC 3986 §3.2). */
function hostOf(uri: string): string | undefined {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#:@[\]]+)(?::[0-9]*)?(?:[/?#]|$)/i
  const host = authority.exec(uri)?.[1]
  return host === undefined || /^[0-9.]+$/.test(host) ? undefined : host
}
