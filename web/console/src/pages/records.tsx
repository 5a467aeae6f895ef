import { Button, Input, Switch } from 'antd'
import { useEffect, useState } from 'react'
import { Link, useSearchParams } from 'react-router-dom'
import { request } from '../api/client'
import { ACTIONS, OUTCOMES, type RecordRow } from '../api/contract'
import { useLanguage, word, type Translate } from '../i18n'
import { useLoaded } from '../lib/async'
import { milliseconds, moment, short } from '../lib/format'
import { useNames, useSession } from '../session'
import { ActionChip, Chip, DataTable, Nothing, OutcomeChip, Page, Panel, Shown, type Column } from '../ui/kit'

const FILTERS = ['outcome', 'action', 'risk', 'app', 'user', 'rule', 'from', 'to'] as const
const LIVE_MOST = 100

/** A time of the filter, as the field for local times writes it. */
const local = (at: string | null): string => {
  const ms = at ? Date.parse(at) : NaN
  return Number.isNaN(ms) ? '' : new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export function rowColumns(t: Translate, lang: 'zh' | 'en', named: ReturnType<typeof useNames>): Column<RecordRow>[] {
  return [
    { key: 'at', title: t('field.at'), keep: true, show: (r) => <Link to={`/records/${encodeURIComponent(r.request_id)}`} title={r.request_id}>{moment(r.at, lang)}</Link> },
    { key: 'outcome', title: t('field.outcome'), keep: true, show: (r) => <OutcomeChip outcome={r.outcome} /> },
    { key: 'action', title: t('field.action'), show: (r) => <ActionChip action={r.action} /> },
    { key: 'rule', title: t('field.rule'), wide: true, show: (r) => (r.rule ? <code>{r.rule}</code> : <span className="quiet">–</span>) },
    { key: 'risk', title: t('field.risk'), show: (r) => (r.risk ? <Chip tone="warn" title={named('risks', r.risk)}>{r.risk}</Chip> : <span className="quiet">–</span>) },
    { key: 'who', title: t('field.who'), show: (r) => <span className="break">{r.app ?? '–'}{r.user ? ` / ${short(r.user, 18)}` : ''}</span> },
    { key: 'api', title: t('field.api'), show: (r) => <span>{r.api ?? '–'}</span> },
    { key: 'ms', title: t('field.took'), end: true, keep: true, show: (r) => milliseconds(r.total_ms) },
    { key: 'seq', title: t('field.seq'), end: true, show: (r) => r.seq },
  ]
}

export default function Records() {
  const { t, lang } = useLanguage()
  const named = useNames(lang)
  const { taxonomy } = useSession()
  const [search, setSearch] = useSearchParams()
  const [pages, setPages] = useState<number[]>([])
  const [live, setLive] = useState(false)
  const filter = Object.fromEntries(FILTERS.map((name) => [name, search.get(name) ?? '']))
  const before = pages[pages.length - 1]
  const key = JSON.stringify(filter)
  useEffect(() => setPages([]), [key])
  const loaded = useLoaded((signal) => request<{ records: RecordRow[]; next: number | null }>('get', '/admin/records', { signal, query: { ...filter, before, limit: 50 } }), [filter, before])
  const set = (name: string, value: string) => setSearch((was) => { const next = new URLSearchParams(was); if (value) next.set(name, value); else next.delete(name); return next }, { replace: true })
  const any = FILTERS.some((name) => filter[name] !== '')
  const select = (name: 'outcome' | 'action', ids: readonly string[]) => (
    <div className="field"><label htmlFor={`f-${name}`}>{t(`field.${name}`)}</label>
      <select id={`f-${name}`} className="native" value={filter[name]} onChange={(e) => set(name, e.target.value)}><option value="">{t('filter.any')}</option>{ids.map((id) => <option key={id} value={id}>{word(t, name, id)}</option>)}</select>
    </div>
  )
  const words = (name: 'app' | 'user' | 'rule') => (
    <div className="field"><label htmlFor={`f-${name}`}>{t(`field.${name}`)}</label><Input id={`f-${name}`} key={filter[name]} defaultValue={filter[name]} allowClear onPressEnter={(e) => set(name, e.currentTarget.value.trim())} onBlur={(e) => set(name, e.currentTarget.value.trim())} /></div>
  )
  const time = (name: 'from' | 'to') => (
    <div className="field"><label htmlFor={`f-${name}`}>{t(`filter.${name}`)}</label><input id={`f-${name}`} className="native" type="datetime-local" value={local(filter[name] ?? null)} onChange={(e) => { const ms = Date.parse(e.target.value); set(name, Number.isNaN(ms) ? '' : new Date(ms).toISOString()) }} /></div>
  )
  return (
    <Page title={t('nav.records')} about={t('records.about')} actions={<label className="row"><Switch checked={live} onChange={setLive} aria-label={t('records.live')} /> {t('records.live')}</label>}>
      <Panel>
        <div className="filters">
          {select('outcome', OUTCOMES)}
          {select('action', ACTIONS)}
          <div className="field"><label htmlFor="f-risk">{t('field.risk')}</label>
            <select id="f-risk" className="native" value={filter.risk} onChange={(e) => set('risk', e.target.value)}><option value="">{t('filter.any')}</option>{(taxonomy?.risks ?? []).map((r) => <option key={r.id} value={r.id}>{r.id} {r[lang]}</option>)}</select>
          </div>
          {words('app')}{words('user')}{words('rule')}{time('from')}{time('to')}
          {any ? <Button onClick={() => setSearch({}, { replace: true })}>{t('filter.clear')}</Button> : null}
        </div>
      </Panel>
      {live ? <Live key={key} filter={filter} /> : (
        <Panel>
          <Shown of={loaded}>
            {(data) => (
              <>
                <DataTable label={t('nav.records')} rows={data.records} id={(r) => String(r.seq)} columns={rowColumns(t, lang, named)} empty={<Nothing title={t(any ? 'records.no_match' : 'records.nothing')} hint={any ? t('records.no_match_hint') : <Link to="/try">{t('nav.try')}</Link>} />} />
                {pages.length > 0 || data.next !== null ? (
                  <nav className="row top-gap" aria-label={t('records.pages')}>
                    <Button disabled={pages.length === 0} onClick={() => setPages((was) => was.slice(0, -1))}>{t('records.newer')}</Button>
                    <Button disabled={data.next === null} onClick={() => { const next = data.next; if (next !== null) setPages((was) => [...was, next]) }}>{t('records.older')}</Button>
                    <span className="quiet">{t('records.page', { page: pages.length + 1 })}</span>
                  </nav>
                ) : null}
              </>
            )}
          </Shown>
        </Panel>
      )}
    </Page>
  )
}

function Live(props: { filter: Record<string, string> }) {
  const { t, lang } = useLanguage()
  const named = useNames(lang)
  const [rows, setRows] = useState<RecordRow[]>([])
  const [state, setState] = useState<'opening' | 'open' | 'lost'>('opening')
  const asked = new URLSearchParams(Object.entries(props.filter).filter(([, value]) => value !== '')).toString()
  useEffect(() => {
    const source = new EventSource(`/admin/records/live?${asked}`)
    source.onopen = () => setState('open')
    // The browser tries again by itself.
    source.onerror = () => setState('lost')
    source.onmessage = (event) => {
      try {
        const row = JSON.parse(String(event.data)) as RecordRow
        setRows((was) => (was.some((r) => r.seq === row.seq) ? was : [row, ...was].slice(0, LIVE_MOST)))
      } catch {
        // A line that cannot be read is left out: the table of records has it.
      }
    }
    return () => source.close()
  }, [asked])
  return (
    <Panel title={t('records.live')} actions={<span role="status">{state === 'open' ? <span className="live">{t('records.live_open')}</span> : <Chip tone={state === 'lost' ? 'bad' : 'calm'}>{t(state === 'lost' ? 'records.live_lost' : 'records.live_opening')}</Chip>}</span>}>
      <DataTable label={t('records.live')} rows={rows} id={(r) => String(r.seq)} columns={rowColumns(t, lang, named)} empty={<Nothing title={t('records.live_nothing')} hint={t('records.live_nothing_hint')} />} />
    </Panel>
  )
}
