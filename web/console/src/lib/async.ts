import { useCallback, useEffect, useRef, useState } from 'react'

export interface Loaded<T> { data: T | undefined; error: unknown; loading: boolean; reload: () => void }

/**
 * Loads when `deps` change, and again on `reload()` or every `every` ms. What was loaded stays in view while it is loaded again;
 * an answer that comes after a newer question was asked is dropped.
 */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>, deps: readonly unknown[], every = 0): Loaded<T> {
  const [state, setState] = useState<{ data: T | undefined; error: unknown; loading: boolean }>({ data: undefined, error: undefined, loading: true })
  const [round, setRound] = useState(0)
  const latest = useRef(load)
  // Before the effect that loads: effects run in their order.
  useEffect(() => { latest.current = load })
  const key = JSON.stringify(deps)
  const shown = useRef(key)
  useEffect(() => {
    const abort = new AbortController()
    const fresh = shown.current !== key
    shown.current = key
    setState((was) => ({ data: fresh ? undefined : was.data, error: undefined, loading: true }))
    latest.current(abort.signal).then(
      (data) => { if (!abort.signal.aborted) setState({ data, error: undefined, loading: false }) },
      (error: unknown) => { if (!abort.signal.aborted) setState((was) => ({ data: was.data, error, loading: false })) },
    )
    return () => abort.abort()
  }, [key, round])
  const reload = useCallback(() => setRound((n) => n + 1), [])
  useEffect(() => {
    if (every <= 0) return undefined
    const timer = window.setInterval(() => { if (!document.hidden) reload() }, every)
    return () => window.clearInterval(timer)
  }, [every, reload])
  return { ...state, reload }
}
