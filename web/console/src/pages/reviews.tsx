import { App, Button, Input, type InputRef } from 'antd'
import { useCallback, useEffect, useRef, useState } from 'react'
import { Link } from 'react-router-dom'
import { call } from '../api/client'
import type { Review } from '../api/contract'
import { useLanguage } from '../i18n'
import { useLoaded } from '../lib/async'
import { excerpt, moment } from '../lib/format'
import { Chip, Facts, Foreign, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'

export default function Reviews() {
  const { t } = useLanguage()
  const loaded = useLoaded((signal) => call('get', '/admin/reviews', { signal }), [], 30_000)
  return (
    <Page title={t('nav.reviews')} about={t('reviews.about')} actions={<Button onClick={loaded.reload}>{t('do.refresh')}</Button>}>
      <p className="quiet keys"><kbd>j</kbd> {t('reviews.next')} · <kbd>k</kbd> {t('reviews.previous')} · <kbd>u</kbd> {t('reviews.uphold')} · <kbd>r</kbd> {t('reviews.release')} · <kbd>n</kbd> {t('reviews.note')} · <kbd>Esc</kbd> {t('reviews.leave_note')}</p>
      <Shown of={loaded}>{(data) => <Queue reviews={(data.reviews ?? []) as unknown as Review[]} reload={loaded.reload} />}</Shown>
    </Page>
  )
}

function Queue(props: { reviews: Review[]; reload: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [decided, setDecided] = useState<ReadonlySet<number>>(new Set())
  const [at, setAt] = useState<number | null>(null)
  const [note, setNote] = useState('')
  const [busy, setBusy] = useState(false)
  const field = useRef<InputRef>(null)
  const list = useRef<HTMLUListElement>(null)
  const open = props.reviews.filter((r) => !decided.has(r.id))
  const index = Math.max(0, open.findIndex((r) => r.id === at))
  const current = open[index]

  const go = useCallback((to: number) => {
    const next = open[Math.max(0, Math.min(open.length - 1, to))]
    if (!next) return
    setAt(next.id)
    setNote('')
    list.current?.querySelector(`[data-id="${next.id}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [open])

  const decide = useCallback(async (decision: 'upheld' | 'released') => {
    if (!current || busy) return
    setBusy(true)
    try {
      await call('post', '/admin/reviews/{id}', { params: { id: current.id }, body: { decision, ...(note.trim() ? { note: note.trim() } : {}) } })
      void message.success(t(decision === 'upheld' ? 'reviews.upheld' : 'reviews.released', { id: current.id }))
      const next = open[index + 1] ?? open[index - 1]
      setDecided((was) => new Set(was).add(current.id))
      setAt(next?.id ?? null)
      setNote('')
      list.current?.focus()
    } catch (e) {
      void message.error(sentence(e, t))
      props.reload()
    }
    setBusy(false)
  }, [busy, current, index, message, note, open, props, t])

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return
      const target = event.target as HTMLElement
      if (target.closest('input, textarea, select, [contenteditable]')) {
        if (event.key === 'Escape') { (target as HTMLInputElement).blur(); list.current?.focus() }
        return
      }
      const act: Record<string, () => void> = {
        j: () => go(index + 1), k: () => go(index - 1), ArrowDown: () => go(index + 1), ArrowUp: () => go(index - 1),
        u: () => void decide('upheld'), r: () => void decide('released'), n: () => field.current?.focus(),
      }
      // Arrows scroll, except in the list.
      if (event.key.startsWith('Arrow') && document.activeElement !== list.current) return
      const found = act[event.key]
      if (!found) return
      event.preventDefault()
      found()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [decide, go, index])

  if (!current) return <Nothing title={t('reviews.nothing')} hint={t('reviews.nothing_hint')} />
  return (
    <div className="queue">
      <ul className="queue-list" role="listbox" tabIndex={0} ref={list} aria-label={t('nav.reviews')} aria-activedescendant={`review-${current.id}`}>
        {open.map((r) => (
          <li key={r.id} id={`review-${r.id}`} data-id={r.id} role="option" aria-selected={r.id === current.id} className="queue-item" onClick={() => { setAt(r.id); setNote('') }}>
            <div className="row"><strong>#{r.id}</strong><span className="quiet">{moment(r.created_at, lang)}</span></div>
            <p>{excerpt(r.input ?? r.reason, 60)}</p>
          </li>
        ))}
      </ul>
      <div>
        <Panel title={t('reviews.one', { id: current.id })} actions={<Chip tone="warn">{t('reviews.left', { left: open.length })}</Chip>}>
          <Facts of={[[t('reviews.reason'), current.reason], [t('field.rule'), current.rule ? <code key="r">{current.rule}</code> : '–'], [t('field.app'), current.app], [t('field.user'), current.user], [t('record.title'), <Link key="l" to={`/records/${encodeURIComponent(current.request_id)}`}>{t('do.open')}</Link>]]} />
          <h3>{t('overview.input')}</h3>
          <Foreign text={current.input ?? ''} label={t('overview.input')} />
          {current.output ? <><h3>{t('overview.output')}</h3><Foreign text={current.output} label={t('overview.output')} /></> : null}
          <div className="field top-gap gap"><label htmlFor="review-note">{t('reviews.note')}</label><Input id="review-note" ref={field} value={note} onChange={(e) => setNote(e.target.value)} maxLength={2000} onPressEnter={() => list.current?.focus()} /></div>
          <div className="row">
            <Button type="primary" danger disabled={busy} onClick={() => void decide('upheld')}>{t('reviews.uphold')} <kbd aria-hidden="true">u</kbd></Button>
            <Button disabled={busy} onClick={() => void decide('released')}>{t('reviews.release')} <kbd aria-hidden="true">r</kbd></Button>
          </div>
        </Panel>
      </div>
    </div>
  )
}
