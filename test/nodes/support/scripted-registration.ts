import assert from 'node:assert/strict'
import { Opt, optionTexts } from '../../support/raw-coap'
import { ScriptedPeer } from '../../support/scripted-device'

const POST = 0x02
const CREATED = 0x41

/** Registers a scripted device at a server: `POST /rd?…`. Answers the peer and its location. */
export async function registerScripted(
  port: number,
  query: readonly string[],
  links = '</1/0>,</3/0>',
): Promise<{ peer: ScriptedPeer; location: string[] }> {
  const peer = (await ScriptedPeer.open()).connect(port)
  const answer = await peer.request({
    code: POST,
    options: [
      [Opt.URI_PATH, 'rd'],
      [Opt.CONTENT_FORMAT, 40],
      ...query.map((text) => [Opt.URI_QUERY, text] as const),
    ],
    payload: links,
  })
  assert.equal(answer.code, CREATED)
  return { peer, location: optionTexts(answer, Opt.LOCATION_PATH) }
}

/** A registration Update: `POST /rd/{id}`. */
export async function updateScripted(peer: ScriptedPeer, location: string[]): Promise<number> {
  const path = location.map((segment) => [Opt.URI_PATH, segment] as const)
  return (await peer.request({ code: POST, options: path })).code
}
