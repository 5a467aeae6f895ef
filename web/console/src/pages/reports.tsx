import { Alert, App, Button, Input, Segmented } from 'antd'
import { useState } from 'react'
import { request } from '../api/client'
import type { Monthly, MonthOverview } from '../api/report'
import { useLanguage, type Key } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, milliseconds, moment, type Lang } from '../lib/format'
import { DataTable, Facts, Page, Panel, sentence, Shown } from '../ui/kit'
import { download } from './register_documents'
import './register.css'

const sum = (counts: Partial<Record<string, number>>, ids: readonly string[]): number => ids.reduce((all, id) => all + (counts[id] ?? 0), 0)

const FIGURES: readonly { name: Key; of: (o: MonthOverview) => number; time?: true }[] = [
  { name: 'reports.requests', of: (o) => o.requests },
  { name: 'reports.stopped', of: (o) => sum(o.actions, ['decline', 'review', 'block', 'suspend']) },
  { name: 'reports.answered', of: (o) => sum(o.actions, ['guide', 'answer']) },
  { name: 'reports.redacted', of: (o) => sum(o.actions, ['redact']) },
  { name: 'reports.false_positive', of: (o) => o.feedback.false_positive ?? 0 },
  { name: 'reports.missed', of: (o) => o.feedback.missed ?? 0 },
  { name: 'reports.tokens', of: (o) => o.tokens },
  { name: 'reports.saved', of: (o) => o.saved.tokens_estimated },
  { name: 'reports.p50', of: (o) => (o.latency.total as { p50_ms: number } | null)?.p50_ms ?? NaN, time: true },
  { name: 'reports.p95', of: (o) => (o.latency.total as { p95_ms: number } | null)?.p95_ms ?? NaN, time: true },
]

/** The month before this one: the last that has ended. */
function lastMonth(): string {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString().slice(0, 7)
}

export default function Reports() {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [month, setMonth] = useState(lastMonth)
  const [written, setWritten] = useState<Lang>(lang)
  const loaded = useLoaded((signal) => request<Monthly>('get', '/admin/reports/monthly', { query: { month, format: 'json' }, signal }), [month])
  const save = (format: string) => void download('/admin/reports/monthly', { month, lang: written, format }, `menshen-${month}.${format}`).catch((e: unknown) => void message.error(sentence(e, t)))
  const shown = (figure: (typeof FIGURES)[number], o: MonthOverview) => (figure.time ? milliseconds(figure.of(o)) : count(figure.of(o), lang))
  return (
    <Page title={t('nav.reports')} about={t('reports.about')}>
      <Panel>
        <div className="row">
          <label>{t('reports.month')} <Input type="month" className="month" value={month} onChange={(e) => { if (/^\d{4}-\d{2}$/.test(e.target.value)) setMonth(e.target.value) }} /></label>
          <Segmented aria-label={t('reports.written_in')} value={written} onChange={(v) => setWritten(v as Lang)} options={[{ value: 'zh', label: t('language.zh') }, { value: 'en', label: 'English' }]} />
          <Button type="primary" onClick={() => save('pdf')}>PDF</Button>
          <Button onClick={() => save('html')}>{t('reports.html')}</Button>
          <Button onClick={() => save('docx')}>DOCX</Button>
        </div>
        <p className="quiet register-terms">{t('reports.print_hint')}</p>
      </Panel>
      <Shown of={loaded}>
        {(data) => (
          <>
            {data.unfinished ? <Alert className="gap" type="info" showIcon message={t('reports.unfinished')} /> : null}
            {data.now.uncounted > 0 ? <Alert className="gap" type="warning" showIcon message={t('reports.uncounted', { count: data.now.uncounted })} /> : null}
            <Panel title={data.month}>
              <DataTable label={t('nav.reports')} rows={FIGURES} id={(f) => f.name} empty={null} columns={[
                { key: 'figure', title: t('reports.figure'), wide: true, show: (f) => t(f.name) },
                { key: 'this', title: t('reports.this'), end: true, show: (f) => <strong>{shown(f, data.now)}</strong> },
                { key: 'last', title: t('reports.last'), end: true, show: (f) => shown(f, data.before) },
              ]} />
              <p className="quiet register-terms">{t('reports.note')}</p>
              <Facts of={[
                ...(data.redteam ? [[t('reports.fixed'), count(data.redteam.fixed[0], lang)] as const] : []),
                ...(data.chain ? [[t('reports.chain'), data.chain.end ? <span key="c" className="break"><code>{data.chain.end.hash}</code><br />{`${data.chain.end.seq} · ${moment(data.chain.end.at, lang)}`}</span> : t('reports.chain_none')] as const] : []),
              ]} />
            </Panel>
          </>
        )}
      </Shown>
    </Page>
  )
}
