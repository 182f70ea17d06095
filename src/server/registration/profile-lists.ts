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
  private readonly learnt = new Map<string, string>()

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
      const text = Object.hasOwn(this.configured, id)
        ? this.configured[id]
        : this.learnt.get(keyOf(id, secure))
      if (text === undefined) {
        throw new RegistrationRefused(Code.CONFLICT, `the profile ${id} is not known`)
      }
      return this.lists.parseText(text, '1.2')
    })
    return mergeLists(lists, this.lists)
  }

  /** Remembers the list that a device sent with its profile id. */
  learn(profileId: string, secure: boolean, list: ObjectList): void {
    // Which object is of which of several profiles nobody says.
    if (profileId.includes(',')) return
    const key = keyOf(profileId, secure)
    if (this.learnt.get(key) === list.text) return
    this.learnt.delete(key)
    this.learnt.set(key, list.text)
    this.journal?.putProfile(key, list.text)
    if (this.learnt.size > MAX_PROFILES) {
      const [oldest] = this.learnt.keys()
      if (oldest === undefined) return
      this.learnt.delete(oldest)
      this.journal?.deleteProfile(oldest)
    }
  }

  /** Takes up what {@link ProfileJournal} kept. */
  restore(key: string, text: string): void {
    this.learnt.set(key, text)
  }
}

function keyOf(profileId: string, secure: boolean): string {
  return `${secure ? 'secure' : 'open'}:${profileId}`
}
