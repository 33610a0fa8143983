import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressKey } from '../../src/limits/address-key.js'

test('an address is an IPv4 address, mapped or not, or an IPv6 /64', () => {
  for (const [address, key] of [
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:c0a8:1', '192.168.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:0db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0']
  ] as const) {
    assert.equal(addressKey(address), key)
  }
})
