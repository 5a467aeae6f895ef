//! A thin client: typed by the OpenAPI document where a path stands in it, and by `contract.ts` where it does not yet.
import type { paths } from './schema'

/** What the server, or the way to it, said went wrong. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly param?: string,
    /** Which second factors will do, where one is asked for; see `factors.ts`. */
    readonly secondFactor?: unknown,
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

let csrf = ''
let onSignedOut: () => void = () => undefined

/** The token that goes with every changing request; given at sign-in. */
export function setCsrf(token: string): void {
  csrf = token
}

/** Called when the server says that the session has ended. */
export function whenSignedOut(act: () => void): void {
  onSignedOut = act
}

export type Method = 'get' | 'post' | 'patch' | 'delete' | 'put'
export type Query = Record<string, string | number | boolean | null | undefined>

export interface Options {
  query?: Query | undefined
  body?: unknown
  /** A body that is not JSON: a file. */
  raw?: Blob | undefined
  headers?: Record<string, string> | undefined
  signal?: AbortSignal | undefined
  /** A 401 is an answer here, not the end of the session. */
  signingIn?: boolean | undefined
}

export function withQuery(path: string, query?: Query): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value))
  }
  const text = search.toString()
  return text === '' ? path : `${path}?${text}`
}

/** Sends a request; an answer that is no success becomes an [`ApiError`]. */
export async function send(method: Method, path: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers }
  let body: BodyInit | undefined
  if (options.raw !== undefined) {
    headers['content-type'] = 'application/octet-stream'
    body = options.raw
  } else if (options.body !== undefined) {
    headers['content-type'] = 'application/json'
    body = JSON.stringify(options.body)
  }
  if (method !== 'get' && csrf !== '') headers['x-menshen-csrf'] = csrf
  let response: Response
  try {
    const init: RequestInit = { method: method.toUpperCase(), headers, credentials: 'same-origin', redirect: 'error', cache: 'no-store' }
    if (body !== undefined) init.body = body
    if (options.signal) init.signal = options.signal
    response = await fetch(withQuery(path, options.query), init)
  } catch (cause) {
    if (options.signal?.aborted) throw cause
    throw new ApiError(0, 'unreachable', '')
  }
  if (response.ok) return response
  const error = await failure(response)
  if (response.status === 401 && !options.signingIn) onSignedOut()
  throw error
}

async function failure(response: Response): Promise<ApiError> {
  let code = ''
  let message = ''
  let param: string | undefined
  let factor: unknown
  try {
    const said: unknown = await response.json()
    const error = (said as { error?: { code?: unknown; message?: unknown; param?: unknown; second_factor?: unknown } }).error
    if (typeof error?.code === 'string') code = error.code
    if (typeof error?.message === 'string') message = error.message
    if (typeof error?.param === 'string') param = error.param
    factor = error?.second_factor
  } catch {
    // An answer that is not JSON comes from something between us and the server: its status says enough.
  }
  return new ApiError(response.status, code, message, param, factor)
}

/** For paths that do not stand in the OpenAPI document yet, or stand there without a shape. */
export async function request<T>(method: Method, path: string, options: Options = {}): Promise<T> {
  const response = await send(method, path, options)
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

type Json<R> = R extends { content: { 'application/json': infer J } } ? J : never
type Answer<O> = O extends { responses: { 200: infer R } } ? Json<R> : never
type Body<O> = O extends { requestBody: { content: { 'application/json': infer B } } } ? B : undefined
type Has<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never }[keyof paths]
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never

/** Fills `{id}` and the like, escaped. */
export function fill(path: string, params: Record<string, string | number> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name] ?? '')))
}

/** A call that the OpenAPI document describes: path, body and answer are checked by the compiler. */
export async function call<M extends Method, P extends Has<M>>(
  method: M,
  path: P,
  options: Omit<Options, 'body'> & { params?: Record<string, string | number>; body?: Body<Operation<P, M>> } = {},
): Promise<Answer<Operation<P, M>>> {
  const { params, ...rest } = options
  return request<Answer<Operation<P, M>>>(method, fill(path as string, params), rest)
}

/** The pieces of a streamed chat completion. */
export async function* chatPieces(response: Response): AsyncGenerator<{ text: string; finish: string | null }> {
  const reader = response.body?.getReader()
  if (!reader) return
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    rest += done ? decoder.decode() : decoder.decode(value, { stream: true })
    const lines = rest.split('\n')
    rest = done ? '' : (lines.pop() ?? '')
    for (const line of lines) {
      const piece = chatPiece(line)
      if (piece) yield piece
    }
    if (done) return
  }
}

/** What one line of a stream of events says; null when it says nothing to show. */
export function chatPiece(line: string): { text: string; finish: string | null } | null {
  if (!line.startsWith('data:')) return null
  const data = line.slice(5).trim()
  if (data === '' || data === '[DONE]') return null
  let said: { choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[]; error?: { message?: string; code?: string } }
  try {
    said = JSON.parse(data) as typeof said
  } catch {
    return null
  }
  if (said.error) throw new ApiError(502, said.error.code ?? 'stream', said.error.message ?? '')
  const choice = said.choices?.[0]
  if (!choice) return null
  return { text: choice.delta?.content ?? '', finish: choice.finish_reason ?? null }
}
