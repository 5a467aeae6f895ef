import { App, Button, Input, type InputRef } from 'antd'
import { useCallback, useEffect, useRef, useState } from 'react'
import { Link, useNavigate, useSearchParams } from 'react-router-dom'
import { request } from '../api/client'
import { DUES, FAMILIES, nameOf, STATES, type Book, type Case, type CasePage, type Figures } from '../api/cases'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, moment, who } from '../lib/format'
import { DataTable, Nothing, Page, Panel, sentence, Shown, Tile } from '../ui/kit'
import { NewCase } from './cases_new'
import { DueChip, Keys, lasted, leave, leftAt, StateChip, useKeys } from './cases_parts'

const FILTERS = ['state', 'family', 'kind', 'due', 'assignee', 'about'] as const
type Filter = (typeof FILTERS)[number]

export default function Cases() {
  const { t, lang } = useLanguage()
  const [search, setSearch] = useSearchParams()
  const [making, setMaking] = useState(false)
  const [help, setHelp] = useState(false)
  const asked = Object.fromEntries(FILTERS.map((name) => [name, search.get(name) ?? '']))
  const book = useLoaded((signal) => request<Book>('get', '/admin/cases/book', { signal }), [])
  const figures = useLoaded((signal) => request<Figures>('get', '/admin/cases/statistics', { signal }), [], 60_000)
  const page = useLoaded((signal) => request<CasePage>('get', '/admin/cases', { query: { ...asked, limit: 50 }, signal }), [asked], 60_000)
  const finder = useRef<InputRef>(null)
  const set = useCallback((changes: Partial<Record<Filter, string>>) => {
    setSearch((was) => {
      const next = new URLSearchParams(was)
      for (const [name, value] of Object.entries(changes)) { if (value) next.set(name, value); else next.delete(name) }
      return next
    }, { replace: true })
  }, [setSearch])
  const reload = () => { page.reload(); figures.reload() }
  useKeys({
    '/': () => finder.current?.focus(),
    m: () => set({ assignee: asked.assignee === 'me' ? '' : 'me' }),
    o: () => set({ due: asked.due === 'overdue' ? '' : 'overdue' }),
    n: () => { if (book.data?.may_work) setMaking(true) },
    '?': () => setHelp((was) => !was),
    Escape: () => (document.activeElement as HTMLElement | null)?.blur(),
  }, !making)
  const select = (name: Filter, label: string, options: readonly (readonly [string, string])[], none: string) => (
    <div className="field"><label htmlFor={`case-${name}`}>{label}</label>
      <select id={`case-${name}`} className="native" value={asked[name]} onChange={(e) => set({ [name]: e.target.value })}>
        <option value="">{none}</option>
        {options.map(([id, shown]) => <option key={id} value={id}>{shown}</option>)}
      </select>
    </div>
  )
  return (
    <Page title={t('nav.cases')} about={t('cases.about')} actions={<>
      {book.data?.public ? <Link to="/complain">{t('cases.public_form')}</Link> : book.data ? <span className="quiet">{t('cases.public_off')}</span> : null}
      <Button onClick={reload}>{t('do.refresh')}</Button>
      {book.data?.may_work ? <Button type="primary" onClick={() => setMaking(true)}>{t('cases.new')} <kbd aria-hidden="true">n</kbd></Button> : null}
    </>}>
      <Shown of={figures}>
        {(f) => (
          <div className="tiles six">
            <Tile name={t('cases.open')} value={count(f.open, lang)} />
            <Tile name={t('cases.overdue')} value={<button type="button" className="as-link" onClick={() => set({ due: 'overdue' })}>{count(f.overdue, lang)}</button>} />
            <Tile name={t('cases.soon')} value={<button type="button" className="as-link" onClick={() => set({ due: 'soon' })}>{count(f.soon, lang)}</button>} />
            <Tile name={t('cases.unassigned')} value={<button type="button" className="as-link" onClick={() => set({ assignee: 'nobody' })}>{count(f.unassigned, lang)}</button>} />
            <Tile name={t('cases.pending')} value={count(f.pending, lang)} />
            <Tile name={t('cases.median')} value={lasted(t, f.median_answer_s)} />
          </div>
        )}
      </Shown>
      <Keys open={help} toggle={() => setHelp((was) => !was)} of={[
        ['j', t('cases.key_next')], ['k', t('cases.key_previous')], ['Enter', t('cases.key_open')], ['/', t('cases.key_search')], ['m', t('cases.key_mine')],
        ['o', t('cases.key_overdue')], ['n', t('cases.key_new')], ['Esc', t('cases.key_leave')], ['?', t('cases.key_help')],
      ]} />
      <Panel>
        <div className="filters gap">
          {select('state', t('field.state'), [['all', t('cases.state_all')], ...STATES.map((id) => [id, word(t, 'case_state', id)] as const)], t('cases.state_open'))}
          {select('family', t('cases.family'), FAMILIES.map((id) => [id, word(t, 'case_family', id)] as const), t('cases.any'))}
          {select('kind', t('cases.kind'), (book.data?.kinds ?? []).map((k) => [k.id, k[lang]] as const), t('cases.any'))}
          {select('due', t('cases.due'), DUES.map((id) => [id, word(t, 'case_due', id)] as const), t('cases.any'))}
          {select('assignee', t('cases.assignee'), [['me', t('cases.mine')], ['nobody', t('cases.nobodys')], ...(book.data?.staff ?? []).map((id) => [id, who(id)] as const)], t('cases.any'))}
          <div className="field"><label htmlFor="case-about">{t('cases.search')}</label><Input id="case-about" ref={finder} defaultValue={asked.about} allowClear onPressEnter={(e) => { set({ about: e.currentTarget.value.trim() }); e.currentTarget.blur() }} onChange={(e) => { if (e.target.value === '') set({ about: '' }) }} /></div>
        </div>
        <Shown of={page}>{(data) => <Queue key={JSON.stringify(asked)} first={data} book={book.data} asked={asked} idle={!making} />}</Shown>
      </Panel>
      {figures.data && figures.data.kinds.length > 0 ? (
        <Panel title={t('cases.figures')}>
          <DataTable label={t('cases.figures')} rows={figures.data.kinds} id={(k) => k.kind} empty={null} columns={[
            { key: 'kind', title: t('cases.kind'), wide: true, show: (k) => nameOf(book.data?.kinds ?? [], k.kind, lang) },
            { key: 'received', title: t('cases.count_received'), end: true, show: (k) => count(k.received, lang) },
            { key: 'answered', title: t('cases.answered'), end: true, show: (k) => count(k.answered, lang) },
            { key: 'in_time', title: t('cases.in_time'), end: true, show: (k) => count(k.in_time, lang) },
            { key: 'rejected', title: t('cases.count_rejected'), end: true, show: (k) => count(k.rejected, lang) },
            { key: 'granted', title: t('cases.granted'), end: true, show: (k) => count(k.granted, lang) },
            { key: 'median', title: t('cases.median_short'), end: true, show: (k) => lasted(t, k.median_answer_s) },
          ]} />
        </Panel>
      ) : null}
      {making && book.data ? <NewCase book={book.data} close={() => { setMaking(false); reload() }} /> : null}
    </Page>
  )
}

function Queue(props: { first: CasePage; book: Book | undefined; asked: Record<string, string>; idle: boolean }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const go = useNavigate()
  const [more, setMore] = useState<Case[]>([])
  const [next, setNext] = useState<string | null | undefined>(undefined)
  const [at, setAt] = useState<string | null>(leftAt)
  const list = useRef<HTMLUListElement>(null)
  const cases = [...props.first.cases, ...more.filter((c) => !props.first.cases.some((f) => f.id === c.id))]
  const index = Math.max(0, cases.findIndex((c) => c.id === at))
  const current = cases[index]
  const cursor = next === undefined ? props.first.next : next

  const open = (c: Case | undefined) => { if (c) { leave(c.id); go(`/cases/${encodeURIComponent(c.id)}`) } }
  const move = (to: number) => {
    const one = cases[Math.max(0, Math.min(cases.length - 1, to))]
    if (!one) return
    setAt(one.id)
    list.current?.focus({ preventScroll: true })
    list.current?.querySelector(`[data-id="${one.id}"]`)?.scrollIntoView({ block: 'nearest' })
  }
  useKeys({
    j: () => move(index + 1), k: () => move(index - 1),
    ArrowDown: () => move(index + 1), ArrowUp: () => move(index - 1), Home: () => move(0), End: () => move(cases.length - 1),
    Enter: () => open(current),
  }, props.idle, list)
  useEffect(() => { if (leftAt()) list.current?.focus({ preventScroll: true }) }, [])

  const load = async () => {
    try {
      const page = await request<CasePage>('get', '/admin/cases', { query: { ...props.asked, limit: 50, after: cursor } })
      setMore((was) => [...was, ...page.cases])
      setNext(page.next)
    } catch (e) {
      void message.error(sentence(e, t))
    }
  }
  if (!current) return <Nothing title={t('cases.nothing')} hint={t('cases.nothing_hint')} />
  return (
    <>
      <ul className="case-list" role="listbox" tabIndex={0} ref={list} aria-label={t('cases.list')} aria-activedescendant={`case-${current.id}`}>
        {cases.map((c) => (
          <li key={c.id} id={`case-${c.id}`} data-id={c.id} role="option" aria-selected={c.id === current.id} className="case-item" onClick={() => setAt(c.id)} onDoubleClick={() => open(c)}>
            <span className="case-name"><strong>{nameOf(props.book?.kinds ?? [], c.kind, lang)}</strong><span className="quiet mono">{c.number}</span></span>
            <span className="row"><StateChip of={c} /><DueChip of={c} /></span>
            <span className="quiet">{c.assignee ? who(c.assignee) : t('cases.nobody')}</span>
            <span className="quiet case-when">{t('cases.due_at')} {moment(c.due_at, lang)}</span>
          </li>
        ))}
      </ul>
      <div className="row top-gap">
        <Button onClick={() => open(current)}>{t('do.open')} <kbd aria-hidden="true">Enter</kbd></Button>
        {cursor ? <Button onClick={() => void load()}>{t('cases.more')}</Button> : null}
      </div>
    </>
  )
}
