import { checkNumber } from '../base/options'
import { OperationError } from './errors'
import type { Lwm2mServerOptions } from './options'

function check(name: string, value: number | undefined, least = 0): void {
  if (value === undefined) return
  checkNumber(name, value, { least }, (message) => new OperationError('invalid-argument', message))
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
  check('lifetime.default', lifetime.default, 1)
  check('lifetime.min', lifetime.min)
  check('lifetime.max', lifetime.max, 1)
  check('lifetime.grace', lifetime.grace)
  if ((lifetime.min ?? 0) > (lifetime.max ?? Infinity)) {
    throw new OperationError('invalid-argument', 'lifetime.min is greater than lifetime.max')
  }
  check('awakeWindow', awakeWindow)
  for (const [pattern, ms] of Object.entries(awakeWindows)) {
    check(`awakeWindows ${JSON.stringify(pattern)}`, ms)
  }
  check('queue.ttl', queue.ttl)
  check('queue.maxLength', queue.maxLength, 1)
  check('maxRegistrations', maxRegistrations, 1)
  for (const [name, value] of Object.entries(budgets)) check(`budgets.${name}`, value)
}
