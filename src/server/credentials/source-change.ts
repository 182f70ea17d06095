import { duplicate } from './conflicts'
import type { Credential, CredentialSource } from './credential'
import type { CredentialError } from './credential-error'
import type { CredentialTable } from './credential-table'

/** What has to change for a source to hold what it shall. */
export interface SourceChange {
  readonly added: readonly Credential[]
  readonly removed: readonly Credential[]
  /** Those that are left out because a peer could not tell them from another. */
  readonly problems: readonly CredentialError[]
}

/**
 * The difference between what the table has of a source and all that the source says now. What is the
 * same stays, with whoever was let in by it.
 */
export function sourceChange(
  table: CredentialTable,
  source: CredentialSource,
  wanted: readonly Credential[],
): SourceChange {
  const accepted = new Map<string, Credential>()
  const problems: CredentialError[] = []
  for (const credential of wanted) {
    const elsewhere = table.inSlot(credential.slot)
    const holder =
      accepted.get(credential.slot) ?? (elsewhere?.source === source ? undefined : elsewhere)
    if (holder === undefined) accepted.set(credential.slot, credential)
    else problems.push(duplicate(credential, holder))
  }
  const removed: Credential[] = []
  for (const one of table.from(source)) {
    if (accepted.get(one.slot)?.sameAs(one) === true) accepted.delete(one.slot)
    else removed.push(one)
  }
  return { added: [...accepted.values()], removed, problems }
}
