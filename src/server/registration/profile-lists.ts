import { Code } from '../../coap/codes'
import { type ObjectList, type ObjectLists, mergeLists } from './object-lists'
import { RegistrationRefused } from './registration-refused'

/** Profiles remembered; the oldest gives way. */
const MAX_PROFILES = 1000

/** Where learnt profiles are kept over a restart. */
export interface ProfileJournal {
  putProfile(key: string, text: string): void
  deleteProfile(key: string): void
}

/**
 * Object lists by profile id (Core 1.2 §6.2.1): a device may leave its list out when the server
 * knows the profile. Profiles are configured, or learnt from devices that sent both. What an
 * unsecured device said counts for unsecured devices only.
 */
export class ProfileLists {
  private readonly learnt = new Map<string, ObjectList>()

  constructor(
    private readonly lists: ObjectLists,
    private readonly configured: { readonly [profileId: string]: string } = {},
    private readonly journal?: ProfileJournal,
  ) {}

  /**
   * The list of one or several profile ids (separated by commas).
   * @throws RegistrationRefused 4.09 when one is not known
   */
  find(profileId: string, secure: boolean): ObjectList {
    const lists = profileId.split(',').map((id) => {
      const text = Object.hasOwn(this.configured, id) ? this.configured[id] : undefined
      const list =
        text === undefined ? this.learnt.get(keyOf(id, secure)) : this.lists.parseText(text, '1.2')
      if (list === undefined) {
        throw new RegistrationRefused(Code.CONFLICT, `the profile ${id} is not known`)
      }
      return list
    })
    return mergeLists(lists, this.lists)
  }

  /** Remembers the list that a device sent with its profile id, if there is room for it. */
  learn(profileId: string, secure: boolean, list: ObjectList): void {
    // Which object is of which of several profiles nobody says.
    if (profileId.includes(',')) return
    const key = keyOf(profileId, secure)
    if (this.learnt.get(key)?.text === list.text || !this.keep(key, list)) return
    this.journal?.putProfile(key, list.text)
    const [oldest] = this.learnt
    if (this.learnt.size <= MAX_PROFILES || oldest === undefined) return
    this.learnt.delete(oldest[0])
    this.lists.release(oldest[1])
    this.journal?.deleteProfile(oldest[0])
  }

  /**
   * Takes up what {@link ProfileJournal} kept.
   * @returns false where there is no room for it
   * @throws RegistrationRefused for what is no list of objects
   */
  restore(key: string, text: string): boolean {
    return this.keep(key, this.lists.parseText(text, '1.2'))
  }

  private keep(key: string, list: ObjectList): boolean {
    if (!this.lists.retain(list)) return false
    const old = this.learnt.get(key)
    if (old !== undefined) this.lists.release(old)
    this.learnt.delete(key)
    this.learnt.set(key, list)
    return true
  }
}

function keyOf(profileId: string, secure: boolean): string {
  return `${secure ? 'secure' : 'open'}:${profileId}`
}
