import { App, Button, Input, Modal } from 'antd'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router-dom'
import { request } from '../api/client'
import type { CampaignRow } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, moment, percent } from '../lib/format'
import { Chip, DataTable, Foreign, Nothing, Page, Panel, Problem, Shown, type Tone } from '../ui/kit'

export const STATE_TONES: Record<string, Tone> = { running: 'info', complete: 'good', answered: 'good', interrupted: 'warn', spent: 'warn', target_down: 'bad', submitted: 'info', reproduced: 'warn', not_reproduced: 'calm', confirmed: 'bad', rejected: 'calm', fixed: 'good', regressed: 'bad', duplicate: 'calm' }

export default function RedTeam() {
  const { t, lang } = useLanguage()
  const [open, setOpen] = useState(false)
  const loaded = useLoaded((signal) => request<{ campaigns: CampaignRow[] }>('get', '/admin/redteam/campaigns', { signal }), [], 10_000)
  return (
    <Page title={t('nav.redteam')} about={t('redteam.about')} actions={<Button type="primary" onClick={() => setOpen(true)}>{t('redteam.new')}</Button>}>
      <Panel>
        <Shown of={loaded}>
          {(data) => (
            <DataTable label={t('nav.redteam')} rows={data.campaigns} id={(c) => c.id} empty={<Nothing title={t('redteam.nothing')} hint={t('redteam.nothing_hint')} />} columns={[
              { key: 'name', title: t('field.name'), wide: true, show: (c) => <Link to={`/redteam/${encodeURIComponent(c.id)}`}>{c.name}</Link> },
              { key: 'state', title: t('field.state'), show: (c) => <Chip tone={STATE_TONES[c.state] ?? 'calm'}>{word(t, 'run_state', c.state)}</Chip> },
              { key: 'target', title: t('redteam.target'), wide: true, show: (c) => <span className="break">{c.summary.target ?? '–'}</span> },
              { key: 'done', title: t('redteam.done'), end: true, show: (c) => (c.summary.progress ? `${count(c.summary.progress.done, lang)} / ${count(c.summary.progress.of, lang)}` : '–') },
              { key: 'hits', title: t('redteam.successes'), end: true, show: (c) => (c.summary.progress ? `${count(c.summary.progress.successes, lang)} (${percent(c.summary.progress.successes / Math.max(1, c.summary.progress.done - c.summary.progress.unscored - c.summary.progress.failed))})` : '–') },
              { key: 'at', title: t('field.at'), show: (c) => moment(c.created_us, lang) },
            ]} />
          )}
        </Shown>
      </Panel>
      {open ? <NewCampaign onClose={() => setOpen(false)} /> : null}
    </Page>
  )
}

interface Plan { name?: string; items?: { risk?: string; owasp?: string; samples?: number; techniques?: string[] }[] }

function NewCampaign(props: { onClose: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const go = useNavigate()
  const [need, setNeed] = useState('')
  const [url, setUrl] = useState(`${window.location.origin}/v1`)
  const [model, setModel] = useState('')
  const [plan, setPlan] = useState<Plan | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const act = async (work: () => Promise<void>) => {
    setBusy(true)
    setError(null)
    try { await work() } catch (e) { setError(e) }
    setBusy(false)
  }
  const make = () => act(async () => setPlan(await request<Plan>('post', '/admin/redteam/plans', { body: { need, target: { kind: 'openai', url: url.trim(), model: model.trim() } } })))
  const run = () => act(async () => {
    const begun = await request<{ id: string }>('post', '/admin/redteam/campaigns', { body: plan })
    void message.success(t('redteam.begun'))
    go(`/redteam/${encodeURIComponent(begun.id)}`)
  })
  return (
    <Modal open width={680} title={t('redteam.new')} onCancel={props.onClose} footer={[
      <Button key="c" onClick={props.onClose}>{t('do.cancel')}</Button>,
      plan ? <Button key="b" onClick={() => setPlan(null)}>{t('redteam.change')}</Button> : null,
      plan ? <Button key="r" type="primary" loading={busy} onClick={() => void run()}>{t('redteam.run')}</Button> : <Button key="m" type="primary" loading={busy} disabled={need.trim() === '' || model.trim() === ''} onClick={() => void make()}>{t('redteam.plan')}</Button>,
    ]}>
      <Problem error={error} />
      {plan ? (
        <>
          <p className="quiet">{t('redteam.plan_about')}</p>
          <Foreign text={JSON.stringify(plan, null, 2)} className="mono" label={t('redteam.plan')} />
        </>
      ) : (
        <div className="stack">
          <div className="field"><label htmlFor="n-need">{t('redteam.need')}</label><Input.TextArea id="n-need" value={need} onChange={(e) => setNeed(e.target.value)} rows={3} placeholder={t('redteam.need_hint')} /></div>
          <div className="field"><label htmlFor="n-url">{t('redteam.url')}</label><Input id="n-url" value={url} onChange={(e) => setUrl(e.target.value)} /></div>
          <div className="field"><label htmlFor="n-model">{t('field.model')}</label><Input id="n-model" value={model} onChange={(e) => setModel(e.target.value)} /></div>
        </div>
      )}
    </Modal>
  )
}
