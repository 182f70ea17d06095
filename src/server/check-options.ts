import { OperationError } from './errors'
import type { Lwm2mServerOptions } from './options'

function checkNumber(name: string, value: number | undefined, least = 0): void {
  if (value === undefined || (value >= least && value <= Number.MAX_SAFE_INTEGER)) return
  throw new OperationError(
    'invalid-argument',
    `${name} is a number from ${least}, not ${String(value)}`,
  )
}

/** @throws OperationError `invalid-argument`, naming the option that cannot work */
export function checkOptions(options: Lwm2mServerOptions): void {
  const {
    lifetime = {},
    queue = {},
    awakeWindow,
    awakeWindows = {},
    maxRegistrations,
    budgets = {},
  } = options
  checkNumber('lifetime.default', lifetime.default, 1)
  checkNumber('lifetime.min', lifetime.min)
  checkNumber('lifetime.max', lifetime.max, 1)
  checkNumber('lifetime.grace', lifetime.grace)
  if ((lifetime.min ?? 0) > (lifetime.max ?? Infinity)) {
    throw new OperationError('invalid-argument', 'lifetime.min is greater than lifetime.max')
  }
  checkNumber('awakeWindow', awakeWindow)
  for (const [pattern, ms] of Object.entries(awakeWindows)) {
    checkNumber(`awakeWindows ${JSON.stringify(pattern)}`, ms)
  }
  checkNumber('queue.ttl', queue.ttl)
  checkNumber('queue.maxLength', queue.maxLength, 1)
  checkNumber('maxRegistrations', maxRegistrations, 1)
  for (const [name, value] of Object.entries(budgets)) checkNumber(`budgets.${name}`, value)
}
