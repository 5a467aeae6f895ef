import { ReloadOutlined } from '@ant-design/icons'
import { Button, Input } from 'antd'
import { Link, useNavigate, useSearchParams } from 'react-router-dom'
import { request } from '../api/client'
import { OUTCOMES, type Bucket, type Overview, type Percentiles } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, milliseconds, percent, tick } from '../lib/format'
import { useNames } from '../session'
import { TimeChart, PALETTE } from '../ui/chart'
import { DataTable, Meter, Nothing, Page, Panel, Shown, Tile } from '../ui/kit'
import type { Mode } from '../ui/theme'

const RANGES: Record<string, { ms: number; bucket: Bucket }> = {
  '1h': { ms: 3_600_000, bucket: 'minute' },
  '24h': { ms: 86_400_000, bucket: 'hour' },
  '7d': { ms: 7 * 86_400_000, bucket: 'hour' },
  '30d': { ms: 30 * 86_400_000, bucket: 'day' },
}
const WIDTH: Record<Bucket, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

export default function OverviewPage(props: { mode: Mode }) {
  const { t } = useLanguage()
  const [search, setSearch] = useSearchParams()
  const range = RANGES[search.get('range') ?? ''] ? (search.get('range') ?? '24h') : '24h'
  const app = search.get('app') ?? ''
  const set = (name: string, value: string) => setSearch((was) => { const next = new URLSearchParams(was); if (value) next.set(name, value); else next.delete(name); return next }, { replace: true })
  const { ms, bucket } = RANGES[range] ?? { ms: 86_400_000, bucket: 'hour' as Bucket }
  const loaded = useLoaded((signal) => {
    const to = new Date()
    return request<Overview>('get', '/admin/overview', { signal, query: { from: new Date(to.getTime() - ms).toISOString(), to: to.toISOString(), bucket, app } })
  }, [range, app], 60_000)
  return (
    <Page title={t('nav.overview')} about={t('overview.about')} actions={<>
      <div className="field"><label htmlFor="over-range">{t('overview.range')}</label><select id="over-range" className="native" value={range} onChange={(e) => set('range', e.target.value)}>{Object.keys(RANGES).map((id) => <option key={id} value={id}>{word(t, 'range', id)}</option>)}</select></div>
      <div className="field"><label htmlFor="over-app">{t('field.app')}</label><Input id="over-app" allowClear defaultValue={app} onPressEnter={(e) => set('app', e.currentTarget.value.trim())} onBlur={(e) => set('app', e.currentTarget.value.trim())} placeholder={t('filter.any')} /></div>
      <Button className="bottom" icon={<ReloadOutlined />} onClick={loaded.reload} loading={loaded.loading && loaded.data !== undefined}>{t('do.refresh')}</Button>
    </>}>
      <Shown of={loaded}>{(data) => (data.requests === 0 ? <Nothing title={t('overview.nothing')} hint={<>{t('overview.nothing_hint')} <Link to="/try">{t('nav.try')}</Link></>} /> : <Charts data={data} mode={props.mode} app={app} />)}</Shown>
    </Page>
  )
}

function Charts(props: { data: Overview; mode: Mode; app: string }) {
  const { t, lang } = useLanguage()
  const named = useNames(lang)
  const go = useNavigate()
  const { data, mode } = props
  const palette = PALETTE[mode]
  const color = (i: number) => palette[i % palette.length] ?? '#888'
  const ticks = data.series.map((s) => tick(s.at, data.bucket, lang))
  const span = `from=${encodeURIComponent(data.from)}&to=${encodeURIComponent(data.to)}${props.app ? `&app=${encodeURIComponent(props.app)}` : ''}`
  const pick = (index: number) => {
    const at = data.series[index]?.at
    if (!at) return
    const to = new Date(Date.parse(at) + WIDTH[data.bucket]).toISOString()
    go(`/records?from=${encodeURIComponent(at)}&to=${encodeURIComponent(to)}${props.app ? `&app=${encodeURIComponent(props.app)}` : ''}`)
  }
  const outcomes = OUTCOMES.filter((o) => (data.outcomes[o] ?? 0) > 0)
  const outcomeColor: Record<string, number> = { allowed: 0, intervened: 1, unavailable: 3, invalid: 7 }
  const risks = [...data.risks].sort((a, b) => b.count - a.count)
  const shownRisks = risks.slice(0, 6)
  const attacks = [...data.attacks].sort((a, b) => b.count - a.count).slice(0, 10)
  const rules = [...data.rules].sort((a, b) => b.count - a.count).slice(0, 10)
  const actions = Object.entries(data.actions).sort((a, b) => b[1] - a[1])
  const mostAttacks = Math.max(1, ...attacks.map((a) => a.count))
  const latency: { name: string; of: Percentiles }[] = [{ name: t('overview.input'), of: data.latency.input }, { name: t('overview.output'), of: data.latency.output }, { name: t('overview.total'), of: data.latency.total }]
  return (
    <>
      <div className="tiles">
        <Tile name={t('overview.requests')} value={<Link to={`/records?${span}`}>{count(data.requests, lang)}</Link>} note={`${count(data.tokens, lang)} ${t('overview.tokens')}`} />
        <Tile name={word(t, 'outcome', 'intervened')} value={<Link to={`/records?outcome=intervened&${span}`}>{count(data.outcomes.intervened ?? 0, lang)}</Link>} note={percent((data.outcomes.intervened ?? 0) / Math.max(1, data.requests))} />
        <Tile name={word(t, 'outcome', 'unavailable')} value={<Link to={`/records?outcome=unavailable&${span}`}>{count(data.outcomes.unavailable ?? 0, lang)}</Link>} note={percent((data.outcomes.unavailable ?? 0) / Math.max(1, data.requests))} />
        <Tile name={t('overview.p95')} value={milliseconds(data.latency.input.p95_ms)} note={t('overview.p95_note')} />
        <Tile name={t('overview.saved')} value={count(data.saved.standard_answers + data.saved.declined_before_model, lang)} note={t('overview.saved_note', { tokens: count(data.saved.tokens_estimated, lang) })} />
        <Tile name={t('overview.feedback')} value={count(data.feedback.false_positive, lang)} note={t('overview.feedback_note', { missed: count(data.feedback.missed, lang), right: count(data.feedback.right, lang) })} />
      </div>
      {data.uncounted > 0 ? <p className="quiet">{t('overview.uncounted', { n: count(data.uncounted, lang) })}</p> : null}
      <Panel title={t('overview.by_time')} actions={<span className="quiet">{t('overview.pick')}</span>}>
        <TimeChart mode={mode} kind="bar" stack ticks={ticks} label={t('overview.by_time_label', { requests: count(data.requests, lang), intervened: count(data.outcomes.intervened ?? 0, lang) })} onPick={pick}
          series={outcomes.map((o) => ({ name: word(t, 'outcome', o), color: color(outcomeColor[o] ?? 0), values: data.series.map((s) => s.outcomes[o] ?? 0) }))} />
      </Panel>
      <div className="grid two">
        <Panel title={t('overview.risks')}>
          {shownRisks.length === 0 ? <Nothing title={t('overview.no_risks')} /> : (
            <>
              <TimeChart mode={mode} kind="line" stack={false} ticks={ticks} label={t('overview.risks_label', { most: named('risks', shownRisks[0]?.id) })} onPick={pick} series={shownRisks.map((r, i) => ({ name: r.id, color: color(i), values: r.series }))} />
              {risks.slice(0, 8).map((r) => <Meter key={r.id} name={<Link to={`/records?risk=${r.id}&${span}`}>{r.id} {named('risks', r.id)}</Link>} label={named('risks', r.id)} value={r.count} most={risks[0]?.count ?? 1} shown={count(r.count, lang)} tone="warn" />)}
            </>
          )}
        </Panel>
        <div className="stack">
          <Panel title={t('overview.actions')}>
            {actions.map(([id, n]) => <Meter key={id} name={<Link to={`/records?action=${id}&${span}`}>{word(t, 'action', id)}</Link>} label={word(t, 'action', id)} value={n} most={actions[0]?.[1] ?? 1} shown={count(n, lang)} />)}
          </Panel>
          <Panel title={t('overview.attacks')}>
            {attacks.length === 0 ? <Nothing title={t('overview.no_attacks')} /> : attacks.map((a) => <Meter key={a.id} name={`${a.id} ${named('attacks', a.id)}`} label={named('attacks', a.id)} value={a.count} most={mostAttacks} shown={count(a.count, lang)} tone="bad" />)}
          </Panel>
        </div>
      </div>
      <div className="grid two">
        <Panel title={t('overview.rules')}>
          <DataTable label={t('overview.rules')} rows={rules} id={(r) => r.rule} empty={<Nothing title={t('overview.no_rules')} />} columns={[
            { key: 'rule', title: t('field.rule'), wide: true, show: (r) => <Link to={`/records?rule=${encodeURIComponent(r.rule)}&${span}`}><code>{r.rule}</code></Link> },
            { key: 'count', title: t('overview.hits'), end: true, show: (r) => count(r.count, lang) },
          ]} />
        </Panel>
        <Panel title={t('overview.latency')}>
          <DataTable label={t('overview.latency')} rows={latency} id={(r) => r.name} empty={null} columns={[
            { key: 'name', title: t('overview.stage'), show: (r) => r.name },
            { key: 'p50', title: 'p50', end: true, show: (r) => milliseconds(r.of.p50_ms) },
            { key: 'p95', title: 'p95', end: true, show: (r) => milliseconds(r.of.p95_ms) },
            { key: 'p99', title: 'p99', end: true, show: (r) => milliseconds(r.of.p99_ms) },
          ]} />
          <h3>{t('overview.apis')}</h3>
          {Object.entries(data.apis).sort((a, b) => b[1] - a[1]).map(([id, n]) => <Meter key={id} name={<code>{id}</code>} label={id} value={n} most={data.requests} shown={count(n, lang)} />)}
        </Panel>
      </div>
    </>
  )
}
