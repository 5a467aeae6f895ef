import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import { ApiError, request, setCsrf, whenSignedOut } from './api/client'
import type { Session, Setup, Taxonomy } from './api/contract'

interface Held {
  /** Undefined while it is asked for; null when nobody is signed in. */
  session: Session | null | undefined
  setup: Setup | null
  problem: unknown
  signIn: (how: Record<string, unknown>) => Promise<void>
  signOut: () => Promise<void>
  look: () => void
  taxonomy: Taxonomy | null
}

const SessionContext = createContext<Held | null>(null)

export function SessionProvider(props: { children: ReactNode }) {
  const [session, setSession] = useState<Session | null | undefined>(undefined)
  const [setup, setSetup] = useState<Setup | null>(null)
  const [problem, setProblem] = useState<unknown>(null)
  const [taxonomy, setTaxonomy] = useState<Taxonomy | null>(null)

  const begin = useCallback((one: Session | null) => {
    setCsrf(one?.csrf ?? '')
    setSession(one)
    setProblem(null)
    if (!one) setTaxonomy(null)
    // Without the names, ids are shown: no page waits for them.
    else request<Taxonomy>('get', '/admin/taxonomy').then(setTaxonomy, () => undefined)
  }, [])

  const look = useCallback(() => {
    void (async () => {
      try {
        const state = await request<Setup>('get', '/console/api/setup', { signingIn: true })
        setSetup(state)
        if (state.needed && !state.steps.owner) { begin(null); return }
        begin(await request<Session>('get', '/console/api/session', { signingIn: true }))
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) begin(null)
        else { setProblem(error); setSession(null) }
      }
    })()
  }, [begin])

  useEffect(() => {
    whenSignedOut(() => begin(null))
    look()
  }, [begin, look])

  const signIn = useCallback(async (how: Record<string, unknown>) => {
    begin(await request<Session>('post', '/console/api/session', { body: how, signingIn: true }))
  }, [begin])

  const signOut = useCallback(async () => {
    const { provider } = await request<{ provider?: string | null }>('delete', '/console/api/session', { signingIn: true })
    begin(null)
    // The provider has a session of its own; the operator wants it to end, too.
    if (provider && /^https?:\/\//.test(provider)) window.location.assign(provider)
  }, [begin])

  const held = useMemo<Held>(() => ({ session, setup, problem, signIn, signOut, look, taxonomy }), [session, setup, problem, signIn, signOut, look, taxonomy])
  return <SessionContext.Provider value={held}>{props.children}</SessionContext.Provider>
}

export function useSession(): Held {
  const held = useContext(SessionContext)
  if (!held) throw new Error('no session around this')
  return held
}

/** Names of the taxonomy by id; the id where there is none. */
export function useNames(lang: 'zh' | 'en'): (family: keyof Taxonomy, id: string | null | undefined) => string {
  const { taxonomy } = useSession()
  return useMemo(() => {
    const names = new Map<string, string>()
    for (const [family, list] of Object.entries(taxonomy ?? {})) for (const one of list as { id: string; zh: string; en: string }[]) names.set(`${family} ${one.id}`, one[lang])
    return (family, id) => (id ? (names.get(`${family} ${id}`) ?? id) : '–')
  }, [taxonomy, lang])
}
