//! Characters that a reader does not see.

/// Why a character is invisible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invisible {
    /// Zero-width characters, fillers, soft hyphens, control characters.
    Plain,
    /// Zero-width joiner and non-joiner: invisible, but part of the spelling in some scripts and emoji.
    Joiner,
    /// Marks, embeddings, overrides and isolates that change the direction of the text.
    Bidi,
    /// Variation selectors.
    Selector,
    /// The tag block, which mirrors ASCII.
    Tag,
}

/// Why a character is invisible; `None` when it is not. Source: `Default_Ignorable_Code_Point` of Unicode 16
/// (DerivedCoreProperties.txt) and the control characters but for white space.
pub(crate) fn kind(c: char) -> Option<Invisible> {
    let kind = match u32::from(c) {
        0x00..=0x08 | 0x0E..=0x1F | 0x7F..=0x84 | 0x86..=0x9F => Invisible::Plain,
        0xAD | 0x34F | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180E | 0x200B => Invisible::Plain,
        0x2060..=0x2065 | 0x206A..=0x206F | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB => Invisible::Plain,
        0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A => Invisible::Plain,
        0x200C | 0x200D => Invisible::Joiner,
        0x61C | 0x200E | 0x200F | 0x202A..=0x202E | 0x2066..=0x2069 => Invisible::Bidi,
        0x180B..=0x180D | 0x180F | 0xFE00..=0xFE0F | 0xE0100..=0xE01EF => Invisible::Selector,
        0xE0000..=0xE00FF | 0xE01F0..=0xE0FFF => Invisible::Tag,
        _ => return None,
    };
    Some(kind)
}

/// Whether a character is a mark that can be stacked on any letter (the blocks of combining diacritical marks and the
/// Cyrillic ones). Marks that spell a script (Indic vowels, Arabic points, kana voicing) are not among them.
pub(crate) fn is_stackable_mark(c: char) -> bool {
    matches!(
        u32::from(c),
        0x300..=0x36F | 0x483..=0x489 | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F
            | 0x2DE0..=0x2DFF | 0xA66F..=0xA672 | 0xA674..=0xA67D | 0xA69E | 0xA69F
    )
}
