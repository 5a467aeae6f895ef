import { Alert, App, Button, Segmented } from 'antd'
import { useState } from 'react'
import { request, send } from '../api/client'
import type { FullEntry, Governance } from '../api/register'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import type { Lang } from '../lib/format'
import { Panel, sentence, Shown, visible } from '../ui/kit'

/** Saves what a path answers with. */
export async function download(path: string, query: Record<string, string>, name: string): Promise<void> {
  const blob = await (await send('get', path, { query })).blob()
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** User agreement and privacy policy as they come out, and everything as an archive. */
export function Documents(props: { of: Governance; app: FullEntry }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [template, setTemplate] = useState(props.of.templates[0]?.id ?? '')
  const [written, setWritten] = useState<Lang>(lang)
  const path = `/admin/register/apps/${encodeURIComponent(props.app.id)}`
  const loaded = useLoaded((signal) => request<{ text: string; open: string[] }>('get', `${path}/document`, { query: { template, lang: written }, signal }), [template, written, props.app.updated_us])
  const save = (at: string, query: Record<string, string>, name: string) => void download(`${path}/${at}`, query, name).catch((e: unknown) => void message.error(sentence(e, t)))
  return (
    <>
      <Panel title={t('register.tab_documents')}>
        <p>{t('register.export_about')}</p>
        <div className="row">
          <Button type="primary" onClick={() => save('export', { lang: written, format: 'zip' }, `${props.app.id}.zip`)}>{t('register.export_zip')}</Button>
          <Button onClick={() => save('export', { lang: written, format: 'html' }, `${props.app.id}.html`)}>{t('register.export_html')}</Button>
        </div>
      </Panel>
      <Panel title={t('register.document')} actions={<><Button onClick={() => save('document', { template, lang: written, format: 'md' }, `${template}.${written}.md`)}>{t('register.download_md')}</Button><Button onClick={() => save('document', { template, lang: written, format: 'html' }, `${template}.${written}.html`)}>{t('register.download_html')}</Button></>}>
        <div className="row gap">
          <Segmented aria-label={t('register.document')} value={template} onChange={(v) => setTemplate(String(v))} options={props.of.templates.map((one) => ({ value: one.id, label: word(t, 'template', one.id) }))} />
          <Segmented aria-label={t('register.written_in')} value={written} onChange={(v) => setWritten(v as Lang)} options={[{ value: 'zh', label: t('language.zh') }, { value: 'en', label: 'English' }]} />
        </div>
        <Alert className="gap" type="warning" showIcon message={t('register.draft')} />
        <Shown of={loaded}>
          {(data) => (
            <>
              {data.open.length > 0 ? <p className="quiet">{t('register.open_places', { list: data.open.map((p) => word(t, 'place', p)).join(lang === 'zh' ? '、' : ', ') })}</p> : null}
              <div className="paper" tabIndex={0} role="region" aria-label={word(t, 'template', template)} lang={written === 'zh' ? 'zh-CN' : 'en'}><Paper text={data.text} /></div>
            </>
          )}
        </Shown>
      </Panel>
    </>
  )
}

/** The little Markdown of the templates, as elements; whatever it holds is text. */
function Paper(props: { text: string }) {
  return (
    <>
      {props.text.split('\n').map((line) => line.trim()).filter(Boolean).map((line, i) => {
        if (line.startsWith('# ')) return <h3 key={i}>{visible(line.slice(2))}</h3>
        if (line.startsWith('## ')) return <h4 key={i}>{visible(line.slice(3))}</h4>
        if (line.startsWith('> ')) return <blockquote key={i}>{visible(line.slice(2))}</blockquote>
        if (line.startsWith('- ')) return <p key={i}>• {visible(line.slice(2))}</p>
        return <p key={i}>{visible(line)}</p>
      })}
    </>
  )
}
