import { App, Checkbox, Form, Input, Modal, Select } from 'antd'
import { useState } from 'react'
import { request } from '../api/client'
import type { EthicsReview, FullEntry, Governance, Voter } from '../api/register'
import { useLanguage } from '../i18n'
import { useLoaded } from '../lib/async'
import { Nothing, sentence, Shown } from '../ui/kit'
import { said } from './register_parts'

interface Fields { path: string; members?: string[]; note?: string }

/** Opens a review: the path of the level or a stricter one, and who votes. */
export function OpenReview(props: { of: Governance; app: FullEntry; onClose: () => void; onDone: (review: EthicsReview) => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [form] = Form.useForm<Fields>()
  const [busy, setBusy] = useState(false)
  const own = props.app.grading.path
  const path = Form.useWatch('path', form) ?? own
  const chosen = props.of.paths.find((p) => p.id === path)
  const allowed = props.of.paths.slice(Math.max(0, props.of.paths.findIndex((p) => p.id === own)))
  const voters = useLoaded((signal) => request<{ people: Voter[] }>('get', '/admin/register/reviews', { query: { app: props.app.id }, signal }), [])
  const save = async (v: Fields) => {
    setBusy(true)
    try {
      props.onDone(await request<EthicsReview>('post', `/admin/register/apps/${encodeURIComponent(props.app.id)}/reviews`, { body: { path: v.path, members: v.members ?? [], note: v.note ?? '' } }))
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={t('ethics.open')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('ethics.open')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Shown of={voters}>
        {(data) => (
          <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ path: own, members: [] }}>
            <Form.Item name="path" label={t('ethics.path')} extra={said(chosen?.about, lang)}><Select options={allowed.map((p) => ({ value: p.id, label: said(p.title, lang) }))} /></Form.Item>
            {data.people.length === 0 ? <Nothing title={t('ethics.nobody')} /> : null}
            <Form.Item name="members" label={t('ethics.members')} extra={t('ethics.members_hint', { count: chosen?.members ?? 1 })} rules={[{ type: 'array', min: chosen?.members ?? 1, message: t('ethics.needed', { count: chosen?.members ?? 1 }) }]}>
              <Checkbox.Group className="choices" options={data.people.filter((p) => p.tenant === null || p.tenant === props.app.tenant).map((p) => ({ value: p.member, label: p.display }))} />
            </Form.Item>
            <Form.Item name="note" label={t('ethics.note')}><Input.TextArea rows={1} maxLength={1000} /></Form.Item>
          </Form>
        )}
      </Shown>
    </Modal>
  )
}
