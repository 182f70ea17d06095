import { ContentFormat, formatTraits } from '../../lwm2m/formats'
import { ServerResource } from '../../lwm2m/objects/server'
import { Level } from '../../lwm2m/path'
import { serverNumber, serverResource, type ServerAccount } from '../accounts'
import type { AttributeStore, SetAttributes } from '../reporting/attribute-store'
import type { Target, Timing } from '../reporting/notification-policy'
import type { ObservationRequest, ReportRules } from '../reporting/observations'
import type { ObjectTree } from '../tree/object-tree'

/** Number of notifications kept while offline without hqmax. */
const DEFAULT_HISTORY = 100

/**
 * How an observation of one server is reported: by the attributes of its own query, then those
 * written to its path or above (Core §7.3.2), then the defaults of the Server object.
 */
export function reportRules(
  tree: ObjectTree,
  account: ServerAccount,
  attributes: AttributeStore,
  observation: ObservationRequest,
): ReportRules {
  const [first] = observation.paths
  const written: SetAttributes =
    observation.composite || first === undefined ? {} : attributes.effective(first)
  const effective: SetAttributes = { ...written, ...numbers(observation) }
  const timing: Timing = {
    pmin: effective.pmin ?? serverNumber(tree, account, ServerResource.DEFAULT_PMIN),
    pmax: effective.pmax ?? serverNumber(tree, account, ServerResource.DEFAULT_PMAX),
    epmin: effective.epmin,
    epmax: effective.epmax,
  }
  const targets = observation.paths.map((path): Target => {
    const own = observation.composite ? attributes.effective(path) : effective
    const { gt, lt, st, edge } = own
    return { path, conditions: path.level >= Level.RESOURCE ? { gt, lt, st, edge } : {} }
  })
  const mode = serverNumber(tree, account, ServerResource.DEFAULT_NOTIFICATION_MODE)
  const storing = serverResource(tree, account, ServerResource.NOTIFICATION_STORING) === true
  const format = observation.format ?? ContentFormat.TEXT
  const kept = effective.hqmax ?? (storing ? DEFAULT_HISTORY : 0)
  return {
    targets,
    timing,
    confirmable: (effective.con ?? mode) === 1,
    // If values cannot carry a time, only the newest is kept.
    history: Math.min(kept, formatTraits(format)?.timed === true ? DEFAULT_HISTORY : 1),
  }
}

/** The attributes of the Observe request itself; a null has no effect there. */
function numbers({ attributes }: ObservationRequest): SetAttributes {
  return Object.fromEntries(
    Object.entries(attributes).filter(([, value]) => typeof value === 'number'),
  )
}
