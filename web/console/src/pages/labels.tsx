import { App, Button, Form, Input, Modal } from 'antd'
import { useRef, useState, type DragEvent } from 'react'
import { call, request, send } from '../api/client'
import type { Agreement, UploadDecision } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment, past } from '../lib/format'
import { Chip, DataTable, Facts, Foreign, Nothing, Page, Panel, Problem, sentence, Shown, type Tone } from '../ui/kit'

const STATE_TONES: Record<string, Tone> = { compliant: 'good', noncompliant: 'bad', not_found: 'calm', inconclusive: 'warn' }
const DECISION_TONES: Record<string, Tone> = { confirmed: 'info', possible: 'warn', suspected: 'warn', none: 'good' }

export default function Labels() {
  const { t } = useLanguage()
  return (
    <Page title={t('nav.labels')} about={t('labels.about')}>
      <File />
      <Agreements />
    </Page>
  )
}

/** Hands a file to the person, under a name. */
function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

function File() {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const input = useRef<HTMLInputElement>(null)
  const [file, setFile] = useState<globalThis.File | null>(null)
  const [over, setOver] = useState(false)
  const [platform, setPlatform] = useState('')
  const [producer, setProducer] = useState('')
  const [kind, setKind] = useState('1')
  const [declared, setDeclared] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [said, setSaid] = useState<UploadDecision | null>(null)

  const ask = async (one: globalThis.File, withDecision: boolean) => {
    setBusy(true)
    setError(null)
    setSaid(null)
    try {
      const path = withDecision ? '/v1/labels/inspect' : '/v1/labels/read'
      const query = withDecision ? { name: one.name, declared: declared || undefined, platform: platform.trim() } : { name: one.name }
      setSaid(await request<UploadDecision>('post', path, { raw: one, query }))
    } catch (e) {
      setError(e)
    }
    setBusy(false)
  }
  const take = (list: FileList | null) => {
    const one = list?.[0]
    if (!one) return
    setFile(one)
    void ask(one, false)
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    take(event.dataTransfer.files)
  }
  const add = async () => {
    if (!file) return
    setBusy(true)
    setError(null)
    try {
      const response = await send('post', '/v1/labels/add', { raw: file, query: { name: file.name, label: kind, producer: producer.trim() }, headers: { accept: '*/*' } })
      save(await response.blob(), file.name.replace(/(\.[^.]*)?$/, '.labelled$1'))
      void message.success(t('labels.added'))
    } catch (e) {
      setError(e)
    }
    setBusy(false)
  }
  const faults = said?.faults ?? []
  return (
    <div className="grid side-by-side">
      <Panel title={t('labels.file')}>
        <label className={over ? 'drop over' : 'drop'} onDragOver={(e) => { e.preventDefault(); setOver(true) }} onDragLeave={() => setOver(false)} onDrop={drop}>
          <input ref={input} type="file" className="sr" onChange={(e) => take(e.target.files)} />
          <strong>{file ? file.name : t('labels.drop')}</strong>
          <span className="quiet block">{t('labels.drop_hint')}</span>
        </label>
        <h3>{t('labels.decide')}</h3>
        <div className="filters">
          <div className="field"><label htmlFor="l-platform">{t('labels.platform')}</label><Input id="l-platform" value={platform} onChange={(e) => setPlatform(e.target.value)} placeholder={t('labels.configured')} /></div>
          <label className="row"><input type="checkbox" checked={declared} onChange={(e) => setDeclared(e.target.checked)} /> {t('labels.declared')}</label>
          <Button disabled={!file} loading={busy} onClick={() => { if (file) void ask(file, true) }}>{t('labels.inspect')}</Button>
        </div>
        <h3>{t('labels.add')}</h3>
        <div className="filters">
          <div className="field"><label htmlFor="l-producer">{t('labels.producer')}</label><Input id="l-producer" value={producer} onChange={(e) => setProducer(e.target.value)} placeholder={t('labels.configured')} /></div>
          <div className="field"><label htmlFor="l-kind">{t('labels.kind')}</label><select id="l-kind" className="native" value={kind} onChange={(e) => setKind(e.target.value)}>{['1', '2', '3'].map((id) => <option key={id} value={id}>{word(t, 'label_kind', id)}</option>)}</select></div>
          <Button type="primary" disabled={!file} loading={busy} onClick={() => void add()}>{t('labels.add_do')}</Button>
        </div>
      </Panel>
      <Panel title={t('labels.result')}>
        <Problem error={error} />
        {!said ? (error ? null : <Nothing title={t('labels.nothing')} hint={t('labels.nothing_hint')} />) : (
          <>
            <div className="row gap"><Chip tone={STATE_TONES[said.state] ?? 'calm'}>{word(t, 'label_state', said.state)}</Chip>{said.decision ? <Chip tone={DECISION_TONES[said.decision] ?? 'calm'}>{word(t, 'decision', said.decision)}</Chip> : null}<span className="quiet">{said.format}</span></div>
            {said.problem ? <p>{said.problem}</p> : null}
            {said.notice ? <Facts of={[[t('labels.notice'), said.notice[lang]], [t('labels.clause'), said.clause ?? '–']]} /> : null}
            {said.grounds?.length ? <><h3>{t('labels.grounds')}</h3><ul className="finding-list">{said.grounds.map((g, i) => <li key={i}>{word(t, 'ground', g.ground)} <span className="quiet">{[g.label, g.value, g.kind, g.what].filter(Boolean).join(' · ')}</span></li>)}</ul></> : null}
            <h3>{t('labels.carried')}</h3>
            {said.labels.length === 0 ? <p className="quiet">{t('labels.none')}</p> : said.labels.map((l, i) => <div key={i} className="gap"><p><code>{l.place}</code> <Chip tone={l.by_the_book ? 'good' : 'warn'}>{t(l.by_the_book ? 'labels.by_the_book' : 'labels.elsewhere')}</Chip></p><Foreign text={l.value} className="small mono" /></div>)}
            {faults.length > 0 ? <><h3>{t('labels.faults')}</h3><ul className="finding-list">{faults.map((f, i) => <li key={i}>{f.breach ? <Chip tone="bad">{t('labels.breach')}</Chip> : null} {f[lang]} <span className="quiet">{f.clause}</span></li>)}</ul></> : null}
            {said.label_to_write ? <><h3>{t('labels.to_write')}</h3><Foreign text={JSON.stringify(said.label_to_write, null, 2)} className="small mono" /></> : null}
          </>
        )}
      </Panel>
    </div>
  )
}

function Agreements() {
  const { t, lang } = useLanguage()
  const { message, modal } = App.useApp()
  const [form] = Form.useForm<{ tenant?: string; app: string; user?: string; terms: string; days?: string }>()
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const loaded = useLoaded((signal) => call('get', '/admin/agreements', { signal }), [])
  const add = async (values: { tenant?: string; app: string; user?: string; terms: string; days?: string }) => {
    setBusy(true)
    try {
      const days = Number(values.days)
      await call('post', '/admin/agreements', { body: { app: values.app.trim(), terms: values.terms.trim(), ...(values.tenant?.trim() ? { tenant: values.tenant.trim() } : {}), ...(values.user?.trim() ? { user: values.user.trim() } : {}), ...(days > 0 ? { expires_in_s: Math.round(days * 86_400) } : {}) } })
      void message.success(t('agreements.kept'))
      setOpen(false)
      form.resetFields()
      loaded.reload()
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  const end = (one: Agreement) => {
    modal.confirm({
      title: t('agreements.end_title'), content: t('agreements.end_about'), okText: t('agreements.end'), cancelText: t('do.cancel'), okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await call('delete', '/admin/agreements/{id}', { params: { id: one.id ?? '' } })
          loaded.reload()
        } catch (e) {
          void message.error(sentence(e, t))
        }
      },
    })
  }
  const state = (a: Agreement) => (a.withdrawn_us ? <Chip>{t('agreements.withdrawn')}</Chip> : past(a.until_us) ? <Chip>{t('agreements.expired')}</Chip> : <Chip tone="good">{t('agreements.holds')}</Chip>)
  return (
    <Panel title={t('agreements.title')} actions={<Button onClick={() => setOpen(true)}>{t('agreements.add')}</Button>}>
      <p className="quiet">{t('agreements.about')}</p>
      <Shown of={loaded}>
        {(data) => (
          <DataTable label={t('agreements.title')} rows={data.agreements ?? []} id={(a) => a.id ?? ''} empty={<Nothing title={t('agreements.nothing')} hint={t('agreements.nothing_hint')} />} columns={[
            { key: 'app', title: t('field.app'), show: (a) => a.app },
            { key: 'user', title: t('field.user'), show: (a) => a.user ?? t('agreements.everybody') },
            { key: 'terms', title: t('agreements.terms'), wide: true, show: (a) => a.terms },
            { key: 'since', title: t('agreements.since'), show: (a) => moment(a.since_us, lang) },
            { key: 'until', title: t('agreements.until'), show: (a) => moment(a.withdrawn_us ?? a.until_us, lang) },
            { key: 'state', title: t('field.state'), show: state },
            { key: 'do', title: t('field.do'), show: (a) => (a.withdrawn_us ? <span className="quiet">–</span> : <Button size="small" danger onClick={() => end(a)}>{t('agreements.end')}</Button>) },
          ]} />
        )}
      </Shown>
      <Modal open={open} title={t('agreements.add')} onCancel={() => setOpen(false)} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy} destroyOnHidden>
        <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void add(v)} preserve={false}>
          <Form.Item name="app" label={t('field.app')} rules={[{ required: true, message: t('form.needed') }]}><Input /></Form.Item>
          <Form.Item name="user" label={t('field.user')} extra={t('agreements.user_hint')}><Input /></Form.Item>
          <Form.Item name="terms" label={t('agreements.terms')} extra={t('agreements.terms_hint')} rules={[{ required: true, message: t('form.needed') }]}><Input /></Form.Item>
          <Form.Item name="days" label={t('agreements.days')} rules={[{ pattern: /^\d{1,5}$/, message: t('form.number') }]}><Input inputMode="numeric" /></Form.Item>
        </Form>
      </Modal>
    </Panel>
  )
}
