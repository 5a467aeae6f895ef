import { App, Button, Modal } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router-dom'
import { request } from '../api/client'
import type { FileDiff, Revision } from '../api/workbench'
import { useLanguage } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment, who } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'
import { Diffs } from './workbench_diff'

interface Looking { number: number; with: 'previous' | 'current' }

export default function WorkbenchHistory() {
  const { t, lang } = useLanguage()
  const [looking, setLooking] = useState<Looking | null>(null)
  const history = useLoaded((signal) => request<{ in_force: number; revisions: Revision[] }>('get', '/admin/workbench/revisions', { signal }), [])
  return (
    <Page title={t('bench.revisions')} about={t('bench.history_about')} actions={<Link className="button-link" to="/workbench">{t('bench.all')}</Link>}>
      <Panel title={t('bench.revisions')}>
        <Shown of={history}>
          {(data) => (
            <DataTable label={t('bench.revisions')} rows={[...data.revisions, ...(data.revisions.length > 0 ? [{ number: 0, at: '', by: '', title: t('bench.delivered'), change: null, restores: null, edits: 0, in_force: data.in_force === 0 }] : [])]} id={(r) => String(r.number)} mark={(r) => r.in_force} empty={<Nothing title={t('bench.no_revisions')} hint={t('bench.no_revisions_hint')} />} columns={[
              { key: 'number', title: t('bench.revision'), end: true, show: (r) => r.number },
              { key: 'title', title: t('bench.title'), wide: true, show: (r) => (r.change ? <Link to={`/workbench/${r.change}`}>{r.title}</Link> : r.restores !== null ? t('bench.went_back', { number: r.restores }) : r.title) },
              { key: 'at', title: t('field.at'), show: (r) => (r.at === '' ? '–' : moment(r.at, lang)) },
              { key: 'by', title: t('bench.by'), show: (r) => (r.by === '' ? '–' : who(r.by)) },
              { key: 'edits', title: t('bench.files'), end: true, show: (r) => r.edits },
              { key: 'do', title: t('field.do'), show: (r) => (
                <span className="row">
                  {r.in_force ? <Chip tone="good">{t('bench.in_force')}</Chip> : null}
                  {r.number > 0 ? <Button size="small" onClick={() => setLooking({ number: r.number, with: 'previous' })}>{t('bench.what_changed')}</Button> : null}
                  {r.in_force ? null : <Button size="small" danger onClick={() => setLooking({ number: r.number, with: 'current' })}>{t('bench.go_back')}</Button>}
                </span>
              ) },
            ]} />
          )}
        </Shown>
      </Panel>
      {looking ? <Look of={looking} onClose={() => setLooking(null)} onDone={() => { setLooking(null); history.reload() }} /> : null}
    </Page>
  )
}

/** What a revision changed, or what going back to it would change, before anybody does. */
function Look(props: { of: Looking; onClose: () => void; onDone: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const back = props.of.with === 'current'
  const diff = useLoaded((signal) => request<{ files: FileDiff[] }>('get', `/admin/workbench/revisions/${props.of.number}/diff`, { query: { with: props.of.with }, signal }), [props.of.number, props.of.with])
  const go = async () => {
    setBusy(true)
    try {
      const done = await request<{ revision: number }>('post', '/admin/workbench/rollback', { body: { revision: props.of.number } })
      void message.success(t('bench.rolled_back', { number: done.revision }))
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t), 8)
      setBusy(false)
    }
  }
  return (
    <Modal open width={900} title={t(back ? 'bench.go_back_to' : 'bench.changed_by', { number: props.of.number })} onCancel={props.onClose} onOk={() => void go()} okText={t('bench.go_back')} cancelText={t('do.cancel')} confirmLoading={busy} okButtonProps={{ danger: true }} {...(back ? {} : { footer: null })}>
      {back ? <p>{t('bench.go_back_about')}</p> : null}
      <Shown of={diff}>{(d) => <Diffs files={d.files} />}</Shown>
    </Modal>
  )
}
