import { App, Checkbox, Form, Input, Modal, Radio } from 'antd'
import { useState } from 'react'
import { request } from '../api/client'
import type { Entry, FullEntry, Governance, Grading, Profile } from '../api/register'
import { useLanguage, type Key } from '../i18n'
import { useLoaded } from '../lib/async'
import { Panel, Problem, sentence } from '../ui/kit'
import { LevelChip, said, Why } from './register_parts'

const FACTS: readonly (readonly [string, Key])[] = [
  ['purpose', 'register.purpose'], ['provider', 'register.provider'], ['contact', 'register.contact'], ['complaints', 'register.complaints'],
  ['filing', 'register.filing_text'], ['label_method', 'register.label_method'], ['note', 'register.note'],
]

interface Fields { name: string; owner?: string; app?: string; tenant?: string; launch?: string; facts?: Record<string, string | undefined> }

/** An application: who, what for, and how it is classified, with the level as it comes out. */
export function EntryForm(props: { of: Governance; entry: Entry | null; onClose: () => void; onDone: (made: FullEntry) => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const { of, entry } = props
  const [form] = Form.useForm<Fields>()
  const [busy, setBusy] = useState(false)
  const [profile, setProfile] = useState<Profile>(entry?.profile ?? {})
  const whole = of.factors.every((f) => (profile[f.id] ?? []).length > 0)
  const graded = useLoaded(async (signal) => (whole ? request<{ grading: Grading }>('post', '/admin/register/grade', { body: { profile }, signal }) : null), [profile, whole])
  const set = (factor: string, options: string[]) => setProfile((was) => ({ ...was, [factor]: options }))
  const save = async (v: Fields) => {
    setBusy(true)
    const facts = Object.fromEntries(Object.entries(v.facts ?? {}).map(([name, text]) => [name, text?.trim() ?? '']).filter(([, text]) => text !== ''))
    const body = { name: v.name, owner: v.owner ?? '', app: v.app?.trim() || null, launch: v.launch || null, facts, profile, ...(entry ? { updated_us: entry.updated_us, retired: entry.retired !== null } : { tenant: v.tenant?.trim() || null }) }
    try {
      props.onDone(await (entry ? request<FullEntry>('patch', `/admin/register/apps/${encodeURIComponent(entry.id)}`, { body }) : request<FullEntry>('post', '/admin/register/apps', { body })))
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open width={880} title={t(entry ? 'register.edit' : 'register.new')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy} okButtonProps={{ disabled: !whole }}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ name: entry?.name, owner: entry?.owner, app: entry?.app ?? '', launch: entry?.launch ?? '', facts: entry?.facts ?? {} }}>
        <div className="two">
          <Form.Item name="name" label={t('register.name')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input autoComplete="off" maxLength={60} /></Form.Item>
          <Form.Item name="owner" label={t('register.owner')} extra={t('register.owner_hint')}><Input autoComplete="off" maxLength={60} /></Form.Item>
          <Form.Item name="app" label={t('register.app')} extra={t('register.app_hint')}><Input autoComplete="off" maxLength={64} /></Form.Item>
          <Form.Item name="launch" label={t('register.launch')}><Input type="date" /></Form.Item>
          {entry ? null : <Form.Item name="tenant" label={t('field.tenant')}><Input autoComplete="off" placeholder="default" maxLength={64} /></Form.Item>}
        </div>
        <h3>{t('register.classification')}</h3>
        {of.factors.map((factor) => (
          <Form.Item key={factor.id} label={<><strong>{said(factor.title, lang)}</strong>&nbsp;<span className="quiet">{said(factor.about, lang)}</span></>}>
            {factor.many ? (
              <div role="group" aria-label={said(factor.title, lang)}>
                <Checkbox.Group className="choices" value={profile[factor.id] ?? []} onChange={(v) => set(factor.id, v.map(String))} options={factor.option.map((o) => ({ value: o.id, label: said(o.title, lang) }))} />
              </div>
            ) : (
              <Radio.Group className="choices" aria-label={said(factor.title, lang)} value={profile[factor.id]?.[0]} onChange={(e) => set(factor.id, [String(e.target.value)])} options={factor.option.map((o) => ({ value: o.id, label: said(o.title, lang) }))} />
            )}
          </Form.Item>
        ))}
        <Panel title={t('register.preview')}>
          <Problem error={graded.error} />
          <div aria-live="polite">{whole && graded.data ? <><LevelChip of={of} level={graded.data.grading.level} /><Why of={of} grading={graded.data.grading} /></> : <p className="quiet">{t('register.preview_open')}</p>}</div>
        </Panel>
        <h3>{t('register.facts')}</h3>
        <div className="two">
          {FACTS.map(([name, key]) => <Form.Item key={name} name={['facts', name]} label={t(key)}><Input.TextArea rows={1} maxLength={1000} /></Form.Item>)}
        </div>
      </Form>
    </Modal>
  )
}
