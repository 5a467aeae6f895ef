//! Byte spans of UTF-8 to pieces of a JavaScript string. The server counts bytes; strings here count UTF-16 units.

export interface Span { start: number; end: number }
export interface Piece<T> { text: string; marks: T[] }

/** Bytes that a code point takes in UTF-8. A lone surrogate is sent as U+FFFD: three bytes. */
function bytesOf(point: number): number {
  if (point < 0x80) return 1
  if (point < 0x800) return 2
  return point < 0x10000 ? 3 : 4
}

/**
 * The string index of each byte offset; an offset inside a character falls to the character's beginning when `down`, else to its
 * end, and one beyond the text to the text's end. One pass over the text.
 */
export function indicesOf(text: string, offsets: readonly { at: number; down: boolean }[]): number[] {
  const order = offsets.map((_, i) => i).sort((a, b) => (offsets[a]?.at ?? 0) - (offsets[b]?.at ?? 0))
  const out = new Array<number>(offsets.length).fill(text.length)
  let byte = 0
  let index = 0
  let before = 0
  for (const which of order) {
    const wanted = offsets[which]
    if (!wanted) continue
    while (byte < wanted.at && index < text.length) {
      const point = text.codePointAt(index) ?? 0
      before = index
      byte += bytesOf(point)
      index += point > 0xffff ? 2 : 1
    }
    out[which] = byte > wanted.at && wanted.down ? before : index
  }
  return out
}

/** Cuts a text where spans begin and end. Together the pieces are the text, whatever the spans say. */
export function cut<T extends Span>(text: string, spans: readonly T[]): Piece<T>[] {
  const ends = spans.flatMap((span) => [
    { at: Math.max(0, span.start), down: true },
    { at: Math.max(0, span.end), down: false },
  ])
  const indices = indicesOf(text, ends)
  const placed = spans
    .map((span, i) => ({ span, from: indices[2 * i] ?? 0, to: indices[2 * i + 1] ?? 0 }))
    .filter(({ from, to }) => to > from)
  const cuts = [...new Set([0, text.length, ...placed.flatMap(({ from, to }) => [from, to])])].sort((a, b) => a - b)
  const pieces: Piece<T>[] = []
  for (let i = 0; i + 1 < cuts.length; i += 1) {
    const from = cuts[i] ?? 0
    const to = cuts[i + 1] ?? 0
    if (to <= from) continue
    const marks = placed.filter((p) => p.from <= from && p.to >= to).map((p) => p.span)
    pieces.push({ text: text.slice(from, to), marks })
  }
  return pieces
}
