import { CopyOutlined, DownloadOutlined } from '@ant-design/icons'
import { App, Button } from 'antd'
import { nameOf, type Book, type CaseEvent, type CaseFile } from '../api/cases'
import { useLanguage, word } from '../i18n'
import { moment, who } from '../lib/format'
import { Chip, Foreign } from '../ui/kit'

const LONG: readonly string[] = ['text', 'reason', 'note', 'content']

/** Every step, newest last, as it was taken. */
export function Timeline(props: { file: CaseFile; book: Book }) {
  return <ol className="case-steps">{props.file.events.map((event) => <One key={event.id} event={event} {...props} />)}</ol>
}

function One(props: { event: CaseEvent; file: CaseFile; book: Book }) {
  const { t, lang } = useLanguage()
  const { event, book } = props
  const said = (name: string): string | null => { const value = event.detail[name]; return typeof value === 'string' && value !== '' ? value : null }
  const template = book.templates.find((one) => one.id === said('template'))
  const short: string[] = []
  if (event.step === 'assign') short.push(said('to') ? who(said('to') ?? '') : t('cases.nobody'))
  if (event.step === 'decide') short.push(nameOf(book.decisions, said('decision'), lang))
  if (event.step === 'effect') short.push(nameOf(book.effects, said('effect'), lang), `${t('cases.done_at')} ${moment(said('done_at'), lang)}`)
  if (event.step === 'reject') short.push(nameOf(book.reasons, said('reason'), lang))
  if (event.step === 'notice') short.push(template ? `${template[lang]} (${word(t, 'case_use', template.use)})` : (said('template') ?? ''), ...(said('to') ? [said('to') ?? ''] : []))
  if (event.step === 'evidence') short.push(said('url') ?? '', `SHA-256 ${said('sha256') ?? ''}`)
  if (event.step === 'assess') short.push(...(event.detail['confirmed'] === true ? [t('cases.confirmed')] : []), ...(said('risk') ? [said('risk') ?? ''] : []))
  if (event.step === 'link') short.push(...['request_id', 'review', 'user'].flatMap((name) => (event.detail[name] ? [String(event.detail[name])] : [])))
  const texts = LONG.flatMap((name) => (said(name) && !(event.step === 'reject' && name === 'reason') ? [[name, said(name) ?? ''] as const] : []))
  const exported = event.step === 'notice' || event.step === 'answer' || event.step === 'acknowledge'
  return (
    <li>
      <div className="row"><strong>{word(t, 'case_step', event.step)}</strong>{event.before === event.after ? null : <Chip>{t('cases.ago', { from: word(t, 'case_state', event.before), to: word(t, 'case_state', event.after) })}</Chip>}</div>
      <div className="quiet">{moment(event.at, lang)} · {who(event.by)}</div>
      {short.filter((one) => one !== '').map((one, i) => <div key={i} className="break">{one}</div>)}
      {texts.map(([name, value]) => <Foreign key={name} text={value} className="small" label={`${word(t, 'case_step', event.step)} ${event.n}`} />)}
      {exported && said('text') ? <Export text={said('text') ?? ''} name={`${props.file.number}-${event.n}.txt`} /> : null}
    </li>
  )
}

function Export(props: { text: string; name: string }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.text)
      void message.success(t('cases.copied'))
    } catch {
      void message.info(t('cases.copy_failed'))
    }
  }
  const download = () => {
    const url = URL.createObjectURL(new Blob([props.text], { type: 'text/plain;charset=utf-8' }))
    const link = document.createElement('a')
    link.href = url
    link.download = props.name
    link.click()
    window.setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
  return (
    <div className="row top-gap">
      <Button size="small" icon={<CopyOutlined />} onClick={() => void copy()}>{t('do.copy')}</Button>
      <Button size="small" icon={<DownloadOutlined />} onClick={download}>{t('cases.download')}</Button>
    </div>
  )
}
