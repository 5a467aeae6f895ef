import { App, Button, Form, Input, Modal, Segmented, Select } from 'antd'
import { useState } from 'react'
import { request } from '../api/client'
import type { Asset, Governance, ListedEntry } from '../api/register'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { day } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'
import { said, titleOf } from './register_parts'

export default function Assets() {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [editing, setEditing] = useState<Asset | 'new' | null>(null)
  const [stage, setStage] = useState('')
  const [busy, setBusy] = useState(false)
  const loaded = useLoaded(async (signal) => {
    const [of, list, apps] = await Promise.all([request<Governance>('get', '/admin/register/governance', { signal }), request<{ assets: Asset[] }>('get', '/admin/register/assets', { signal }), request<{ apps: ListedEntry[] }>('get', '/admin/register/apps', { signal })])
    return { of, assets: list.assets, apps: apps.apps }
  }, [])
  const bring = async () => {
    setBusy(true)
    try {
      const said = await request<{ found: number; new: Asset[] }>('post', '/admin/register/assets/import', { body: {} })
      void message.success(t('assets.imported', { found: said.found, new: said.new.length }))
      loaded.reload()
    } catch (e) { void message.error(sentence(e, t)) }
    setBusy(false)
  }
  return (
    <Page title={t('nav.assets')} about={t('assets.about')} actions={<><Button loading={busy} onClick={() => void bring()}>{t('assets.import')}</Button><Button type="primary" disabled={!loaded.data} onClick={() => setEditing('new')}>{t('assets.new')}</Button></>}>
      <Shown of={loaded}>
        {({ of, assets, apps }) => (
          <Panel>
            <div className="gap scrolls"><Segmented aria-label={t('assets.stages')} value={stage} onChange={(v) => setStage(String(v))} options={[{ value: '', label: `${t('assets.all_stages')} ${assets.length}` }, ...of.stages.map((s) => ({ value: s.id, label: `${said(s.title, lang)} ${assets.filter((a) => a.stage === s.id).length}` }))]} /></div>
            {stage ? <p className="quiet">{said(of.stages.find((s) => s.id === stage)?.about, lang)}</p> : null}
            <DataTable label={t('nav.assets')} rows={assets.filter((a) => stage === '' || a.stage === stage)} id={(a) => a.id} empty={<Nothing title={t('assets.nothing')} hint={t('assets.nothing_hint')} />} columns={[
              { key: 'name', title: t('field.name'), wide: true, show: (a) => <><strong>{a.name}</strong> {a.version}<div className="row">{a.imported ? <Chip>{t('assets.found')}</Chip> : null}{a.overdue ? <Chip tone="bad">{t('assets.overdue')}</Chip> : null}</div>{a.missing.length > 0 ? <div className="quiet">{t('assets.missing', { list: a.missing.map((m) => word(t, 'need', m)).join(lang === 'zh' ? '、' : ', ') })}</div> : null}</> },
              { key: 'kind', title: t('assets.kind'), show: (a) => titleOf(of.kinds, a.kind, lang) },
              { key: 'stage', title: t('assets.stage'), show: (a) => titleOf(of.stages, a.stage, lang) },
              { key: 'owner', title: t('register.owner'), show: (a) => a.owner || '–' },
              { key: 'source', title: t('assets.source'), show: (a) => <>{a.source || '–'}{a.licence ? <div className="quiet">{a.licence}</div> : null}</> },
              { key: 'used', title: t('assets.used_by'), show: (a) => a.entries.map((id) => apps.find((e) => e.id === id)?.name ?? id).join(lang === 'zh' ? '、' : ', ') || '–' },
              { key: 'retires', title: t('assets.retires'), show: (a) => day(a.retires, lang) },
              { key: 'do', title: t('field.do'), show: (a) => <Button size="small" aria-label={`${t('do.edit')}: ${a.name}`} onClick={() => setEditing(a)}>{t('do.edit')}</Button> },
            ]} />
            {editing ? <AssetForm of={of} apps={apps} asset={editing === 'new' ? null : editing} onClose={() => setEditing(null)} onDone={() => { setEditing(null); loaded.reload() }} /> : null}
          </Panel>
        )}
      </Shown>
    </Page>
  )
}

type Fields = Pick<Asset, 'kind' | 'name' | 'stage'> & Partial<Pick<Asset, 'version' | 'hash' | 'source' | 'licence' | 'owner' | 'entries' | 'note' | 'tenant'>> & { retires?: string }

function AssetForm(props: { of: Governance; apps: ListedEntry[]; asset: Asset | null; onClose: () => void; onDone: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const { of, asset } = props
  const [form] = Form.useForm<Fields>()
  const [busy, setBusy] = useState(false)
  const save = async (v: Fields) => {
    setBusy(true)
    const body = { kind: v.kind, name: v.name, version: v.version ?? '', hash: v.hash ?? '', source: v.source ?? '', licence: v.licence ?? '', owner: v.owner ?? '', stage: v.stage, entries: v.entries ?? [], retires: v.retires || null, note: v.note ?? '' }
    try {
      if (asset) await request('patch', `/admin/register/assets/${encodeURIComponent(asset.id)}`, { body: { asset: body, updated_us: asset.updated_us } })
      else await request('post', '/admin/register/assets', { body: { asset: body, tenant: v.tenant?.trim() || null } })
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  const initial = asset ? { ...asset, retires: asset.retires ?? '' } : { kind: of.kinds[0]?.id, stage: of.stages[0]?.id }
  return (
    <Modal open width={680} title={t(asset ? 'assets.edit' : 'assets.new')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={initial}>
        <div className="two">
          <Form.Item name="kind" label={t('assets.kind')}><Select options={of.kinds.map((k) => ({ value: k.id, label: said(k.title, lang) }))} /></Form.Item>
          <Form.Item name="stage" label={t('assets.stage')}><Select options={of.stages.map((s) => ({ value: s.id, label: said(s.title, lang) }))} /></Form.Item>
          <Form.Item name="name" label={t('field.name')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input autoComplete="off" maxLength={60} /></Form.Item>
          <Form.Item name="version" label={t('assets.version')}><Input autoComplete="off" maxLength={100} /></Form.Item>
          <Form.Item name="owner" label={t('register.owner')}><Input autoComplete="off" maxLength={60} /></Form.Item>
          <Form.Item name="licence" label={t('assets.licence')}><Input autoComplete="off" maxLength={100} /></Form.Item>
          <Form.Item name="source" label={t('assets.source')}><Input autoComplete="off" maxLength={1000} /></Form.Item>
          <Form.Item name="hash" label={t('assets.hash')}><Input className="mono" autoComplete="off" maxLength={200} /></Form.Item>
          <Form.Item name="retires" label={t('assets.retires')}><Input type="date" /></Form.Item>
          {asset ? null : <Form.Item name="tenant" label={t('field.tenant')}><Input autoComplete="off" placeholder="default" maxLength={64} /></Form.Item>}
        </div>
        <Form.Item name="entries" label={t('assets.used_by')}><Select mode="multiple" options={props.apps.filter((a) => !asset || a.tenant === asset.tenant).map((a) => ({ value: a.id, label: a.name }))} /></Form.Item>
        <Form.Item name="note" label={t('register.note')}><Input.TextArea rows={1} maxLength={1000} /></Form.Item>
      </Form>
    </Modal>
  )
}
