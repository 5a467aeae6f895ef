//! One's own second factors, and what the browser's security keys are asked.
import { call, request } from './client'
import type { components } from './schema'

export type OwnFactors = components['schemas']['OwnFactors']
export type SecurityKey = components['schemas']['SecurityKey']
type CreateOptions = components['schemas']['SecurityKeyOptions']

interface Named { type: string; id: string; transports?: string[] }
/** PublicKeyCredentialRequestOptionsJSON. */
export interface RequestOptions { challenge: string; rpId: string; timeout: number; userVerification: string; allowCredentials: Named[] }

export const FACTORS = ['webauthn', 'totp', 'recovery'] as const
export type Factor = (typeof FACTORS)[number]
/** Which second factors will do, as the answer to a right password says. */
export interface Needed { factors: Factor[]; webauthn: RequestOptions | null; elsewhere: string[] }

/** What the server said of second factors; null where it is not that. */
export function needed(said: unknown): Needed | null {
  if (typeof said !== 'object' || said === null) return null
  const { factors, webauthn, elsewhere } = said as Partial<Record<keyof Needed, unknown>>
  if (!Array.isArray(factors)) return null
  return {
    factors: FACTORS.filter((one) => factors.includes(one)),
    webauthn: (webauthn ?? null) as RequestOptions | null,
    elsewhere: Array.isArray(elsewhere) ? elsewhere.filter((one): one is string => typeof one === 'string') : [],
  }
}

export function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  const out = new Uint8Array(new ArrayBuffer(plain.length))
  for (let at = 0; at < plain.length; at++) out[at] = plain.charCodeAt(at)
  return out
}

export function base64url(buffer: ArrayBuffer): string {
  let text = ''
  for (const one of new Uint8Array(buffer)) text += String.fromCharCode(one)
  return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

const listed = (keys: readonly Named[]): PublicKeyCredentialDescriptor[] => keys.map((k) => ({ type: 'public-key', id: bytes(k.id), transports: (k.transports ?? []) as AuthenticatorTransport[] }))

/** Whether the browser lets keys answer on this page at all: not without TLS, but on this machine. */
export const able = (): boolean => window.isSecureContext && typeof window.PublicKeyCredential === 'function'

/** Whether the page was opened by an IP address, which no key answers to. */
export const byAddress = (host = window.location.hostname): boolean => /^[\d.]+$/.test(host) || host.startsWith('[')

// Not the browser's own toJSON: some browsers that people still have lack it.

/** Has the browser make a key. */
export async function makeKey(options: CreateOptions): Promise<{ id: string; rawId: string; type: 'public-key'; response: { clientDataJSON: string; attestationObject: string; transports: string[] } }> {
  const made = await navigator.credentials.create({
    publicKey: {
      rp: options.rp,
      user: { ...options.user, id: bytes(options.user.id) },
      challenge: bytes(options.challenge),
      pubKeyCredParams: options.pubKeyCredParams.map(({ alg }) => ({ type: 'public-key', alg })),
      timeout: options.timeout,
      excludeCredentials: listed(options.excludeCredentials),
      attestation: options.attestation,
      authenticatorSelection: options.authenticatorSelection,
    },
  })
  if (!(made instanceof PublicKeyCredential) || !(made.response instanceof AuthenticatorAttestationResponse)) throw new DOMException('no key', 'NotAllowedError')
  const { response } = made
  const transports = typeof response.getTransports === 'function' ? response.getTransports() : []
  return { id: made.id, rawId: base64url(made.rawId), type: 'public-key', response: { clientDataJSON: base64url(response.clientDataJSON), attestationObject: base64url(response.attestationObject), transports } }
}

/** Has a key answer. */
export async function askKey(options: RequestOptions): Promise<unknown> {
  const got = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(options.challenge),
      rpId: options.rpId,
      timeout: options.timeout,
      userVerification: options.userVerification as UserVerificationRequirement,
      allowCredentials: listed(options.allowCredentials),
    },
  })
  if (!(got instanceof PublicKeyCredential) || !(got.response instanceof AuthenticatorAssertionResponse)) throw new DOMException('no answer', 'NotAllowedError')
  const { response } = got
  return {
    id: got.id, rawId: base64url(got.rawId), type: got.type,
    response: {
      clientDataJSON: base64url(response.clientDataJSON), authenticatorData: base64url(response.authenticatorData), signature: base64url(response.signature),
      userHandle: response.userHandle ? base64url(response.userHandle) : null,
    },
  }
}

export const factors = (signal?: AbortSignal): Promise<OwnFactors> => call('get', '/admin/people/me/factors', signal ? { signal } : {})

/** Adds a key: the server asks, the browser makes, the server checks. */
export async function addKey(name: string, current: string): Promise<SecurityKey> {
  const options = await call('post', '/admin/people/me/security-keys', { body: { current } })
  return call('post', '/admin/people/me/security-keys/confirm', { body: { name, credential: await makeKey(options) } })
}

export const renameKey = (id: string, name: string): Promise<SecurityKey> => call('patch', '/admin/people/me/security-keys/{id}', { params: { id }, body: { name } })
export const removeKey = (id: string, current: string): Promise<unknown> => call('post', '/admin/people/me/security-keys/{id}/remove', { params: { id }, body: { current } })
export const removeTotp = (current: string): Promise<unknown> => call('post', '/admin/people/me/totp/remove', { body: { current } })
export const makeCodes = (current: string): Promise<{ codes: string[] }> => call('post', '/admin/people/me/recovery-codes', { body: { current } })
export const beginTotp = (signal?: AbortSignal): Promise<{ secret: string; uri: string }> => request('post', '/admin/people/me/totp', { signal })
export const confirmTotp = (code: string): Promise<unknown> => request('post', '/admin/people/me/totp/confirm', { body: { code } })
