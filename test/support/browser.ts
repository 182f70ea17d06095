import { type Browser, chromium } from 'playwright-core'
import { findTool, requireTool } from './tools'

/** The headless shell first: it takes far less time than the whole browser. */
const COMMANDS = ['chromium-headless-shell', 'chromium'] as const

const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox'] })

/** Starts a Chromium of this machine; where there is none the test is skipped or fails. */
export function launchBrowser(test: Parameters<typeof requireTool>[0]): Promise<Browser> {
  return launch(requireTool(test, ...COMMANDS))
}

/** The same for programs: `undefined` where there is none. */
export async function findBrowser(): Promise<Browser | undefined> {
  const path = COMMANDS.map(findTool).find((found) => found !== undefined)
  return path === undefined ? undefined : launch(path)
}
