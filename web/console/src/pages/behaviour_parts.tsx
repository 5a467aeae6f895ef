//! What the pages of behaviour share: who, why, and deciding an alarm.
import { App, Checkbox, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router-dom'
import { request } from '../api/client'
import { DECISIONS, type Alarm, type AlarmDecision, type Damping, type Level, type Reason, type Rules, type Who } from '../api/behaviour'
import { useLanguage, word } from '../i18n'
import { Chip, Foreign, sentence, type Tone } from '../ui/kit'

export const TONES: Record<Level, Tone> = { warn: 'warn', throttle: 'bad', suspend: 'stop' }
export const place = (who: Who): string => `/behaviour/subject?${new URLSearchParams({ tenant: who.tenant, app: who.app, kind: who.kind, subject: who.subject }).toString()}`

export function LevelChip(props: { level: Level; percent?: number }) {
  const { t } = useLanguage()
  return <Chip tone={TONES[props.level]}>{word(t, 'measure', props.level)}{props.level === 'throttle' && props.percent ? ` ${props.percent} %` : ''}</Chip>
}

/** A grade's name, as the rules give it. */
export function useGrades(rules: Rules | undefined): (id: string) => string {
  const { lang } = useLanguage()
  return (id) => rules?.grades?.find((g) => g.id === id)?.[lang] ?? id
}

export function Whose(props: { who: Who; plain?: boolean }) {
  const { t } = useLanguage()
  const { who } = props
  const name = who.subject === '' ? t('behaviour.whole') : who.subject
  return (
    <>
      {props.plain || who.subject === '' ? <strong className="break">{name}</strong> : <Link to={place(who)}><strong className="break"><bdi>{name}</bdi></strong></Link>}
      <div className="quiet">{word(t, 'kind', who.kind)} · {who.tenant} / {who.app}</div>
    </>
  )
}

export function Why(props: { reasons: readonly Reason[] }) {
  const { t, lang } = useLanguage()
  return <ul className="plain">{props.reasons.map((r) => <li key={r.signal}>{lang === 'zh' ? r.zh : r.en} <strong>+{r.points}</strong>{r.percent < 100 ? <span className="quiet"> ({t('behaviour.damped', { n: r.percent })})</span> : null}</li>)}</ul>
}

export function Decide(props: { alarm: Alarm; onClose: () => void; onDone: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<{ decision: AlarmDecision; note?: string; whole?: boolean }>()
  const decision = Form.useWatch('decision', form)
  const save = async (v: { decision: AlarmDecision; note?: string; whole?: boolean }) => {
    setBusy(true)
    try {
      const done = await request<{ dampings: Damping[] }>('post', `/admin/behaviour/alarms/${encodeURIComponent(props.alarm.id)}/decision`, { body: { decision: v.decision, ...(v.note?.trim() ? { note: v.note.trim() } : {}), whole_app: v.decision === 'false_alarm' && v.whole === true } })
      void message.success(done.dampings.length > 0 ? t('behaviour.learned', { list: done.dampings.map((d) => `${d.signal} ${d.percent} %`).join(', ') }) : t('behaviour.decided'))
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={t('behaviour.decide_title')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Foreign text={props.alarm.subject} label={t('behaviour.subject')} />
      <Why reasons={props.alarm.reasons} />
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ decision: 'confirmed' }}>
        <Form.Item name="decision" label={t('behaviour.decision')}><select className="native">{DECISIONS.map((d) => <option key={d} value={d}>{word(t, 'alarm', d)}</option>)}</select></Form.Item>
        <Form.Item name="note" label={t('behaviour.note')}><Input.TextArea rows={3} maxLength={1000} /></Form.Item>
        {decision === 'false_alarm' ? <Form.Item name="whole" valuePropName="checked"><Checkbox>{t('behaviour.whole_app')}</Checkbox></Form.Item> : null}
      </Form>
    </Modal>
  )
}
