//! The colours of a frame: all of them while they are few enough, else the most frequent.

use std::collections::HashMap;

/// A table of up to 256 colours, one of them nothing where that is wanted.
pub(super) struct Colours {
    list: Vec<[u8; 3]>,
    places: HashMap<[u8; 3], u8>,
    clear: Option<u8>,
}

impl Colours {
    /// Of pixels, and whether each was drawn. Where there are too many, those of the picture come first, by how often they
    /// stand there, with black and white for the label; the others get the nearest.
    pub(super) fn of(cells: impl Iterator<Item = (Option<[u8; 3]>, bool)>) -> Colours {
        let mut counts: HashMap<[u8; 3], (bool, u64)> = HashMap::new();
        let mut nothing = false;
        for (pixel, drawn) in cells {
            let Some(colour) = pixel else {
                nothing = true;
                continue;
            };
            let count = counts.entry(colour).or_insert((false, 0));
            count.0 |= !drawn || matches!(colour, [0, 0, 0] | [255, 255, 255]);
            count.1 += 1;
        }
        let room = if nothing { 255 } else { 256 };
        let mut all: Vec<([u8; 3], (bool, u64))> = counts.into_iter().collect();
        // The picture's own first, then by number; at last by value, so that the result is always the same.
        let label = |colour: &[u8; 3]| matches!(colour, [0, 0, 0] | [255, 255, 255]);
        all.sort_by_key(|(colour, (own, count))| (!label(colour), !own, std::cmp::Reverse(*count), *colour));
        let list: Vec<[u8; 3]> = all.iter().take(room).map(|(colour, _)| *colour).collect();
        let mut places: HashMap<[u8; 3], u8> = (0..=255).zip(&list).map(|(index, colour)| (*colour, index)).collect();
        for (colour, _) in all.iter().skip(room) {
            let distance =
                |other: &[u8; 3]| colour.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum::<u32>();
            let nearest =
                (0..=255_u8).zip(&list).min_by_key(|(_, other)| distance(other)).map_or(0, |(index, _)| index);
            places.insert(*colour, nearest);
        }
        let clear = nothing.then_some(list.len() as u8);
        Colours { list, places, clear }
    }

    pub(super) fn index(&self, pixel: Option<[u8; 3]>) -> u8 {
        pixel.and_then(|colour| self.places.get(&colour).copied()).or(self.clear).unwrap_or(0)
    }

    /// The index of nothing.
    pub(super) fn clear(&self) -> Option<u8> {
        self.clear
    }

    /// The table with 2^bits entries, and the bits: 1 to 8.
    pub(super) fn table(&self) -> (Vec<u8>, u8) {
        let count = self.list.len() + usize::from(self.clear.is_some());
        let bits = (1..8).find(|bits| count <= 1 << bits).unwrap_or(8);
        let mut table = self.list.concat();
        table.resize(3 << bits, 0);
        (table, bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_are_exact_and_many_are_near() {
        let few: Vec<_> = (0..255_u8).map(|i| (Some([i, 0, 7]), false)).chain([(None, false)]).collect();
        let colours = Colours::of(few.iter().copied());
        assert_eq!(colours.clear(), Some(255));
        let (table, bits) = colours.table();
        assert_eq!((table.len(), bits), (768, 8));
        for (pixel, _) in few.iter().take(255) {
            let at = usize::from(colours.index(*pixel)) * 3;
            assert_eq!(Some(&table[at..at + 3]), pixel.as_ref().map(|pixel| &pixel[..]));
        }
        // 200 of the picture, 200 of the label on it.
        let own = (0..200_u8).map(|i| (Some([i, 0, 5]), false));
        let drawn = (0..200_u8).map(|i| (Some([i, 1, 5]), true));
        let colours = Colours::of(own.chain(drawn.clone()));
        let (table, _) = colours.table();
        for i in 0..200_u8 {
            let at = usize::from(colours.index(Some([i, 0, 5]))) * 3;
            assert_eq!(table[at..at + 3], [i, 0, 5]);
        }
        for (pixel, _) in drawn {
            let at = usize::from(colours.index(pixel)) * 3;
            let far: u32 = pixel.unwrap().iter().zip(&table[at..]).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
            assert!(far <= 1, "{pixel:?}");
        }
        assert_eq!(Colours::of([(None, false)].into_iter()).table(), (vec![0; 6], 1));
    }
}
