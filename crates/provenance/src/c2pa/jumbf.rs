//! Boxes of JUMBF (ISO/IEC 19566-5): a superbox `jumb` begins with its description `jumd`, which gives its type and label.

/// Most boxes at one level: manifests have some dozen assertions.
const MOST_BOXES: usize = 65_536;

/// A box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boxed<'a> {
    pub(super) kind: [u8; 4],
    pub(super) data: &'a [u8],
}

/// A superbox.
#[derive(Debug, Clone)]
pub(super) struct Superbox<'a> {
    /// The first four bytes of its type, such as `c2pa`, `c2ma`: the others are the same in all that are read here.
    pub(super) kind: [u8; 4],
    /// Its label; empty where it has none.
    pub(super) label: String,
    /// The boxes in it, behind the description.
    inner: &'a [u8],
}

/// What the twelve other bytes of a type are (ISO/IEC 19566-5 Annex B; C2PA 2.2 §11.1).
const REST: [u8; 12] = [0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71];

/// The boxes that stand one behind the other.
pub(super) fn boxes(mut bytes: &[u8]) -> Result<Vec<Boxed<'_>>, String> {
    let mut found = Vec::new();
    // Room that was kept for the signature may stay as zeros.
    while bytes.iter().any(|byte| *byte != 0) {
        let cut = || "a box of it goes beyond its end".to_owned();
        let (size, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let (kind, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let (header, size) = match u32::from_be_bytes(*size) {
            0 => (8, bytes.len() as u64),
            1 => (16, u64::from_be_bytes(*rest.first_chunk::<8>().ok_or_else(cut)?)),
            size => (8, u64::from(size)),
        };
        let size = usize::try_from(size).map_err(|_| cut())?;
        let data = bytes.get(header..size).ok_or_else(cut)?;
        if found.len() == MOST_BOXES {
            return Err(format!("it has more than {MOST_BOXES} boxes at one level"));
        }
        found.push(Boxed { kind: *kind, data });
        bytes = bytes.get(size..).ok_or_else(cut)?;
    }
    Ok(found)
}

impl<'a> Superbox<'a> {
    /// The superbox in a box of the kind `jumb`; nothing for other boxes.
    pub(super) fn of(outer: &Boxed<'a>) -> Result<Option<Self>, String> {
        if &outer.kind != b"jumb" {
            return Ok(None);
        }
        let cut = || "a box of it has no description".to_owned();
        let size = outer.data.first_chunk::<4>().map(|size| u32::from_be_bytes(*size)).ok_or_else(cut)?;
        let size = usize::try_from(size).ok().filter(|size| *size >= 8).ok_or_else(cut)?;
        let (description, inner) = outer.data.split_at_checked(size).ok_or_else(cut)?;
        let description = description.strip_prefix(&size_bytes(size)).and_then(|rest| rest.strip_prefix(b"jumd"));
        let description = description.ok_or_else(cut)?;
        let (kind, rest) = description.split_first_chunk::<4>().ok_or_else(cut)?;
        let (others, rest) = rest.split_first_chunk::<12>().ok_or_else(cut)?;
        let (toggles, rest) = rest.split_first().ok_or_else(cut)?;
        let label = if toggles & 2 == 0 {
            String::new()
        } else {
            let end = memchr::memchr(0, rest).ok_or_else(cut)?;
            String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned()
        };
        let kind = if *others == REST { *kind } else { [0; 4] };
        Ok(Some(Self { kind, label, inner }))
    }

    /// The boxes in it.
    pub(super) fn boxes(&self) -> Result<Vec<Boxed<'a>>, String> {
        boxes(self.inner)
    }

    /// The superboxes in it.
    pub(super) fn superboxes(&self) -> Result<Vec<Superbox<'a>>, String> {
        self.boxes()?.iter().filter_map(|one| Superbox::of(one).transpose()).collect()
    }
}

fn size_bytes(size: usize) -> [u8; 4] {
    u32::try_from(size).unwrap_or_default().to_be_bytes()
}
