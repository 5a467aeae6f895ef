//! What other chunks say of places and lengths, after a label was laid in.

use crate::Error;
use crate::carrier::media::{Edit, Source, array};
use crate::carrier::riff::{Chunk, LONGEST, Riff};

/// The chunk's size, in its header or in `ds64` (EBU Tech 3306), after `more` bytes of samples came.
pub(super) fn sizes(source: &mut Source<'_>, riff: &Riff, data: Chunk, more: u64) -> Result<Vec<Edit>, Error> {
    let old = u32::from_le_bytes(source.array(data.at + 4)?);
    let new = data.size + more;
    if &riff.id != b"RIFF" && old == u32::MAX {
        // Behind the header of ds64: the size of the RIFF, that of the data.
        return Ok(vec![Edit { at: 12 + 8 + 8, old: 8, new: new.to_le_bytes().to_vec() }]);
    }
    if riff.open && matches!(old, 0 | u32::MAX) {
        return Ok(Vec::new());
    }
    let new = u32::try_from(new).ok().filter(|new| *new < u32::MAX);
    let new = new.ok_or_else(|| source.unsupported("it would grow beyond 4 GiB; convert it to RF64 or BW64 first"))?;
    Ok(vec![Edit { at: data.at + 4, old: 4, new: new.to_le_bytes().to_vec() }])
}

/// Places in the sound, moved; `moves` are frames of the original before which frames were laid in, and how many.
pub(super) fn places(source: &mut Source<'_>, riff: &Riff, moves: &[(u64, u64)]) -> Result<Vec<Edit>, Error> {
    let more: u64 = moves.iter().map(|(_, count)| count).sum();
    let moved = |frame: u32| {
        let by: u64 = moves.iter().filter(|(at, _)| *at <= u64::from(frame)).map(|(_, count)| count).sum();
        u32::try_from(u64::from(frame) + by).unwrap_or(u32::MAX)
    };
    // 0 and all ones say that the number of frames is not known.
    let counted = |frames: u32| match frames {
        0 | u32::MAX => frames,
        known => u32::try_from(u64::from(known) + more).unwrap_or(u32::MAX),
    };
    type Change<'a> = &'a dyn Fn(u32) -> u32;
    let four = |bytes: &[u8], at: usize| array(bytes, at).map_or(0, u32::from_le_bytes);
    let mut edits = Vec::new();
    for chunk in riff.chunks.iter().filter(|chunk| chunk.size <= LONGEST) {
        let begin = chunk.at + 8;
        // Where numbers of 32 bits stand in the chunk, and what becomes of them.
        let found: Vec<(usize, Change<'_>)> = match &chunk.id {
            b"fact" if chunk.size >= 4 => vec![(0, &counted)],
            // Points: name, position, chunk, chunk's start, block's start, frame.
            b"cue " => {
                let points = (4..chunk.size as usize).step_by(24);
                points.flat_map(|at| [(at + 4, &moved as Change<'_>), (at + 20, &moved)]).collect()
            }
            // Loops behind nine numbers: name, kind, first frame, last frame.
            b"smpl" => {
                let loops = (36..chunk.size as usize).step_by(24);
                loops.flat_map(|at| [(at + 8, &moved as Change<'_>), (at + 12, &moved)]).collect()
            }
            // Peaks behind version and time: value, frame.
            b"PEAK" => (8..chunk.size as usize).step_by(8).map(|at| (at + 4, &moved as Change<'_>)).collect(),
            b"ds64" if chunk.size >= 24 => {
                // The number of frames, in 64 bits, where it is known.
                let old = u64::from_le_bytes(source.array(begin + 16)?);
                if old != 0 {
                    let new = old.saturating_add(more).to_le_bytes().to_vec();
                    edits.push(Edit { at: begin + 16, old: 8, new });
                }
                continue;
            }
            _ => continue,
        };
        let mut bytes = source.vec(begin, chunk.size, LONGEST)?;
        for (at, change) in found {
            let new = change(four(&bytes, at)).to_le_bytes();
            bytes.get_mut(at..at + 4).into_iter().for_each(|slot| slot.copy_from_slice(&new));
        }
        edits.push(Edit { at: begin, old: chunk.size, new: bytes });
    }
    Ok(edits)
}
