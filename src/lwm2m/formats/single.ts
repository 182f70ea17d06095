import { Level } from '../path'
import type { Record } from '../record'
import type { ResourceType, Value } from '../value'
import { CodedError } from '../../base/coded-error'
import { toType } from '../values'
import { type CodecContext, EncodeError } from './codec'

/** The type of the requested path according to the model. */
export function baseType(context: CodecContext): ResourceType | undefined {
  return context.base.level >= Level.RESOURCE ? context.resource?.(context.base)?.type : undefined
}

/**
 * The single record of a format with one value, converted to the type of the model.
 * @throws EncodeError none or several, or no value
 */
export function onlyValue(
  records: readonly Record[],
  context: CodecContext,
  format: string,
): { value: Value; type: ResourceType | undefined } {
  const [record] = records
  if (record?.value === undefined || records.length > 1) {
    throw new EncodeError(`${format} holds one value, not ${records.length}`)
  }
  const type = context.resource?.(record.path)?.type
  try {
    return { value: type === undefined ? record.value : toType(record.value, type), type }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    throw new EncodeError(`${record.path}: ${error.message}`, { cause: error })
  }
}
