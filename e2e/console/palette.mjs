//! PNG files of few bytes: what the browser wrote, with 256 colours at most. Pages have few colours, and letters' edges need no more.
import { deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const CRC = Uint32Array.from({ length: 256 }, (_, n) => { let c = n; for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1; return c >>> 0 })

function chunk(name, body) {
  const out = Buffer.alloc(12 + body.length)
  out.writeUInt32BE(body.length, 0)
  out.write(name, 4, 'latin1')
  body.copy(out, 8)
  let crc = 0xffffffff
  for (let i = 4; i < 8 + body.length; i += 1) crc = CRC[(crc ^ out[i]) & 255] ^ (crc >>> 8)
  out.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 8 + body.length)
  return out
}

/** Width, height and RGB of an 8-bit PNG of true colour, without interlacing: what browsers write. */
function decode(png) {
  let at = 8
  let head
  const data = []
  while (at < png.length) {
    const length = png.readUInt32BE(at)
    const name = png.toString('latin1', at + 4, at + 8)
    const body = png.subarray(at + 8, at + 8 + length)
    if (name === 'IHDR') head = { width: body.readUInt32BE(0), height: body.readUInt32BE(4), depth: body[8], colour: body[9], interlace: body[12] }
    if (name === 'IDAT') data.push(body)
    at += 12 + length
  }
  if (!head || head.depth !== 8 || ![2, 6].includes(head.colour) || head.interlace !== 0) throw new Error('not a picture as browsers write them')
  const { width, height } = head
  const size = head.colour === 6 ? 4 : 3
  const raw = inflateSync(Buffer.concat(data))
  const row = width * size
  const rgb = Buffer.alloc(width * height * 3)
  let before = Buffer.alloc(row)
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (row + 1)]
    const line = raw.subarray(y * (row + 1) + 1, (y + 1) * (row + 1))
    for (let x = 0; x < row; x += 1) {
      const left = x >= size ? line[x - size] : 0
      const up = before[x]
      const corner = x >= size ? before[x - size] : 0
      let add = 0
      if (filter === 1) add = left
      else if (filter === 2) add = up
      else if (filter === 3) add = (left + up) >> 1
      else if (filter === 4) {
        const p = left + up - corner
        const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)]
        add = a <= b && a <= c ? left : b <= c ? up : corner
      }
      line[x] = (line[x] + add) & 255
    }
    for (let x = 0; x < width; x += 1) { rgb[(y * width + x) * 3] = line[x * size]; rgb[(y * width + x) * 3 + 1] = line[x * size + 1]; rgb[(y * width + x) * 3 + 2] = line[x * size + 2] }
    before = line
  }
  return { width, height, rgb }
}

/** At most 256 colours that stand for all: boxes of colours, the widest cut in two at its middle. */
function choose(counts) {
  const boxes = [[...counts]]
  const spread = (box) => {
    let best = [0, -1]
    for (const shift of [16, 8, 0]) {
      let low = 255
      let high = 0
      for (const [c] of box) { const v = (c >> shift) & 255; if (v < low) low = v; if (v > high) high = v }
      if (high - low > best[1]) best = [shift, high - low]
    }
    return best
  }
  while (boxes.length < 256) {
    let at = -1
    let most = 0
    boxes.forEach((box, i) => { const [, wide] = spread(box); const weight = wide * Math.log2(2 + box.reduce((n, [, k]) => n + k, 0)); if (box.length > 1 && weight > most) { most = weight; at = i } })
    if (at < 0) break
    const box = boxes[at]
    const [shift] = spread(box)
    box.sort(([a], [b]) => ((a >> shift) & 255) - ((b >> shift) & 255))
    const half = box.reduce((n, [, k]) => n + k, 0) / 2
    let seen = 0
    let cut = box.findIndex(([, k]) => (seen += k) >= half)
    cut = Math.max(1, Math.min(box.length - 1, cut))
    boxes.splice(at, 1, box.slice(0, cut), box.slice(cut))
  }
  const index = new Map()
  const palette = boxes.map((box, i) => {
    // The commonest of a box stands for it: grounds and letters keep their exact colour.
    const [colour] = box.reduce((a, b) => (b[1] > a[1] ? b : a))
    for (const [c] of box) index.set(c, i)
    return colour
  })
  return { palette, index }
}

export function smaller(png) {
  const { width, height, rgb } = decode(png)
  const counts = new Map()
  for (let i = 0; i < rgb.length; i += 3) { const c = (rgb[i] << 16) | (rgb[i + 1] << 8) | rgb[i + 2]; counts.set(c, (counts.get(c) ?? 0) + 1) }
  const { palette, index } = choose(counts)
  const lines = Buffer.alloc(height * (width + 1))
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) { const i = (y * width + x) * 3; lines[y * (width + 1) + 1 + x] = index.get((rgb[i] << 16) | (rgb[i + 1] << 8) | rgb[i + 2]) }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 3, 0, 0, 0], 8)
  return Buffer.concat([SIGNATURE, chunk('IHDR', head), chunk('PLTE', Buffer.from(palette.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255]))), chunk('IDAT', deflateSync(lines, { level: 9 })), chunk('IEND', Buffer.alloc(0))])
}
