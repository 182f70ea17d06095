import type { AttributeSet } from '../../lwm2m/attributes'
import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { OperationError } from '../errors'
import type { ExecuteArguments, WriteInput } from '../types'
import { createOperation } from './create'
import { deleteOperation } from './delete'
import { discoverOperation } from './discover'
import { executeOperation } from './execute'
import type { Operation } from './operation'
import { readCompositeOperation } from './read-composite'
import { readOperation } from './read'
import { writeAttributesOperation } from './write-attributes'
import { writeCompositeOperation, type CompositeValues } from './write-composite'
import { writeOperation } from './write'

/** What each operation takes. */
export interface OperationInputs {
  read: { readonly path: Path | string }
  discover: { readonly path: Path | string; readonly depth?: number }
  write: {
    readonly path: Path | string
    readonly value: WriteInput
    readonly mode?: 'replace' | 'update'
  }
  'write-attributes': { readonly path: Path | string; readonly attributes: AttributeSet }
  execute: { readonly path: Path | string; readonly arguments?: ExecuteArguments }
  create: { readonly path: Path | string; readonly value?: WriteInput }
  delete: { readonly path: Path | string }
  'read-composite': { readonly paths: readonly (Path | string)[] }
  'write-composite': { readonly values: readonly Record[] | CompositeValues }
}

export type { CompositeValues }

export type OperationName = keyof OperationInputs

const OPERATIONS: { readonly [N in OperationName]: Operation<OperationInputs[N]> } = {
  read: readOperation,
  discover: discoverOperation,
  write: writeOperation,
  'write-attributes': writeAttributesOperation,
  execute: executeOperation,
  create: createOperation,
  delete: deleteOperation,
  'read-composite': readCompositeOperation,
  'write-composite': writeCompositeOperation,
}

/** All operations by name, in the order of Core §6.3. */
export const operationNames = Object.keys(OPERATIONS) as readonly OperationName[]

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(OPERATIONS, name)
}

/** @throws OperationError `invalid-argument` for a name that is none */
export function operationByName<N extends OperationName>(name: N): Operation<OperationInputs[N]>
export function operationByName(name: string): Operation<OperationInputs[OperationName]>
export function operationByName(name: string): Operation<never> {
  if (!isOperationName(name)) {
    throw new OperationError(
      'invalid-argument',
      `unknown operation ${JSON.stringify(name)}, expected one of ${operationNames.join(', ')}`,
    )
  }
  return OPERATIONS[name] as Operation<never>
}
