import { Button, Input } from 'antd'
import { useId, useRef } from 'react'
import { useLanguage } from '../i18n'
import { sha256 } from './register_parts'

/** A file's hash, typed in or computed from a file that stays where it is. */
export function FileHash(props: { value: string; onChange: (hash: string, name?: string) => void }) {
  const { t } = useLanguage()
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  return (
    <div className="gap">
      <label htmlFor={id}>{t('register.hash')}</label>
      <div className="row">
        <div className="grow"><Input id={id} className="mono" value={props.value} maxLength={64} autoComplete="off" onChange={(e) => props.onChange(e.target.value.trim().toLowerCase())} /></div>
        <Button onClick={() => field.current?.click()}>{t('register.hash_pick')}</Button>
        <input ref={field} type="file" hidden aria-label={t('register.hash_pick')} onChange={(e) => { const file = e.target.files?.[0]; if (file) void sha256(file).then((hash) => props.onChange(hash, file.name)) }} />
      </div>
      <div className="quiet">{t('register.hash_hint')}</div>
    </div>
  )
}
