import { App, Button, Input, Segmented } from 'antd'
import { useEffect, useMemo, useRef, useState } from 'react'
import { request } from '../api/client'
import type { Diagnostic, FileText, FullChange, Saved, State } from '../api/workbench'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { Chip, Nothing, Panel, sentence, Shown } from '../ui/kit'
import { FormOf, NewFile } from './workbench_forms'

const formable = (path: string): boolean => /^[^/]+\/(answers|principles)\/(?!settings\.toml$)|^[^/]+\/keywords\//.test(path)

type Mode = 'form' | 'text'
/** A line of the open file, from 1; 0 is none. A new object is a new wish to go there. */
interface Place { line: number }
interface Leaf { path: string; kind: 'added' | 'removed' | 'changed' | null; conflict: boolean }

/** The files of the packs on the left, the one that is open on the right. */
export function Files(props: { change: FullChange; bench: State; reload: () => void }) {
  const { t } = useLanguage()
  const { change, bench } = props
  const [path, setPath] = useState<string | null>(change.files[0]?.path ?? null)
  const [seek, setSeek] = useState('')
  const [place, setPlace] = useState<Place>({ line: 0 })
  const [mode, setMode] = useState<Mode>('form')
  const [making, setMaking] = useState(false)
  const [dirty, setDirty] = useState(false)
  const { modal } = App.useApp()
  const editable = change.state === 'draft' && change.may_edit
  const packs = useMemo(() => {
    const edits = new Map(change.files.map((f) => [f.path, f]))
    return bench.packs.map((p) => {
      const known: Leaf[] = p.files.map((f) => ({ path: f.path, kind: edits.get(f.path)?.kind ?? null, conflict: edits.get(f.path)?.conflict ?? false }))
      const fresh: Leaf[] = change.files.filter((f) => f.path.startsWith(`${p.id}/`) && !p.files.some((k) => k.path === f.path)).map((f) => ({ path: f.path, kind: f.kind, conflict: f.conflict }))
      return { id: p.id, files: [...known, ...fresh].sort((a, b) => a.path.localeCompare(b.path)) }
    })
  }, [bench, change.files])
  const open = (to: string, at = 0) => {
    // A place is one of the text: whoever asks for it wants to see it there, also a second time, and stays there after saving.
    const go = () => { if (to !== path || at > 0 && mode === 'form') setDirty(false); setPath(to); setPlace({ line: at }); if (at > 0) setMode('text') }
    if (to === path && (at === 0 || mode === 'text')) go()
    else leave(go)
  }
  const leave = (go: () => void) => {
    if (!dirty) go()
    else modal.confirm({ title: t('bench.unsaved'), content: t('bench.unsaved_about'), okText: t('bench.discard'), cancelText: t('do.cancel'), okButtonProps: { danger: true }, onOk: go })
  }
  const view = (to: Mode) => leave(() => { setDirty(false); setMode(to) })
  const wanted = seek.trim().toLowerCase()
  return (
    <div className="bench">
      <nav className="bench-files" aria-label={t('bench.files')}>
        <div className="row gap"><Input className="grow" aria-label={t('bench.seek')} placeholder={t('bench.seek')} value={seek} onChange={(e) => setSeek(e.target.value)} allowClear />{editable ? <Button onClick={() => setMaking(true)}>{t('bench.new_file')}</Button> : null}</div>
        {change.files.length > 0 ? <Group name={t('bench.in_change')} open files={change.files.map((f) => ({ path: f.path, kind: f.kind, conflict: f.conflict }))} at={path} onOpen={open} whole /> : null}
        {packs.map((p) => {
          const files = p.files.filter((f) => wanted === '' || f.path.toLowerCase().includes(wanted))
          return files.length === 0 ? null : <Group key={p.id} name={`${p.id} (${files.length})`} open={wanted !== ''} files={files} at={path} onOpen={open} />
        })}
      </nav>
      <div className="stack">
        {path === null ? <Panel><Nothing title={t('bench.no_file')} hint={t('bench.no_file_hint')} /></Panel> : <Open key={`${path} ${change.version} ${mode}`} path={path} place={place} mode={mode} onMode={view} change={change} editable={editable} onDirty={setDirty} onSaved={() => { setDirty(false); props.reload() }} />}
        <Mistakes change={change} onOpen={open} />
      </div>
      {making ? <NewFile packs={bench.packs.map((p) => p.id)} change={change} onClose={() => setMaking(false)} onMade={(made) => { setMaking(false); setPath(made); props.reload() }} /> : null}
    </div>
  )
}

function Group(props: { name: string; open: boolean; files: readonly Leaf[]; at: string | null; onOpen: (path: string) => void; whole?: boolean }) {
  const { t } = useLanguage()
  return (
    <details open={props.open}>
      <summary>{props.name}</summary>
      <ul>
        {props.files.map((f) => (
          <li key={f.path}>
            <button type="button" className="bench-file" aria-current={props.at === f.path} onClick={() => props.onOpen(f.path)}>
              <span className="break">{props.whole ? f.path : f.path.slice(f.path.indexOf('/') + 1)}</span>
              {f.kind ? <Chip tone={f.conflict ? 'warn' : f.kind === 'removed' ? 'bad' : 'info'}>{f.conflict ? t('bench.conflicts') : word(t, 'bench_diff', f.kind)}</Chip> : null}
            </button>
          </li>
        ))}
      </ul>
    </details>
  )
}

function Mistakes(props: { change: FullChange; onOpen: (path: string, line: number) => void }) {
  const { t } = useLanguage()
  const { diagnostics, errors } = props.change
  if (!['draft', 'in_review', 'approved', 'scheduled'].includes(props.change.state)) return null
  const shown = diagnostics.filter((d) => d.fresh || d.severity === 'error')
  return (
    <Panel title={t('bench.diagnostics')} actions={errors > 0 ? <Chip tone="bad">{t('bench.errors', { count: errors })}</Chip> : <Chip tone="good">{t('bench.compiles')}</Chip>}>
      <div role="status" aria-live="polite">
        {shown.length === 0 ? <p className="quiet">{t('bench.no_mistakes')}</p> : (
          <ul className="finding-list">
            {shown.map((d, i) => (
              <li key={i}>
                <Chip tone={d.severity === 'error' ? 'bad' : 'warn'}>{word(t, 'bench_severity', d.severity)}</Chip>{' '}
                <Where of={d} onOpen={props.onOpen} /> {d.message}{d.remedy ? <span className="quiet"> — {d.remedy}</span> : null}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  )
}

function Where(props: { of: Diagnostic; onOpen: (path: string, line: number) => void }) {
  const { of: d } = props
  const place = d.line > 0 ? `:${d.line}:${d.column}` : ''
  if (d.file === null) return <code className="break">{d.path}{place}</code>
  return <button type="button" className="as-link" onClick={() => props.onOpen(d.file ?? '', d.line)}><code>{d.file}{place}</code></button>
}

function Open(props: { path: string; place: Place; mode: Mode; onMode: (mode: Mode) => void; change: FullChange; editable: boolean; onDirty: (dirty: boolean) => void; onSaved: () => void }) {
  const { t } = useLanguage()
  const { message, modal } = App.useApp()
  const { path, change, editable } = props
  const mode = formable(path) ? props.mode : 'text'
  const [text, setText] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const file = useLoaded((signal) => request<FileText>('get', '/admin/workbench/file', { query: { path, change: change.id }, signal }), [path, change.id, change.version])
  const mine = change.files.find((f) => f.path === path)
  const where = `/admin/workbench/changes/${encodeURIComponent(change.id)}/file`
  const attempt = async (work: () => Promise<Saved>) => {
    setBusy(true)
    try {
      const saved = await work()
      if (saved.errors > 0) void message.warning(t('bench.saved_with', { count: saved.errors }))
      else void message.success(t('bench.saved'))
      props.onSaved()
    } catch (e) {
      void message.error(sentence(e, t), 8)
      setBusy(false)
    }
  }
  const save = (body: string | null, takeOver = false) => attempt(() => request<Saved>('put', where, { body: { version: change.version, path, text: body, ...(takeOver ? { take_over: true } : {}) } }))
  const drop = () => attempt(() => request<Saved>('delete', where, { query: { path, version: change.version } }))
  const sure = (title: string, ok: string, work: () => Promise<void>) => modal.confirm({ title, okText: ok, cancelText: t('do.cancel'), okButtonProps: { danger: true }, onOk: work })
  return (
    <Panel title={<code className="break">{path}</code>} actions={
      <>
        {formable(path) ? <Segmented<Mode> aria-label={t('bench.view')} value={mode} onChange={props.onMode} options={[{ value: 'form', label: t('bench.form') }, { value: 'text', label: t('bench.text') }]} /> : null}
        {editable && mine ? <Button onClick={() => sure(t('bench.drop_title', { path }), t('bench.drop'), drop)}>{t('bench.drop')}</Button> : null}
        {editable && file.data?.in_force && mine?.kind !== 'removed' ? <Button danger onClick={() => sure(t('bench.remove_title', { path }), t('do.remove'), () => save(null))}>{t('do.remove')}</Button> : null}
      </>
    }>
      <Shown of={file}>
        {(f) => f.removed ? <p>{t('bench.is_removed')}</p> : mode === 'form' ? <FormOf path={path} change={change} editable={editable} onSaved={props.onSaved} onDirty={props.onDirty} /> : (
          <>
            <Lined label={t('bench.text_of', { path })} value={text ?? f.text} place={props.place} readOnly={!editable} marks={change.diagnostics.filter((d) => d.file === path && d.severity === 'error').map((d) => d.line)} onChange={(v) => { setText(v); props.onDirty(v !== f.text) }} onSave={() => { if (editable && text !== null) void save(text) }} />
            {editable ? (
              <div className="actions top-gap">
                <Button type="primary" loading={busy} disabled={text === null || text === f.text} onClick={() => void save(text)}>{t('do.save')}</Button>
                {mine?.conflict ? <Button onClick={() => void save(text ?? f.text, true)}>{t('bench.take_over')}</Button> : null}
                <span className="quiet"><kbd>Ctrl</kbd> <kbd>S</kbd></span>
              </div>
            ) : <p className="quiet top-gap">{t('bench.read_only')}</p>}
          </>
        )}
      </Shown>
    </Panel>
  )
}

/** A text with its line numbers; the ones with mistakes are marked. */
function Lined(props: { label: string; value: string; place: Place; readOnly: boolean; marks: readonly number[]; onChange: (text: string) => void; onSave: () => void }) {
  const field = useRef<HTMLTextAreaElement>(null)
  const gutter = useRef<HTMLDivElement>(null)
  const lines = useMemo(() => props.value.split('\n').length, [props.value])
  const bad = new Set(props.marks)
  useEffect(() => {
    const area = field.current
    const { line } = props.place
    if (!area || line <= 0) return
    const before = area.value.split('\n').slice(0, line - 1).join('\n').length
    const at = line > 1 ? before + 1 : 0
    const end = area.value.indexOf('\n', at)
    area.focus()
    area.setSelectionRange(at, end < 0 ? area.value.length : end)
    area.scrollTop = Math.max(0, (line - 6) * 20)
  }, [props.place])
  return (
    <div className="lined">
      <div className="lined-no" ref={gutter} aria-hidden="true">{Array.from({ length: lines }, (_, i) => <div key={i} className={bad.has(i + 1) ? 'bad' : undefined}>{i + 1}</div>)}</div>
      <textarea ref={field} aria-label={props.label} wrap="off" spellCheck={false} readOnly={props.readOnly} value={props.value}
        onChange={(e) => props.onChange(e.target.value)}
        onScroll={(e) => { if (gutter.current) gutter.current.scrollTop = e.currentTarget.scrollTop }}
        onKeyDown={(e) => { if ((e.ctrlKey || e.metaKey) && e.key === 's') { e.preventDefault(); props.onSave() } }} />
    </div>
  )
}

