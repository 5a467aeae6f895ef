//! Which characters are Han, and which simplified character stands for a traditional or variant one.

/// Characters that a traditional-to-simplified table would rewrite although they are ordinary simplified characters
/// in another word (覆盖, 捍卫, 著名, 慰藉 …). A fold that read them otherwise would break patterns written in plain
/// simplified Chinese.
const ORDINARY: &str = "呱呵坰彷扡捍杴梱槃湣澂炁炤煅煆燐珮琯瑉疋矽磐祐祗蘗薰迺醯鄘阪黏覆著藉崐瞇哌嗬菸";

/// Our own lines, over the crate's table: variant ⇥ simplified.
const VARIANTS: &str = include_str!("../data/variants.tsv");

/// Whether a character is a Han ideograph: the unified blocks and their extensions, the compatibility block and 〇.
pub fn is_han(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x3007 | 0xF900..=0xFAFF | 0x20000..=0x2FA1F | 0x30000..=0x323AF
    )
}

/// The rows of [`VARIANTS`].
pub(crate) fn variants() -> impl Iterator<Item = (char, char)> {
    VARIANTS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (from, to) = line.split_once('\t')?;
            let mut to = to.chars();
            match (to.next(), to.next()) {
                (Some(to), None) => Some((from, to)),
                _ => None,
            }
        })
        .flat_map(|(from, to)| from.chars().map(move |from| (from, to)))
}

/// The simplified form of one character by the crate's table, or the character itself.
pub(crate) fn simplified(c: char) -> char {
    if c.len_utf8() != 3 || ORDINARY.contains(c) {
        return c;
    }
    let mut buffer = [0; 4];
    fast2s::convert(c.encode_utf8(&mut buffer)).chars().next().unwrap_or(c)
}
