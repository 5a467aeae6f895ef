import { describe, expect, it } from 'vitest'
import { chatPiece, fill, withQuery } from '../api/client'
import { count, excerpt, milliseconds, moment, percent, short } from './format'

describe('format', () => {
  it('writes numbers and durations', () => {
    expect(count(1234567, 'en')).toBe('1,234,567')
    expect(count(null, 'zh')).toBe('–')
    expect(percent(0.1234)).toBe('12.3 %')
    expect([0.25, 3.21, 42.4, 1500, 61_000].map(milliseconds)).toEqual(['250 µs', '3.2 ms', '42 ms', '1.5 s', '1 min 1 s'])
    expect(milliseconds(undefined)).toBe('–')
  })
  it('reads times in both of their forms', () => {
    const text = '2026-11-22T09:15:00Z'
    expect(moment(Date.parse(text) * 1000, 'zh')).toBe(moment(text, 'zh'))
    expect(moment('no time', 'en')).toBe('–')
    expect(moment(null, 'en')).toBe('–')
  })
  it('cuts texts between characters', () => {
    expect(excerpt('😀'.repeat(5), 2)).toBe('😀😀…')
    expect(excerpt(' a\n b ', 9)).toBe('a b')
    expect(short('0192f3aa-1111-7000', 8)).toBe('0192f3aa…')
  })
})

describe('client', () => {
  it('escapes what goes into a path or a query', () => {
    expect(fill('/admin/keys/{id}', { id: '../a b' })).toBe('/admin/keys/..%2Fa%20b')
    expect(withQuery('/x', { a: '', b: null, c: '1&2', d: 0 })).toBe('/x?c=1%262&d=0')
  })
  it('reads the lines of a stream', () => {
    expect(chatPiece('data: {"choices":[{"delta":{"content":"你"},"finish_reason":null}]}')).toEqual({ text: '你', finish: null })
    expect(chatPiece('data: {"choices":[{"delta":{},"finish_reason":"content_filter"}]}')).toEqual({ text: '', finish: 'content_filter' })
    expect([chatPiece('data: [DONE]'), chatPiece(': keep-alive'), chatPiece('data: {'), chatPiece('')]).toEqual([null, null, null, null])
    expect(() => chatPiece('data: {"error":{"message":"gone","code":"upstream"}}')).toThrow('gone')
  })
})
