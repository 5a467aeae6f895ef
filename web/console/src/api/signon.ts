import { request } from './client'

/** Why a sign-on at the provider ended without a session: what the program writes into the address, and nothing else. */
export const ENDINGS = ['denied', 'stale', 'unreachable', 'untrue', 'no_role', 'domain', 'no_name', 'name_taken', 'disabled', 'wait', 'unavailable'] as const
export type Ending = (typeof ENDINGS)[number]

/** The ending that stands in the page's address; it is taken out of there. */
export function ending(): Ending | null {
  const told = new URLSearchParams(window.location.search).get('sign_on')
  if (told === null) return null
  window.history.replaceState(null, '', window.location.pathname + window.location.hash)
  return ENDINGS.find((one) => one === told) ?? null
}

/** Leaves for the provider's page. */
export async function leave(): Promise<void> {
  const { url } = await request<{ url: string }>('post', '/console/api/oidc', { signingIn: true })
  if (!/^https?:\/\//.test(url)) throw new Error('not an address')
  window.location.assign(url)
}

export const endSessions = (person: string): Promise<{ ended: number }> => request('delete', `/admin/people/${encodeURIComponent(person)}/sessions`)
