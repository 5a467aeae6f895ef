import { App, Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router-dom'
import { request } from '../api/client'
import type { Profile, RunRow } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'
import { STATE_TONES } from './redteam'

const targetName = (target: unknown): string => (typeof target === 'string' ? target : target && typeof target === 'object' ? [(target as { model?: string }).model, (target as { url?: string }).url].filter(Boolean).join(' · ') : '–')

export default function Assess() {
  const { t, lang } = useLanguage()
  const [open, setOpen] = useState(false)
  const loaded = useLoaded((signal) => request<{ runs: RunRow[] }>('get', '/admin/assess/runs', { signal }), [], 10_000)
  return (
    <Page title={t('nav.assess')} about={t('assess.about')} actions={<Button type="primary" onClick={() => setOpen(true)}>{t('assess.new')}</Button>}>
      <Panel>
        <Shown of={loaded}>
          {(data) => (
            <DataTable label={t('nav.assess')} rows={data.runs} id={(r) => r.id} empty={<Nothing title={t('assess.nothing')} hint={t('assess.nothing_hint')} />} columns={[
              { key: 'name', title: t('field.name'), wide: true, show: (r) => <Link to={`/assess/${encodeURIComponent(r.id)}`}>{r.name || r.id}</Link> },
              { key: 'state', title: t('field.state'), show: (r) => <Chip tone={STATE_TONES[r.state] ?? 'calm'}>{word(t, 'run_state', r.state)}</Chip> },
              { key: 'profile', title: t('assess.profile'), show: (r) => r.profile ?? '–' },
              { key: 'target', title: t('redteam.target'), wide: true, show: (r) => targetName(r.target) },
              { key: 'seed', title: t('assess.seed'), show: (r) => <code>{r.seed ?? '–'}</code> },
              { key: 'at', title: t('field.at'), show: (r) => moment(r.created_us, lang) },
            ]} />
          )}
        </Shown>
      </Panel>
      {open ? <NewRun onClose={() => setOpen(false)} /> : null}
    </Page>
  )
}

function NewRun(props: { onClose: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const go = useNavigate()
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<{ name?: string; profile: string; url: string; model: string; seed?: string }>()
  const profiles = useLoaded((signal) => request<{ profiles: Profile[] }>('get', '/admin/assess/profiles', { signal }), [])
  const begin = async (v: { name?: string; profile: string; url: string; model: string; seed?: string }) => {
    setBusy(true)
    try {
      const run = await request<{ id: string }>('post', '/admin/assess/runs', { body: { profile: v.profile, name: v.name?.trim() ?? '', target: { kind: 'openai', url: v.url.trim(), model: v.model.trim() }, ...(v.seed?.trim() ? { seed: v.seed.trim() } : {}) } })
      go(`/assess/${encodeURIComponent(run.id)}`)
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={t('assess.new')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('assess.begin')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <p className="quiet">{t('assess.new_about')}</p>
      <Shown of={profiles}>
        {(data) => (
          <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void begin(v)} initialValues={{ profile: data.profiles.some((p) => p.id === 'quick') ? 'quick' : data.profiles[0]?.id, url: `${window.location.origin}/v1` }}>
            <Form.Item name="profile" label={t('assess.profile')}><select className="native">{data.profiles.map((p) => <option key={p.id} value={p.id}>{p.id} – {p.name[lang]}</option>)}</select></Form.Item>
            <Form.Item name="url" label={t('redteam.url')} rules={[{ required: true, message: t('form.needed') }]}><Input /></Form.Item>
            <Form.Item name="model" label={t('field.model')} rules={[{ required: true, message: t('form.needed') }]}><Input /></Form.Item>
            <Form.Item name="name" label={t('field.name')}><Input /></Form.Item>
            <Form.Item name="seed" label={t('assess.seed')} extra={t('assess.seed_hint')}><Input /></Form.Item>
          </Form>
        )}
      </Shown>
    </Modal>
  )
}
