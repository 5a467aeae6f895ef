import { App, Button, Form, Input, Modal, Radio } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router-dom'
import { request } from '../api/client'
import type { Control, FullEntry } from '../api/register'
import { useLanguage, word } from '../i18n'
import { day } from '../lib/format'
import { Chip, DataTable, Nothing, Panel, sentence } from '../ui/kit'
import { FileHash } from './register_file_hash'
import { HOLDS_TONES, said } from './register_parts'

/** What must be in place: what the program sees, and what people tick with evidence. */
export function Controls(props: { app: FullEntry; reload: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [ticking, setTicking] = useState<Control | null>(null)
  const [busy, setBusy] = useState(false)
  const prove = async () => {
    setBusy(true)
    try { await request('get', '/admin/audit/verify'); props.reload() } catch (e) { void message.error(sentence(e, t)) }
    setBusy(false)
  }
  const met = props.app.controls.filter((c) => c.state === 'met').length
  return (
    <Panel title={t('register.met_of', { met, all: props.app.controls.length })} actions={props.app.controls.some((c) => c.check === 'audit.whole' && c.state !== 'met') ? <Button loading={busy} onClick={() => void prove()}>{t('register.verify_now')}</Button> : undefined}>
      <DataTable label={t('register.controls')} rows={props.app.controls} id={(c) => c.id} empty={<Nothing title={t('register.controls')} />} columns={[
        { key: 'name', title: t('register.controls'), wide: true, show: (c) => <><strong>{said(c.title, lang)}</strong><div className="quiet">{said(c.about, lang)}</div><div className="quiet">{t('register.source')}: {c.source}</div></> },
        { key: 'state', title: t('field.state'), show: (c) => <><Chip tone={HOLDS_TONES[c.state]}>{word(t, 'holds', c.state)}</Chip><div className="quiet">{t(c.check ? 'register.by_program' : 'register.by_person')}</div></> },
        { key: 'shown', title: t('register.evidence'), wide: true, show: (c) => <><span className="prose">{c.says ? said(c.says, lang) : (c.evidence ?? '–')}</span>{c.page ? <div><Link to={c.page}>{t('do.open')}</Link></div> : null}{c.hash ? <div className="mono break">{c.hash}</div> : null}{c.by ? <div className="quiet">{c.by} · {day(c.at, lang)}</div> : c.at ? <div className="quiet">{day(c.at, lang)}</div> : null}</> },
        { key: 'until', title: t('register.until'), show: (c) => day(c.until, lang) },
        { key: 'do', title: t('field.do'), show: (c) => c.check ? <span className="quiet">–</span> : <Button size="small" aria-label={t('register.tick_title', { name: said(c.title, lang) })} onClick={() => setTicking(c)}>{t('register.tick')}</Button> },
      ]} />
      {ticking ? <TickForm app={props.app} control={ticking} onClose={() => setTicking(null)} onDone={() => { setTicking(null); props.reload() }} /> : null}
    </Panel>
  )
}

function TickForm(props: { app: FullEntry; control: Control; onClose: () => void; onDone: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [form] = Form.useForm<{ met: boolean; evidence: string; expires?: string }>()
  const [hash, setHash] = useState('')
  const [busy, setBusy] = useState(false)
  const save = async (v: { met: boolean; evidence: string; expires?: string }) => {
    setBusy(true)
    try {
      await request('post', `/admin/register/apps/${encodeURIComponent(props.app.id)}/controls`, { body: { control: props.control.id, met: v.met, evidence: v.evidence, hash: hash || null, expires: v.expires || null } })
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={t('register.tick_title', { name: said(props.control.title, lang) })} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <p className="quiet">{said(props.control.about, lang)}</p>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ met: true }}>
        <Form.Item name="met" label={t('field.state')}><Radio.Group options={[{ value: true, label: t('register.is_met') }, { value: false, label: t('register.not_met') }]} /></Form.Item>
        <Form.Item name="evidence" label={t('register.evidence')} extra={t('register.evidence_hint')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input.TextArea rows={3} maxLength={1000} /></Form.Item>
        <FileHash value={hash} onChange={(value) => setHash(value)} />
        <Form.Item name="expires" label={t('register.until')}><Input type="date" /></Form.Item>
      </Form>
    </Modal>
  )
}
