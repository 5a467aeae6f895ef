import { App, Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import { request } from '../api/client'
import type { Entries, FullChange, Members, Saved } from '../api/workbench'
import { useLanguage, word, type Key } from '../i18n'
import { useLoaded } from '../lib/async'
import { Chip, Nothing, sentence, Shown } from '../ui/kit'

type Kind = Entries['kind']
type Field = { name: string; label: Key; rows?: number; hint?: Key; choose?: readonly string[]; needed?: boolean; list?: boolean; day?: boolean }

const FIELDS: Record<'answer' | 'principle', readonly Field[]> = {
  answer: [
    { name: 'questions', label: 'bench.questions', rows: 5, hint: 'bench.questions_hint', list: true, needed: true },
    { name: 'answer', label: 'bench.answer', rows: 6, needed: true },
    { name: 'status', label: 'field.state', choose: ['draft', 'review', 'approved', 'retired'], hint: 'bench.status_hint' },
    { name: 'lang', label: 'bench.lang', choose: ['', 'zh', 'en'] },
    { name: 'topic', label: 'field.topic', hint: 'bench.topic_hint' },
    { name: 'apps', label: 'bench.apps', hint: 'bench.apps_hint', list: true, rows: 2 },
    { name: 'valid_from', label: 'bench.valid_from', hint: 'bench.valid_hint', day: true },
    { name: 'valid_to', label: 'bench.valid_to', day: true },
  ],
  principle: [
    { name: 'zh', label: 'bench.zh', rows: 4, needed: true },
    { name: 'en', label: 'bench.en', rows: 4, needed: true },
    { name: 'topic', label: 'bench.applies_topic', hint: 'bench.applies_hint', list: true, rows: 2 },
    { name: 'risk', label: 'bench.applies_risk', list: true, rows: 2 },
    { name: 'fallback', label: 'bench.fallback', choose: ['', 'true'] },
  ],
}
const HEADER: readonly Field[] = [
  { name: 'title', label: 'bench.list_title' },
  { name: 'colour', label: 'bench.colour', choose: ['black', 'grey', 'white'], hint: 'bench.colour_hint' },
  { name: 'risk', label: 'field.risk', hint: 'bench.risk_hint' },
  { name: 'label', label: 'bench.label', hint: 'bench.label_hint' },
]
const APPLIES = ['topic', 'risk']

const lines = (text: string): string[] => text.split('\n').map((l) => l.trim()).filter((l) => l !== '')
const shown = (value: unknown): string => (Array.isArray(value) ? value.map(String).join('\n') : value === undefined || value === null ? '' : String(value))

/** Members as a form's texts, and back. */
function toForm(kind: 'answer' | 'principle', members: Members): Record<string, string> {
  const applies = (members.applies ?? {}) as Members
  return Object.fromEntries(FIELDS[kind].map((f) => [f.name, shown(kind === 'principle' && APPLIES.includes(f.name) ? applies[f.name] : members[f.name])]))
}
function toMembers(kind: 'answer' | 'principle', id: string, form: Record<string, string>, was: Members): Members {
  const out: Members = { id }
  const applies: Members = { ...((was.applies ?? {}) as Members) }
  for (const f of FIELDS[kind]) {
    const text = (form[f.name] ?? '').trim()
    const value = text === '' ? null : f.list ? lines(text) : f.name === 'fallback' ? text === 'true' : text
    if (kind === 'principle' && APPLIES.includes(f.name)) {
      if (value === null) delete applies[f.name]
      else applies[f.name] = value
    } else out[f.name] = value
  }
  if (kind === 'principle') out.applies = Object.keys(applies).length > 0 ? applies : null
  return out
}

function Inputs(props: { fields: readonly Field[]; readOnly: boolean }) {
  const { t } = useLanguage()
  return (
    <>
      {props.fields.map((f) => (
        <Form.Item key={f.name} name={f.name} label={t(f.label)} extra={f.hint ? t(f.hint) : undefined} rules={[...(f.needed ? [{ required: true, whitespace: true, message: t('form.needed') }] : []), ...(f.day ? [{ pattern: /^\d{4}-\d{2}-\d{2}$/, message: t('bench.day_form') }] : [])]}>
          {f.choose ? <select className="native" disabled={props.readOnly}>{f.choose.map((c) => <option key={c} value={c}>{c === '' ? '–' : word(t, 'bench_choice', c)}</option>)}</select> : f.rows ? <Input.TextArea rows={f.rows} readOnly={props.readOnly} /> : <Input readOnly={props.readOnly} type={f.day ? 'date' : 'text'} autoComplete="off" />}
        </Form.Item>
      ))}
    </>
  )
}

function useSave(change: FullChange, path: string, onSaved: () => void): [boolean, (body: object) => Promise<void>] {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  return [busy, async (body) => {
    setBusy(true)
    try {
      const saved = await request<Saved>('post', `/admin/workbench/changes/${encodeURIComponent(change.id)}/entry`, { body: { version: change.version, path, ...body } })
      if (saved.errors > 0) void message.warning(t('bench.saved_with', { count: saved.errors }))
      else void message.success(t('bench.saved'))
      onSaved()
    } catch (e) {
      void message.error(sentence(e, t), 8)
      setBusy(false)
    }
  }]
}

/** The entries of a file as forms: nobody needs to know the format. */
export function FormOf(props: { path: string; change: FullChange; editable: boolean; onSaved: () => void; onDirty: (dirty: boolean) => void }) {
  const { path, change } = props
  const loaded = useLoaded((signal) => request<Entries>('get', '/admin/workbench/entries', { query: { path, change: change.id }, signal }), [path, change.id, change.version])
  return <Shown of={loaded}>{(e) => (e.kind === 'keywords' ? <Words of={e} {...props} /> : <EntryList of={e} kind={e.kind} {...props} />)}</Shown>
}

function EntryList(props: { of: Entries; kind: 'answer' | 'principle'; path: string; change: FullChange; editable: boolean; onSaved: () => void; onDirty: (dirty: boolean) => void }) {
  const { t } = useLanguage()
  const { kind } = props
  const [seek, setSeek] = useState('')
  const [open, setOpen] = useState<string | null>(null)
  const wanted = seek.trim().toLowerCase()
  const list = props.of.entries.filter((e) => wanted === '' || JSON.stringify(e.members).toLowerCase().includes(wanted))
  const current = open === null ? undefined : props.of.entries.find((e) => e.id === open)
  return (
    <>
      <div className="row gap"><Input className="grow" aria-label={t('bench.seek_entry')} placeholder={t('bench.seek_entry')} value={seek} onChange={(e) => setSeek(e.target.value)} allowClear />{props.editable ? <Button onClick={() => setOpen('')}>{t(kind === 'answer' ? 'bench.new_answer' : 'bench.new_principle')}</Button> : null}</div>
      {list.length === 0 ? <Nothing title={t('bench.no_entries')} /> : (
        <ul className="bench-entries">
          {list.map((e) => (
            <li key={`${e.id} ${e.line}`}>
              <button type="button" className="bench-file" onClick={() => setOpen(e.id)}>
                <span className="break"><strong>{e.id}</strong> <span className="quiet">{kind === 'answer' ? shown(e.members.questions).split('\n')[0] : shown(e.members.zh).slice(0, 60)}</span></span>
                {kind === 'answer' ? <Chip tone={e.members.status === 'approved' ? 'good' : e.members.status === 'review' ? 'info' : 'calm'}>{word(t, 'bench_choice', String(e.members.status ?? 'draft'))}</Chip> : null}
              </button>
            </li>
          ))}
        </ul>
      )}
      {open !== null ? <EntryForm key={open} kind={kind} id={open} members={current?.members ?? {}} path={props.path} change={props.change} editable={props.editable} onClose={() => setOpen(null)} onSaved={props.onSaved} /> : null}
    </>
  )
}

function EntryForm(props: { kind: 'answer' | 'principle'; id: string; members: Members; path: string; change: FullChange; editable: boolean; onClose: () => void; onSaved: () => void }) {
  const { t } = useLanguage()
  const { kind, members } = props
  const [busy, save] = useSave(props.change, props.path, () => { props.onClose(); props.onSaved() })
  const [form] = Form.useForm<Record<string, string>>()
  const fresh = props.id === ''
  const start = { status: 'review', ...toForm(kind, members), ...(fresh ? { status: 'review' } : {}), id: props.id }
  const foot = props.editable ? {} : { footer: null }
  return (
    <Modal open width={720} title={fresh ? t(kind === 'answer' ? 'bench.new_answer' : 'bench.new_principle') : props.id} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy} {...foot}>
      {members.approved_by ? <p className="quiet">{t('bench.was_approved', { by: shown(members.approved_by), at: shown(members.approved_at) })}</p> : null}
      <Form form={form} layout="vertical" requiredMark={false} initialValues={start} onFinish={(v) => void save({ members: toMembers(kind, (v.id ?? '').trim(), v, members) })}>
        {fresh ? <Form.Item name="id" label={t('bench.id')} extra={t('bench.id_hint')} rules={[{ required: true, pattern: /^[A-Za-z0-9._-]{1,96}$/, message: t('bench.id_form') }]}><Input autoFocus autoComplete="off" /></Form.Item> : <Form.Item name="id" hidden><Input /></Form.Item>}
        <Inputs fields={FIELDS[kind]} readOnly={!props.editable} />
      </Form>
    </Modal>
  )
}

function Words(props: { of: Entries; path: string; change: FullChange; editable: boolean; onSaved: () => void; onDirty: (dirty: boolean) => void }) {
  const { t } = useLanguage()
  const [busy, save] = useSave(props.change, props.path, props.onSaved)
  const [form] = Form.useForm<Record<string, string>>()
  const { words, ...rest } = { ...props.of.header, words: props.of.words }
  return (
    <Form form={form} layout="vertical" requiredMark={false} initialValues={{ ...rest, words }} onValuesChange={() => props.onDirty(true)} onFinish={(v: Record<string, string>) => { const { words: w, ...header } = v; void save({ header, words: w ?? '' }) }}>
      <p className="quiet">{t('bench.list_id')} <code>{props.of.header.id ?? '–'}</code></p>
      <div className="form-two"><Inputs fields={HEADER} readOnly={!props.editable} /></div>
      <Form.Item name="words" label={t('bench.words')} extra={t('bench.words_hint')}><Input.TextArea rows={16} className="mono" readOnly={!props.editable} spellCheck={false} /></Form.Item>
      {props.editable ? <Button type="primary" htmlType="submit" loading={busy}>{t('do.save')}</Button> : <p className="quiet">{t('bench.read_only')}</p>}
    </Form>
  )
}

const FOLDERS: Record<Kind, string> = { answer: 'answers', principle: 'principles', keywords: 'keywords' }

/** A new file, begun with its first entry. */
export function NewFile(props: { packs: readonly string[]; change: FullChange; onClose: () => void; onMade: (path: string) => void }) {
  const { t } = useLanguage()
  const [kind, setKind] = useState<Kind>('answer')
  const [pack, setPack] = useState(props.packs[0] ?? '')
  const [name, setName] = useState('')
  const path = `${pack}/${FOLDERS[kind]}/${name.trim()}.${kind === 'keywords' ? 'txt' : 'toml'}`
  const [busy, save] = useSave(props.change, path, () => props.onMade(path))
  const [form] = Form.useForm<Record<string, string>>()
  const good = /^[A-Za-z0-9_-]{1,60}$/.test(name.trim())
  const make = (v: Record<string, string>) => {
    if (!good) return
    const { id = '', words = '', ...rest } = v
    void save(kind === 'keywords' ? { header: { id: id.trim(), ...rest }, words } : { members: toMembers(kind, id.trim(), v, {}) })
  }
  return (
    <Modal open width={720} title={t('bench.new_file')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy} okButtonProps={{ disabled: !good }}>
      <div className="form-two gap">
        <div className="field"><label htmlFor="new-kind">{t('bench.kind')}</label><select id="new-kind" className="native" value={kind} onChange={(e) => setKind(e.target.value as Kind)}>{(['answer', 'principle', 'keywords'] as const).map((k) => <option key={k} value={k}>{word(t, 'bench_kind', k)}</option>)}</select></div>
        <div className="field"><label htmlFor="new-pack">{t('bench.pack')}</label><select id="new-pack" className="native" value={pack} onChange={(e) => setPack(e.target.value)}>{props.packs.map((p) => <option key={p} value={p}>{p}</option>)}</select></div>
      </div>
      <div className="field gap"><label htmlFor="new-name">{t('bench.file_name')}</label><Input id="new-name" value={name} onChange={(e) => setName(e.target.value)} autoComplete="off" /><span className="quiet break">{good ? path : t('bench.file_name_hint')}</span></div>
      <Form key={kind} form={form} layout="vertical" requiredMark={false} initialValues={{ status: 'review', colour: 'black' }} onFinish={make}>
        <Form.Item name="id" label={t('bench.id')} extra={t(kind === 'keywords' ? 'bench.list_id_hint' : 'bench.id_hint')} rules={[{ required: true, pattern: /^[A-Za-z0-9._-]{1,96}$/, message: t('bench.id_form') }]}><Input autoComplete="off" /></Form.Item>
        <Inputs fields={kind === 'keywords' ? HEADER : FIELDS[kind]} readOnly={false} />
        {kind === 'keywords' ? <Form.Item name="words" label={t('bench.words')} extra={t('bench.words_hint')} rules={[{ required: true, message: t('form.needed') }]}><Input.TextArea rows={8} className="mono" spellCheck={false} /></Form.Item> : null}
      </Form>
    </Modal>
  )
}
