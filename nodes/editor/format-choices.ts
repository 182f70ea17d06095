import { FORMATS, TEXTS } from './rows'

/** The Content-Formats that a list of the server's dialog offers, with their labels. */
export function formatChoices(): [name: string, label: string][] {
  return FORMATS.map((name) => [name, RED._(`${TEXTS}.formats.${name}`)])
}
