import { api, ApiFailure } from './api'
import { t } from './texts'

const LISTED = 20
/** The pattern of every device. */
const ANY = '*'

/** One line of the completion list. */
interface Completion {
  value: string
  label: JQuery
}

function note(text: string): Completion[] {
  return [{ value: '', label: $('<span class="lwm2m-note">').text(text) }]
}

/** Devices of the deployed server that match what is typed; a line that says why there are none. */
export async function completeDevices(server: string, text: string): Promise<Completion[]> {
  if (server === '' || server === '_ADD_') return note(t('device.choose-server'))
  if (text !== ANY && /[*?]/.test(text)) return []
  try {
    const typed = text === ANY ? '' : text
    const { devices, matching, total } = await api.devices(server, typed, LISTED)
    if (total === 0) return note(t('device.none-registered'))
    if (matching === 0) return note(t('device.no-match'))
    return devices.map((device) => {
      const label = $('<span class="lwm2m-row">')
      $('<span class="lwm2m-dot">').addClass(`lwm2m-${device.state}`).appendTo(label)
      $('<span class="lwm2m-name">').text(device.endpoint).appendTo(label)
      $('<span class="lwm2m-detail">')
        .text(t(`state.${device.state}`))
        .appendTo(label)
      return { value: device.endpoint, label }
    })
  } catch (error) {
    const undeployed = error instanceof ApiFailure && error.code === 'unknown-server'
    return note(undeployed ? t('device.not-deployed') : (error as Error).message)
  }
}

/** Settings of a device field. */
export interface DeviceFieldOptions {
  /** The hidden input that holds the typedInput's type. */
  readonly typeField: string | JQuery
  /** The select of the config node. */
  readonly server: string | JQuery
  /** Where else the endpoint can come from; default message and environment. */
  readonly otherTypes?: readonly unknown[]
  readonly default?: string
}

/** Makes an input a typedInput `device` with live completion; free text is always allowed. */
export function deviceField(input: string | JQuery, options: DeviceFieldOptions): void {
  const server = (): string => String($(options.server as string).val() ?? '')
  $(input as string).typedInput({
    default: options.default ?? 'str',
    typeField: options.typeField,
    types: [
      {
        value: 'str',
        label: t('device.label'),
        icon: 'fa fa-microchip',
        autoComplete: (text: string, done: (list: Completion[]) => void) => {
          void completeDevices(server(), text).then(done)
        },
      },
      ...(options.otherTypes ?? ['msg', 'env']),
    ],
  })
  // The pattern that means every device is there to be replaced, not to be added to.
  $(input as string)
    .closest('.form-row')
    .find('.red-ui-typedInput-input')
    .on('focus click', (event) => {
      const field = event.target as HTMLInputElement
      if (field.value === ANY) field.select()
    })
}
