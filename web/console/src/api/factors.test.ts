import { describe, expect, it } from 'vitest'
import { base64url, byAddress, bytes, needed } from './factors'

describe('second factors', () => {
  it('reads and writes base64url', () => {
    for (const text of ['', 'AA', '_-8', 'AQIDBAUG']) expect(base64url(bytes(text).buffer)).toBe(text)
    expect([...bytes('_-8')]).toEqual([255, 239])
  })
  it('reads which factors will do, and nothing else', () => {
    expect(needed(undefined)).toBeNull()
    expect(needed({ factors: 'totp' })).toBeNull()
    expect(needed({ factors: ['recovery', 'telepathy', 'webauthn'], webauthn: null, elsewhere: ['a', 1] })).toEqual({ factors: ['webauthn', 'recovery'], webauthn: null, elsewhere: ['a'] })
  })
  it('tells addresses from names', () => {
    expect(['127.0.0.1', '[::1]', '10.1.2.3'].every((host) => byAddress(host))).toBe(true)
    expect(['localhost', 'menshen.example'].some((host) => byAddress(host))).toBe(false)
  })
})
