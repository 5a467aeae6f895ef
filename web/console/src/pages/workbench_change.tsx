import { Alert, App, Button, Input, Modal, Tabs } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router-dom'
import { request } from '../api/client'
import type { Change, FileDiff, FullChange, State } from '../api/workbench'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment, who } from '../lib/format'
import { DataTable, Facts, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'
import { StateChip } from './workbench'
import { Diffs } from './workbench_diff'
import { Files } from './workbench_files'
import { CaseTable, ShadowView } from './workbench_runs'

export default function WorkbenchChange() {
  const { t, lang } = useLanguage()
  const { id = '' } = useParams()
  const change = useLoaded((signal) => request<FullChange>('get', `/admin/workbench/changes/${encodeURIComponent(id)}`, { signal }), [id])
  const bench = useLoaded((signal) => request<State>('get', '/admin/workbench', { signal }), [])
  const [tab, setTab] = useState('files')
  const c = change.data
  return (
    <Page title={c?.title ?? t('bench.change')} {...(c?.note ? { about: c.note } : {})} actions={<Link className="button-link" to="/workbench">{t('bench.all')}</Link>}>
      <Shown of={change}>
        {(c) => (
          <>
            <Panel>
              <Facts of={[
                [t('field.state'), <StateChip key="s" state={c.state} />], [t('bench.authors'), c.authors.map(who).join(', ')], [t('bench.approved_by'), who(c.approved_by)],
                ...(c.scheduled ? [[t('bench.scheduled'), moment(c.scheduled, lang)] as const] : []), ...(c.revision ? [[t('bench.revision'), c.revision] as const] : []),
              ]} />
              <Steps change={c} reload={change.reload} />
            </Panel>
            {c.files.some((f) => f.conflict) ? <Alert className="gap" type="warning" showIcon message={t('bench.conflict')} description={<>{c.files.filter((f) => f.conflict).map((f) => f.path).join(', ')}</>} /> : null}
            <Tabs activeKey={tab} onChange={setTab} items={[
              { key: 'files', label: t('bench.tab_files', { count: c.files.length }), children: bench.data ? <Files change={c} bench={bench.data} reload={change.reload} /> : <Shown of={bench}>{() => null}</Shown> },
              { key: 'diff', label: t('bench.tab_diff'), children: tab === 'diff' ? <Differences change={c} /> : null },
              { key: 'cases', label: t('bench.cases'), children: <Cases change={c} reload={change.reload} /> },
              { key: 'shadow', label: t('bench.shadow'), children: <Shadow change={c} bench={bench.data} reload={change.reload} /> },
              { key: 'events', label: t('bench.history'), children: (
                <Panel title={t('bench.what_happened')}>
                  <DataTable label={t('bench.what_happened')} rows={c.events.map((e, i) => ({ ...e, i }))} id={(e) => String(e.i)} empty={null} columns={[
                    { key: 'at', title: t('field.at'), show: (e) => moment(e.at, lang) },
                    { key: 'by', title: t('bench.by'), show: (e) => who(e.by) },
                    { key: 'what', title: t('bench.what'), show: (e) => word(t, 'bench_event', e.what) },
                    { key: 'note', title: t('bench.note'), wide: true, show: (e) => e.note ?? '–' },
                  ]} />
                </Panel>
              ) },
            ]} />
          </>
        )}
      </Shown>
    </Page>
  )
}

type Verb = 'submit' | 'approve' | 'reject' | 'reopen' | 'withdraw' | 'schedule' | 'unschedule' | 'publish'

function Steps(props: { change: FullChange; reload: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const { change, reload } = props
  const [asking, setAsking] = useState<Verb | null>(null)
  const [note, setNote] = useState('')
  const [at, setAt] = useState('')
  const [accept, setAccept] = useState(false)
  const [busy, setBusy] = useState(false)
  const verbs: Verb[] = { draft: ['submit', 'withdraw'], in_review: ['approve', 'reject', 'reopen', 'withdraw'], approved: ['publish', 'schedule', 'reopen', 'withdraw'], scheduled: ['publish', 'unschedule', 'reopen', 'withdraw'], rejected: ['reopen', 'withdraw'], published: [], withdrawn: [] }[change.state] as Verb[]
  if (!change.may_edit || verbs.length === 0) return null
  const take = async (step: Verb) => {
    setBusy(true)
    try {
      await request<Change>('post', `/admin/workbench/changes/${encodeURIComponent(change.id)}/step`, { body: { step, version: change.version, ...(note.trim() ? { note: note.trim() } : {}), ...(step === 'schedule' ? { at: new Date(at).toISOString() } : {}), ...(step === 'approve' && accept ? { accept_failures: true } : {}) } })
      void message.success(t('bench.done_step', { step: word(t, 'bench_step', step) }))
      setAsking(null)
      setNote('')
    } catch (e) {
      void message.error(sentence(e, t), 8)
    }
    setBusy(false)
    reload()
  }
  const main = verbs[0]
  const failed = change.cases?.failed ?? 0
  return (
    <>
      <div className="actions top-gap" role="group" aria-label={t('bench.steps')}>
        {verbs.map((v) => <Button key={v} type={v === main ? 'primary' : 'default'} danger={v === 'withdraw' || v === 'reject'} disabled={(v === 'approve' && !change.may_approve) || (v === 'submit' && (change.errors > 0 || change.files.length === 0))} onClick={() => { setNote(''); setAccept(false); setAsking(v) }}>{word(t, 'bench_step', v)}</Button>)}
      </div>
      {change.state === 'in_review' && !change.may_approve ? <p className="quiet top-gap">{t('bench.four_eyes')}</p> : null}
      {change.state === 'draft' && change.errors > 0 ? <p className="quiet top-gap">{t('bench.errors_first', { count: change.errors })}</p> : null}
      {asking ? (
        <Modal open title={word(t, 'bench_step', asking)} onCancel={() => setAsking(null)} onOk={() => void take(asking)} okText={word(t, 'bench_step', asking)} cancelText={t('do.cancel')} confirmLoading={busy} okButtonProps={{ disabled: (asking === 'schedule' && at === '') || (accept && note.trim() === ''), danger: asking === 'withdraw' || asking === 'reject' }}>
          <p>{word(t, 'bench_about', asking)}</p>
          {asking === 'approve' && change.cases ? <p>{t('bench.cases_said', { failed, cases: change.cases.cases })}</p> : null}
          {asking === 'approve' && failed > 0 ? <label className="row gap"><input type="checkbox" checked={accept} onChange={(e) => setAccept(e.target.checked)} /> {t('bench.accept')}</label> : null}
          {asking === 'schedule' ? <div className="field gap"><label htmlFor="when">{t('bench.when')}</label><input id="when" className="native" type="datetime-local" value={at} onChange={(e) => setAt(e.target.value)} /></div> : null}
          <div className="field"><label htmlFor="step-note">{t('bench.note')}</label><Input.TextArea id="step-note" rows={2} maxLength={4000} value={note} onChange={(e) => setNote(e.target.value)} /></div>
        </Modal>
      ) : null}
    </>
  )
}

function Differences(props: { change: FullChange }) {
  const loaded = useLoaded((signal) => request<{ files: FileDiff[] }>('get', `/admin/workbench/changes/${encodeURIComponent(props.change.id)}/diff`, { signal }), [props.change.id, props.change.version, props.change.state])
  return <Shown of={loaded}>{(d) => <Diffs files={d.files} />}</Shown>
}

const alive = (c: FullChange): boolean => ['draft', 'in_review', 'approved', 'scheduled'].includes(c.state) && c.may_edit

function useRun(change: FullChange, what: 'cases' | 'shadow', reload: () => void): [boolean, () => Promise<void>] {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  return [busy, async () => {
    setBusy(true)
    try { await request('post', `/admin/workbench/changes/${encodeURIComponent(change.id)}/${what}`) } catch (e) { void message.error(sentence(e, t), 8) }
    setBusy(false)
    reload()
  }]
}

function Cases(props: { change: FullChange; reload: () => void }) {
  const { t, lang } = useLanguage()
  const { change } = props
  const [busy, run] = useRun(change, 'cases', props.reload)
  const report = change.cases
  return (
    <Panel title={t('bench.cases')} actions={<><Link to="/workbench/cases">{t('bench.edit_cases')}</Link>{alive(change) ? <Button loading={busy} onClick={() => void run()}>{t('bench.run_cases')}</Button> : null}</>}>
      <p className="quiet">{t('bench.cases_about')}</p>
      {report ? <><p>{t('bench.cases_run', { at: moment(report.at, lang), failed: report.failed, cases: report.cases, changed: report.changed })}{report.version !== change.version ? ` ${t('bench.outdated')}` : ''}</p><CaseTable run={report} /></> : <Nothing title={t('bench.not_run')} />}
    </Panel>
  )
}

function Shadow(props: { change: FullChange; bench: State | undefined; reload: () => void }) {
  const { t } = useLanguage()
  const { change, bench } = props
  const [busy, run] = useRun(change, 'shadow', props.reload)
  return (
    <Panel title={t('bench.shadow')} actions={alive(change) ? <Button loading={busy} onClick={() => void run()}>{t('bench.run_shadow')}</Button> : null}>
      <p className="quiet">{t('bench.shadow_about', { most: bench?.shadow_records ?? 0 })}</p>
      {bench && !bench.keeps_text ? <Alert className="gap" type="info" showIcon message={t('bench.no_texts')} /> : null}
      {change.shadow ? <ShadowView run={change.shadow} stale={change.shadow.version !== change.version} /> : <Nothing title={t('bench.not_run')} />}
    </Panel>
  )
}
