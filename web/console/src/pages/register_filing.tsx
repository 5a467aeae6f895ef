import { App, Button, Form, Input, Modal, Select } from 'antd'
import { useState } from 'react'
import { request } from '../api/client'
import type { Duty, FilingItem, FullEntry, Governance } from '../api/register'
import { useLanguage } from '../i18n'
import { day } from '../lib/format'
import { Chip, DataTable, Nothing, Panel, sentence, type Tone } from '../ui/kit'
import { FileHash } from './register_file_hash'
import { said, titleOf } from './register_parts'

const DONE = ['accepted', 'not_needed']
const tone = (item: FilingItem, today: string): Tone => (DONE.includes(item.state) ? 'good' : item.state === 'submitted' ? 'info' : item.due && item.due < today ? 'bad' : 'calm')

/** The material of each duty, piece by piece. */
export function Filing(props: { of: Governance; app: FullEntry; reload: () => void }) {
  const { t, lang } = useLanguage()
  const [editing, setEditing] = useState<{ duty: Duty; item: FilingItem } | null>(null)
  const { of, app } = props
  if (app.filing.length === 0) return <Panel><Nothing title={t('register.no_duty')} /></Panel>
  return (
    <>
      <p className="quiet">{t('register.holidays')}</p>
      {app.filing.map((duty) => (
        <Panel key={duty.id} title={said(duty.title, lang)} actions={duty.last_day ? <Chip tone="warn">{t('register.last_day', { date: day(duty.last_day, lang) })}</Chip> : undefined}>
          <p>{said(duty.about, lang)}</p>
          <p className="quiet">{t('register.source')}: {duty.source}</p>
          <DataTable label={said(duty.title, lang)} rows={duty.items} id={(i) => i.id} empty={null} columns={[
            { key: 'item', title: t('register.item'), wide: true, show: (i) => <><strong>{said(i.title, lang)}</strong><div className="quiet">{said(i.about, lang)}</div>{i.note ? <div className="prose">{i.note}</div> : null}</> },
            { key: 'state', title: t('field.state'), show: (i) => <Chip tone={tone(i, of.today)}>{titleOf(of.filing_states, i.state, lang)}</Chip> },
            { key: 'responsible', title: t('register.responsible'), show: (i) => i.responsible || '–' },
            { key: 'due', title: t('register.due'), show: (i) => day(i.due, lang) },
            { key: 'file', title: t('register.file'), show: (i) => i.file_name || i.file_hash ? <>{i.file_name}<div className="mono break quiet">{i.file_hash}</div></> : '–' },
            { key: 'do', title: t('field.do'), show: (i) => <Button size="small" aria-label={`${t('do.edit')}: ${said(i.title, lang)}`} onClick={() => setEditing({ duty, item: i })}>{t('do.edit')}</Button> },
          ]} />
        </Panel>
      ))}
      {editing ? <ItemForm of={of} app={app} duty={editing.duty} item={editing.item} onClose={() => setEditing(null)} onDone={() => { setEditing(null); props.reload() }} /> : null}
    </>
  )
}

interface Fields { state: string; responsible?: string; due?: string; note?: string; file_name?: string }

function ItemForm(props: { of: Governance; app: FullEntry; duty: Duty; item: FilingItem; onClose: () => void; onDone: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const { item } = props
  const [form] = Form.useForm<Fields>()
  const [hash, setHash] = useState(item.file_hash ?? '')
  const [busy, setBusy] = useState(false)
  const save = async (v: Fields) => {
    setBusy(true)
    try {
      await request('post', `/admin/register/apps/${encodeURIComponent(props.app.id)}/filing`, { body: { duty: props.duty.id, item: item.id, state: v.state, responsible: v.responsible ?? '', due: v.due || null, note: v.note ?? '', file_name: v.file_name || null, file_hash: hash || null } })
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={said(item.title, lang)} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ state: item.state, responsible: item.responsible, due: item.due ?? '', note: item.note, file_name: item.file_name ?? '' }}>
        <Form.Item name="state" label={t('field.state')}><Select options={props.of.filing_states.map((s) => ({ value: s.id, label: said(s.title, lang) }))} /></Form.Item>
        <Form.Item name="responsible" label={t('register.responsible')}><Input autoComplete="off" maxLength={60} /></Form.Item>
        <Form.Item name="due" label={t('register.due')}><Input type="date" /></Form.Item>
        <Form.Item name="file_name" label={t('register.file')}><Input autoComplete="off" maxLength={60} /></Form.Item>
        <FileHash value={hash} onChange={(value, name) => { setHash(value); if (name) form.setFieldValue('file_name', name.slice(0, 60)) }} />
        <Form.Item name="note" label={t('register.note')}><Input.TextArea rows={1} maxLength={1000} /></Form.Item>
      </Form>
    </Modal>
  )
}
