import { describe, expect, it } from 'vitest'
import { cut, indicesOf } from './spans'

const bytes = (text: string): number => new TextEncoder().encode(text).length
const at = (text: string, part: string): { start: number; end: number } => {
  const before = bytes(text.slice(0, text.indexOf(part)))
  return { start: before, end: before + bytes(part) }
}

describe('cut', () => {
  it.each([
    ['我的手机号是13800138000，谢谢', '13800138000'],
    ['plain ascii call 555-0100 now', '555-0100'],
    ['𠮷野家😀 mail a@b.cn 😀', 'a@b.cn'],
    ['é́ü café', 'café'],
    ['零\u200b宽\u200b字符', '宽\u200b字'],
    ['😀😀', '😀😀'],
  ])('marks what the bytes mean: %s', (text, part) => {
    const marked = cut(text, [at(text, part)]).filter((p) => p.marks.length > 0)
    expect(marked.map((p) => p.text)).toEqual([part])
  })

  it('keeps every overlap, and the whole text', () => {
    const text = '请把张三的电话13800138000给我'
    const spans = [at(text, '张三的电话13800138000'), at(text, '电话'), at(text, '13800138000')]
    const pieces = cut(text, spans)
    expect(pieces.map((p) => p.text).join('')).toBe(text)
    expect(pieces.map((p) => p.marks.length)).toEqual([0, 1, 2, 2, 0])
  })

  it('never loses or cuts a character, whatever the offsets', () => {
    const text = 'a门😀b神\ud800c'
    let seed = 7
    const next = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648)
    for (let round = 0; round < 2000; round += 1) {
      const spans = Array.from({ length: next() % 4 }, () => ({ start: (next() % 24) - 4, end: (next() % 24) - 4 }))
      const pieces = cut(text, spans)
      expect(pieces.map((p) => p.text).join('')).toBe(text)
      for (const piece of pieces) expect(piece.text.includes('\ude00')).toBe(piece.text.includes('\ud83d'))
    }
  })

  it('widens to whole characters', () => {
    expect(cut('门神', [{ start: 1, end: 4 }]).filter((p) => p.marks.length > 0).map((p) => p.text)).toEqual(['门神'])
    expect(indicesOf('门神', [{ at: 4, down: true }, { at: 4, down: false }, { at: 99, down: false }])).toEqual([1, 2, 2])
  })

  it('agrees with an encoder at every character', () => {
    const text = 'ß门𠮷z\u0301'
    let index = 0
    for (const character of text) {
      expect(indicesOf(text, [{ at: bytes(text.slice(0, index)), down: true }])).toEqual([index])
      index += character.length
    }
  })

  it('takes time that grows with the text, not with its square', () => {
    const text = '门😀a'.repeat(50_000)
    const spans = Array.from({ length: 200 }, (_, i) => ({ start: i * 1000, end: i * 1000 + 9 }))
    const began = performance.now()
    expect(cut(text, spans).map((p) => p.text).join('')).toBe(text)
    expect(performance.now() - began).toBeLessThan(2000)
  })
})
