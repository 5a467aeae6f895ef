import { Alert, App, Button, Form, Input, Modal, Radio } from 'antd'
import { useState } from 'react'
import { request, send } from '../api/client'
import type { Protection, SubjectRequest } from '../api/protection'
import { useLanguage, word, type Translate } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, milliseconds, moment, type Lang } from '../lib/format'
import { useSession } from '../session'
import { Chip, DataTable, Facts, Foreign, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'

function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let at = 0
  while (bytes >= 1000 && at < units.length - 1) { bytes /= 1000; at += 1 }
  return `${bytes.toFixed(at === 0 || bytes >= 100 ? 0 : 1)} ${units[at] ?? ''}`
}

/** Members that are numbers above zero, as words. */
function removed(t: Translate, lang: Lang, of: Record<string, number | null>): string {
  const some = Object.entries(of).filter(([name, n]) => name !== 'through' && typeof n === 'number' && n > 0)
  return some.length === 0 ? t('protection.nothing_removed') : some.map(([name, n]) => `${word(t, 'kept', name)} ${count(n, lang)}`).join(' · ')
}

export default function DataProtection() {
  const { session } = useSession()
  // Somebody who belongs to one tenant sees its users' requests only; keys and backups are of the whole house.
  const house = session?.tenant === null || session?.tenant === undefined
  const changes = session?.roles.includes('owner') ?? false
  const { t } = useLanguage()
  return (
    <Page title={t('nav.protection')} about={t('protection.about')}>
      <Subjects changes={changes} />
      {house ? <House changes={changes} /> : null}
    </Page>
  )
}

function Subjects(props: { changes: boolean }) {
  const { t, lang } = useLanguage()
  const { message, modal } = App.useApp()
  const [asking, setAsking] = useState(false)
  const [refusing, setRefusing] = useState<SubjectRequest | null>(null)
  const [proof, setProof] = useState<SubjectRequest | null>(null)
  const [busy, setBusy] = useState('')
  const [now] = useState(() => Date.now())
  const loaded = useLoaded((signal) => request<{ requests: SubjectRequest[] }>('get', '/admin/subjects', { signal }), [])
  const at = (r: SubjectRequest, what: string) => `/admin/subjects/${encodeURIComponent(r.id)}/${what}`
  const copy = async (r: SubjectRequest) => {
    setBusy(r.id)
    try {
      const answer = await send('post', at(r, 'export'))
      let file: Blob
      try { file = await answer.blob() } catch { void message.error(t('protection.copy_failed')); return }
      const link = document.createElement('a')
      link.href = URL.createObjectURL(file)
      link.download = 'personal-data.json'
      link.click()
      URL.revokeObjectURL(link.href)
      void message.success(t('protection.copied'))
    } catch (e) {
      void message.error(sentence(e, t))
    } finally {
      setBusy('')
      loaded.reload()
    }
  }
  const erase = (r: SubjectRequest) => modal.confirm({
    title: t('protection.erase_title', { user: r.user }), content: t('protection.erase_about'), okText: t('protection.erase'), cancelText: t('do.cancel'), okButtonProps: { danger: true },
    onOk: async () => {
      try { setProof(await request<SubjectRequest>('post', at(r, 'erase'))) } catch (e) { void message.error(sentence(e, t)) }
      loaded.reload()
    },
  })
  const late = (r: SubjectRequest) => r.state === 'open' && Date.parse(r.due_at) < now
  return (
    <Panel title={t('protection.subjects')} actions={props.changes ? <Button type="primary" onClick={() => setAsking(true)}>{t('protection.ask')}</Button> : null}>
      <p className="quiet">{t('protection.subjects_about')}</p>
      <Shown of={loaded}>
        {(data) => (
          <DataTable label={t('protection.subjects')} rows={data.requests} id={(r) => r.id} empty={<Nothing title={t('protection.no_subjects')} />} columns={[
            { key: 'user', title: t('protection.user'), wide: true, show: (r) => <><Foreign text={r.user} /><div className="quiet">{r.tenant}</div></> },
            { key: 'kind', title: t('protection.kind'), show: (r) => <Chip tone={r.kind === 'erasure' ? 'warn' : 'info'}>{word(t, 'subject', r.kind)}</Chip> },
            { key: 'state', title: t('field.state'), show: (r) => <span className="row"><Chip tone={r.state === 'done' ? 'good' : r.state === 'open' ? 'warn' : 'calm'}>{word(t, 'subject_state', r.state)}</Chip>{late(r) ? <Chip tone="bad">{t('protection.overdue')}</Chip> : null}</span> },
            { key: 'asked', title: t('protection.asked'), show: (r) => <>{moment(r.asked_at, lang)}<div className="quiet">{r.asked_by}</div></> },
            { key: 'due', title: t('protection.due'), show: (r) => moment(r.due_at, lang) },
            { key: 'note', title: t('protection.note'), wide: true, show: (r) => (r.note ? <Foreign text={r.note} /> : '–') },
            { key: 'do', title: t('field.do'), show: (r) => r.state !== 'open' ? <Button size="small" onClick={() => setProof(r)}>{t('protection.show_proof')}</Button> : props.changes ? (
              <span className="row">
                {r.kind === 'export'
                  ? <Button size="small" type="primary" loading={busy === r.id} onClick={() => void copy(r)}>{t('protection.copy')}</Button>
                  : <Button size="small" danger onClick={() => erase(r)}>{t('protection.erase')}</Button>}
                <Button size="small" onClick={() => setRefusing(r)}>{t('protection.refuse')}</Button>
              </span>
            ) : '–' },
          ]} />
        )}
      </Shown>
      {asking ? <Ask onClose={() => setAsking(false)} onDone={() => { setAsking(false); loaded.reload() }} /> : null}
      {refusing ? <Refuse path={at(refusing, 'refuse')} onClose={() => setRefusing(null)} onDone={() => { setRefusing(null); loaded.reload() }} /> : null}
      {proof ? <Proof of={proof} onClose={() => setProof(null)} /> : null}
    </Panel>
  )
}

interface AskFields { tenant?: string; user: string; kind: SubjectRequest['kind']; note?: string }

function Ask(props: { onClose: () => void; onDone: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<AskFields>()
  const save = async (v: AskFields) => {
    setBusy(true)
    try {
      await request('post', '/admin/subjects', { body: { user: v.user.trim(), kind: v.kind, tenant: v.tenant?.trim() || null, note: v.note?.trim() || null } })
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={t('protection.ask')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ kind: 'export' }}>
        <Form.Item name="user" label={t('protection.user')} extra={t('protection.user_hint')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input autoComplete="off" autoFocus maxLength={512} /></Form.Item>
        <Form.Item name="kind" label={t('protection.kind')}><Radio.Group options={(['export', 'erasure'] as const).map((k) => ({ value: k, label: word(t, 'subject', k) }))} /></Form.Item>
        <Form.Item name="tenant" label={t('field.tenant')} extra={t('protection.tenant_hint')}><Input autoComplete="off" maxLength={512} /></Form.Item>
        <Form.Item name="note" label={t('protection.note')} extra={t('protection.note_hint')}><Input.TextArea rows={3} maxLength={600} /></Form.Item>
      </Form>
    </Modal>
  )
}

function Refuse(props: { path: string; onClose: () => void; onDone: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [form] = Form.useForm<{ reason: string }>()
  const save = async (v: { reason: string }) => {
    try { await request('post', props.path, { body: { reason: v.reason.trim() } }); props.onDone() } catch (e) { void message.error(sentence(e, t)) }
  }
  return (
    <Modal open title={t('protection.refuse_title')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('protection.refuse')} cancelText={t('do.cancel')}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)}>
        <Form.Item name="reason" label={t('protection.reason')} extra={t('protection.reason_hint')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input.TextArea rows={3} maxLength={600} autoFocus /></Form.Item>
      </Form>
    </Modal>
  )
}

interface Erased {
  keys_destroyed: number
  texts_destroyed: number
  records: number
  texts_kept: { sealed_before_user_keys: number; redacted: number; until: string }
  record: { seq: number; hash: string }
  backups_before: unknown[]
}
interface Copied { manifest: { sections: { name: string; rows: number }[] } }

function Proof(props: { of: SubjectRequest; onClose: () => void }) {
  const { t, lang } = useLanguage()
  const { of } = props
  const facts: [string, React.ReactNode][] = [
    [t('protection.user'), <Foreign key="u" text={of.user} />],
    [t('protection.kind'), word(t, 'subject', of.kind)],
    [t('field.state'), `${word(t, 'subject_state', of.state)} · ${moment(of.ended_at, lang)} · ${of.ended_by ?? '–'}`],
  ]
  const outcome = of.outcome ?? {}
  if (of.state === 'refused') {
    facts.push([t('protection.proof_reason'), <Foreign key="r" text={String(outcome['reason'] ?? '')} />])
  } else if (of.kind === 'erasure') {
    const done = outcome as unknown as Erased
    facts.push(
      [t('protection.proof_keys'), count(done.keys_destroyed, lang)],
      [t('protection.proof_texts'), count(done.texts_destroyed, lang)],
      [t('protection.proof_records'), count(done.records, lang)],
      [t('protection.proof_kept'), t('protection.proof_kept_value', { old: done.texts_kept.sealed_before_user_keys, redacted: done.texts_kept.redacted, until: moment(done.texts_kept.until, lang) })],
      [t('protection.proof_record'), <span key="h" className="mono break">{done.record.seq} · {done.record.hash}</span>],
    )
    if (done.backups_before.length > 0) facts.push([t('protection.proof_backups'), t('protection.proof_backups_value', { n: done.backups_before.length })])
  } else {
    const { manifest } = outcome as unknown as Copied
    facts.push([t('protection.proof_sections'), manifest.sections.map((s) => `${s.name} ${count(s.rows, lang)}`).join(' · ')])
  }
  return (
    <Modal open title={t('protection.proof')} onCancel={props.onClose} footer={null}>
      <Facts of={facts} />
    </Modal>
  )
}

function House(props: { changes: boolean }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const loaded = useLoaded((signal) => request<Protection>('get', '/admin/protection', { signal }), [])
  const backUp = async () => {
    setBusy(true)
    try {
      const made = await request<{ files: { bytes: number }[] }>('post', '/admin/protection/backups')
      void message.success(t('protection.backed_up', { files: made.files.length, size: size(made.files.reduce((sum, f) => sum + f.bytes, 0)) }))
      loaded.reload()
    } catch (e) {
      void message.error(sentence(e, t))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Shown of={loaded}>
      {(data) => (
        <>
          {data.store.problem ? <Alert type="error" showIcon message={t('protection.store_problem')} description={data.store.problem} /> : null}
          <Panel title={t('protection.backups')} actions={props.changes && data.may_backup ? <Button loading={busy} onClick={() => void backUp()}>{t('protection.backup_now')}</Button> : null}>
            <p className="quiet">{t('protection.backup_hint')}</p>
            <DataTable label={t('protection.backups')} rows={data.backups} id={(b) => `${b.at} ${b.target}`} empty={<Nothing title={t('protection.no_backups')} />} columns={[
              { key: 'at', title: t('field.created'), show: (b) => <>{moment(b.at, lang)}<div className="quiet">{b.by}</div></> },
              { key: 'target', title: t('protection.target'), wide: true, show: (b) => <span className="mono break">{b.target}</span> },
              { key: 'size', title: t('protection.size'), end: true, show: (b) => size(b.bytes) },
              { key: 'seq', title: t('protection.to_record'), end: true, show: (b) => count(b.seq, lang) },
              { key: 'key', title: t('protection.with_key'), show: (b) => <Chip tone={b.key_included ? 'warn' : 'calm'}>{t(b.key_included ? 'yes' : 'no')}</Chip> },
            ]} />
          </Panel>
          <Panel title={t('protection.keys')}>
            <Facts of={[[t('protection.key_source'), word(t, 'key_source', data.keys.source)], [t('protection.text_mode'), word(t, 'text_mode', data.text)], [t('protection.text_keys'), count(data.keys.text_keys, lang)]]} />
            <DataTable label={t('protection.keys')} rows={[...data.keys.eras].reverse()} id={(k) => k.id} empty={null} columns={[
              { key: 'id', title: t('protection.key_id'), wide: true, show: (k) => <span className="mono break">{k.id}</span> },
              { key: 'state', title: t('field.state'), show: (k) => <Chip tone={k.in_force ? 'good' : 'calm'}>{t(k.in_force ? 'protection.in_force' : 'protection.earlier')}</Chip> },
              { key: 'since', title: t('protection.key_since'), show: (k) => <>{moment(k.since, lang)}{k.by ? <div className="quiet">{k.by}</div> : null}</> },
              { key: 'from', title: t('protection.key_from'), end: true, show: (k) => count(k.from_seq, lang) },
            ]} />
            <p className="quiet">{t('protection.rekey_hint')}</p>
          </Panel>
          <Panel title={t('protection.retention')}>
            <Facts of={[
              ...Object.entries(data.retention.days).map(([kind, days]): [string, string] => [word(t, 'kept', kind), t('protection.retention_days', { days })]),
              [t('protection.next_run'), data.retention.next ? moment(data.retention.next, lang) : t('protection.after_start')],
            ]} />
            <DataTable label={t('protection.runs')} rows={data.retention.runs} id={(r) => r.at} empty={<Nothing title={t('protection.no_runs')} hint={t('protection.no_runs_hint')} />} columns={[
              { key: 'at', title: t('protection.runs'), show: (r) => moment(r.at, lang) },
              { key: 'took', title: t('field.took'), end: true, show: (r) => milliseconds(r.took_ms) },
              { key: 'removed', title: t('protection.removed'), wide: true, show: (r) => (r.problem ? <Chip tone="bad">{r.problem}</Chip> : removed(t, lang, r.removed)) },
            ]} />
          </Panel>
        </>
      )}
    </Shown>
  )
}
