import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import { coapUri, reachableUris } from '../../../../nodes/shared/server/addresses'

function info(address: string, internal = false): NetworkInterfaceInfo {
  const rest = { netmask: '', mac: '', internal, cidr: null }
  return address.includes(':')
    ? { address, family: 'IPv6', scopeid: 0, ...rest }
    : { address, family: 'IPv4', ...rest }
}

const INTERFACES = {
  lo: [info('127.0.0.1', true), info('::1', true)],
  eth0: [info('2001:db8::1'), info('fe80::1'), info('192.0.2.1')],
}

describe('addresses of a listener', () => {
  it('are written as URIs, IPv6 in brackets', () => {
    assert.equal(coapUri('coap', { address: '192.0.2.1', port: 1 }), 'coap://192.0.2.1:1')
    assert.equal(coapUri('coaps', { address: '::', port: 2 }), 'coaps://[::]:2')
    assert.equal(coapUri('coap', { address: 'fe80::1%eth0', port: 3 }), 'coap://[fe80::1%25eth0]:3')
  })

  it('are those of the machine where it listens on all', () => {
    assert.deepEqual(reachableUris('coap', { address: '::', port: 5683 }, INTERFACES), [
      'coap://192.0.2.1:5683',
      'coap://[2001:db8::1]:5683',
    ])
    assert.deepEqual(reachableUris('coap', { address: '0.0.0.0', port: 5683 }, INTERFACES), [
      'coap://192.0.2.1:5683',
    ])
  })

  it('are its own where it listens on one', () => {
    assert.deepEqual(reachableUris('coap', { address: '::1', port: 5683 }, INTERFACES), [
      'coap://[::1]:5683',
    ])
  })

  it('are the loopback where the machine has no other', () => {
    const { lo } = INTERFACES
    assert.deepEqual(reachableUris('coap', { address: '0.0.0.0', port: 5683 }, { lo }), [
      'coap://127.0.0.1:5683',
    ])
    assert.deepEqual(reachableUris('coap', { address: '::', port: 5683 }, {}), ['coap://[::]:5683'])
  })
})
